"""The command line: one thin file a verb; only here does an error become an exit code."""
