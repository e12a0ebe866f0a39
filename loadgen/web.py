"""What does Locust's own web page call things here? Its user count is an arrival rate, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:  # the labels are read where Locust must not patch the standard library
    from locust.env import Environment

# Locust's text → what it means with this engine. The page is compiled JavaScript without a hook for labels, so the
# texts are replaced as the script is served; a test in a browser fails when a new Locust words them otherwise.
LABELS = {
    "Number of users (peak concurrency)": "Arrival rate (requests started a second)",
    "Ramp up (users started/second)": "Rate increase (requests a second, every second)",
}


def install(environment: Environment) -> None:
    """Rename the two fields of the start form; without a web page there is nothing to do."""
    if environment.web_ui is None or environment.web_ui.app is None:
        return
    environment.web_ui.app.after_request(_relabel)


def _relabel(response: Response) -> Response:
    if response.mimetype in {"text/javascript", "application/javascript"} and response.status_code == 200:
        response.direct_passthrough = False
        text = response.get_data(as_text=True)
        for theirs, ours in LABELS.items():
            text = text.replace(theirs, ours)
        response.set_data(text)
        response.headers.pop("ETag", None)
        response.headers["Cache-Control"] = "no-store"
    return response
