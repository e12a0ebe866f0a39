"""A target for a real Prometheus whose every scrape is the test's: passed on from a part, made up, or refused."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.processes import eventually


class Exporter:
    """Serves what `exposition` returns; can refuse a scrape, and tells how many were answered."""

    def __init__(self, exposition: Callable[[], bytes], *, content_type: str = "text/plain; version=0.0.4") -> None:
        self._exposition = exposition
        self._answered = 0
        self._to_refuse = 0
        self._lock = threading.Lock()
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = exporter._answer()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_scrapes(self, count: int) -> None:
        """Return when `count` more scrapes that began after this call were answered."""
        before = self._answered
        eventually(lambda: self._answered > before + count)  # the first may have begun before

    def refuse(self, count: int) -> None:
        """Answer the next `count` scrapes with an error, and return when they were."""
        with self._lock:
            self._to_refuse = count
        eventually(lambda: self._to_refuse == 0)

    def _answer(self) -> tuple[int, bytes]:
        with self._lock:
            if self._to_refuse:
                self._to_refuse -= 1
                return 503, b""
            body = self._exposition()
            self._answered += 1
            return 200, body
