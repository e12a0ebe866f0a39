"""How are alarm rules, action rules, message templates and mute rules read and written? By their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.aom import aom_bodies as bodies
from alerts.aom.account import State
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.errors import RejectedError
from alerts.aom.resource import Form, Found, Kind, Mark, Resource

PAGE: Final = 200  # what Huawei's own code asks for; the API allows 1,000


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """Rules of metrics; one call makes and changes them, and a name that is there already is refused."""

    cloud: Cloud
    kind = Kind.ALARM_RULE

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all rules of the project, page by page; with `only`, those that the service finds by that name."""
        del state
        rules: dict[str, Found] = {}
        offset = 0
        while True:
            where = {"limit": str(PAGE), "offset": str(offset), **({"name": only} if only else {})}
            answer = self.cloud.ask("aom", "list_metric_or_event_alarm_rule", **where)
            page = answer.get("alarm_rules") or []
            known = len(rules)
            rules |= {
                one.name: one
                for one in _found(self.kind, page, "alarm_rule_name", "alarm_rule_description", bodies.alarm_rule_form)
            }
            if len(rules) == known:  # a page that is short need not be the last: a service may give less than asked
                _check_complete(len(rules), answer.get("count"))
                return list(rules.values())
            offset += len(page)

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Add a rule."""
        del state
        self._write("add-alarm-action", wanted, mark)

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change a rule."""
        del found, state
        self._write("update-alarm-action", wanted, mark)

    def delete(self, found: Found, state: State) -> None:
        """Remove a rule."""
        del state
        self.cloud.ask("aom", "delete_metric_or_event_alarm_rule", body={"alarm_rules": [found.name]})

    def _write(self, action: str, wanted: Resource, mark: Mark) -> None:
        body = bodies.alarm_rule_body(wanted, mark)
        answer = self.cloud.ask("aom", "add_or_update_metric_or_event_alarm_rule", action_id=action, body=body) or {}
        # A call may succeed while the rule in it did not.
        for one in answer.get("alarm_rules") or []:
            if str(one.get("result", "success")).lower() not in {"success", "ok", "true", ""}:
                raise RejectedError(f"aom {action} {wanted.name}: {one['result']}")


@dataclass(frozen=True, slots=True)
class ActionRules:
    """Who is told: a topic and a template."""

    cloud: Cloud
    deployment: Deployment
    kind = Kind.ACTION_RULE

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all action rules."""
        del state, only
        listed = (self.cloud.ask("aom", "list_action_rule") or {}).get("action_rules") or []
        return _found(self.kind, listed, "rule_name", "desc", bodies.action_rule_form)

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Add an action rule."""
        self.cloud.ask("aom", "add_action_rule", body=self._body(wanted, mark, state))

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change an action rule."""
        del found
        self.cloud.ask("aom", "update_action_rule", body=self._body(wanted, mark, state))

    def delete(self, found: Found, state: State) -> None:
        """Remove an action rule."""
        del state
        self.cloud.ask("aom", "delete_action_rule", body=[found.name])

    def _body(self, wanted: Resource, mark: Mark, state: State) -> dict[str, Any]:
        return bodies.action_rule_body(wanted, mark, self.deployment.project_id, state.keys(Kind.TOPIC))


@dataclass(frozen=True, slots=True)
class Templates:
    """What people are told."""

    cloud: Cloud
    kind = Kind.TEMPLATE

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all message templates, Huawei's own among them."""
        del state, only
        listed = _bare_list(self.cloud.ask("aom", "list_notification_templates"))
        return _found(self.kind, listed, "name", "desc", bodies.template_form)

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Add a template."""
        del state
        self.cloud.ask("aom", "create_notification_template", body=bodies.template_body(wanted, mark))

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change a template."""
        del found, state
        self.cloud.ask("aom", "update_notification_template", body=bodies.template_body(wanted, mark))

    def delete(self, found: Found, state: State) -> None:
        """Remove a template."""
        del state
        self.cloud.ask("aom", "delete_notification_template", body={"names": [found.name]})


@dataclass(frozen=True, slots=True)
class MuteRules:
    """When nobody is told."""

    cloud: Cloud
    kind = Kind.MUTE_RULE

    def read(self, state: State, only: str = "") -> list[Found]:
        """Return all mute rules."""
        del state, only
        return _found(
            self.kind, _bare_list(self.cloud.ask("aom", "list_mute_rule")), "name", "desc", bodies.mute_rule_form
        )

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        """Add a mute rule."""
        del state
        self.cloud.ask("aom", "add_mute_rules", body=bodies.mute_rule_body(wanted, mark))

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        """Change a mute rule."""
        del found, state
        self.cloud.ask("aom", "update_mute_rule", body=bodies.mute_rule_body(wanted, mark))

    def delete(self, found: Found, state: State) -> None:
        """Remove a mute rule."""
        del state
        self.cloud.ask("aom", "delete_mute_rules", body=[{"name": found.name}])


def _check_complete(read: int, said: object) -> None:
    """Refuse to go on with a part of the rules: one of the others might be ours."""
    if isinstance(said, int) and said > read:
        raise RejectedError(f"aom list_metric_or_event_alarm_rule: {read} rules in all pages, and it counts {said}")


def _found(
    kind: Kind,
    listed: list[Mapping[str, Any]],
    name: str,
    description: str,
    form: Callable[[Mapping[str, Any]], Form],
) -> list[Found]:
    return [
        Found(kind, str(one[name]), form(one), Mark.of(str(one.get(description) or "")), str(one[name]))
        for one in listed
        if one.get(name)
    ]


def _bare_list(answer: Any) -> list[Mapping[str, Any]]:
    """Return the list that an answer is, or that it holds alone."""
    if isinstance(answer, list):
        return answer
    lists = [value for value in (answer or {}).values() if isinstance(value, list)]
    return lists[0] if len(lists) == 1 else []
