"""How is a PostgreSQL of the machine's own started to be looked at, with its statistics of statements and some work?"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Final, Self

from testbed.process import PartError, spawn
from testbed.real_letta.postgres import OWNER, SYSTEM_USER, Installation, ensure_user, finish, start_empty
from testbed.real_letta.sweep import Sweeper

_PLACES: Final = Path("/usr/lib/postgresql")  # where Debian puts each version of it
_TRANSACTIONS_A_S: Final = 5
_FOR_S: Final = 86_400
_SETTINGS: Final = {
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
    "max_connections": "50",
}


class ObservedDatabase:
    """A PostgreSQL on a free port of 127.0.0.1 for the length of a `with` block, at which pgbench works a little."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._open = ExitStack()
        self.uri = ""

    def __enter__(self) -> Self:
        """Start it; raises PartError."""
        with ExitStack() as opening:
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _start(self, opening: ExitStack) -> None:
        installation = _installation()
        place = Path(mkdtemp(prefix="letta-slo-postgres-"))
        opening.enter_context(Sweeper(place))
        place.chmod(0o711)  # PostgreSQL's user may pass through, not look around
        database = start_empty(installation, place / "data", self._log_dir, _SETTINGS)
        opening.callback(database.stop)
        self.uri = database.uri
        address = ["-h", "127.0.0.1", "-p", str(database.port), "-U", OWNER]
        statements = [*address, "-d", OWNER, "-c", "CREATE EXTENSION pg_stat_statements"]
        finish("psql", [installation.program("psql"), *statements], self._log_dir)
        bench = installation.program("pgbench")
        finish("pgbench-init", [bench, *address, "--initialize", "--quiet", OWNER], self._log_dir)
        work = ["--no-vacuum", f"--rate={_TRANSACTIONS_A_S}", f"--time={_FOR_S}", "--client=2", OWNER]
        opening.enter_context(spawn("pgbench", [bench, *address, *work], log_dir=self._log_dir))


def _installation() -> Installation:
    homes = sorted(one.parent.parent for one in _PLACES.glob("*/bin/pgbench"))
    if not homes:
        raise PartError(f"no PostgreSQL below {_PLACES}: as root on Debian, apt-get install postgresql")
    if os.geteuid() != 0:
        return Installation(homes[-1], None)
    ensure_user()
    return Installation(homes[-1], SYSTEM_USER)
