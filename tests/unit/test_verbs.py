"""Each verb of the command line is imported when it is asked for, and found where the list says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from letta_slo.main import cli
from letta_slo.verbs import Verb, Verbs
from tests.verbs import commands

ROOT = Path(__file__).parents[2]
ROOMS = "slo loadgen loadtests testbed report production probe huawei alerts dashboards".split()


def test_the_list_of_verbs_imports_none_of_them() -> None:
    code = f"""
import sys
from letta_slo.main import cli
cli(["--help"], standalone_mode=False)
print("\\nimported:", [room for room in {ROOMS} if any(name.startswith(room + ".") for name in sys.modules)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "imported: ['slo']"  # for the words of verdicts


def test_every_verb_is_where_the_list_says_under_its_own_name() -> None:
    groups = [cli, *(one for one in commands().values() if isinstance(one, click.Group))]
    assert len(groups) == 5  # the command line, and a group a thing that is done at each destination
    for group in groups:
        assert {name: one.name for name, one in commands(group).items()} == {name: name for name in commands(group)}
        assert set(commands(group)) == set(group.list_commands(click.Context(group)))


def test_what_is_no_verb_is_named() -> None:
    done = CliRunner().invoke(cli, ["verfy"])
    assert done.exit_code == 2
    assert "No such command 'verfy'" in done.output


def test_a_place_where_no_command_stands_is_a_fault_of_ours() -> None:
    group = Verbs("planted", verbs={"wrong": Verb("letta_slo.exit_codes:MET", "no command")})
    with pytest.raises(TypeError, match=r"letta_slo\.exit_codes:MET: found 0, expected a command"):
        commands(group)
