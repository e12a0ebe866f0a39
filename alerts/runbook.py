"""What does a runbook say, and what is wrong with it?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).with_name("runbooks")
_MEANING, _DO, _END, _CHINESE = "What it means", "Do", "When it ends", "中文"
_SECTIONS: Final = (_MEANING, _DO, _END)
_INLINE: Final = re.compile(r"`([^`\n]+)`")
_FENCE: Final = re.compile(r"^ *```(?:sh|bash|shell)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_STEP: Final = re.compile(r"^(\d+)\. +(.+(?:\n(?!\d+\. |```|$) *.+)*)", re.MULTILINE)
_ALERT: Final = re.compile(r"[A-Z][A-Za-z0-9]+")
_FILE: Final = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.(?:md|yaml|py)")


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a person on call does about some alerts; in Chinese only what happened, and what to do before all else."""

    title: str
    alerts: tuple[str, ...]
    steps: tuple[str, ...]
    title_in_chinese: str = ""
    first_in_chinese: str = ""

    @property
    def first(self) -> str:
        """The first step, without marks of Markdown; empty when there is none."""
        return plain(self.steps[0]) if self.steps else ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a runbook may name: the verbs of the command line with their options, and which files there are."""

    verbs: Mapping[str, frozenset[str]]
    is_file: Callable[[str], bool]


def parse(text: str) -> Runbook:
    """Return what a runbook says; what is missing is empty."""
    title = re.match(r"# (.+)\n", text)
    opening = text.split("\n## ", maxsplit=1)[0].removeprefix(title[0] if title else "").strip().split("\n\n")[0]
    alerts = tuple(name for name in _INLINE.findall(opening) if _ALERT.fullmatch(name))
    parts = _parts(text)
    steps = tuple(" ".join(step.split()) for _, step in _STEP.findall(parts.get(_DO, "")))
    chinese = [plain(" ".join(part.split())) for part in parts.get(_CHINESE, "").split("\n\n")]
    return Runbook(title[1] if title else "", alerts, steps, chinese[0], "".join(chinese[1:]))


def load(folder: Path = _FOLDER) -> dict[str, Runbook]:
    """Return the runbook of each alert by the alert's name, those of the suite unless told otherwise."""
    found = [parse(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.md"))]
    return {name: one for one in found for name in one.alerts}


def faults(text: str, known: Known) -> list[str]:
    """Return what is wrong with a runbook, a sentence for each; [] when it can be used at night."""
    one = parse(text)
    found = []
    if not one.title:
        found.append("the first line is no title: `# What happened, in a few words`")
    if not one.alerts:
        found.append("the first paragraph names no alert in backticks")
    names = [name for name in re.findall(r"^## (.+)$", text, re.MULTILINE) if name != _CHINESE]
    if names != list(_SECTIONS):
        found.append(f"its sections are {names}; they must be {list(_SECTIONS)}, in this order")
    found += [f"nothing stands under {name!r}" for name in _SECTIONS if name in names and not _parts(text)[name]]
    numbers = [int(number) for number, _ in _STEP.findall(_parts(text).get(_DO, ""))]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        found.append(f"the steps are numbered {numbers}; 1, 2, 3 … is what somebody can follow and report")
    found += [f"`{word}`: there is no such file" for word in sorted(_files(text)) if not known.is_file(word)]
    if (chinese := _parts(text).get(_CHINESE)) is not None and len(chinese.split("\n\n")) != 2:
        found.append(f"under {_CHINESE!r} stand two paragraphs: what happened, and what to do first")
    return found + [fault for words in _commands(text) if (fault := _fault_of(words, known))]


def plain(text: str) -> str:
    """Return a text without the marks of Markdown that a phone would show."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").replace("**", "")


def _parts(text: str) -> dict[str, str]:
    pieces = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(pieces[::2], pieces[1::2], strict=True)}


def _files(text: str) -> set[str]:
    return {word for span in _INLINE.findall(_FENCE.sub("", text)) for word in _FILE.findall(span) if word == span}


def _commands(text: str) -> Iterator[list[str]]:
    lines = [line for block in _FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *_INLINE.findall(_FENCE.sub("", text))]:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # an expression, no command
            continue
        if words and words[0].rsplit("/", 1)[-1] == "letta-slo":
            yield words[1:]


def _fault_of(words: list[str], known: Known) -> str:
    verb = words[0] if words else ""
    if verb not in known.verbs:
        return f"`letta-slo {verb}`: there is no such verb"
    wrong = [word for word in words[1:] if word.startswith("--") and word.split("=")[0] not in known.verbs[verb]]
    return f"`letta-slo {verb}` has no option {', '.join(wrong)}" if wrong else ""
