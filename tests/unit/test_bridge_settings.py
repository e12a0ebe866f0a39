from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from testbed.bridge.settings import Settings, SettingsError, load
from testbed.bridge.settings_table import TABLE

_DOCS = Path(__file__).parents[2] / "docs" / "reference" / "bridge.md"


def _config(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document))
    return path


def test_the_defaults_are_those_of_the_source_document() -> None:
    settings = load({})
    assert settings.letta_timeout_s == 30
    assert settings.letta_attempts == 3
    assert settings.letta_model == "gpt-4"
    assert settings.letta_memory_backend == "postgresql"
    assert settings.letta_enabled
    assert settings.fallback_to_memory
    assert settings.memory_type_routing == {"permanent": "letta", "temporary": "memory-python"}


def test_every_reply_is_due_within_two_seconds_by_default() -> None:
    assert load({}).reply_limit_s < 2.0


def test_the_table_has_a_row_for_every_setting_and_no_other() -> None:
    assert [setting.field for setting in TABLE] == [field.name for field in fields(Settings)]


def test_every_setting_stands_in_the_reference_with_its_default_and_its_sentence() -> None:
    page = _DOCS.read_text(encoding="utf-8")
    for setting in TABLE:
        row = f"| `{setting.env}` | {f'`{setting.default}`' if setting.default else 'empty'} | {setting.kind.allowed} |"
        assert f"{row} {setting.sentence} |" in page


def test_the_switches_of_the_source_document_are_read_from_its_file(tmp_path: Path) -> None:
    document = {
        "letta": {
            "enabled": False,
            "fallback_to_memory": False,
            "memory_type_routing": {"permanent": "memory-python", "temporary": "letta"},
        }
    }
    settings = load({}, _config(tmp_path, document))
    assert not settings.letta_enabled
    assert not settings.fallback_to_memory
    assert settings.memory_type_routing == {"permanent": "memory-python", "temporary": "letta"}


def test_the_environment_wins_over_the_file_and_can_name_it(tmp_path: Path) -> None:
    path = _config(tmp_path, {"letta": {"enabled": False, "fallback_to_memory": False}})
    settings = load({"LETTA_BRIDGE_CONFIG": str(path), "LETTA_BRIDGE_LETTA_ENABLED": "true"})
    assert settings.letta_enabled
    assert not settings.fallback_to_memory


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LETTA_TIMEOUT", "soon", "environment: LETTA_TIMEOUT: found 'soon', allowed is seconds, 0.01 to 600"),
        ("LETTA_TIMEOUT", "nan", "allowed is seconds"),
        ("LETTA_RETRY_ATTEMPTS", "0", "allowed is a whole number, 1 to 10"),
        ("REDIS_PORT", "70000", "allowed is a whole number, 1 to 65535"),
        ("LETTA_API_URL", "letta:8283", "allowed is an http or https address"),
        ("LETTA_BRIDGE_LETTA_ENABLED", "maybe", "allowed is true or false"),
        ("LETTA_BRIDGE_MEMORY_TYPE_ROUTING", "permanent=mars", "one of letta, memory-python"),
        ("LETTA_BRIDGE_MEMORY_TYPE_ROUTING", "", "pairs"),
        ("LETTA_BRIDGE_DEADLNE_S", "1", "did you mean LETTA_BRIDGE_DEADLINE_S?"),
    ],
)
def test_a_bad_variable_is_refused_with_what_was_found_and_what_is_allowed(
    variable: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load({variable: value})
    assert message in str(caught.value)
    assert variable in str(caught.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the document is not an object"),
        ({"leta": {}}, "leta is no setting of the bridge; allowed keys: letta; did you mean letta?"),
        ({"letta": 1}, "letta is not an object"),
        ({"letta": {"enable": True}}, "did you mean enabled?"),
        ({"letta": {"enabled": "perhaps"}}, "letta.enabled: found 'perhaps', allowed is true or false"),
        (
            {"letta": {"memory_type_routing": {"permanent": "mars"}}},
            "letta.memory_type_routing: found 'permanent=mars'",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_the_key(tmp_path: Path, document: Any, message: str) -> None:
    path = _config(tmp_path, document)
    with pytest.raises(SettingsError) as caught:
        load({}, path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load({}, tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(SettingsError, match="is not JSON"):
        load({}, broken)


def test_a_bare_model_name_becomes_a_handle_of_openai() -> None:
    assert load({}).model_handle == "openai/gpt-4"
    assert load({"LETTA_MODEL": "openai-proxy/gpt-4o-mini"}).model_handle == "openai-proxy/gpt-4o-mini"
