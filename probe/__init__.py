"""Asks a live deployment something every so often, and exports what came of it as the objectives' own counters."""
