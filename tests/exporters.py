"""Write `alerts/lint/exporters.yaml` again: which series do the real exporters beside Letta and the bridge have?

    .venv/bin/python tests/exporters.py

Needs the Debian packages of tests/real-parts and the built collector; starts each on a loopback port, and ends it.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import yaml

from testbed.alertmanager_server import AlertmanagerServer
from testbed.collector import Collector
from testbed.embedded_redis import EmbeddedRedis
