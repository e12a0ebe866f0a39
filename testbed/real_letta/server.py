"""How does the suite start a real Letta server, with everything it needs, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from testbed.ports import free_port
from testbed.process import Part, PartError, spawn, wait_until_ready
from testbed.real_letta.environment import LETTA_VERSION, Progress, ensure_environment
from testbed.real_letta.postgres import ensure_template, install, start_copy
from testbed.real_letta.sweep import Sweeper

_START_TIMEOUT_S = 300.0  # measured 20 s on an idle machine, up to 151 s on a busy one
_STOP_GRACE_S = (
    10.0  # Letta waits for answers in progress, however long: an LLM that hangs would hold it for half an hour
)
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
_NOWHERE = "http://127.0.0.1:9"  # a proxy that refuses: Letta must not reach the internet (it tries to, at start)
_DEFAULT_PROVIDER = "letta"  # listed by every server; its models live on the internet


class RealLetta:
    """A real Letta server on a free port of 127.0.0.1, with a PostgreSQL of its own, for the length of a `with` block.

    `llm_url` is the root of an OpenAI-compatible API (without `/v1`) that must answer already: Letta reads its models
    at start. `redis_address` is a host and port, or None; with Redis, Letta locks conversations that are being
    streamed. `settings` are further environment variables for Letta. Nothing else of our environment reaches it: a key
    for a real provider found there would make it call that provider.

    The server dies with the thread that entered the block (the kernel's parent-death signal counts threads), also by
    SIGKILL; the data directory is removed then too.
    """

    def __init__(
        self,
        llm_url: str,
        *,
        log_dir: Path,
        progress: Progress,
        redis_address: tuple[str, int] | None = None,
        cache_dir: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.url = ""
        """Root of the server, known once started."""
        self.models: tuple[str, ...] = ()
        """Handles of the LLM's models, as `POST /v1/agents/` wants them."""
        self.versions: dict[str, str] = {}
        """Versions of `letta`, `postgresql` and `pgvector`."""
        self.logs: dict[str, Path] = {}
        """Log files of `letta` and `postgres`; they stay."""
        self.pids: dict[str, int] = {}
        """Process ids of `letta` and `postgres`."""
        self.database_uri = ""
        """Address of its PostgreSQL, with the name of the user; it asks for no password."""
        self._llm_url = llm_url.rstrip("/")
        self._log_dir = log_dir
        self._progress = progress
        self._redis_address = redis_address
        self._cache_dir = cache_dir
        self._settings = dict(settings or {})
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Start everything. Raises PartError, with the end of the log, naming the part that did not start."""
        with ExitStack() as opening:
            self._start(opening)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop Letta, then PostgreSQL, then remove the data directory; a second call does nothing."""
        self._open.close()

    def _start(self, opening: ExitStack) -> None:
        python = ensure_environment(self._cache_dir, self._progress)
        run_dir = Path(tempfile.mkdtemp(prefix="letta-slo-real-"))
        opening.enter_context(Sweeper(run_dir))
        run_dir.chmod(0o711)  # PostgreSQL's user may pass through, not look around
        installation = install(python, run_dir)
        template = ensure_template(installation, python, run_dir, self._log_dir, self._progress)
        self._progress("starting PostgreSQL")
        database = start_copy(installation, template, run_dir, self._log_dir)
        opening.callback(database.stop)
        self.database_uri = database.uri
        self._progress(f"starting Letta {LETTA_VERSION} (half a minute or more)")
        letta = self._start_letta(python, run_dir, database.uri)
        opening.callback(letta.stop, _STOP_GRACE_S)
        version = wait_until_healthy(letta, self.url, _START_TIMEOUT_S)
        self.models = _models(self.url, self._llm_url)
        self.versions = {
            "letta": version,
            "postgresql": installation.version,
            "pgvector": installation.pgvector_version,
        }
        self.logs = {"letta": letta.log, "postgres": database.part.log}
        self.pids = {"letta": letta.pid, "postgres": database.part.pid}

    def _start_letta(self, python: Path, run_dir: Path, database_uri: str) -> Part:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        home = run_dir / "letta"
        home.mkdir()
        env = {**_letta_settings(home, database_uri, self._llm_url), **self._settings}
        if self._redis_address is not None:
            env |= {"LETTA_REDIS_HOST": self._redis_address[0], "LETTA_REDIS_PORT": str(self._redis_address[1])}
        command = [str(python.with_name("letta")), "server", "--host", "127.0.0.1", "--port", str(port)]
        return spawn("letta", [*_without_our_environment(env), *command], log_dir=self._log_dir, env=env, cwd=home)


def wait_until_healthy(letta: Part, url: str, timeout_s: float) -> str:
    """Wait until the server at `url` answers its health check; return its version.

    Raises PartError when it exits or stays silent for `timeout_s`.
    """
    with httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client:

        def ask() -> str | None:
            try:
                answer = client.get("/v1/health/")
            except httpx.TransportError:
                return None
            return str(answer.json()["version"]) if answer.status_code == httpx.codes.OK else None

        return wait_until_ready(letta, ask, timeout_s=timeout_s)


def _models(url: str, llm_url: str) -> tuple[str, ...]:
    answer = httpx.get(f"{url}/v1/models/", timeout=30.0, trust_env=False).raise_for_status()
    handles = tuple(str(model["handle"]) for model in answer.json() if model["provider_name"] != _DEFAULT_PROVIDER)
    if not handles:
        raise PartError(f"Letta found no model at {llm_url}/v1/models: is the LLM there, and did it run before Letta?")
    return handles


def _letta_settings(home: Path, database_uri: str, llm_url: str) -> dict[str, str]:
    llm_host = urlsplit(llm_url).hostname or ""
    return {
        "HOME": str(home),  # it writes its configuration to ~/.letta, whatever LETTA_DIR says
        "LETTA_DIR": str(home),
        "TOOL_EXEC_DIR": str(home),
        "NLTK_DATA": str(home),
        "HF_HUB_OFFLINE": "1",
        "LETTA_PG_URI": database_uri,
        "LETTA_DISABLE_SQLALCHEMY_POOLING": "false",  # its default opens a connection for each query
        "OPENAI_API_KEY": "sk-fake",  # the double asks for none, but Letta calls no provider without a key
        "OPENAI_BASE_URL": f"{llm_url}/v1",
        "LETTA_LOGGING_JSON_LOGGING": "true",
        "LETTA_ENVIRONMENT": "verification",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": f"127.0.0.1,localhost,{llm_host}",
    }


def _without_our_environment(env: Mapping[str, str]) -> list[str]:
    """Return the start of a command line that drops every variable but the ones kept and those in `env`."""
    dropped = sorted(name for name in os.environ if name not in env and name not in _KEPT_VARIABLES)
    return [shutil.which("env") or "/usr/bin/env", *(word for name in dropped for word in ("-u", name))]
