"""How do tests put together an Alertmanager with our configuration, our receiver, and the stand-ins behind both?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from alerts.links import Links
from alerts.notify.reading import parse
from alerts.notify.rendering import files
from testbed.alertmanager_server import AlertmanagerServer, program
from testbed.notification.accounts import ACCOUNT
from testbed.notification.stand_ins import StandIns
from testbed.process import spawn, wait_until_ready

needs_alertmanager = pytest.mark.skipif(
    program() is None and os.environ.get("CI") != "true",
    reason="no Alertmanager on PATH (Debian: prometheus-alertmanager)",
)
COMMAND = str(Path(sys.executable).with_name("letta-slo"))
KEYS = {"HUAWEICLOUD_SDK_AK": ACCOUNT.access_key, "HUAWEICLOUD_SDK_SK": ACCOUNT.secret_key}
ALWAYS = {"weekdays": "monday:sunday", "from": "00:00", "to": "24:00"}
RHYTHM = {"group_wait": "1s", "group_interval": "2s", "repeat_page": "1h", "repeat_ticket": "1h", "heartbeat": "2s"}


def kept(folder: Path, name: str, text: str) -> str:
    """Write a secret into a file; return its path.

    Without a line end: an Alertmanager 0.25 takes that for a part of the password of e-mail.
    """
    file = folder / name
    file.write_text(text)
    return str(file)


def settings(stand_ins: StandIns, folder: Path, port: int, **other: Any) -> dict[str, Any]:
    """Settings with every channel of the stand-ins; secrets are in files of the folder."""
    secret = {"file": kept(folder, "dingtalk.secret", ACCOUNT.dingtalk_secret)}
    channels: dict[str, Any] = {
        "ding": {
            "kind": "dingtalk_robot",
            "url": {"file": kept(folder, "dingtalk.url", stand_ins.dingtalk_url)},
            "secret": secret,
            "a_minute": 600,
        },
        "wecom": {
            "kind": "wecom_robot",
            "url": {"file": kept(folder, "wecom.url", stand_ins.wecom_url)},
            "a_minute": 600,
        },
        "sms": {
            "kind": "smn",
            "endpoint": stand_ins.url,
            "project_id": ACCOUNT.project_id,
            "topic_urn": ACCOUNT.topic_urn,
            "a_minute": 600,
        },
        "mail": {
            "kind": "email",
            "to": ["oncall@example.com"],
            "from": "letta-slo@example.com",
            "smarthost": stand_ins.mail,
            "user": ACCOUNT.smtp_user,
            "password_file": kept(folder, "smtp.password", ACCOUNT.smtp_password),
            "require_tls": False,
        },
        "watchdog": {"kind": "heartbeat", "url": {"file": kept(folder, "watchdog.url", stand_ins.watchdog_url)}},
    }
    told: dict[str, Any] = {
        "time_zone": "UTC",
        "working_hours": ALWAYS,
        "receiver": {
            "url": f"http://127.0.0.1:{port}",
            "token_file": kept(folder, "receiver.token", "made-up-receiver-token"),
        },
        "rhythm": RHYTHM,
        "channels": channels,
        "routes": {"page": ["ding", "wecom", "sms", "mail"], "ticket": ["ding"], "dead_man": ["watchdog"]},
    }
    return {**told, **other}


@dataclass(frozen=True, slots=True)
class Rig:
    """What runs, and where it wrote."""

    alertmanager: AlertmanagerServer
    receiver_url: str
    receiver_log: Path

    def counted(self, name: str, **labels: str) -> float:
        """Return a figure of the receiver's metrics."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in httpx.get(f"{self.receiver_url}/metrics", timeout=5, trust_env=False).text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and wanted <= set(series.partition("{")[2].rstrip("}").split(",")):
                return float(value)
        return 0.0


@contextmanager
def receiving(told: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, Path]]:
    """Run `letta-slo receiver` on the settings; yields its address and its log."""
    file = folder / "notification.yaml"
    file.write_text(yaml.safe_dump(dict(told)))
    url = str(told["receiver"]["url"])
    command = [COMMAND, "receiver", "--settings", str(file), "--port", url.rpartition(":")[2]]
    part = spawn("receiver", command, log_dir=folder / "logs", env=KEYS)
    try:
        wait_until_ready(part, lambda: _is_there(url), timeout_s=60)
        yield url, part.log
    finally:
        ended = part.stop()
    assert ended == 0, part.log.read_text()


def _is_there(url: str) -> bool | None:
    try:
        return httpx.get(f"{url}/healthz", timeout=2, trust_env=False).is_success or None
    except httpx.TransportError:
        return None


def rendered(told: Mapping[str, Any], folder: Path) -> Path:
    """Write the Alertmanager's files; return that of its configuration."""
    made = files(Links(runbooks="https://runbooks.example"), parse(yaml.safe_dump(dict(told)), "notification.yaml"))
    for name, text in made.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "alertmanager" / "alertmanager.yml"


@contextmanager
def rig(told: Mapping[str, Any], folder: Path) -> Iterator[Rig]:
    """Run the receiver and an Alertmanager with the rendered configuration."""
    with ExitStack() as stack:
        url, log = stack.enter_context(receiving(told, folder))
        alertmanager = stack.enter_context(AlertmanagerServer(folder / "logs", rendered(told, folder)))
        yield Rig(alertmanager, url, log)


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("amtool")
    assert found, "no amtool: it comes with Debian's package prometheus-alertmanager"
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
