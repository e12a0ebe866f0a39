"""How are the steps of a plan taken, one after the other, each read back?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from alerts.aom.account import Keeper, State
from alerts.aom.aom_keepers import ActionRules, AlarmRules, MuteRules, Templates
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment
from alerts.aom.errors import CallError, RejectedError
from alerts.aom.lts_keepers import LogAlarms, LogGroups, LogIndexes, LogStreams
from alerts.aom.planning import Action, Step
from alerts.aom.resource import ORDER, Found, Kind, Mark, changes, readable
from alerts.aom.smn_keepers import Subscriptions, Topics


@dataclass(slots=True)
class Outcome:
    """What became of the steps that should change something. `failed` is the first that did not work, and ends it."""

    done: list[Step] = field(default_factory=list)
    differs: list[tuple[Step, str]] = field(
        default_factory=list
    )  # done, and it came back otherwise than it was written
    failed: Step | None = None
    error: CallError | None = None
    left: list[Step] = field(default_factory=list)


def account_of(cloud: Cloud, deployment: Deployment) -> Account:
    """Return the account that a deployment describes."""
    keepers: tuple[Keeper, ...] = (
        LogGroups(cloud),
        LogStreams(cloud, deployment),
        LogIndexes(cloud, deployment),
        Topics(cloud, deployment),
        Subscriptions(cloud, deployment),
        Templates(cloud),
        ActionRules(cloud, deployment),
        AlarmRules(cloud),
        MuteRules(cloud),
        LogAlarms(cloud),
    )
    return Account(keepers, deployment.prefix, pause=cloud.pause, waits_s=cloud.waits_s)


class Account:
    """One account, by the keepers of its kinds.

    What was written is looked for again after each of `waits_s` seconds, for which `pause` sleeps, until it is there.
    """

    def __init__(
        self,
        keepers: Iterable[Keeper],
        prefix: str,
        *,
        pause: Callable[[float], None],
        waits_s: tuple[float, ...],
    ) -> None:
        self._keepers = {one.kind: one for one in sorted(keepers, key=lambda one: ORDER[one.kind])}
        self._prefix = prefix
        self._pause = pause
        self._waits_s = waits_s
        self.state = State()

    def read(self) -> State:
        """Read everything; raises CallError."""
        for kind in self._keepers:
            self._read(kind)
        return self.state

    def apply(self, steps: Sequence[Step], say: Callable[[str], None]) -> Outcome:
        """Take the steps that change something; `say` is told of each before it is taken. Needs `read` before."""
        outcome = Outcome()
        to_do = [one for one in steps if one.does_something]
        for index, step in enumerate(to_do):
            say(f"{step.action} {step.kind} {step.name}")
            try:
                self._take(step)
                differs = self._read_back(step)
            except CallError as error:
                outcome.failed, outcome.error, outcome.left = step, error, to_do[index + 1 :]
                return outcome
            outcome.done.append(step)
            if differs:
                outcome.differs.append((step, differs))
        return outcome

    def _take(self, step: Step) -> None:
        keeper = self._keepers[step.kind]
        if step.action is Action.DELETE and step.found is not None:
            keeper.delete(step.found, self.state)
        elif step.wanted is not None:
            mark = Mark(self._prefix, step.wanted.sha)
            if step.action is Action.UPDATE and step.found is not None:
                keeper.update(step.wanted, mark, step.found, self.state)
            else:
                self._create(keeper, step, mark)

    def _create(self, keeper: Keeper, step: Step, mark: Mark) -> None:
        """Create; when a try whose answer was lost had made it already, that is found, and no error."""
        if step.wanted is None:
            return
        try:
            keeper.create(step.wanted, mark, self.state)
        except RejectedError:
            self._read_one(step)
            found = self.state.get(step.kind, step.name)
            if found is None or found.mark != mark:
                raise

    def _read_back(self, step: Step) -> str:
        """Return in what a step's result is not as it should be; a service may need a moment until it shows it."""
        for wait_s in (*self._waits_s, None):
            self._read_one(step)
            differs = _differs(step, self.state.get(step.kind, step.name), self._prefix)
            if not differs or wait_s is None:
                return differs
            self._pause(wait_s)
        return ""

    def _read_one(self, step: Step) -> None:
        self.state.put_one(step.kind, step.name, self._keepers[step.kind].read(self.state, step.name))

    def _read(self, kind: Kind) -> None:
        self.state.put(kind, self._keepers[kind].read(self.state))


def _differs(step: Step, found: Found | None, prefix: str) -> str:
    if step.action is Action.DELETE:
        return "it is still there" if found is not None and step.kind is not Kind.LOG_INDEX else ""
    if step.wanted is None:
        return ""
    if found is None:
        return "it is not there"
    fields = [one.field for one in changes(found.form, readable(step.wanted.form, found.form))]
    if found.mark != Mark(prefix, step.wanted.sha):
        fields.append("the mark")
    return ", ".join(fields)
