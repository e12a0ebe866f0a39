"""Calls to the double: each signed by the SDK and checked by other code, put off and made again, refused and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.aom.account import State
from alerts.aom.calls import Cloud, credentials, endpoints
from alerts.aom.errors import RefusedError, RejectedError, UnreachableError
from alerts.aom.reading import load
from alerts.aom.resource import Mark
from alerts.aom.smn_keepers import Topics
from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.management.double import ManagementDouble
from testbed.cloud.signature import Signed, fault
from tests.aom_account import EXAMPLE, SECRETS

DEPLOYMENT = load(EXAMPLE, SECRETS)
KEYS = {"KEY": "SECRET"}
WAITS_S = (1.0, 2.0, 4.0)


@pytest.fixture(scope="module")
def one_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementDouble]:
    with ManagementDouble(tmp_path_factory.mktemp("management")) as made:
        yield made


@pytest.fixture
def double(one_double: ManagementDouble) -> ManagementDouble:
    one_double.clear()
    return one_double


def cloud(double: ManagementDouble, paused: list[float] | None = None, **environment: str) -> Cloud:
    pauses: list[float] = [] if paused is None else paused
    return Cloud(DEPLOYMENT, {**double.environment, **environment}, pause=pauses.append, waits_s=WAITS_S)


def signed(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Signed:
    """Return a request that the SDK has signed."""
    from urllib.parse import parse_qsl

    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    made = SdkRequest(
        method=method,
        schema="http",
        host="aom.example",
        resource_path=path,
        query_params=parse_qsl(query),
        header_params={"Content-Type": "application/json", **headers},
        body=body.decode(),
    )
    Signer(BasicCredentials("KEY", "SECRET", "project")).sign(made)
    given = {name.lower(): str(value) for name, value in made.header_params.items()}
    uri, _, asked = made.uri.partition("?")
    return Signed(method, uri, asked, given, body)


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", "/v2/p/alert/action-rules"),
        ("GET", "/v4/p/alarm-rules", "offset=0&limit=200&name=a b%2Fc~中"),
        ("POST", "/v2/p/notifications/topics/urn%3Asmn%3Ar%3Ap%3At/subscriptions", "", '{"remark":"值班"}'.encode()),
    ],
)
def test_a_request_that_the_sdk_signed_is_found_to_be_signed(request_: tuple[Any, ...]) -> None:
    assert fault(signed(*request_), KEYS, datetime.now(UTC)) == ""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"body": b"{}"}, "verify signature failed"),
        ({"path": "/v4/q/alarm-rules"}, "verify signature failed"),
        ({"query": "limit=201"}, "verify signature failed"),
        ({"method": "DELETE"}, "verify signature failed"),
        ({"headers": {}}, "no signature of the form"),
    ],
)
def test_a_request_that_was_changed_on_its_way_is_refused(change: dict[str, Any], complaint: str) -> None:
    sent = signed("GET", "/v4/p/alarm-rules", "limit=200")
    assert complaint in fault(replace(sent, **change), KEYS, datetime.now(UTC))


def test_another_secret_an_unknown_key_and_an_old_date_are_refused() -> None:
    sent, now = signed("GET", "/v4/p/alarm-rules"), datetime.now(UTC)
    assert fault(sent, {"KEY": "OTHER"}, now) == "verify signature failed"
    assert fault(sent, {}, now) == "the access key is not known"
    assert "too far from now" in fault(sent, KEYS, now + timedelta(hours=1))


@pytest.mark.parametrize("fault_", [{"throttled": 2}, {"broken": 2}])
def test_what_is_put_off_is_asked_again_after_growing_pauses(double: ManagementDouble, fault_: dict[str, int]) -> None:
    paused: list[float] = []
    double.fail(**fault_)
    assert cloud(double, paused).ask("aom", "list_action_rule") == {"action_rules": []}
    assert len(paused) == 2
    assert 0.5 <= paused[0] <= 1.0 <= paused[1] <= 2.0


@pytest.mark.parametrize(("fault_", "status"), [({"throttled": 9}, "429: too many requests"), ({"broken": 9}, "500")])
def test_after_some_tries_it_is_given_up(double: ManagementDouble, fault_: dict[str, int], status: str) -> None:
    paused: list[float] = []
    double.fail(**fault_)
    with pytest.raises(UnreachableError, match=rf"aom list_action_rule: answered {status}.*given up after 4 tries"):
        cloud(double, paused).ask("aom", "list_action_rule")
    assert len(paused) == len(WAITS_S)


def test_what_is_refused_or_rejected_is_not_asked_again(double: ManagementDouble) -> None:
    paused: list[float] = []
    with pytest.raises(RefusedError, match="check HUAWEICLOUD_SDK_AK"):
        cloud(double, paused, HUAWEICLOUD_SDK_SK="wrong").ask("aom", "list_action_rule")
    with pytest.raises(RejectedError, match=r"smn create_topic: answered 400 SMN\.00014: the display name is too long"):
        cloud(double, paused).ask("smn", "create_topic", body={"name": "a", "display_name": "x" * 200})
    assert paused == []


def test_a_name_that_exists_is_rejected_with_its_code(double: ManagementDouble) -> None:
    template = {"name": "a", "locale": "zh-cn", "desc": "", "templates": "[]"}
    made = cloud(double)
    made.ask("aom", "create_notification_template", body=template)
    with pytest.raises(RejectedError) as raised:
        made.ask("aom", "create_notification_template", body=template)
    assert raised.value.code == "AOM.08001002"


def test_deleting_what_is_not_there_succeeds(double: ManagementDouble) -> None:
    cloud(double).ask("aom", "delete_metric_or_event_alarm_rule", body={"alarm_rules": ["nobody"]})


def test_topics_are_read_to_the_last_page(double: ManagementDouble) -> None:
    # The double refuses an offset that is not below the number of topics, as SMN's reference has it.
    for number in range(201):
        urn = f"urn:{number:03}"
        double.put("topics", urn, {"topic_urn": urn, "name": f"t{number:03}", "display_name": ""})
    found = Topics(cloud(double), DEPLOYMENT).read(State())
    assert [one.name for one in found] == [f"t{number:03}" for number in range(201)]


@pytest.mark.parametrize(
    "policy",
    [
        "",
        {"Statement": [{"Effect": "Deny", "Principal": {"Service": ["lts"]}}]},
        '{"Statement": [{"Effect": "Allow", "Principal": {"CSP": ["urn:csp:iam::x:root"]}}]}',
        {"Statement": [{"Effect": "Allow", "Principal": {"Service": "apm"}}]},
    ],
)
def test_who_may_publish_is_read_in_whatever_form_a_policy_comes(double: ManagementDouble, policy: object) -> None:
    name = f"letta_slo_page {Mark('letta_slo', '0' * 16)}"
    double.put(
        "topics", "urn", {"topic_urn": "urn", "name": "letta_slo_page", "display_name": name, "access_policy": policy}
    )
    (found,) = Topics(cloud(double), DEPLOYMENT).read(State())
    assert found.form["publishers"] == (["apm"] if "apm" in str(policy) else [])


def test_no_secret_stands_in_a_message_though_the_service_repeats_it(double: ManagementDouble) -> None:
    robot = SECRETS["LETTA_SLO_WECOM_ROBOT"]
    body = {"protocol": "none", "endpoint": robot}
    made = cloud(double)
    topic = made.ask("smn", "create_topic", body={"name": "a", "display_name": ""})["topic_urn"]
    with pytest.raises(RejectedError) as raised:
        made.ask("smn", "add_subscription", topic_urn=topic, body=body)
    assert "'***'" in str(raised.value)
    assert robot not in str(raised.value)


def test_addresses_are_those_of_the_region_unless_the_environment_has_others() -> None:
    assert endpoints("cn-north-4", {"LETTA_SLO_SMN_ENDPOINT": "http://127.0.0.1:1/"}) == {
        "aom": "https://aom.cn-north-4.myhuaweicloud.com",
        "smn": "http://127.0.0.1:1",
        "lts": "https://lts.cn-north-4.myhuaweicloud.com",
    }


def test_credentials_come_from_the_environment_and_are_not_shown() -> None:
    keys = {"HUAWEICLOUD_SDK_AK": "key", "HUAWEICLOUD_SDK_SK": "planted", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "token"}
    found = credentials(keys)
    assert (found.secret, found.token) == ("planted", "token")
    assert "planted" not in repr(found)
    with pytest.raises(RefusedError, match="set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"):
        credentials({})


def test_a_token_of_a_temporary_key_goes_along(double: ManagementDouble) -> None:
    made = cloud(double, HUAWEICLOUD_SDK_SECURITY_TOKEN="token")
    assert made.ask("lts", "list_log_groups") == {"log_groups": []}
    assert double.held()["requests"] == [f"GET /v2/{ACCOUNT.project_id}/groups"]


def test_the_double_is_started_from_its_log_folder(tmp_path: Path) -> None:
    with ManagementDouble(tmp_path) as made:
        assert made.held()["requests"] == []
