"""Where do requests to the bridge go, and where do its replies come from? The names that every client of it uses."""

from typing import Final

REQUEST_LIST: Final = "letta_requests"
REPLY_CHANNEL: Final = "letta_responses"
