"""What in a reply is another one each time: ids, times, addresses? Each becomes a mark of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
_CALL = r"call_[0-9A-Za-z]+"  # how a model server names the call of a tool
_MARKS = (
    (re.compile(_UUID), "<uuid>"),
    (re.compile(_TIME), "<time>"),
    # A date as Python prints it, which stands where an error tells the record of the user who asked.
    (re.compile(r"datetime\.datetime\([\d, ]+(?:, tzinfo=[\w.()]+)?\)"), "<python time>"),
    (re.compile(_CALL), "<call>"),
    (re.compile(r"https?://[^\s'\"]+"), "<url>"),
)
_ID = re.compile(f"(?:([a-z]+)-)?{_UUID}")
_WHOLE_TIME = re.compile(_TIME)
_NAME = re.compile(r"[A-Za-z<][A-Za-z0-9_.:/<>-]{0,99}")


def own_words(url: str, model: str, embedding: str, tag: str) -> dict[str, str]:
    """Return what is only this server's: its address, the handles of its models and their bare names, our tag."""
    words = {url.rstrip("/"): "<letta>", model: "<model>", embedding: "<embedding>", tag: "<tag>"}
    bare = {model.partition("/")[2]: "<model-name>", embedding.partition("/")[2]: "<embedding-name>"}
    return {text: mark for text, mark in {**bare, **words}.items() if text}


class Marker:
    """Puts marks in texts of one server; `own_words` are further texts of it, each with its mark."""

    def __init__(self, own_words: Mapping[str, str]) -> None:
        # Longer ones first: an address of a model server may begin with that of its host.
        self._own_words = sorted(own_words.items(), key=lambda pair: -len(pair[0]))

    def marked(self, text: str) -> str:
        """Return the text with marks for what is another one each time."""
        for own, mark in self._own_words:
            text = text.replace(own, mark)
        for pattern, mark in _MARKS:
            text = pattern.sub(mark, text)
        return text

    def constant(self, text: str) -> str | None:
        """Return a text that looks like a name or word of the interface, marked; None for any other text."""
        marked = self.marked(text)
        return marked if _NAME.fullmatch(marked) else None


def kind_of(text: str) -> str:
    """Return which kind of text it is: an id with its prefix, a time with its form, or any other string."""
    found = _ID.fullmatch(text)
    if found:
        return f"id {found[1]}-…" if found[1] else "uuid"
    if _WHOLE_TIME.fullmatch(text):
        return "time " + re.sub(r"\d", "0", re.sub(r"\.\d+", ".0", text))
    return "string"
