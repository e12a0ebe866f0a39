"""What may never be logged? Every secret that was read is known here, and taken out of whatever is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from alerts.notify.settings import Secret

HIDDEN: Final = "***"
_SHORTEST: Final = 4  # a shorter one would blacken ordinary words


class Secrets:
    """Reads secrets and remembers them, with the parts of an address that are secrets by themselves."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: set[str] = set()

    def read(self, secret: Secret) -> str:
        """Return a secret; raises SettingsError."""
        found = secret.read(self._environ)
        self.remember(found)
        return found

    def read_if_there(self, variable: str) -> str:
        """Return what an environment variable holds, empty when that is nothing."""
        return self.read(Secret(env=variable)) if self._environ.get(variable, "").strip() else ""

    def remember(self, found: str) -> None:
        """Take a text for a secret from now on."""
        parts = urlsplit(found)
        whole = [value for _, value in parse_qsl(parts.query)] if parts.scheme else []
        own = [parts.path] if parts.scheme and len(parts.path.strip("/")) >= 16 else []  # a token
        self._known |= {one for one in (found, *whole, *own) if len(one) >= _SHORTEST}

    def without(self, text: str) -> str:
        """Return a text in which no secret stands."""
        for one in sorted(self._known, key=len, reverse=True):
            text = text.replace(one, HIDDEN)
        return text
