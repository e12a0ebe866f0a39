"""A real Letta server that the suite starts itself: its own environment, its own PostgreSQL, nothing left behind."""
