"""`letta-slo receiver`: what an Alertmanager tells goes to robots of DingTalk and WeCom, and to Huawei's SMN."""

from __future__ import annotations

import os
from pathlib import Path

import click

from alerts.notify.reading import load
from alerts.receiver.service import serve, try_channels
from letta_slo import exit_codes, options

_EPILOG = options.epilog("""
  letta-slo receiver --settings notification.yaml
  letta-slo receiver --settings notification.yaml --try          does each channel take a message?
  letta-slo receiver --settings notification.yaml --listen 10.0.0.7 --port 9095    with a token only
""")


@click.command(epilog=_EPILOG)
@click.option(
    "--settings",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The settings of notification that the Alertmanager's configuration was rendered from.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=9095, show_default=True, help="Port, 0: any free one.")
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--try", "only_try", is_flag=True, help="Send one message to each channel and end; exit code 3 when one refuses."
)
def receiver(settings: Path, port: int, listen: str, only_try: bool) -> int:
    """Take an Alertmanager's webhooks and send what they say to the channels of the settings, until Ctrl-C.

    Only what a channel took is acknowledged; the Alertmanager tries everything else again. /metrics counts, /healthz
    answers.
    """
    say = lambda text: click.echo(text, err=True)  # noqa: E731 - a name for what is passed on
    told = load(settings)
    if not only_try:
        serve(told, os.environ, listen, port, say)
        return exit_codes.MET
    failed = try_channels(told, os.environ, click.echo)
    for one in failed:
        click.echo(one, err=True)
    return exit_codes.MISSED if failed else exit_codes.MET
