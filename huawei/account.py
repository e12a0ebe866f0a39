"""Where is what on an account, and with which credentials? The variables of the collector, and a few to read back with.

Credentials come from the environment only, and never stand in a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from huawei.errors import AccountError

NEEDED: Final = {
    "apm": ("APM_ENDPOINT", "APM_TOKEN"),
    "aom": ("AOM_REMOTE_WRITE_URL", "AOM_ACCESS_CODE"),
    "lts": ("LTS_ENDPOINT", "HUAWEI_PROJECT_ID", "LTS_GROUP_ID", "LTS_STREAM_ID"),
}
IAM: Final = ("IAM_ENDPOINT", "IAM_DOMAIN", "IAM_PROJECT", "IAM_USER", "IAM_PASSWORD")
TO_READ: Final = {
    "apm": ("APM_QUERY_ENDPOINT", "APM_BUSINESS_ID", "APM_REGION"),
    "aom": ("AOM_QUERY_URL",),
    "lts": ("LTS_QUERY_ENDPOINT",),
}
_SECRETS: Final = ("APM_TOKEN", "AOM_ACCESS_CODE", "IAM_PASSWORD", "LTS_TOKEN")


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of the services that were asked for."""

    services: tuple[str, ...]
    settings: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        """Return a setting, empty where there is none."""
        return self.settings.get(name, "")

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether all these settings are there."""
        return all(self[name] for name in names)

    def missing(self, names: tuple[str, ...]) -> str:
        """Return those of these settings that are not there, for a message."""
        return ", ".join(name for name in names if not self[name])

    @property
    def apm_service(self) -> str:
        """What the examination is called in APM: application, component and environment."""
        return f"{self['APM_APPLICATION'] or 'letta'}.letta-slo-doctor.{self['APM_ENVIRONMENT'] or 'prod'}"

    def without_secrets(self, text: str) -> str:
        """Return a text in which each secret of the account is `***`."""
        for name in _SECRETS:
            if self[name]:
                text = text.replace(self[name], "***")
        return text


def read(environ: Mapping[str, str], services: tuple[str, ...] = ()) -> Account:
    """Return the account that the environment describes.

    `services` are those of apm, aom and lts that are wanted; none: those of which any setting is there. Raises
    AccountError when something that they need is missing.
    """
    asked = services or tuple(name for name, needed in NEEDED.items() if any(environ.get(one) for one in needed))
    if not asked:
        every = "; ".join(f"{name.upper()}: {', '.join(needed)}" for name, needed in NEEDED.items())
        raise AccountError(f"no service of Huawei Cloud is described; set the collector's variables. {every}")
    lacking = [
        f"{name.upper()} needs {one}" for name in asked for one in NEEDED[name] if not environ.get(one, "").strip()
    ]
    if "lts" in asked and not environ.get("LTS_TOKEN") and not all(environ.get(one) for one in IAM):
        lacking.append(f"LTS needs LTS_TOKEN, or all of {', '.join(IAM)}")
    business = environ.get("APM_BUSINESS_ID", "").strip()
    if business and not business.isdigit():
        lacking.append(f"APM_BUSINESS_ID is a number, and not {business!r}")
    if lacking:
        raise AccountError(f"{'; '.join(lacking)}: mend it in the environment, or name other services with --only")
    return Account(asked, {name: value.strip() for name, value in environ.items()})
