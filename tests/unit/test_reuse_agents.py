"""Agents can only be reused where there are any from before."""

from __future__ import annotations

from click.testing import CliRunner

from letta_slo.cleanup import cleanup
from letta_slo.verify import verify


def test_what_the_suite_starts_itself_has_no_agents_to_reuse() -> None:
    done = CliRunner(env={"LETTA_SLO_LETTA_URL": ""}).invoke(verify, ["--reuse-agents"])
    assert done.exit_code == 2
    assert "--reuse-agents needs --letta-url" in done.output


def test_cleanup_is_told_of_a_run_or_of_a_fleet() -> None:
    done = CliRunner().invoke(cleanup, ["--letta-url", "http://127.0.0.1:1", "--run", "x", "--fleet", "tiny"])
    assert done.exit_code == 2
    assert "--run and --fleet name two different things" in done.output
