"""Who sends? Each process of Letta under an id of its own, and nobody by the address of a network card."""

from __future__ import annotations

import os
import uuid
from typing import Any, Final

from opentelemetry.sdk.resources import Resource

from letta_otel.conventions import attributes as names

_INSTANCE: Final = str(uuid.uuid4())
_NOW: Final = {"letta.version": names.SERVICE_VERSION, "deployment.environment": names.DEPLOYMENT_ENVIRONMENT_NAME}
_PRIVATE: Final = "device.id"  # Letta puts the hardware address of the machine there


def change(module: Any) -> None:
    """Have Letta's `get_resource` say it: without an instance id two workers overwrite each other's metrics."""
    original = module.get_resource

    def get_resource(service_name: str) -> Resource:
        given = original(service_name)
        kept = {_NOW.get(name, name): value for name, value in given.attributes.items() if name != _PRIVATE}
        kept |= {names.SERVICE_INSTANCE_ID: _INSTANCE, names.PROCESS_PID: os.getpid()}
        return Resource(kept, given.schema_url)

    module.get_resource = get_resource
