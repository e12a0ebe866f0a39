"""What is set on this bridge, and where does each value come from?"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from testbed.bridge.settings_table import PREFIX, TABLE, Setting

CONFIG_FILE_VARIABLE: Final = f"{PREFIX}CONFIG"


class SettingsError(Exception):
    """A setting cannot be used; the message says where it stands, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set on one bridge process; `settings_table.TABLE` explains each field."""

    redis_host: str
    redis_port: int
    redis_password: str
    letta_api_url: str
    letta_api_key: str
    letta_model: str
    letta_memory_backend: str
    letta_timeout_s: float
    letta_attempts: int
    letta_enabled: bool
    fallback_to_memory: bool
    memory_type_routing: Mapping[str, str]
    deadline_s: float
    fallback_budget_s: float
    retry_base_s: float
    max_concurrency: int
    breaker_failures: int
    breaker_open_s: float
    fallback_breaker_failures: int
    instance_id: str
    lease_s: float
    max_deliveries: int
    done_ttl_s: int
    dead_letter_limit: int
    session_ttl_s: int
    embedding: str
    agent_tags: tuple[str, ...]
    agent_creation_timeout_s: float
    max_creations: int

    @property
    def reply_limit_s(self) -> float:
        """Age of a request at which its reply, whatever it says, leaves the bridge at the latest."""
        return self.deadline_s + self.fallback_budget_s

    @property
    def model_handle(self) -> str:
        """The model as Letta 0.16 wants it: `provider/name`; a bare name, as in the plan of 2025, is OpenAI's."""
        return self.letta_model if "/" in self.letta_model else f"openai/{self.letta_model}"


def load(environment: Mapping[str, str], config_file: Path | None = None) -> Settings:
    """Read the settings; an environment variable wins over the configuration file, that over the default.

    `config_file` wins over the variable LETTA_BRIDGE_CONFIG. Raises SettingsError for an unreadable file, an unknown
    key or LETTA_BRIDGE_ variable, or a value that is not allowed.
    """
    _refuse_unknown_variables(environment)
    named = environment.get(CONFIG_FILE_VARIABLE)
    path = config_file or (Path(named) if named else None)
    switches = _read_file(path) if path else {}
    return Settings(**{setting.field: _value(setting, environment, switches, path) for setting in TABLE})


def _value(setting: Setting, environment: Mapping[str, str], switches: Mapping[str, Any], path: Path | None) -> Any:
    text, origin = setting.default, "default"
    if setting.file_key is not None and setting.file_key in switches:
        text, origin = _as_text(switches[setting.file_key]), f"{path}: letta.{setting.file_key}"
    if setting.env in environment:
        text, origin = environment[setting.env], f"environment: {setting.env}"
    try:
        return setting.kind.read(text)
    except ValueError as error:
        raise SettingsError(f"{origin}: found {text!r}, allowed is {setting.kind.allowed}") from error


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = [CONFIG_FILE_VARIABLE, *(setting.env for setting in TABLE)]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            raise SettingsError(f"environment: {name} is no setting of the bridge{_did_you_mean(name, known)}")


def _read_file(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is not JSON: {error}") from error
    _refuse_unknown_keys(path, "", document, ["letta"])
    switches = document.get("letta", {})
    _refuse_unknown_keys(path, "letta.", switches, [setting.file_key for setting in TABLE if setting.file_key])
    return dict(switches)


def _refuse_unknown_keys(path: Path, prefix: str, found: Any, known: Sequence[str]) -> None:
    allowed = ", ".join(known)
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: {prefix.rstrip('.') or 'the document'} is not an object; allowed keys: {allowed}")
    for key in found:
        if key not in known:
            hint = _did_you_mean(key, known)
            raise SettingsError(f"{path}: {prefix}{key} is no setting of the bridge; allowed keys: {allowed}{hint}")


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ",".join(f"{key}={route}" for key, route in value.items())
    return str(value)
