"""Which trace does a request belong to? It is computed from the request's id, so whoever knows one knows the other.

The form of both is W3C Trace Context's; the ids are as good as random, so samplers that look at them treat all alike.
"""

from __future__ import annotations

from hashlib import sha256


def trace_id(request_id: str) -> str:
    """Return the id of the trace: 32 hexadecimal digits."""
    return sha256(request_id.encode()).hexdigest()[:32]


def traceparent(request_id: str) -> str:
    """Return the header that makes what a target does for this request part of its trace."""
    digits = sha256(request_id.encode()).hexdigest()
    return f"00-{digits[:32]}-{digits[32:48]}-01"
