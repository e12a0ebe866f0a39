"""Which commands are there? Each verb is imported for it."""

from __future__ import annotations

import click

from letta_slo.main import cli


def commands(group: click.Group = cli) -> dict[str, click.Command]:
    """Return the commands of a group by their names, sorted."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: one for name, one in found.items() if one is not None}
