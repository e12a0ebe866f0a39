"""The reference bridge: takes requests from a Redis list, asks a Letta server, publishes exactly one reply for each."""
