"""What a run will need before it starts: requests, time, tokens, money."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from slo.binomial import most_bad_tolerated, samples_to_meet
from slo.objective import Kind, Objective, Phase
from slo.power import planned_samples

__all__ = ["Cost", "ObjectivePlan", "Plan", "TokenPrices", "TokensPerRequest", "plan"]

_PER_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class TokensPerRequest:
    """Tokens that one request of an operation sends to and gets from the language model."""

    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Price of a million tokens each way, in the named currency."""

    input_per_million: Decimal
    output_per_million: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What the whole run sends; `money` is None without a price table."""

    requests: int
    tokens_in: int
    tokens_out: int
    money: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class ObjectivePlan:
    """What one objective needs, beside what the run will give it.

    `minimum_samples` can show `met` only when none is bad. `planned_samples` show `met` in nine runs of ten when half
    the allowed share is bad. `most_bad` is how many of the expected samples may be bad and the verdict still be
    `met`, failures being independent; None when even none is too many. `shortest_duration_s` is the time the
    objective's phases must last together to yield `planned_samples`; None when nothing of it is sent.
    """

    objective: Objective
    rate_per_s: float
    duration_s: float
    expected_samples: int
    minimum_samples: int
    planned_samples: int | None
    most_bad: int | None
    shortest_duration_s: float | None

    @property
    def can_be_met(self) -> bool:
        """Whether a run without a single failure would be enough to say `met`."""
        return self.expected_samples >= self.minimum_samples

    @property
    def suffices(self) -> bool:
        """Whether the run yields the planned samples."""
        return self.planned_samples is not None and self.expected_samples >= self.planned_samples


@dataclass(frozen=True, slots=True)
class Plan:
    """The needs of all objectives, and the cost of the run."""

    objectives: tuple[ObjectivePlan, ...]
    cost: Cost

    @property
    def suffices(self) -> bool:
        """Whether every objective gets its planned samples."""
        return all(entry.suffices for entry in self.objectives)


def plan(
    objectives: Iterable[Objective],
    expected_rates: Mapping[str, float],
    durations: Mapping[Phase, float],
    *,
    tokens: Mapping[str, TokensPerRequest] | None = None,
    prices: TokenPrices | None = None,
    confidence: float = 0.95,
) -> Plan:
    """Plan a run.

    Args:
        objectives: what will be judged.
        expected_rates: requests per second of each operation; one that is absent is not sent.
        durations: seconds of each phase; one that is absent does not take place.
        tokens: of one request of each operation that reaches a paid model.
        prices: of those tokens.
        confidence: one-sided, of the verdicts to come.
    """
    return Plan(
        tuple(_for_objective(objective, expected_rates, durations, confidence) for objective in objectives),
        _cost(expected_rates, sum(durations.values()), tokens or {}, prices),
    )


def _for_objective(
    objective: Objective, rates: Mapping[str, float], durations: Mapping[Phase, float], confidence: float
) -> ObjectivePlan:
    # Summed in one order, so that the same plan comes out whatever the order of a set in this process.
    rate_per_s = sum(rates.get(operation, 0.0) for operation in sorted(objective.samples.operations))
    duration_s = sum(durations.get(phase, 0.0) for phase in sorted(objective.samples.phases))
    expected = int(rate_per_s * duration_s)
    allowed, is_share = objective.allowed_bad_share, objective.kind is Kind.SHARE
    minimum = samples_to_meet(allowed, 0, confidence=confidence) if is_share else 1
    planned = None
    if rate_per_s > 0:
        planned = planned_samples(allowed, rate_per_s, confidence=confidence) if is_share else 1
    tolerated = most_bad_tolerated(allowed, expected, confidence=confidence) if is_share else 0
    return ObjectivePlan(
        objective=objective,
        rate_per_s=rate_per_s,
        duration_s=duration_s,
        expected_samples=expected,
        minimum_samples=minimum,
        planned_samples=planned,
        most_bad=tolerated,
        shortest_duration_s=planned / rate_per_s if planned is not None else None,
    )


def _cost(
    rates: Mapping[str, float], duration_s: float, tokens: Mapping[str, TokensPerRequest], prices: TokenPrices | None
) -> Cost:
    sent = {operation: round(rate * duration_s) for operation, rate in rates.items()}
    tokens_in = sum(count * tokens[operation].tokens_in for operation, count in sent.items() if operation in tokens)
    tokens_out = sum(count * tokens[operation].tokens_out for operation, count in sent.items() if operation in tokens)
    money = None
    if prices is not None:
        money = (tokens_in * prices.input_per_million + tokens_out * prices.output_per_million) / _PER_MILLION
    return Cost(sum(sent.values()), tokens_in, tokens_out, money, prices.currency if prices is not None else None)
