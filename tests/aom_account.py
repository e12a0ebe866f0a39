"""How do tests run the verbs for AOM on the double of an account?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from letta_slo.failures import exit_code_of
from letta_slo.main import cli
from testbed.cloud.management.double import ManagementDouble

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "alerts" / "aom" / "example.yaml"
SECRETS = {
    "LETTA_SLO_WECOM_ROBOT": "https://qyapi.weixin.example/cgi-bin/webhook/send?key=planted-wecom",
    "LETTA_SLO_DINGTALK_ROBOT": "https://oapi.dingtalk.example/robot/send?access_token=planted-dingtalk",
    "LETTA_SLO_DINGTALK_SECRET": "SEC-planted-signature",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What a verb returned and printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that was printed, and the message that would be."""
        return self.stdout + self.stderr


class Customer:
    """Somebody with a deployment file and an account on the double."""

    def __init__(self, double: ManagementDouble, folder: Path) -> None:
        self.double = double
        self.file = folder / "aom.yaml"
        self.environment = {**double.environment, **SECRETS}
        self.write()

    def write(self, **changed: Any) -> None:
        """Write the example as the deployment file, with some keys changed; None leaves one out."""
        given = {**yaml.safe_load(EXAMPLE.read_text()), **changed}
        self.file.write_text(yaml.safe_dump({key: value for key, value in given.items() if value is not None}))

    def run(self, verb: str, *more: str, **environment: str) -> Done:
        """Run `letta-slo VERB aom` in this process: starting one costs seconds."""
        command = [verb, "aom", "--deployment", str(self.file), *more]
        env = {**self.environment, **environment}
        done = CliRunner().invoke(cli, command, env=env, standalone_mode=False)
        if done.exception is None:
            return Done(done.return_value, done.stdout, done.stderr)
        code = exit_code_of(done.exception)
        if code is None:
            raise done.exception
        return Done(code, done.stdout, f"{done.stderr}letta-slo: {done.exception}\n")

    def steps(self, *more: str) -> list[dict[str, Any]]:
        """Return the steps of a plan that are not nothing."""
        done = self.run("plan", "--format", "json", *more)
        assert done.stdout, done.stderr
        return [one for one in json.loads(done.stdout)["steps"] if one["action"] != "nothing"]

    def applied(self, *more: str) -> dict[str, Any]:
        """Apply, and return what the account holds then."""
        done = self.run("apply", "--confirm", *more)
        assert done.code == 0, done.output
        return self.double.held()


def writes(held: dict[str, Any]) -> list[str]:
    """Return the requests that changed something, or would have."""
    return [one for one in held["requests"] if not one.startswith("GET ")]


def catalogue_without(folder: Path, name: str) -> Path:
    """Return a folder with the shipped catalogue but for one objective."""
    folder.mkdir()
    for file in sorted((ROOT / "slo" / "catalog").glob("*.yaml")):
        kept = [one for one in yaml.safe_load_all(file.read_text()) if one["metadata"]["name"] != name]
        (folder / file.name).write_text(yaml.safe_dump_all(kept))
    return folder


def content(held: dict[str, Any]) -> dict[str, Any]:
    """Return what an account holds, by names and without the ids that differ from account to account."""
    groups = {key: row["log_group_name"] for key, row in held["log_groups"].items()}
    streams = {key: f"{groups[row['of_group']]}/{row['log_stream_name']}" for key, row in held["log_streams"].items()}
    alarms = {}
    for row in held["log_alarms"].values():
        asked = [{**one, "log_stream_id": "", "log_group_id": ""} for one in row["keywords_requests"]]
        alarms[row["keywords_alarm_rule_name"]] = {**row, "keywords_alarm_rule_id": "", "keywords_requests": asked}
    return {
        "alarm_rules": {name: {**row, "alarm_rule_id": 0} for name, row in held["alarm_rules"].items()},
        **{kind: held[kind] for kind in ("action_rules", "templates", "mute_rules", "topics")},
        "subscriptions": sorted(
            ({**row, "subscription_urn": ""} for row in held["subscriptions"].values()), key=lambda row: row["remark"]
        ),
        "log_groups": {groups[key]: row["tag"] for key, row in held["log_groups"].items()},
        "log_streams": {streams[key]: row["tag"] for key, row in held["log_streams"].items()},
        "log_indexes": {streams[key]: row["fields"] for key, row in held["log_indexes"].items()},
        "log_alarms": alarms,
    }
