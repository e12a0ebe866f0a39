"""A bucket is found by its edge however a Prometheus spells it."""

from __future__ import annotations

import pytest

from alerts.promql import parse
from slo.edges import either_spelling


@pytest.mark.parametrize("edge", ["2", "2.0"])
def test_a_whole_edge_is_asked_for_in_both_spellings(edge: str) -> None:
    found = either_spelling(f'a_bucket{{job="letta",le="{edge}",code!~"5.."}}')
    assert found == 'a_bucket{job="letta",le=~"2|2[.]0",code!~"5.."}'
    parse(found)


@pytest.mark.parametrize(
    "query", ['a_bucket{le="0.1"}', 'a_bucket{le="+Inf"}', "a_total", 'a{le=~"1|2"}', 'a{tile="2"}']
)
def test_what_has_one_spelling_stays_as_it_is(query: str) -> None:
    assert either_spelling(query) == query
