"""Who waits for workers on other machines, and where? The options that make a run one of several machines."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Any

import click

_DEFAULT = "127.0.0.1:5557"  # Locust's own port
_ALL_INTERFACES = ("*", "0.0.0.0")  # noqa: S104 (for the user to choose)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where the master listens for the workers of a run."""

    host: str
    port: int

    @property
    def command(self) -> str:
        """The command that starts one worker, as it is said to the user."""
        host = socket.gethostname() if self.host in _ALL_INTERFACES else self.host
        return f"locust -f loadtests --worker --master-host {host} --master-port {self.port}"


class MeetingType(click.ParamType[Meeting]):
    """HOST:PORT of an interface of this machine."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Meeting:
        """Return the place; raises click.BadParameter."""
        if isinstance(value, Meeting):
            return value
        found = re.fullmatch(r"([A-Za-z0-9.-]+|\*):([0-9]{1,5})", str(value))
        if found is None or not 0 < int(found[2]) < 65536:
            self.fail(f"{value!r} is no address of this machine; give HOST:PORT, such as {_DEFAULT}.", param, ctx)
        return Meeting(found[1], int(found[2]))


def options(command: Any) -> Any:
    """Add the options to a verb."""
    command = click.option(
        "--master-bind",
        type=MeetingType(),
        metavar="HOST:PORT",
        help=f"Where the master listens for them: unencrypted, so in a private network only.  [default: {_DEFAULT}]",
    )(command)
    return click.option(
        "--expect-workers",
        type=click.IntRange(1, 200),
        metavar="N",
        help="Wait for so many workers that you start, on any machines, in place of --workers.",
    )(command)


def chosen(given: dict[str, Any]) -> Meeting | None:
    """Return where workers are waited for, None when all of them run here; raises click.UsageError."""
    bind: Meeting | None = given["master_bind"]
    if not given["expect_workers"]:
        if bind is not None:
            raise click.UsageError("--master-bind says where workers are waited for; say how many: --expect-workers N")
        return None
    if given["workers"] > 1:
        raise click.UsageError("--workers starts them here and --expect-workers waits for yours; give one of the two")
    return bind or MeetingType().convert(_DEFAULT, None, None)
