"""The heart: what was promised, what a run showed, and what may be concluded from it."""
