"""What holds for every text that is read as a catalogue."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.errors import CatalogueError
from slo.objective import Catalogue
from slo.openslo import parse

CATALOG = Path(__file__).parents[2] / "slo" / "catalog"
FILES = [
    (CATALOG / name).read_text(encoding="utf-8") for name in ("services.yaml", "letta-api.yaml", "letta-bridge.yaml")
]
# A share with a limit and an invariant: what the others say differs in words only, and reading takes time.
SHIPPED = "---\n".join([FILES[0], *(file.split("---\n")[-1] for file in FILES[1:])])
DOCUMENTS: list[Any] = list(yaml.safe_load_all(SHIPPED))

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.dates(), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
WORDS = st.sampled_from(
    [
        "name",
        "spec",
        "target",
        "letta-slo/limit",
        "letta-slo/phases",
        "kind",
        "28d",
        "0.95",
        "steady",
        "---",
        "*a",
        "&a",
        "<<",
        "!!set",
        "{",
        "[",
        ": ",
        "\t",
        "\n",
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: replaced(child, path[1:], new) if key == path[0] else child for key, child in value.items()}
    return [replaced(child, path[1:], new) if index == path[0] else child for index, child in enumerate(value)]


def read(text: str) -> Catalogue | None:
    try:
        return parse(text, "any.yaml")
    except CatalogueError as error:
        assert all(fault.path == "any.yaml" and fault.line >= 1 for fault in error.faults)
        assert str(error).count("any.yaml:") >= len(error.faults)
        return None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(places(DOCUMENTS)[1:]), VALUES)
def test_a_catalogue_with_any_value_exchanged_is_read_or_refused_with_an_error_of_ours(
    place: tuple[Any, ...], value: Any
) -> None:
    read(yaml.safe_dump_all(replaced(DOCUMENTS, place, value)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SHIPPED)), st.integers(0, 40), WORDS | st.text(max_size=5))
def test_a_catalogue_with_any_characters_exchanged_is_read_or_refused_with_an_error_of_ours(
    at: int, length: int, new: str
) -> None:
    read(SHIPPED[:at] + new + SHIPPED[at + length :])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.lists(WORDS, max_size=12).map("".join))
def test_any_text_at_all_is_read_or_refused_with_an_error_of_ours(text: str) -> None:
    read(text)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 10**12 - 1), st.integers(1, 10**6))
def test_a_target_and_a_limit_are_read_as_exactly_as_they_are_written(digits: int, limit_ms: int) -> None:
    text = SHIPPED.replace("target: 0.95\n", f"target: 0.{digits:012d}\n").replace("limit: 1s", f"limit: {limit_ms}ms")
    text = text.replace('le="1"', f'le="{limit_ms / 1000}"')
    found = parse(text, "any.yaml").objective("letta-stream-first-token")
    assert found.target == Fraction(digits, 10**12)
    assert found.samples.limit_s == Fraction(limit_ms, 1000)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(DOCUMENTS))))
def test_the_order_of_documents_does_not_matter(order: list[int]) -> None:
    found = parse(yaml.safe_dump_all([DOCUMENTS[index] for index in order]), "any.yaml")
    assert {objective.name for objective in found.objectives} == {
        document["metadata"]["name"] for document in DOCUMENTS if document["kind"] == "SLO"
    }
