"""How does the master keep what workers elsewhere wrote? It appends to files of the same name in its own run folder.

A part says where in its file it begins. The master takes it only when that is the end of what it has, and always
answers how much it has: a part that was lost or came twice is put right by the worker's next one, and no file ever has
a hole. The end marker is written last, and only when every file is as long as the worker says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from loadgen.run_folder import write_whole


class KeepingError(Exception):
    """A worker sent what no worker of this suite sends."""


class Keeper:
    """Keeps the files of all workers of one run in the master's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, worker: int, part: dict[str, Any]) -> dict[str, Any]:
        """Take a part of a file or the end marker; return what to answer the worker.

        Raises KeepingError for a file that is none of this worker's: nothing else in the folder is ever touched.
        """
        if "end" in part:
            return self._end(worker, part)
        file = self._file(worker, str(part["file"]))
        kept = _size(file)
        if part["at"] == kept:
            with file.open("ab", buffering=0) as stream:
                stream.write(part["data"])
            kept += len(part["data"])
        return {"kept": kept}

    def _end(self, worker: int, part: dict[str, Any]) -> dict[str, Any]:
        kept = {name: _size(self._file(worker, name)) for name in part["sizes"]}
        if kept == part["sizes"]:
            write_whole(self._folder / f"end-{worker}.json", part["end"])
        return {"complete": kept == part["sizes"], "sizes": kept}

    def _file(self, worker: int, name: str) -> Path:
        if not is_file_of(worker, name):
            raise KeepingError(f"worker {worker} sent {name!r}, which is no file of its own")
        return self._folder / name


def is_file_of(worker: int, name: str) -> bool:
    """Whether this is a file that grows with the run and belongs to this worker alone; its end marker is not."""
    return re.fullmatch(rf"(?!end-)[a-z]+(-[a-z]+)*-{worker}\.[a-z]+", name) is not None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
