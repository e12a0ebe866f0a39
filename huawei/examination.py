"""What is found on an account, step by step: is it reached, does it take what is written, does that come back?

Along with that, each thing that this suite only assumes of Huawei Cloud is confirmed, refuted, or said to be not asked.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import orjson

from huawei import aom, apm, iam, lts
from huawei.account import IAM, TO_READ, Account
from huawei.errors import CloudError, RefusedError, UnreachableError

_EVERY_S: Final = 1.0
_DAY_S: Final = 24 * 3600
_NS: Final = 1_000_000_000
_EARLIER_MS: Final = 60_000
_OLD_NS: Final = 3 * _DAY_S * _NS  # LTS is said to take two days


class Outcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not found"
    NOT_ASKED = "not asked"


class Truth(StrEnum):
    """What became of an assumption."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    service: str
    what: str
    outcome: Outcome
    said: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that the suite builds on without having seen it."""

    claim: str
    truth: Truth
    said: str


@dataclass(slots=True)
class Findings:
    """All that an examination found, in its order."""

    steps: list[Step] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)

    @property
    def outcomes(self) -> set[Outcome]:
        """Which outcomes there are."""
        return {one.outcome for one in self.steps}


def examine(account: Account, *, wait_s: float, say: Callable[[str], None] = lambda _text: None) -> Findings:
    """Write a span, a sample and a line where the account says, and read each back within `wait_s` seconds."""
    examination = _Examination(account, wait_s, say)
    examination.run()
    return examination.findings


class _NotFoundError(CloudError):
    """What was written did not come back in time."""


class _Examination:
    def __init__(self, account: Account, wait_s: float, say: Callable[[str], None]) -> None:
        self._account = account
        self._wait_s = wait_s
        self._say = say
        self._name = secrets.token_hex(8)  # what is written is found by it
        self._iam_token = account["LTS_TOKEN"]
        self.findings = Findings()

    def run(self) -> None:
        self._credentials()
        parts = {"apm": self._apm, "aom": self._aom, "lts": self._lts}
        for service in self._account.services:
            parts[service]()

    def _credentials(self) -> None:
        if not self._account.has(IAM):
            self._not_asked("IAM", "gives a token", self._account.missing(IAM))
            return
        lasting: list[float | None] = []

        def get() -> str:
            given = iam.token(self._account)
            self._iam_token = given.value
            lasting.append(given.lasts_s)
            return f"{len(given.value):,} characters"

        self._step("IAM", "gives a token", get)
        hours = None if not lasting or lasting[0] is None else lasting[0] / 3600
        claim = "A token of IAM holds for a day, so one that is renewed after half of its time is never too old."
        self._assume(claim, None if hours is None else hours > 23, "" if hours is None else f"{hours:.1f} hours")

    def _apm(self) -> None:
        trace_id = secrets.token_bytes(16)

        def send() -> str:
            apm.send_span(self._account, trace_id)
            return f"as {self._account.apm_service}, trace {trace_id.hex()}"

        taken = self._step("APM", "takes a span", send)
        wrong = self._account["APM_TOKEN"] + "x"
        self._assume_refused(
            "APM reads its token from the metadata `authentication`, and refuses another.",
            taken,
            lambda: apm.send_span(self._account, secrets.token_bytes(16), token=wrong),
        )
        found: bool | None = None
        if taken and self._can_read("APM", "finds the span"):

            def look() -> str:
                self._until(lambda: apm.has_trace(self._account, self._iam_token, trace_id))
                return "by its W3C id"

            found = self._step("APM", "finds the span", look)
        claim = "APM's search finds a trace of OpenTelemetry by its W3C id."
        self._assume(claim, found, "" if found is None else self.findings.steps[-1].said)

    def _aom(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        newer, older = (now_ms, 2.0), (now_ms - _EARLIER_MS, 1.0)

        def send() -> str:
            aom.send_sample(self._account, self._name, newer)
            return f"{aom.METRIC}{{examination={self._name}}}"

        taken = self._step("AOM", "takes a sample", send)
        self._assume_refused(
            "AOM's remote write asks for the user aom_access_code with the access code, and refuses another code.",
            taken,
            lambda: aom.send_sample(self._account, self._name, newer, code=self._account["AOM_ACCESS_CODE"] + "x"),
        )
        claim = "AOM takes a sample that is older than the newest of its series (a collector's restart may send such)."
        is_older_taken, said = self._refusal(lambda: aom.send_sample(self._account, self._name, older))
        if not (taken and self._can_read("AOM", "gives the sample back")):
            self._assume(claim, False if taken and is_older_taken is False else None, said)
            return

        def look() -> str:
            self._until(lambda: newer in aom.samples(self._account, self._name))
            return "with its time and value"

        if self._step("AOM", "gives the sample back", look) and is_older_taken:
            kept = older in aom.samples(self._account, self._name)
            self._assume(claim, kept, "both came back" if kept else "it was taken, and did not come back")
        else:
            self._assume(claim, False if is_older_taken is False else None, said)

    def _lts(self) -> None:
        now_ns = time.time_ns()
        line = orjson.dumps({"body": "letta-slo doctor", "examination": self._name, "nested": {"n": 1}}).decode()
        old = orjson.dumps({"body": "letta-slo doctor", "examination": self._name, "days_ago": 3}).decode()

        def send() -> str:
            lts.send_line(self._account, self._iam_token, now_ns, line)
            return f"a line with {self._name}"

        is_old_taken, old_said = self._refusal(  # first, so that it cannot be on its way when the other is there
            lambda: lts.send_line(self._account, self._iam_token, now_ns - _OLD_NS, old)
        )
        taken = self._step("LTS", "takes a line", send)
        same, dropped = (
            "LTS keeps a line of JSON as it was written.",
            "LTS says yes to a record that is older than two days, and drops it without a word.",
        )
        if not (taken and self._can_read("LTS", "finds the line")):
            self._assume(same, None)
            self._assume(dropped, False if is_old_taken is False and taken else None, old_said)
            return
        found: list[str] = []

        def look() -> str:
            self._until(lambda: self._is_there(found, now_ns))
            return f"{len(found)} of the examination"

        if not self._step("LTS", "finds the line", look):
            self._assume(same, None)
            self._assume(dropped, None)
            return
        is_old_there = any("days_ago" in one for one in found)
        self._assume(same, line in found, "" if line in found else f"it came back as {found[0][:200]}")
        what_became = "it came back" if is_old_there else "it was taken, and did not come back"
        self._assume(dropped, bool(is_old_taken) and not is_old_there, what_became if is_old_taken else old_said)

    def _is_there(self, found: list[str], now_ns: int) -> bool:
        found[:] = lts.lines(self._account, self._iam_token, self._name, now_ns)
        return any("nested" in one for one in found)

    def _can_read(self, service: str, what: str) -> bool:
        lacking = self._account.missing(TO_READ[service.lower()])
        if service != "AOM" and not self._iam_token:
            lacking = ", ".join(filter(None, (lacking, f"a token ({', '.join(IAM)})")))
        if lacking:
            self._not_asked(service, what, lacking)
        return not lacking

    def _step(self, service: str, what: str, act: Callable[[], str]) -> bool:
        """Do one thing, and note what became of it; return whether it is done."""
        outcome, said = Outcome.DONE, ""
        try:
            said = act()
        except UnreachableError as error:
            outcome, said = Outcome.UNREACHABLE, str(error)
        except _NotFoundError as error:
            outcome, said = Outcome.NOT_FOUND, str(error)
        except CloudError as error:
            outcome, said = Outcome.REFUSED, str(error)
        self._note(Step(service, what, outcome, self._account.without_secrets(said)))
        return outcome is Outcome.DONE

    def _not_asked(self, service: str, what: str, lacking: str) -> None:
        self._note(Step(service, what, Outcome.NOT_ASKED, f"set {lacking}"))

    def _note(self, step: Step) -> None:
        self.findings.steps.append(step)
        self._say(f"{step.service} {step.what}: {step.outcome}")

    def _refusal(self, act: Callable[[], None]) -> tuple[bool | None, str]:
        """Do something whose outcome is a finding: True when it was taken, False when refused, None when unanswered."""
        try:
            act()
        except RefusedError as error:
            return False, str(error)
        except CloudError as error:
            return None, str(error)
        return True, "it was taken"

    def _assume_refused(self, claim: str, taken: bool, act: Callable[[], None]) -> None:
        """An assumption that holds when the right thing was taken and a wrong one is refused."""
        if not taken:
            self._assume(claim, None)
            return
        is_taken, said = self._refusal(act)
        self._assume(claim, None if is_taken is None else not is_taken, said)

    def _assume(self, claim: str, truth: bool | None, said: str = "") -> None:
        found = Truth.NOT_ASKED if truth is None else Truth.CONFIRMED if truth else Truth.REFUTED
        self.findings.assumptions.append(Assumption(claim, found, self._account.without_secrets(said)))

    def _until(self, is_there: Callable[[], bool]) -> None:
        """Ask again every second until it is there; raises what asking raises, and when the time is over."""
        ends = time.monotonic() + self._wait_s
        while not is_there():
            if time.monotonic() >= ends:
                raise _NotFoundError(f"nothing within {self._wait_s:g} s; --wait gives it longer")
            time.sleep(_EVERY_S)  # the services tell nobody when something can be read: they are asked
