"""The cells of one result as numbers for analysis, each with the chain that made it.

Computed on reading and never stored. One value wins, in the order reported, from a standard error,
from a confidence interval, from t or P, from quantiles; what was digitised comes after what was
computed, and what was imputed comes last. The others are kept as checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kb.models.evidence import Cell, CellName, Origin, ResultClaim, ResultKind, State, Statistic
from kb.outcomes.chains import Number, Refused


class Guard(StrEnum):
    """Refusals a person may set aside; the number is then flagged with the guard's name."""

    SKEWED = "skewed"  # the quantiles speak against a symmetric distribution
    SMALL_SAMPLE = (
        "small-sample"  # fewer than 5 behind quantiles, 100 behind an interquartile range
    )
    NOT_MIDWAY = "not-midway"  # the estimate is not in the middle of its interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a person decides. `drop`: numbers of these origins, and all made from them, are left
    out, so that the next candidate takes their place; reported numbers cannot be dropped."""

    drop: frozenset[Origin] = frozenset()
    override: frozenset[Guard] = frozenset()
    correlations: tuple[float, ...] = (0.5, 0.7, 0.9)  # of baseline with follow-up


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedResult:
    """What harmonising needs of one result. `key` is whatever names it to the reader of a chain."""

    key: str
    kind: ResultKind
    cells: Mapping[CellName, Cell]
    state: State = State.REPORTED
    statistic: Statistic | None = None
    title: str | None = None
    unit: str | None = None
    measure: str | None = None
    ci_level: float | None = None  # percent; None is taken for 95
    p_text: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A value the same result gives in another way, beside the one that was taken."""

    quantity: str  # "sd", "mean", "events", "percent", "se"
    taken: Number
    other: Number
    agrees: bool
    tolerance: float  # what rounding of the printed inputs, or the rule's roughness, explains


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmValues:
    """One arm at one time. `events` are persons where the statistic counts persons or gives a
    percentage, else events."""

    result: str
    statistic: Statistic | None
    n: Number
    events: Number
    person_years: Number
    mean: Number
    sd: Number
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastValues:
    """One contrast. On the log scale `estimate` and `se` are those of the log of the ratio."""

    result: str
    measure: str | None  # "OR", "RR", "HR", "IRR", "MD", "SMD", "RD", "ROM"; None: not understood
    scale: str | None  # "log", "natural"
    estimate: Number
    se: Number
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSd:
    """The SD of change at one correlation of baseline with follow-up."""

    r: Number
    sd: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class PrePost:
    """One arm before and after: `change` is follow-up minus baseline."""

    n: Number
    baseline_mean: Number
    baseline_sd: Number
    follow_up_mean: Number
    follow_up_sd: Number
    change_mean: Number
    change_sd: tuple[ChangeSd, ...]  # one where reported or computed, else one per assumed r
    checks: tuple[Check, ...] = ()


def reported_result(claim: ResultClaim) -> ReportedResult:
    raise NotImplementedError


def harmonise_arm(result: ReportedResult, options: Options = Options()) -> ArmValues:
    raise NotImplementedError


def harmonise_contrast(
    result: ReportedResult,
    options: Options = Options(),
    *,
    n_1: Number | None = None,
    n_2: Number | None = None,
) -> ContrastValues:
    raise NotImplementedError


def sd_from_contrast(
    contrast: ContrastValues, arm: ArmValues, other: ArmValues, options: Options = Options()
) -> Number:
    raise NotImplementedError


def pre_post(
    baseline: ReportedResult,
    follow_up: ReportedResult,
    change: ReportedResult | None = None,
    options: Options = Options(),
) -> PrePost:
    raise NotImplementedError


def combined_arms(arms: Sequence[ArmValues]) -> ArmValues | Refused:
    raise NotImplementedError


def split_arm(arm: ArmValues, parts: int) -> ArmValues:
    raise NotImplementedError


def with_borrowed_sd(arm: ArmValues, lender: ArmValues, options: Options = Options()) -> ArmValues:
    raise NotImplementedError


def in_unit(arm: ArmValues, unit: str | None, wanted: str) -> ArmValues | Refused:
    raise NotImplementedError
