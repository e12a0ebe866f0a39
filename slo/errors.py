"""What can go wrong when objectives are read or looked up.

SloError                     anything below
├── CatalogueError           a catalogue cannot be used: where, what was found, what is allowed, for every fault in it
└── UnknownObjectiveError    an objective was asked for by a name that the catalogue does not have
"""

__all__ = ["CatalogueError", "SloError", "UnknownObjectiveError"]


class SloError(Exception):
    """Base of everything that `slo` raises about its input."""


class CatalogueError(SloError):
    """A catalogue cannot be used; its text has one line for each fault, in the order of files and lines.

    Attributes:
        path: the file as the caller named it.
        line: the line of the first fault, counted from 1.
        key_path: such as `spec.objectives[0].target`; empty when the fault is the document's.
        found: the offending value as it stands in the file.
        allowed: what would have been right, as a phrase.
        suggestion: the nearest allowed word, or None.
        others: the faults after the first, each with these same attributes.
    """

    def __init__(
        self,
        *,
        path: str,
        line: int,
        key_path: str,
        found: str,
        allowed: str,
        suggestion: str | None = None,
        others: "tuple[CatalogueError, ...]" = (),
    ) -> None:
        self.path = path
        self.line = line
        self.key_path = key_path
        self.found = found
        self.allowed = allowed
        self.suggestion = suggestion
        self.others = others
        super().__init__(path, line, key_path, found, allowed)

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion is not None else ""
        place = f"{self.path}:{self.line}: " + (f"{self.key_path}: " if self.key_path else "")
        own = f"{place}found {self.found}, allowed: {self.allowed}{hint}"
        return "\n".join([own, *(str(other) for other in self.others)])

    @property
    def faults(self) -> "tuple[CatalogueError, ...]":
        """Every fault, this one first."""
        return (self, *self.others)

    def with_others(self, others: "tuple[CatalogueError, ...]") -> "CatalogueError":
        """Return the same fault followed by others."""
        return CatalogueError(
            path=self.path,
            line=self.line,
            key_path=self.key_path,
            found=self.found,
            allowed=self.allowed,
            suggestion=self.suggestion,
            others=others,
        )


class UnknownObjectiveError(SloError, KeyError):
    """The catalogue has no objective of that name."""

    def __init__(self, name: str, known: tuple[str, ...], suggestion: str | None) -> None:
        self.name = name
        self.known = known
        self.suggestion = suggestion
        super().__init__(name)

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion is not None else ""
        return f"no objective {self.name!r} in the catalogue, allowed: {', '.join(self.known) or 'none'}{hint}"
