"""A group of verbs, each of which is imported when it is asked for: `--help` and a small verb stay quick."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a command stands, as `module:name`, and what a list of commands says about it."""

    where: str
    summary: str


class Verbs(click.Group):
    """A group whose commands are in modules that nobody has imported yet."""

    def __init__(self, *given: Any, verbs: Mapping[str, Verb], **more: Any) -> None:
        super().__init__(*given, **more)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return the names."""
        return sorted(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click calls it
        """Import a command; None when there is none of this name."""
        if cmd_name not in self._verbs:
            return None
        command = pkgutil.resolve_name(self._verbs[cmd_name].where)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self._verbs[cmd_name].where}: found {command!r}, expected a command of click")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what there is, and import nothing for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._verbs[name].summary) for name in self.list_commands(ctx)])
