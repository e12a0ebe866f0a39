"""Python runs this module at its start when its folder is on `PYTHONPATH`: it loads the add-on, and nothing else.

Another `sitecustomize` further along the path, which this one hides, is run after it.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _load() -> None:
    above = str(_HERE.parents[2])
    if above not in sys.path:
        sys.path.append(above)  # last, so that it hides nothing of Letta's
    from letta_otel.letta.load import load

    load()


def _run_hidden() -> None:
    rest = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    hidden = PathFinder.find_spec("sitecustomize", rest)
    if hidden is not None and hidden.loader is not None:
        hidden.loader.exec_module(module_from_spec(hidden))


try:
    _load()
except Exception as error:  # Letta starts without it, and says so
    print(f"letta_otel: the add-on is not loaded: {type(error).__name__}: {error}", file=sys.stderr)
_run_hidden()
