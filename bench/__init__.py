"""Measurements side by side, one command each: `python -m bench [NAME]`. They assert nothing."""
