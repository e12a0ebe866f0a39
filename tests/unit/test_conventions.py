"""The registry of telemetry names: what it refuses, what is made of it, and whether OpenTelemetry's are theirs."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import opentelemetry.semconv._incubating.attributes as incubating_attributes
import opentelemetry.semconv._incubating.metrics as incubating_metrics
import opentelemetry.semconv.attributes as stable_attributes
import opentelemetry.semconv.metrics as stable_metrics
import pytest
from letta_otel.conventions import attributes, log_fields, metrics, spans
from registry.prometheus import prometheus_name
from registry.reading import RegistryError, load

from slo.catalog import load as load_catalogue

BAD = sorted((Path(__file__).parents[1] / "golden" / "bad-registry").glob("*.yaml"))


def constants(*packages: ModuleType) -> dict[str, bool]:
    """Return the text constants of all modules of the packages; whether the package that has it is a stable one."""
    found: dict[str, bool] = {}
    for package in packages:
        modules = [
            importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
        ]
        for module in [package, *modules]:
            for value in vars(module).values():
                if isinstance(value, str):
                    found[value] = found.get(value, False) or "_incubating" not in package.__name__
    return found


def test_the_tables_say_what_the_registry_says() -> None:
    registry = load()
    assert tuple(attributes.ALL.values()) == registry.attributes
    assert tuple(metrics.ALL.values()) == registry.metrics
    assert tuple(spans.ALL.values()) == registry.spans
    assert tuple(log_fields.ALL.values()) == registry.log_fields


def test_every_attribute_that_is_said_to_be_opentelemetrys_is_theirs_and_as_stable_as_they_say() -> None:
    theirs = constants(stable_attributes, incubating_attributes)
    ours = {one.name: one.stability == "stable" for one in load().attributes if one.semconv not in ("", "genai")}
    assert ours
    assert {name: theirs.get(name) for name in ours} == ours


def test_every_metric_that_is_said_to_be_opentelemetrys_is_theirs() -> None:
    theirs = constants(stable_metrics, incubating_metrics)
    ours = {one.name: one.stability == "stable" for one in load().metrics if one.semconv}
    assert ours
    assert {name: theirs.get(name) for name in ours} == ours


def test_names_of_our_own_stand_under_letta() -> None:
    registry = load()
    ours = [one.name for one in registry.attributes if not one.semconv]
    ours += [one.name for one in registry.metrics if not one.semconv]
    assert [name for name in ours if not name.startswith("letta.")] == []


def test_every_bridge_limit_of_the_catalogue_is_an_edge_of_the_histogram_it_is_read_from() -> None:
    edges = {one.prometheus: one.edges for one in load().metrics}
    read = [
        (edges[f"{query.split('_bucket')[0]}"], float(one.samples.limit_s))
        for one in load_catalogue().objectives
        for query in (one.good_query,)
        if query is not None
        and "_bucket" in query
        and query.startswith("letta_bridge")
        and one.samples.limit_s is not None
    ]
    assert read
    assert [limit for every, limit in read if limit not in every] == []


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_registry_is_refused_in_words(file: Path, tmp_path: Path) -> None:
    text = file.read_text("utf-8")
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(RegistryError) as refused:
        load(tmp_path)
    assert f"# {refused.value}" == text.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "unit", "instrument", "shown"),
    [
        ("letta.bridge.requests", "{request}", "counter", "letta_bridge_requests_total"),
        ("letta.bridge.response.duration", "s", "histogram", "letta_bridge_response_duration_seconds"),
        ("process.memory.usage", "By", "updowncounter", "process_memory_usage_bytes"),
        ("process.cpu.time", "s", "counter", "process_cpu_time_seconds_total"),
        ("letta.bridge.queue.depth", "{message}", "gauge", "letta_bridge_queue_depth"),
        ("letta.pool.use", "1", "gauge", "letta_pool_use_ratio"),
        ("letta.pool.use_ratio", "1", "gauge", "letta_pool_use_ratio"),
        ("letta.pool.time", "ms", "histogram", "letta_pool_time_milliseconds"),
    ],
)
def test_a_prometheus_spells_names_by_the_rules_of_the_specification(
    name: str, unit: str, instrument: str, shown: str
) -> None:
    assert prometheus_name(name, unit, instrument) == shown
