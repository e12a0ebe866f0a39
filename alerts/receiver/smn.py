"""How is a text published to a topic of Huawei Cloud's SMN? By its official SDK, with keys from the environment.

Never tried against the real service: `letta-slo receiver --try` publishes a message to your topic.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions import exceptions
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdksmn.v2 import PublishMessageRequest, PublishMessageRequestBody, SmnClient

from alerts.notify.settings import Secret, Smn
from alerts.receiver.channels import SEND_TIMEOUT_S, SendError, TooFastError
from alerts.receiver.secrets import Secrets
from alerts.receiver.texts import SMS, Message

ACCESS_KEY: Final = "HUAWEICLOUD_SDK_AK"
SECRET_KEY: Final = "HUAWEICLOUD_SDK_SK"  # noqa: S105  # the name of a variable
SECURITY_TOKEN: Final = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105  # the name of a variable
_SUBJECT_BYTES: Final = 500  # SMN: at most 512 bytes
_STATUS_TOO_FAST: Final = 429


class SmnSender:
    """A topic."""

    def __init__(self, channel: Smn, secrets: Secrets) -> None:
        """Read the keys; raises SettingsError."""
        self.name = channel.name
        self.form = SMS
        self.a_minute: int | None = channel.a_minute
        self._topic = channel.topic_urn
        self._secrets = secrets
        keys = [secrets.read(Secret(env=name)) for name in (ACCESS_KEY, SECRET_KEY)]
        who = BasicCredentials(*keys, channel.project_id)
        if token := secrets.read_if_there(SECURITY_TOKEN):  # which a temporary key does not go without
            who = who.with_security_token(token)
        config = HttpConfig.get_default_config()
        config.timeout = (SEND_TIMEOUT_S, SEND_TIMEOUT_S)
        self._client: Any = (
            SmnClient.new_builder()
            .with_http_config(config)
            .with_credentials(who)
            .with_endpoint(channel.endpoint)
            .build()
        )

    async def send(self, message: Message) -> None:
        """Publish it; raises SendError."""
        subject = message.title.encode()[:_SUBJECT_BYTES].decode(errors="ignore")
        body = PublishMessageRequestBody(subject=subject, message=message.text)
        request = PublishMessageRequest(topic_urn=self._topic, body=body)
        try:
            await asyncio.to_thread(self._client.publish_message, request)
        except exceptions.ServiceResponseException as error:
            text = self._secrets.without(f"HTTP {error.status_code} {error.error_code}: {error.error_msg}")
            raise TooFastError(text) if error.status_code == _STATUS_TOO_FAST else SendError("refused", text) from None
        except exceptions.RequestTimeoutException as error:
            raise SendError("timeout", f"no answer within {SEND_TIMEOUT_S:g} s") from error
        except exceptions.SdkException as error:
            raise SendError("unreachable", self._secrets.without(str(error))) from None
