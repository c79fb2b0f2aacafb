"""Rows of a GRADE summary of findings.

Cochrane Handbook v6, chapter 14; Guyatt 2011 (J Clin Epidemiol 64:383-394). A row states the
finding and how certain it is, and, for evidence without a comparator, what it cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from kb.errors import InvalidInput


class Certainty(StrEnum):
    VERY_LOW = "very low"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


class Body(StrEnum):
    """What kind of studies the body of evidence is made of."""

    RANDOMISED = "randomised"
    NON_RANDOMISED = "non-randomised"  # with a comparator, risk of bias by another tool
    NON_RANDOMISED_ROBINS = "non-randomised, ROBINS-I"  # starts high (Schünemann 2019)
    SINGLE_ARM = "single-arm"


class Lowering(StrEnum):
    RISK_OF_BIAS = "risk of bias"
    INCONSISTENCY = "inconsistency"
    INDIRECTNESS = "indirectness"
    IMPRECISION = "imprecision"
    PUBLICATION_BIAS = "publication bias"


class Raising(StrEnum):
    LARGE_EFFECT = "large effect"
    DOSE_RESPONSE = "dose response"
    OPPOSING_CONFOUNDING = "opposing confounding"


_START: Final[Mapping[Body, Certainty]] = MappingProxyType(
    {
        Body.RANDOMISED: Certainty.HIGH,
        Body.NON_RANDOMISED: Certainty.LOW,
        Body.NON_RANDOMISED_ROBINS: Certainty.HIGH,
        # Without a comparator an effect rests on what would have happened otherwise, which nobody
        # observed: low at best, and very low where the course of the disease varies.
        Body.SINGLE_ARM: Certainty.LOW,
    }
)
_LEVELS: Final = tuple(Certainty)
_SINGLE_ARM_SAYS: Final = (
    "No comparator: this is how many had the outcome, or how it changed, after treatment. It does "
    "not say what would have happened without, so no effect of the treatment follows from it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Levels down (-1, -2) or up (+1, +2), and why."""

    domain: str
    levels: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A ratio on its natural scale, with its 95 % interval."""

    measure: str  # "RR", "OR", "HR"
    estimate: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of those treated had the outcome, 0 to 1, with its 95 % interval."""

    estimate: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PerThousand:
    estimate: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """`assumed` and `corresponding` are risks per 1,000; None where there is no comparator, no
    assumed risk or no ratio they follow from. `observed` is the share per 1,000 of a single-arm
    body, which no treatment is known to have caused. `statement` says the finding in GRADE's
    words."""

    outcome: str
    timeframe: str | None
    participants: int | None
    studies: int
    body: Body
    assumed: float | None
    corresponding: PerThousand | None
    observed: PerThousand | None
    effect: Effect | None
    certainty: Certainty
    started: Certainty
    steps: tuple[Step, ...]
    statement: str
    cannot_say: str | None


def certainty(body: Body, steps: Sequence[Step]) -> Certainty:
    """Where a body of evidence ends: start by design, down and up by the steps.

    Raises InvalidInput for a step without reason, of more than two levels, or against the sense of
    its domain, for a domain used twice, and for evidence raised although it was lowered for risk of
    bias or is randomised (Guyatt 2011, J Clin Epidemiol 64:1311-1316).
    """
    _check(body, steps)
    level = _LEVELS.index(_START[body]) + sum(step.levels for step in steps)
    most = _LEVELS.index(Certainty.LOW if body is Body.SINGLE_ARM else Certainty.HIGH)
    return _LEVELS[min(max(level, 0), most)]


def _check(body: Body, steps: Sequence[Step]) -> None:
    lowering, raising = set(Lowering), set(Raising)
    seen = set()
    for step in steps:
        if step.domain not in lowering | raising:
            known = ", ".join([*Lowering, *Raising])
            raise InvalidInput(f"no GRADE domain {step.domain[:60]!r} (known: {known})")
        if step.domain in seen:
            raise InvalidInput(f"{step.domain} is judged twice")
        seen.add(step.domain)
        sense = -1 if step.domain in lowering else 1
        if step.levels * sense not in (1, 2):
            raise InvalidInput(
                f"{step.domain}: {step.levels:+d} levels (expected {sense:+d} or {2 * sense:+d})"
            )
        if not step.reason.strip():
            raise InvalidInput(f"{step.domain}: say why the certainty changes")
    if not seen & raising:
        return
    if body in (Body.RANDOMISED, Body.SINGLE_ARM):
        raise InvalidInput(f"{body} evidence is not raised (only non-randomised comparisons are)")
    if Lowering.RISK_OF_BIAS in seen:
        raise InvalidInput("evidence lowered for risk of bias is not raised")


