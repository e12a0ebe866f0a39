"""May load go to this address? Only to one that the user named, and gently unless the user owns it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

MOST_WITHOUT_CONSENT = 50.0  # requests a second; the small tier of the source documents (R0-25)


class GuardError(Exception):
    """The load was refused; the message says why and what would allow it."""


def check(url: str, rate: float, *, owned: bool) -> None:
    """Refuse more than 50 requests a second to a host that is not loopback, unless the user says it is theirs."""
    host = urlsplit(url).hostname or ""
    if rate > MOST_WITHOUT_CONSENT and not owned and not _is_loopback(host):
        raise GuardError(
            f"{rate:g} requests a second to {host} is refused: above {MOST_WITHOUT_CONSENT:g}/s a host that is not "
            f"this machine needs --i-own-this-target"
        )


def check_no_credentials(url: str, where: str, instead: str) -> None:
    """Refuse an address with a password in it where it would show in process lists, logs or reports."""
    if urlsplit(url).password is not None:
        raise GuardError(f"{where} holds a password; pass it by the environment variable {instead} instead")


def redact(url: str) -> str:
    """Return the address without user, password, query and fragment, fit for reports."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    netloc = f"{host}:{parts.port}" if parts.port else host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
