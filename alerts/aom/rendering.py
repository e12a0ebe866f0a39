"""Which files for AOM can be written without an account? Recording rules, and a configuration for Terraform."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import yaml

from alerts.aom.deployment import Channel, Deployment, LogGroup, LogStream, Protocol, Value
from alerts.aom.desired import desired
from alerts.aom.terraform import text
from alerts.counting import Histograms
from alerts.generated import HEADER
from alerts.links import Links
from alerts.platform import Alarm
from alerts.rendering import every_group
from alerts.windows import Severity
from slo.objective import Catalogue

_PREFIX: Final = "letta_slo"
_HEADER: Final = HEADER + (
    "# AOM keeps one such document an instance, and writing it replaces the one that is there. It is needed only for\n"
    "# deployments with `expressions: recorded`, and for dashboards.\n"
)
# The account's own are variables of the configuration; these stand where the desired state wants something.
_NOBODY: Final = Channel(Protocol.EMAIL, Value("var.subscriptions", "var.subscriptions"))
_STREAMS: Final = tuple(LogStream("letta", name, 30, ()) for name in ("server", "bridge"))
_ANY: Final = Deployment(
    origin="letta-slo render",
    region="",
    project_id="",
    prom_instance_id="0",
    prefix=_PREFIX,
    iam_user="",
    time_zone="",
    locale="zh-cn",
    channels=tuple((one.value, (_NOBODY,)) for one in Severity),
    logs=(LogGroup("letta", 30, _STREAMS),),
)


def files(
    catalogue: Catalogue,
    links: Links,
    *,
    alarms: Iterable[Alarm] | None = None,
    histograms: Histograms = Histograms.CLASSIC,
) -> dict[str, str]:
    """Return the text of each file by its path; the same catalogue gives the same bytes. Raises RuleError.

    `alarms` are those of the platform, the shipped ones where none are given.
    """
    groups = every_group(catalogue, links, alarms=alarms, histograms=histograms)
    records = [
        {"name": group["name"], "interval": "60s", "rules": rules}
        for group in groups
        if (rules := [one for one in group["rules"] if "record" in one])
    ]
    return {
        "aom/recording-rules.yaml": _HEADER + _yaml({"groups": records}),
        "terraform/letta-slo.tf.json": text(desired(groups, _ANY, links), _PREFIX),
    }


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)
