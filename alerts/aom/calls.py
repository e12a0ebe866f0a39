"""How is a service of Huawei Cloud asked: with which credentials, where, how often, and what do its errors become?

The official SDK signs and sends. Credentials come from the environment only, and stand in no message.
"""

from __future__ import annotations

import importlib
import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from alerts.aom.deployment import Deployment
from alerts.aom.errors import CallError, RefusedError, RejectedError, UnreachableError

KEY, SECRET, TOKEN = "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"
ENDPOINTS: Final = {name: f"LETTA_SLO_{name.upper()}_ENDPOINT" for name in ("aom", "smn", "lts")}
WAITS_S: Final = (0.5, 1.0, 2.0, 4.0)
_TIMEOUT_S: Final = (5, 30)  # to connect, to answer
_THROTTLED: Final = "APIGW.0308"
_CLASSES: Final = {"aom": "AomClient", "smn": "SmnClient", "lts": "LtsClient"}
_SPACES: Final = re.compile(r"\s+")
_SAID_AT_MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; a token too where the key is a temporary one."""

    key: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)


def credentials(environ: Mapping[str, str]) -> Credentials:
    """Return the access key of the environment; raises RefusedError when there is none."""
    missing = [name for name in (KEY, SECRET) if not environ.get(name, "").strip()]
    if missing:
        raise RefusedError(f"no access key of Huawei Cloud: set {' and '.join(missing)} in the environment")
    return Credentials(environ[KEY].strip(), environ[SECRET].strip(), environ.get(TOKEN, "").strip())


def endpoints(region: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the address of each service: that of the environment, else that of the region."""
    return {
        name: environ.get(variable, "").strip().rstrip("/") or f"https://{name}.{region}.myhuaweicloud.com"
        for name, variable in ENDPOINTS.items()
    }


class Cloud:
    """The services of one project.

    A call that is put off (429), or answered with an error of the service (5xx), is made again after growing pauses,
    for which `pause` sleeps.
    """

    def __init__(
        self,
        deployment: Deployment,
        environ: Mapping[str, str],
        *,
        pause: Callable[[float], None] = time.sleep,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self._credentials = credentials(environ)
        self._endpoints = endpoints(deployment.region, environ)
        self._project_id = deployment.project_id
        self._secrets = (*deployment.secrets(), self._credentials.secret, self._credentials.token)
        self._clients: dict[str, Any] = {}
        self.pause = pause
        self.waits_s = waits_s

    def ask(self, service: str, operation: str, **fields: Any) -> Any:
        """Return the JSON that an operation of the SDK answers with, None without any.

        `operation` is the SDK's name of it, `fields` those of its request; a body may be a plain mapping. Raises
        CallError.
        """
        return self._again(service, f"{service} {operation}", lambda: self._once(service, operation, fields))

    def _once(self, service: str, operation: str, fields: Mapping[str, Any]) -> Any:
        module = _module(service)
        name = "".join(part.capitalize() for part in operation.split("_"))
        request = getattr(module, f"{name}Request")(**fields)
        answer = getattr(self._client(service, module), operation)(request)
        try:
            return answer.to_json_object()
        except ValueError:
            return None

    def _client(self, service: str, module: Any) -> Any:
        if service not in self._clients:
            core = importlib.import_module("huaweicloudsdkcore.auth.credentials")
            config = importlib.import_module("huaweicloudsdkcore.http.http_config")
            # What goes wrong is said once, by us; without a handler Python would print the SDK's lines, too.
            logging.getLogger(f"HuaweiCloud-SDK-{_CLASSES[service]}").addHandler(logging.NullHandler())
            who = core.BasicCredentials(self._credentials.key, self._credentials.secret, self._project_id)
            if self._credentials.token:
                who = who.with_security_token(self._credentials.token)
            self._clients[service] = (
                getattr(module, _CLASSES[service])
                .new_builder()
                .with_http_config(config.HttpConfig(timeout=_TIMEOUT_S, retry_times=0))
                .with_credentials(who)
                .with_endpoint(self._endpoints[service])
                .build()
            )
        return self._clients[service]

    def _again(self, service: str, what: str, act: Callable[[], Any]) -> Any:
        for wait_s in (*self.waits_s, None):
            try:
                return act()
            except Exception as error:
                raised = self._error(service, what, error)
                if wait_s is None or not _is_passing(error):
                    raise raised from None  # the SDK's own holds the request, with what was sent
            self.pause(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  # so that many do not come back at once
        raise AssertionError("unreachable")

    def _error(self, service: str, what: str, error: Exception) -> CallError:
        status = getattr(error, "status_code", None)
        if type(error).__module__.split(".")[0] != "huaweicloudsdkcore":
            raise error
        code = str(getattr(error, "error_code", "") or "").removeprefix(str(status))
        said = _SPACES.sub(" ", self._without_secrets(str(getattr(error, "error_msg", "") or "")))[:_SAID_AT_MOST]
        if status == 429:
            said = "too many requests"  # the SDK says it in the words of its HTTP library, and drops the service's
        if status is None:
            return UnreachableError(f"{what}: {self._endpoints[service]}: {said or type(error).__name__}")
        answered = ": ".join(filter(None, (what, f"answered {status} {code}".strip(), said)))
        if status in {401, 403}:
            return RefusedError(f"{answered}; check {KEY}, {SECRET}, the project's id, and what the key may do")
        if _is_passing(error):
            return UnreachableError(f"{answered}; given up after {len(self.waits_s) + 1} tries")
        return RejectedError(answered, code)

    def _without_secrets(self, text: str) -> str:
        for secret in filter(None, self._secrets):
            text = text.replace(secret, "***")
        return text


def _module(service: str) -> Any:
    return importlib.import_module(f"huaweicloudsdk{service}.v2")


def _is_passing(error: Exception) -> bool:
    """Whether the same call may be answered otherwise in a moment; a connection that fails is not waited for."""
    status = getattr(error, "status_code", None)
    return status is not None and (status == 429 or status >= 500 or getattr(error, "error_code", "") == _THROTTLED)
