"""What was promised: the YAML files beside this one are the only place where the numbers of objectives stand."""

from pathlib import Path

from slo.errors import CatalogueError
from slo.objective import Catalogue
from slo.openslo import parse_all

__all__ = ["load"]

_SHIPPED = Path(__file__).parent


def load(directory: Path | None = None) -> Catalogue:
    """Return what all `*.yaml` files of a directory describe together, the shipped catalogue when none is given.

    Raises:
        CatalogueError: there is no such directory, no such file in it, or something in one is wrong.
    """
    place = directory if directory is not None else _SHIPPED
    files = sorted(place.glob("*.yaml")) if place.is_dir() else []
    if not files:
        found = "no *.yaml file" if place.is_dir() else "no such directory"
        raise CatalogueError(
            path=str(place), line=1, key_path="", found=found, allowed="a directory of catalogue files"
        )
    # Shipped files go by their name in the package: a report must not tell where this machine keeps them.
    return parse_all([(f"slo/catalog/{file.name}" if directory is None else str(file), _text(file)) for file in files])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(
            path=str(file), line=1, key_path="", found=str(error), allowed="a readable file in UTF-8"
        ) from error