def summary_row(
    *,
    outcome: str,
    body: Body,
    studies: int,
    participants: int | None = None,
    timeframe: str | None = None,
    effect: Effect | None = None,
    assumed_risk: float | None = None,
    observed: Share | None = None,
    steps: Sequence[Step] = (),
) -> SummaryRow:
    """One row. `assumed_risk` is a share from 0 to 1 in those without the treatment.

    Raises InvalidInput where a single-arm body is given an effect or an assumed risk, which it
    cannot have, where another is given an observed share, and for a risk, share, ratio or interval
    that cannot be.
    """
    if studies < 1:
        raise InvalidInput(f"{outcome}: {studies} studies (a row rests on one at least)")
    if body is Body.SINGLE_ARM and (effect is not None or assumed_risk is not None):
        raise InvalidInput(
            f"{outcome}: single-arm evidence has no comparator, so no relative effect and no "
            "assumed risk; give neither, and the share with the outcome as observed"
        )
    if observed is not None:
        if body is not Body.SINGLE_ARM:
            raise InvalidInput(f"{outcome}: observed is for single-arm evidence; give an effect")
        if not 0 <= observed.ci_low <= observed.estimate <= observed.ci_high <= 1:
            raise InvalidInput(
                f"{outcome}: observed {observed.estimate:g} ({observed.ci_low:g} to "
                f"{observed.ci_high:g}) is no share (0 to 1) with its interval"
            )
    if effect is not None and not 0 < effect.ci_low <= effect.estimate <= effect.ci_high:
        raise InvalidInput(
            f"{outcome}: {effect.measure} {effect.estimate:g} ({effect.ci_low:g} to "
            f"{effect.ci_high:g}) is no ratio with its interval"
        )
    if assumed_risk is not None and not 0 <= assumed_risk <= 1:
        raise InvalidInput(f"{outcome}: assumed risk {assumed_risk:g} (expected a share, 0 to 1)")
    found = certainty(body, steps)
    corresponding = None
    if effect is not None and assumed_risk is not None:
        corresponding = PerThousand(
            estimate=corresponding_risk(effect.measure, effect.estimate, assumed_risk) * 1000,
            ci_low=corresponding_risk(effect.measure, effect.ci_low, assumed_risk) * 1000,
            ci_high=corresponding_risk(effect.measure, effect.ci_high, assumed_risk) * 1000,
        )
    return SummaryRow(
        outcome=outcome,
        timeframe=timeframe,
        participants=participants,
        studies=studies,
        body=body,
        assumed=None if assumed_risk is None else assumed_risk * 1000,
        corresponding=corresponding,
        observed=None
        if observed is None
        else PerThousand(
            estimate=observed.estimate * 1000,
            ci_low=observed.ci_low * 1000,
            ci_high=observed.ci_high * 1000,
        ),
        effect=effect,
        certainty=found,
        started=_START[body],
        steps=tuple(steps),
        statement=_statement(found, body),
        cannot_say=_SINGLE_ARM_SAYS if body is Body.SINGLE_ARM else None,
    )


def corresponding_risk(measure: str, ratio: float, assumed: float) -> float:
    """The risk with treatment, from the risk without (Cochrane Handbook v6, section 14.1.5.5).

    For RR the product, at most 1; for OR through the odds; for HR 1 - (1 - risk)^HR.
    """
    if measure == "RR":
        return min(1.0, ratio * assumed)
    if measure == "OR":
        return ratio * assumed / (1 - assumed + ratio * assumed)
    if measure == "HR":
        return float(1 - (1 - assumed) ** ratio)
    raise InvalidInput(f"no risk follows from {measure!r} (expected RR, OR or HR)")


# Santesso 2020 (J Clin Epidemiol 119:126-135), in the sense of its table.
_WORDS: Final[Mapping[Certainty, str]] = MappingProxyType(
    {
        Certainty.HIGH: "the true effect lies close to the estimate",
        Certainty.MODERATE: "the true effect probably lies close to the estimate",
        Certainty.LOW: "the true effect may differ substantially from the estimate",
        Certainty.VERY_LOW: "the true effect is likely to differ substantially from the estimate",
    }
)


def _statement(found: Certainty, body: Body) -> str:
    if body is Body.SINGLE_ARM:
        return f"{found} certainty, without a comparator"
    return f"{found} certainty: {_WORDS[found]}"
