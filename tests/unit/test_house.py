"""The rules of the house: who may import whom, what is packaged, what the tests may not do."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = tuple("slo loadgen loadtests testbed report production probe huawei letta_slo alerts dashboards".split())
# Room → rooms that it may import; `letta_otel` stands for the conventions of the second distribution.
MAY_IMPORT = {
    "slo": set(),
    "loadgen": {"slo", "letta_otel"},
    "loadtests": {"loadgen"},
    "testbed": {"slo", "letta_otel"},
    "production": {"slo"},
    "probe": {"slo", "loadgen"},
    "huawei": {"letta_otel"},
    "report": {"slo", "loadgen", "production"},
    "alerts": {"slo", "letta_otel"},
    "dashboards": {"slo", "letta_otel", "alerts"},  # the names of recorded series, and links
    "letta_slo": {"slo", "loadgen", "testbed", "report", "production", "probe", "huawei", "alerts", "dashboards"},
}
# The second distribution, in `otel/`: other people's processes import it, so it needs nothing of the suite.
SECOND = {"otel/letta_otel": {"letta_otel"}, "otel/registry": {"letta_otel", "registry"}}
OURS = {*ROOMS, "letta_otel", "registry", "tests", "bench"}
# What of it a Letta server can import, whose OpenTelemetry is pinned to an API without our SDK.
SDK_FREE = ("bounds", "bridge", "context", "ending", "fields", "instruments", "live_check", "process", "sending")
LOCUST_ROOMS = {"loadgen", "loadtests"}
LOCUST_FREE = ("plan", "schedule", "samples", "run_folder", "guard", "prepare", "machine", "target", "tiers")


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or "")
            elif node.module:
                yield node.module


def violations(root: Path) -> list[str]:
    found = []
    for room, allowed in MAY_IMPORT.items():
        for file in sorted((root / room).rglob("*.py")):
            place = file.relative_to(root)
            for name in imports_of(file):
                top = name.split(".")[0]
                if top in ROOMS and top != room and top not in allowed:
                    found.append(f"{place} imports {name}")
                if top in {"locust", "gevent"} and room not in LOCUST_ROOMS:
                    found.append(f"{place} imports {name}")
                if name.startswith("."):
                    found.append(f"{place} imports relatively: {name}")
    for room, allowed in SECOND.items():
        for file in sorted((root / room).rglob("*.py")):
            place = file.relative_to(root)
            found += [f"{place} imports {name}" for name in imports_of(file) if name.split(".")[0] in OURS - allowed]
    return found


def test_no_room_imports_what_it_may_not() -> None:
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("slo/planted.py", "from loadgen.plan import RunPlan", "slo/planted.py imports loadgen.plan"),
        ("testbed/planted.py", "import letta_slo.main", "testbed/planted.py imports letta_slo.main"),
        ("report/planted.py", "import locust", "report/planted.py imports locust"),
        ("loadgen/planted.py", "from . import plan", "loadgen/planted.py imports relatively: ."),
        ("otel/letta_otel/planted.py", "import slo.catalog", "otel/letta_otel/planted.py imports slo.catalog"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line + "\n")
    assert violations(tmp_path) == [complaint]


def test_loadtests_holds_scenarios_and_private_modules_only() -> None:
    names = [file.name for file in (ROOT / "loadtests").rglob("*.py")]
    assert [name for name in names if not name.startswith(("scenario_", "_"))] == []


def patching_modules(modules: tuple[str, ...]) -> str:
    code = f"import sys, {', '.join(modules)}; print([m for m in ('locust', 'gevent') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def test_what_the_command_line_imports_leaves_the_standard_library_as_it_is() -> None:
    assert patching_modules(tuple(f"loadgen.{name}" for name in LOCUST_FREE)) == "[]"
    verbs = tuple(f"letta_slo.{file.stem}" for file in sorted((ROOT / "letta_slo").glob("*.py")))
    assert patching_modules(verbs) == "[]"


def test_a_planted_import_of_locust_would_be_seen() -> None:
    assert patching_modules(("loadgen.engine",)) == "['locust', 'gevent']"


def test_the_core_of_the_second_distribution_needs_the_api_alone() -> None:
    modules = ", ".join(f"letta_otel.{name}" for name in SDK_FREE)
    code = f"import sys, {modules}; print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'slo'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def packaged() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def origin_is_ours(name: str, root: Path) -> bool:
    spec = importlib.util.find_spec(name)
    places = [] if spec is None else [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return bool(places) and all(Path(str(place)).is_relative_to(root) for place in places)


def test_every_packaged_room_is_found_here_and_tests_are_not_packaged() -> None:
    assert "tests" not in packaged()
    assert [name for name in packaged() if not origin_is_ours(name, ROOT)] == []
    assert sorted(packaged()) == sorted(room for room in ROOMS if (ROOT / room).is_dir())


def test_a_package_that_shadows_a_room_is_found(tmp_path: Path) -> None:
    assert not origin_is_ours("slo", tmp_path)


def test_the_project_cannot_be_uploaded_by_mistake() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_by_hash_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = [line for line in text.splitlines() if "==" in line]
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert not any(word in text for word in ("http://", "https://", "--index-url", "--find-links", "file:"))


def test_the_development_lock_has_the_versions_of_the_lock_that_users_get() -> None:
    def pins(lock: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / lock).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_architecture_page_is_short_and_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) <= 60
    assert [room for room in packaged() if f"`{room}/`" not in text] == []
