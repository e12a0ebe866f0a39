"""What keeps a catalogue from becoming rules?"""

from __future__ import annotations


class RuleError(Exception):
    """An objective cannot be watched as it stands; the message says which, why, and what would help."""


class SettingsError(Exception):
    """The settings of notification cannot be used; the message says where, what was found, and what is allowed."""
