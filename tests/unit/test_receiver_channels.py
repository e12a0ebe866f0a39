"""How each channel is spoken to, what its refusals become, and that no secret is ever said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.server
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from click.testing import CliRunner

from alerts.errors import SettingsError
from alerts.notify.reading import parse
from alerts.notify.settings import Heartbeat, Robot, RobotKind, Secret, Smn
from alerts.receiver.channels import SendError, TooFastError, sender, signature
from alerts.receiver.secrets import Secrets
from alerts.receiver.texts import Message
from letta_slo.main import cli

URL = "https://robot.example/send?access_token=TOKENTOKEN"
MESSAGE = Message("PAGE: it burns", "### PAGE", 1)
ENVIRON = {"URL": URL, "SECRET": "SECsecret"}


def sent(kind: RobotKind, answer: Callable[[httpx.Request], httpx.Response], *, signs: bool = True) -> httpx.Request:
    """Send a message to a robot that answers so; return what it got."""
    seen: list[httpx.Request] = []

    def robot(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(request)

    async def send() -> None:
        channel = Robot("robot", kind, Secret(env="URL"), Secret(env="SECRET") if signs else None)
        async with httpx.AsyncClient(transport=httpx.MockTransport(robot)) as client:
            await sender(channel, Secrets(ENVIRON), client).send(MESSAGE)

    asyncio.run(send())
    return seen[0]


def says(code: int, message: str = "ok") -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, json={"errcode": code, "errmsg": message})


def test_a_robot_of_dingtalk_gets_markdown_with_a_title_signed() -> None:
    request = sent(RobotKind.DINGTALK, says(0))
    assert orjson.loads(request.content) == {
        "msgtype": "markdown",
        "markdown": {"title": "PAGE: it burns", "text": "### PAGE"},
    }
    query = {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
    text = f"{query['timestamp']}\nSECsecret".encode()
    assert query["access_token"] == "TOKENTOKEN"
    assert base64.b64decode(query["sign"]) == hmac.new(b"SECsecret", text, hashlib.sha256).digest()


def test_the_signature_is_that_of_a_vector_computed_by_openssl() -> None:
    # printf '1700000000000\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
    assert signature("this is secret", 1_700_000_000_000)["sign"] == VECTOR


VECTOR = "sSFWELbV2YwjdDQhWZwTcWlX5BWUx5J6TPpsZmuPii0="


def test_a_robot_of_wecom_gets_markdown_and_no_signature() -> None:
    request = sent(RobotKind.WECOM, says(0), signs=False)
    assert orjson.loads(request.content) == {"msgtype": "markdown", "markdown": {"content": "### PAGE"}}
    assert "sign" not in str(request.url)


@pytest.mark.parametrize(
    ("kind", "code", "error"),
    [
        (RobotKind.DINGTALK, 310000, SendError),
        (RobotKind.DINGTALK, 130101, TooFastError),
        (RobotKind.WECOM, 40008, SendError),
        (RobotKind.WECOM, 45009, TooFastError),
    ],
)
def test_an_errcode_in_a_good_answer_is_a_failure(kind: RobotKind, code: int, error: type[SendError]) -> None:
    with pytest.raises(SendError, match=f"errcode {code}: because") as raised:
        sent(kind, says(code, "because"))
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "http"),
        (httpx.Response(429), "too_fast"),
        (httpx.Response(200, text="<html>"), "answer"),
        (httpx.Response(200, json=[]), "answer"),
        (httpx.Response(200, json={"ok": True}), "answer"),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), "http"),
    ],
)
def test_an_answer_that_is_none_of_a_robot_is_a_failure(answer: httpx.Response, reason: str) -> None:
    with pytest.raises(SendError) as raised:
        sent(RobotKind.WECOM, lambda _: answer)
    assert raised.value.reason == reason


def failing(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx.ConnectError(f"cannot reach {URL}"), "unreachable"),
        (httpx.ReadTimeout("slow"), "timeout"),
    ],
)
def test_a_robot_that_cannot_be_reached_is_a_failure_without_its_address(error: Exception, reason: str) -> None:
    with pytest.raises(SendError) as raised:
        sent(RobotKind.DINGTALK, failing(error))
    assert raised.value.reason == reason
    assert "TOKENTOKEN" not in f"{raised.value} {raised.value.__cause__}"


def test_a_heartbeat_is_a_call_whose_failure_is_one() -> None:
    async def beat(status: int) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(status))
        async with httpx.AsyncClient(transport=transport) as client:
            await sender(Heartbeat("dog", Secret(env="URL")), Secrets(ENVIRON), client).send(MESSAGE)

    asyncio.run(beat(200))
    with pytest.raises(SendError, match="HTTP 404"):
        asyncio.run(beat(404))


def test_smn_without_keys_names_the_variables() -> None:
    channel = Smn("sms", "https://smn.example", "0123", "urn:smn:r:0123:t")
    with pytest.raises(SettingsError, match="the environment variable HUAWEICLOUD_SDK_AK: nothing is in it"):
        sender(channel, Secrets({}), httpx.AsyncClient())


@pytest.mark.parametrize("token", ["", "a-temporary-token"])
def test_a_temporary_key_of_smn_brings_its_token(token: str) -> None:
    seen: list[Mapping[str, str]] = []

    class Topic(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    keys = {"HUAWEICLOUD_SDK_AK": "AKey", "HUAWEICLOUD_SDK_SK": "SKey", "HUAWEICLOUD_SDK_SECURITY_TOKEN": token}
    with http.server.HTTPServer(("127.0.0.1", 0), Topic) as server:
        server.timeout = 30  # of a sender that never comes
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        topic = Smn("sms", f"http://127.0.0.1:{server.server_port}", "0123", "urn:smn:r:0123:t")
        secrets = Secrets(keys)
        with pytest.raises(SendError):
            asyncio.run(sender(topic, secrets, httpx.AsyncClient()).send(MESSAGE))
        thread.join()
    assert seen[0].get("X-Security-Token", "") == token
    assert secrets.without("a-temporary-token") == ("***" if token else "a-temporary-token")


def test_secrets_are_taken_out_whole_and_in_the_parts_of_an_address() -> None:
    secrets = Secrets(ENVIRON)
    for name in ENVIRON:
        secrets.read(Secret(env=name))
    assert secrets.without(f"to {URL} with SECsecret") == "to *** with ***"
    assert secrets.without("token TOKENTOKEN") == "token ***"
    assert secrets.without("nothing") == "nothing"


def test_a_token_in_the_path_of_an_address_is_a_secret_too() -> None:
    secrets = Secrets({})
    secrets.remember("https://watch.example/ping/0123456789abcdef")
    assert secrets.without("404 for /ping/0123456789abcdef") == "404 for ***"


LEAST = "channels: {robot: {kind: wecom_robot, url: {env: ROBOT}}}\nroutes: {page: [robot], ticket: [robot]}\n"


def test_beyond_loopback_the_receiver_wants_a_token(tmp_path: Path) -> None:
    file = tmp_path / "notification.yaml"
    file.write_text(LEAST)
    command = ["receiver", "--settings", str(file), "--listen", "0.0.0.0"]
    done = CliRunner().invoke(cli, command, env={"ROBOT": "https://robot.example"})
    assert isinstance(done.exception, SettingsError)
    assert "beyond loopback only with a token" in str(done.exception)


def test_secrets_that_are_missing_are_all_named_before_anything_listens(tmp_path: Path) -> None:
    file = tmp_path / "notification.yaml"
    file.write_text(LEAST.replace("channels: {", "channels: {sms: {kind: dingtalk_robot, url: {file: /gone}}, "))
    done = CliRunner().invoke(cli, ["receiver", "--settings", str(file)], env={"ROBOT": ""})
    assert str(done.exception).count("\n") == 1
    assert "sms: /gone: cannot be read" in str(done.exception)
    assert "robot: the environment variable ROBOT: nothing is in it" in str(done.exception)


def test_settings_without_a_channel_of_the_receiver_are_refused(tmp_path: Path) -> None:
    mail = "{kind: email, to: [a@b.example], from: c@d.example, smarthost: 'm.example:25'}"
    text = f"channels: {{mail: {mail}}}\nroutes: {{page: [mail], ticket: [mail]}}\n"
    assert parse(text, "x").through_receiver() == ()
    (tmp_path / "x.yaml").write_text(text)
    done = CliRunner().invoke(cli, ["receiver", "--settings", str(tmp_path / "x.yaml")])
    assert "no channel needs a receiver" in str(done.exception)
