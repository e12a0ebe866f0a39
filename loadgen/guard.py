"""May load go to this address? Only to one that the user named, and gently unless the user owns it."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

MOST_WITHOUT_CONSENT = 50.0  # requests a second; the small tier of the source documents (R0-25)

LETTA_SCHEMES = ("http", "https")
REDIS_SCHEMES = ("redis", "rediss")

_LETTA_KEY = "LETTA_API_KEY"
_UNREADABLE = "[unreadable address]"
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}/?")


class GuardError(Exception):
    """The load was refused; the message says why and what would allow it."""


def check(url: str, rate: float, *, owned: bool) -> None:
    """Refuse more than 50 requests a second to a host that is not loopback, unless the user says it is theirs."""
    if rate > most_allowed(url, owned=owned):
        raise GuardError(
            f"{rate:g} requests a second to {_split(url, 'the target').hostname} is refused: above "
            f"{MOST_WITHOUT_CONSENT:g}/s a host that is not this machine needs --i-own-this-target"
        )


def most_allowed(url: str, *, owned: bool) -> float:
    """Return how many requests a second may go to this address."""
    host = _split(url, "the target").hostname or ""
    return math.inf if owned or _is_loopback(host) else MOST_WITHOUT_CONSENT


def held(counts: Mapping[str, int], urls: Sequence[str], *, owned: bool, workers: int) -> Mapping[str, float]:
    """Return the requests a second that one of `workers` may send of those asked for, in the same mix."""
    most = min(most_allowed(url, owned=owned) for url in urls) / workers
    asked = sum(counts.values())
    return counts if asked <= most else {name: count * most / asked for name, count in counts.items()}


def checked(url: str, where: str, schemes: tuple[str, ...]) -> SplitResult:
    """Return the parts of an address; raises GuardError, which names `where` it stands and never what stands there."""
    if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        allowed = " or ".join(f"{scheme}://" for scheme in schemes)
        meant = f"; did you mean {schemes[0]}://{url}" if _HOST_AND_PORT.fullmatch(url) else ""
        raise GuardError(f"the address in {where} must begin with {allowed}{meant}")
    parts = _split(url, where)
    if "#" in url:
        raise _unreadable(where)
    return parts


def check_no_credentials(url: str, where: str, instead: str) -> None:
    """Refuse an address with a secret in it where it would show in process lists, logs or reports.

    `instead` is the environment variable for the secret, and so says what kind of address this is: the key of a Letta
    (LETTA_API_KEY), whose address needs neither user nor query, or else the whole address of a Redis.
    """
    if instead == _LETTA_KEY:
        parts = checked(url, where, LETTA_SCHEMES)
        if "@" in parts.netloc or parts.query:
            raise GuardError(
                f"{where} holds a user, a password or a query; pass the key by the environment variable {instead} "
                f"instead"
            )
        return
    parts = checked(url, where, REDIS_SCHEMES)
    if parts.password is not None or "password" in dict(parse_qsl(parts.query, keep_blank_values=True)):
        raise GuardError(f"{where} holds a password; pass it by the environment variable {instead} instead")


def redact(url: str) -> str:
    """Return the address without user, password, query and fragment, fit for reports; never raises."""
    try:
        parts = _split(url, "a report")
    except GuardError:
        return _UNREADABLE
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    netloc = f"{host}:{parts.port}" if parts.port else host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


def _split(url: str, where: str) -> SplitResult:
    """Parse an address; one whose secret holds a bare #, / or ? parses to another host, so its signs are refused."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0  # reading the port checks it
    except ValueError:
        is_whole = False
    # Raised outside the handler: the message of urlsplit quotes the password, and a traceback would show it.
    if not is_whole or not url.isprintable() or " " in url or "@" in parts.path + parts.query + parts.fragment:
        raise _unreadable(where)
    return parts


def _unreadable(where: str) -> GuardError:
    return GuardError(f"the address in {where} cannot be read; percent-encode #, / and @ in its password")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
