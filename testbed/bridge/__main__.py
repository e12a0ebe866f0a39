"""Which arguments does `python -m testbed.bridge` take, and with which status does it exit?"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import uvloop

from testbed.bridge import logs, service
from testbed.bridge.control import PortTakenError
from testbed.bridge.lease import NameTakenError
from testbed.bridge.service import RedisTooOldError
from testbed.bridge.settings import SettingsError, load

EXIT_CONFIGURATION = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the bridge until it is told to stop; return 0, or 2 when it cannot run as it is set up."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed.bridge", description="The reference bridge between Redis and Letta."
    )
    parser.add_argument("--port", type=int, default=0, help="port of /stats and /healthz on 127.0.0.1 (0: a free one)")
    parser.add_argument("--config", type=Path, default=None, help="JSON file with the switches below `letta`")
    options = parser.parse_args(arguments)
    logs.set_up()
    try:
        uvloop.run(service.run(load(os.environ, options.config), control_port=options.port))
    except (SettingsError, NameTakenError, RedisTooOldError, PortTakenError) as error:
        sys.stderr.write(f"bridge: {error}\n")
        return EXIT_CONFIGURATION
    return 0


if __name__ == "__main__":
    sys.exit(main())
