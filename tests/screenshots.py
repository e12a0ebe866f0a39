"""How do the report and the Locust page look? Draws docs/images/*.png with headless Chromium, on loopback only.

python -m tests.screenshots                    the report of a made run, and the Locust page
python -m tests.screenshots runs/20261121-...  the report of a stored run; its id is to be read in the picture
python -m tests.screenshots bridge.html        the preview of a dashboard that `letta-slo panels` drew, as its name says
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from loadgen.run_folder import RunFolder
from report.judge import judge
from report.write import write_reports
from slo.catalog import load
from testbed.ports import free_port
from tests.made_runs import MISSES, make

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars --disable-sync "
    "--disable-background-networking --disable-component-update --allow-file-access-from-files"
).split()
_DRAWING_S, _STARTING_S = 60.0, 30.0


@dataclass(frozen=True, slots=True)
class View:
    """A picture to draw: a window in pixels, and a colour scheme."""

    name: str
    width: int
    height: int
    pixels_per_px: int
    is_dark: bool


VIEWS = tuple(
    View(f"{device}-{'dark' if is_dark else 'light'}", width, height, pixels_per_px, is_dark)
    for device, width, height, pixels_per_px in (("desktop", 1280, 2250, 1), ("phone", 390, 1500, 2))
    for is_dark in (False, True)
)


def browser() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), None)


def report_pages(folder: RunFolder, images: Path = IMAGES) -> list[Path]:
    """Judge a run folder with the shipped catalogue and draw its page at every width and scheme."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        page = write_reports(judge(folder, load()), directory)["html"]
        return [_draw(_framed(page, view, directory), view, images / f"report-{view.name}.png") for view in VIEWS]


def locust_page(images: Path = IMAGES) -> Path:
    """Start `locust -f loadtests` with its web page on a free port of loopback, draw the page, and stop it."""
    with _locust() as address:
        return _draw(address, View("locust", 1280, 620, 1, is_dark=False), images / "locust-light.png")


def preview_page(page: Path, images: Path = IMAGES) -> Path:
    """Draw the preview of one dashboard."""
    view = View("preview", 1312, 1420, 1, is_dark=False)
    return _draw(page.resolve().as_uri(), view, images / f"preview-{page.stem}.png")


@contextmanager
def _locust() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "locust", "-f", "loadtests", "--web-host", "127.0.0.1", "--web-port", str(port)]
    command += ["--host", "http://127.0.0.1:8283"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as locust:
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_for(address, locust)
            yield address
        finally:
            locust.terminate()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTING_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)  # Locust says nowhere when its page is served
    raise RuntimeError(f"Locust's page at {address} did not come up")


def _framed(page: Path, view: View, directory: Path) -> str:
    """Return a page that shows another in a frame: a window of Chromium cannot be as narrow as a phone."""
    wrapper = directory / "frame.html"
    wrapper.write_text(
        '<!doctype html><body style="margin:0;overflow:hidden"><iframe style="border:0;'
        f'width:{view.width}px;height:{view.height}px" src="{html.escape(page.as_uri())}"></iframe>'
    )
    return wrapper.as_uri()


def _draw(address: str, view: View, file: Path) -> Path:
    path = browser()
    if path is None:
        raise RuntimeError(f"no browser: install one of {', '.join(_BROWSERS)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as profile:
        command = [path, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={view.width},{view.height}"]
        command += [f"--force-device-scale-factor={view.pixels_per_px}", "--virtual-time-budget=5000"]
        command += [f"--blink-settings=preferredColorScheme={0 if view.is_dark else 1}", f"--screenshot={file}"]
        subprocess.run([*command, address], check=True, timeout=_DRAWING_S, capture_output=True)
    return file


def main() -> None:
    """Draw everything and print the files."""
    if len(sys.argv) > 1 and sys.argv[1].endswith(".html"):
        sys.stdout.write(f"{preview_page(Path(sys.argv[1])).relative_to(ROOT)}\n")
        return
    if len(sys.argv) > 1:
        drawn = report_pages(RunFolder(Path(sys.argv[1])))
    else:
        with TemporaryDirectory() as directory:
            drawn = report_pages(make(Path(directory), MISSES))
    for file in [*drawn, locust_page()]:
        sys.stdout.write(f"{file.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
