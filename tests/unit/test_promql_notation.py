"""Two spellings of one expression are one: what a server gives back is no drift."""

from __future__ import annotations

import pytest

from alerts.errors import RuleError
from alerts.promql import canonical, selectors

WRITTEN = 'sum(rate(seen_total{job="letta",code!~"4..",  route="/v1/ agents"}[5m]))  or  on()  vector( 0 )'
GIVEN_BACK = 'sum(rate(seen_total{code!~"4..",job="letta",route="/v1/ agents"}[5m])) or on () vector(0)'


def test_the_order_of_conditions_and_spaces_do_not_count_and_text_stays() -> None:
    assert canonical(WRITTEN) == canonical(GIVEN_BACK)
    assert "\n" not in canonical(WRITTEN) and '"/v1/ agents"' in canonical(WRITTEN)
    assert canonical(canonical(WRITTEN)) == canonical(WRITTEN)


def test_it_is_short_and_quotes_stay_escaped() -> None:
    assert canonical("redis_up  == 0") == "redis_up == 0"
    asked = canonical(WRITTEN)
    assert asked == GIVEN_BACK
    assert canonical(f"{WRITTEN} > 3").startswith("sum(")
    quoted = r'x{a="say \"( {}  )\"",b="two\nlines"} or y'
    assert canonical(quoted) == quoted


@pytest.mark.parametrize("other", [GIVEN_BACK.replace("5m", "6m"), GIVEN_BACK.replace("!~", "=~")])
def test_what_means_something_else_is_told_apart(other: str) -> None:
    assert canonical(other) != canonical(WRITTEN)


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(RuleError, match="is no PromQL"):
        canonical("sum(")


def test_a_condition_is_written_so_that_it_is_read_again() -> None:
    (selector,) = selectors(r'x{a!~"say \"[(]\\d\n"}')
    (condition,) = selector.matchers
    (again,) = selectors(f"x{{{condition}}}")
    assert again == selector
    assert str(condition) == r'a!~"say \"[(]\\d\n"'
