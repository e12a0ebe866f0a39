"""Deployment files: what the example says, and what is wrong with a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.aom.deployment import Protocol
from alerts.aom.errors import DeploymentError
from alerts.aom.reading import load, parse
from tests.aom_account import EXAMPLE, SECRETS

TEXT = EXAMPLE.read_text()


def test_the_example_is_read_whole() -> None:
    found = load(EXAMPLE, SECRETS)
    page, ticket = found.channels
    assert [one.protocol for one in page[1]] == [Protocol.SMS, Protocol.WECHAT, Protocol.DINGDING]
    assert [one.to.value for one in ticket[1]] == ["oncall@example.com"]
    assert [(one.repeats, one.starts_at, one.days) for one in found.maintenance] == [
        ("WEEKLY", 2 * 3600, (7,)),
        ("FIXED", 1_796_061_600_000, ()),
    ]
    assert [(one.name, one.retention_days) for one in found.logs[0].streams] == [("server", 30), ("bridge", 7)]
    assert found.log_alarms[0].stream == "server"


def test_secrets_come_from_the_environment_or_a_file_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "robot").write_text("https://robot.example/planted\n")
    text = TEXT.replace("${LETTA_SLO_WECOM_ROBOT}", f"file:{tmp_path}/robot")
    found = parse(text, "aom.yaml", SECRETS)
    robots = [one for one in found.channels[0][1] if one.protocol is not Protocol.SMS]
    assert [one.to.value for one in robots] == ["https://robot.example/planted", SECRETS["LETTA_SLO_DINGTALK_ROBOT"]]
    assert "planted" not in repr(found)
    assert set(found.secrets()) == {
        "https://robot.example/planted",
        SECRETS["LETTA_SLO_DINGTALK_ROBOT"],
        SECRETS["LETTA_SLO_DINGTALK_SECRET"],
    }


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("region: cn-north-4", "regoin: cn-north-4", "aom.yaml:2: found 'regoin'.*did you mean 'region'"),
        ("region: cn-north-4\n", "", "'region' is required"),
        ("project_id: 0123456789abcdef0123456789abcdef", "project_id: abc", "aom.yaml:3: project_id: found 'abc'"),
        ('"${LETTA_SLO_WECOM_ROBOT}"', '"https://robot"', "to: found a secret as it is, allowed: .*file:PATH"),
        ('"${LETTA_SLO_WECOM_ROBOT}"', '"${NOWHERE}"', "NOWHERE}, which is not set"),
        ('"${LETTA_SLO_WECOM_ROBOT}"', '"file:no/such/file"', "no/such/file, which cannot be read"),
        ("protocol: wechat", "protocol: we-chat", "found 'we-chat'.*did you mean 'wechat'"),
        ("to: oncall@example.com", "to: oncall@example.com, keyword: x", "found a keyword or secret with email"),
        ("[sunday]", "[sonday]", "found 'sonday'.*did you mean 'sunday'"),
        ('to: "04:00"', 'to: "01:00"', "found 02:00 to 01:00, allowed: to after from"),
        ('to: "04:00"', 'to: "25:00"', "found '25:00'"),
        ("2026-12-01T02:00:00+08:00", "2026-12-01T02:00:00", "no stretch of time, allowed: from and to with a zone"),
        ("retention_days: 30", "retention_days: 400", "found 400, allowed: whole days from 1 to 365"),
        ("retention_days: 30", "retention_days: 1.5", "found 1.5, allowed: a whole number"),
        ("region: cn-north-4", "region: ap-southeast-3", "found 7 in ap-southeast-3, allowed: that of the group"),
        ("stream: letta/server", "stream: letta/serve", "found 'letta/serve'.*did you mean 'letta/server'"),
        ("domain_id: fedcba9876543210fedcba9876543210", "", "found no domain_id in the file"),
        ("prefix: letta_slo", "prefix: letta-slo", "prefix: found 'letta-slo'"),
        ("weekly: {", "daily: {from: '01:00', to: '02:00'}\n    weekly: {", "found 'daily' and 'weekly'"),
        ("channels:", "channels: &a", None),
        ("locale: zh-cn", "locale: *a", "found"),
    ],
)
def test_a_fault_is_named_with_file_line_key_and_what_would_be_right(old: str, new: str, complaint: str | None) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    if complaint is None:
        parse(text, "aom.yaml", SECRETS)
        return
    with pytest.raises(DeploymentError, match=complaint):
        parse(text, "aom.yaml", SECRETS)


def test_all_faults_are_told_at_once() -> None:
    text = TEXT.replace("locale: zh-cn", "locale: de").replace("iam_user: letta-slo", "iam_usr: x")
    with pytest.raises(DeploymentError) as raised:
        parse(text, "aom.yaml", SECRETS)
    assert len(str(raised.value).splitlines()) == 3


def test_a_file_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(DeploymentError, match=r"nowhere\.yaml: cannot be read"):
        load(Path("nowhere.yaml"), {})
