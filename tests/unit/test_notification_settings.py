"""The settings of notification: read strictly, and never with a secret in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.errors import SettingsError
from alerts.notify.reading import EXAMPLE, load, parse
from alerts.notify.settings import Email, Language, Robot, Secret, seconds

TEXT = EXAMPLE.read_text()


def test_the_example_that_is_shipped_can_be_used() -> None:
    settings = load()
    assert settings.language is Language.EN
    assert settings.page == ("oncall-sms", "oncall-wecom", "mail")
    assert isinstance(settings.channels["mail"], Email)
    assert [one.name for one in settings.through_receiver()] == [
        "oncall-sms",
        "oncall-wecom",
        "team-dingtalk",
        "watchdog",
    ]


def test_what_is_left_out_has_a_default() -> None:
    least = """
channels: {robot: {kind: wecom_robot, url: {env: ROBOT}}}
routes: {page: [robot], ticket: [robot]}
"""
    settings = parse(least, "least.yaml")
    robot = settings.channels["robot"]
    assert isinstance(robot, Robot) and robot.a_minute == 20
    assert (settings.time_zone, settings.rhythm.repeat_page, settings.dead_man) == ("Asia/Shanghai", "1h", ())


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("kind: smn ", "kind: sms ", "channels.oncall-sms.kind: found 'sms', allowed: email"),
        ("heartbeat: 1m", "heart: 1m", "rhythm: found 'heart', allowed:"),
        ("repeat_page: 1h", "repeat_page: 1 hour", "rhythm.repeat_page: found the text '1 hour', allowed: a duration"),
        ("page: [oncall-sms", "page: [oncall-smn", "routes.page: found 'oncall-smn', allowed: oncall-sms"),
        ("page: [oncall-sms, oncall-wecom, mail]", "page: []", "routes.page: found nobody"),
        (
            "dead_man: [watchdog]",
            "dead_man: [mail]",
            "routes.dead_man: found 'mail', allowed: channels of kind heartbeat",
        ),
        ("ticket: [team-dingtalk", "ticket: [watchdog", "found 'watchdog', allowed: channels that tell a person"),
        (
            "time_zone: Asia/Shanghai",
            "time_zone: Asia/Shangai",
            "time_zone: found 'Asia/Shangai', allowed: a time zone",
        ),
        ('alertmanager: "0.25"', 'alertmanager: "0.24"', "alertmanager: found 0.24, allowed: 0.25 or newer"),
        ("weekdays: monday:friday", "weekdays: mon-fri", "working_hours.weekdays: found the text 'mon-fri'"),
        ('  to: "18:00"', '  to: "08:00"', "working_hours.from: found 09:00 to 08:00, allowed: an end after the begin"),
        ("    user: letta-slo\n", "", "channels.mail.user: found one of user and password_file, allowed: both"),
        (
            "to: [oncall@example.com]",
            "to: [oncall]",
            "channels.mail.to[0]: found the text 'oncall', allowed: an e-mail",
        ),
        (
            "name: database-window\n    weekdays: sunday",
            "name: database-window\n    date: 2026-13-01",
            "maintenance[0].date",
        ),
        ("    weekdays: sunday\n", "    weekdays: sunday\n    date: 2026-12-24\n", "found a date and weekdays"),
        ("kind: email", "kind: wecom_application", "with an Alertmanager that cannot read its secret from a file"),
        ("routes:", "routes: &again", "routes"),
        ("language: en ", "language: de ", "language: found 'de', allowed: en, zh"),
    ],
)
def test_a_fault_is_refused_with_its_place_and_what_is_allowed(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    changed = TEXT.replace(old, new, 1)
    if complaint == "routes":  # an anchor alone harms nobody
        assert parse(changed, "x.yaml").page
        return
    with pytest.raises(SettingsError, match=r"x\.yaml:\d+: ") as raised:
        parse(changed, "x.yaml")
    assert complaint in str(raised.value)


def test_a_secret_in_the_settings_is_refused_and_not_repeated() -> None:
    changed = TEXT.replace("url: {file: /etc/letta-slo/wecom-robot.url}", "url: https://example.com/?key=SECRETKEY")
    with pytest.raises(SettingsError, match="the secret itself never stands here") as raised:
        parse(changed, "x.yaml")
    assert "SECRETKEY" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "- a\n", "a: 1\n---\nb: 2\n", "a: [1\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"x\.yaml:1|x\.yaml:2"):
        parse(text, "x.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.yaml: cannot be read, FileNotFoundError"):
        load(tmp_path / "gone.yaml")


def test_a_secret_comes_from_its_file_or_variable_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    assert Secret(file=str(tmp_path / "secret")).read({}) == "s3cret"
    assert Secret(env="ROBOT").read({"ROBOT": " s3cret "}) == "s3cret"


def test_a_secret_that_is_missing_is_named_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError, match="empty: nothing is in it"):
        Secret(file=str(tmp_path / "empty")).read({})
    with pytest.raises(SettingsError, match="the environment variable ROBOT: nothing is in it"):
        Secret(env="ROBOT").read({})
    with pytest.raises(SettingsError, match="gone: cannot be read"):
        Secret(file=str(tmp_path / "gone")).read({})


def test_what_was_delivered_is_forgotten_before_a_repetition_is_due() -> None:
    assert load().remembered_s == 600.0
    soon = parse(TEXT.replace("repeat_page: 1h", "repeat_page: 4m"), "x.yaml")
    assert soon.remembered_s == 120.0


def test_durations_are_those_of_an_alertmanager() -> None:
    assert [seconds(one) for one in ("500ms", "30s", "5m", "2h", "1d")] == [0.5, 30.0, 300.0, 7200.0, 86400.0]
