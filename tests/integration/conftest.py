"""Tests of real parts need a machine that is their own; `tests/robbed.py` says when it was not."""

from __future__ import annotations

import pytest

from tests.robbed import Robbed


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Robbed())
