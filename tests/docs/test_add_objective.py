"""The objective that the page adds: the catalogue takes it, and its rules follow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from alerts import names
from alerts.inlining import inlined, records
from alerts.links import Links
from alerts.rendering import every_group, files
from slo.calendar_period import CalendarUnit
from slo.catalog import load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-an-objective.md"


def with_the_page_s(place: Path) -> Path:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    for file in (ROOT / "slo" / "catalog").glob("*.yaml"):
        shutil.copy(file, place)
    (place / "added.yaml").write_text(block)
    return place


def test_the_objective_of_the_page_is_taken_and_everything_follows(tmp_path: Path) -> None:
    catalogue = load(with_the_page_s(tmp_path))
    added = catalogue.objective("letta-blocks-availability")
    assert added.calendar is not None and added.calendar.unit is CalendarUnit.MONTH
    assert len(added.maintenance) == 1
    made = files(catalogue, Links())
    before = files(load(), Links())
    new = {name for name in made if name not in before}
    assert new == {
        "prometheus/objectives/letta-blocks-availability.yaml",
        "prometheus/tests/objectives/letta-blocks-availability.yaml",
    }
    assert names.MAINTENANCE in made["prometheus/objectives/letta-blocks-availability.yaml"]
    assert {name for name in before if made[name] != before[name]} == {"kubernetes/letta-slo.yaml"}


def test_the_alerts_of_the_shipped_objectives_can_do_without_recorded_series() -> None:
    made = every_group(load(), Links())
    known = records(made)
    for rule in (rule for group in made for rule in group["rules"] if "alert" in rule):
        assert "slo:" not in inlined(rule["expr"], known), rule["alert"]
