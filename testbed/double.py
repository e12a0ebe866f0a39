"""How does a double say that it is one? Whoever drives it, and however it was started, reports must name it.

`loadgen.target` looks for the same two words; a test holds both to each other.
"""

HEADER = b"x-letta-slo-test-double"  # in what the Letta stub answers to a health request
KEY = "letta-slo:test-double"  # in the Redis of a bridge that stands before a stub
