"""Where is a Python environment that can run Letta, and how is it made."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testbed.process import PartError, log_tail, spawn

LETTA_VERSION = "0.16.4"

Progress = Callable[[str], None]

_LOCK = Path(__file__).with_name("requirements.lock")
_COMPLETE = ".complete"
_BUILT_FROM_SOURCE = "demjson3"  # the only package of the lock without a wheel: pure Python, no compiler needed
_BUILD_TOOL = "setuptools"  # builds it; taken from the lock too, so that nothing unpinned is downloaded


class EnvironmentMakingError(PartError):
    """The environment of Letta could not be made: the message ends with what pip said."""


def ensure_environment(cache_dir: Path | None, progress: Progress) -> Path:
    """Return the Python of an environment that holds Letta and everything in `requirements.lock`, making it if needed.

    It is kept under `cache_dir` (default: `letta-slo` in the user's cache) in a directory named after the lock's
    content, and counts as made only when its last step is done; one that was interrupted is made anew. Two
    processes that ask at once share one. Making it takes minutes and about 900 MB. pip is the user's own, with the
    user's configuration. Raises EnvironmentMakingError.
    """
    home = environment_path(cache_dir or default_cache_dir())
    home.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(home.with_name(home.name + ".busy")):
        if not (home / _COMPLETE).exists():
            progress(f"installing Letta {LETTA_VERSION} into {home} (some minutes, about 900 MB, once)")
            _make(home)
    return home / "bin" / "python"


def default_cache_dir() -> Path:
    """Return `letta-slo` under XDG_CACHE_HOME, or under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "letta-slo"


def environment_path(cache_dir: Path) -> Path:
    """Return where the environment of this lock and this Python stands, made or not."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:12]
    return cache_dir / f"letta-{LETTA_VERSION}-py{sys.version_info.major}{sys.version_info.minor}-{digest}"


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock on `path` that ends with this process, whatever happens to it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(home: Path) -> None:
    if home.exists():
        shutil.rmtree(home)
    log = home.parent / f"{home.name}.log"
    log.unlink(missing_ok=True)
    _run([sys.executable, "-m", "venv", str(home)], log)
    install = [str(home / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    # Not compiled: that would take a minute for 260 packages, of which Letta imports a part.
    install += ["--require-hashes", "--no-compile", "--only-binary", ":all:"]
    tool = home / f"{_BUILD_TOOL}.lock"
    tool.write_text(_locked(_BUILD_TOOL))
    _run([*install, "-r", str(tool)], log)
    source = ["--no-binary", _BUILT_FROM_SOURCE, "--no-build-isolation", "--use-pep517"]
    _run([*install, *source, "-r", str(_LOCK)], log)
    (home / _COMPLETE).touch()


def _locked(package: str) -> str:
    entry = re.search(rf"^{package}==.*\n(?:[ \t].*\n)*", _LOCK.read_text(), re.MULTILINE)
    if entry is None:
        raise EnvironmentMakingError(f"{_LOCK.name} does not name {package}")
    return entry.group()


def _run(command: Sequence[str], log: Path) -> None:
    with spawn(log.stem, command, log_dir=log.parent) as part:  # tied to us: nobody else writes where we hold the lock
        status = part.process.wait()
    if status != 0:
        raise EnvironmentMakingError(
            f"could not make the environment of Letta: {' '.join(command[1:4])} … exited with {status}. "
            f"It needs a package index that pip can reach, and 1 GB of disk.\n{log_tail(log)}"
        )
