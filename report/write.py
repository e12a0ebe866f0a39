"""Where do the reports of a judged run go? Four files beside each other, each checked for credentials once more."""

from __future__ import annotations

import json
from pathlib import Path

from report.document import document
from report.judge import JudgedRun
from report.junit import junit
from report.markdown import markdown
from report.page import page
from report.redact import redact

_NAMES = {"html": "report.html", "json": "report.json", "junit": "junit.xml", "markdown": "summary.md"}


def write_reports(run: JudgedRun, directory: Path) -> dict[str, Path]:
    """Write HTML, JSON, JUnit XML and Markdown, and return the file of each; the same folder gives the same bytes."""
    said = document(run)
    texts = {
        "html": page(run, said),
        "json": json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "junit": junit(run, said),
        "markdown": markdown(run, said),
    }
    directory.mkdir(parents=True, exist_ok=True)
    files = {kind: directory / name for kind, name in _NAMES.items()}
    for kind, file in files.items():
        file.write_text(redact(texts[kind]), encoding="utf-8")
    return files
