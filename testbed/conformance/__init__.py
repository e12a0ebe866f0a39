"""Is the stub of Letta equal to a real one? The same requests to both, every difference listed."""
