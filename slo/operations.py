"""Which operations a load run emits, and which service answers each of them."""

from types import MappingProxyType

__all__ = ["LETTA_API", "LETTA_BRIDGE", "OPERATIONS", "SERVICE_OF"]

LETTA_API = "letta-api"
LETTA_BRIDGE = "letta-bridge"

SERVICE_OF = MappingProxyType(
    {
        "health": LETTA_API,
        "agent-create": LETTA_API,
        "message": LETTA_API,
        "stream": LETTA_API,
        "blocks-read": LETTA_API,
        "blocks-write": LETTA_API,
        "archival-insert": LETTA_API,
        "archival-search": LETTA_API,
        "message-list": LETTA_API,
        "conversation": LETTA_API,
        "bridge": LETTA_BRIDGE,  # a request whose memory is permanent: Letta's, by the routing of document 004
        "bridge-temporary": LETTA_BRIDGE,  # one that memory-python answers by the same routing
    }
)

OPERATIONS = frozenset(SERVICE_OF)
