"""A number for analysis and the chain that leads back to what was reported.

A rule takes numbers to a number. Each application is kept as a step: which rule, from what, to
what. A number without steps is the reported one itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import isfinite
from typing import Final

from kb.models.evidence import Origin, State

# From the most to the least trusted: what is computed from a digitised value is digitised.
TRUST: Final = (
    Origin.REPORTED,
    Origin.AUTHOR_SUPPLIED,
    Origin.COMPUTED,
    Origin.DIGITISED,
    Origin.IMPUTED,
)


def least_trusted(*origins: Origin) -> Origin:
    """The origin of a number made from numbers of these origins."""
    return max(origins, key=TRUST.index)


class Guard(StrEnum):
    """Refusals a person may set aside; the number is then flagged with the guard's name."""

    SKEWED = "skewed"  # the quantiles speak against a symmetric distribution
    SMALL_SAMPLE = "small-sample"  # too few participants behind the quantiles
    NOT_MIDWAY = "not-midway"  # the estimate is not in the middle of its interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one number follows from others. `origin` is computed where the formula holds exactly,
    imputed where it assumes what was not reported."""

    id: str  # stable, kebab-case
    title: str
    formula: str  # in words and signs, for people
    guard: str  # when it refuses
    source: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a rule makes no number of these inputs."""

    reason: str
    guard: Guard | None = None  # None: nothing to set aside, the inputs do not permit it
    rule: str | None = None  # id, once it is known which rule was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A number that went into a step. `result` is the key or id of the result it was read from;
    None where it is no cell of a result (an assumed weight, a chosen correlation) or comes from
    the step before."""

    name: str  # "se", "n_analysed", "p", "weight_kg"
    value: float
    text: str | None = None  # as printed
    result: str | None = None
    origin: Origin = Origin.REPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One application of a rule. `flags` say what to know of it: "conservative", "skewed" ..."""

    rule: str
    statement: str
    inputs: tuple[Input, ...]
    output: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number for analysis, or the state that says why there is none.

    `value` is None exactly where `state` is neither reported nor reported_zero; then `origin` is
    None too. `chain` is in order of application and empty for a reported number. `refused` are
    the rules that were tried and made nothing.
    """

    value: float | None
    state: State
    origin: Origin | None
    chain: tuple[Step, ...] = ()
    refused: tuple[Refused, ...] = ()
    result: str | None = None  # the result it was read from
    text: str | None = None  # as printed, of a number without chain
    rounding: float = 0.0  # how far the rounding of what was printed may have moved it

    @property
    def rule(self) -> str | None:
        """Id of the last rule; None for a reported number."""
        return self.chain[-1].rule if self.chain else None

    @property
    def flags(self) -> tuple[str, ...]:
        """What to know before it is used, over the whole chain, each once."""
        return tuple(dict.fromkeys(flag for step in self.chain for flag in step.flags))

    @property
    def origins(self) -> frozenset[Origin]:
        """Its own origin and that of everything it was made from."""
        own = () if self.origin is None else (self.origin,)
        return frozenset((*own, *(i.origin for i in _inputs(self.chain))))

    def __bool__(self) -> bool:
        raise TypeError("a Number is neither true nor false; compare its value with None")


def missing(state: State = State.NOT_REPORTED, *refused: Refused) -> Number:
    """No number, and why."""
    return Number(value=None, state=state, origin=None, refused=refused)


def _inputs(chain: tuple[Step, ...]) -> Iterator[Input]:
    for step in chain:
        yield from step.inputs


def apply(
    rule: Rule,
    function: Callable[..., float | Refused],
    inputs: Mapping[str, Number],
    *flags: str,
    drop: frozenset[Origin] = frozenset(),
    override: frozenset[Guard] = frozenset(),
) -> Number:
    """What a rule makes of named numbers, in the order its function takes them.

    `drop`: a rule of such an origin makes nothing. `override`: guards that do not refuse; the
    function must then take the keyword `override`, and the step is flagged with the guard's name.
    """
    lacking = [name for name, number in inputs.items() if number.value is None]
    if lacking:
        before = [why for name in lacking for why in inputs[name].refused]
        why = Refused(f"{', '.join(lacking)} not available", rule=rule.id)
        return missing(_common_state([inputs[name] for name in lacking]), why, *before)
    if rule.origin in drop:
        reason = f"what is {rule.origin} was dropped"
        return missing(State.NOT_REPORTED, Refused(reason, rule=rule.id))
    values = [number.value for number in inputs.values() if number.value is not None]
    made = function(*values)
    applied = function
    if isinstance(made, Refused) and made.guard is not None and made.guard in override:
        flags = (*flags, made.guard.value)
        applied = partial(function, override=override)
        made = applied(*values)
    if isinstance(made, Refused):
        return missing(State.UNCLEAR, replace(made, rule=rule.id))
    if not isfinite(made):
        return missing(State.UNCLEAR, Refused(f"no finite number: {made:g}", rule=rule.id))
    step = Step(
        rule=rule.id,
        statement=_statement(rule, inputs, made),
        inputs=tuple(_input(name, number) for name, number in inputs.items()),
        output=made,
        flags=flags,
    )
    before_it = tuple(dict.fromkeys(s for number in inputs.values() for s in number.chain))
    origins = [number.origin for number in inputs.values() if number.origin is not None]
    return Number(
        value=made,
        state=State.REPORTED,
        origin=least_trusted(rule.origin, *origins),
        chain=(*before_it, step),
        rounding=_moved(applied, list(inputs.values()), values, made),
    )


def _common_state(lacking: Sequence[Number]) -> State:
    """Why a number cannot be made of numbers that are not there: as all of them say."""
    states = {number.state for number in lacking}
    if len(states) == 1:
        return states.pop()
    return State.UNCLEAR if State.UNCLEAR in states else State.NOT_REPORTED


def _input(name: str, number: Number) -> Input:
    return Input(
        name=name,
        value=0.0 if number.value is None else number.value,
        text=number.text,
        result=number.result,
        origin=number.origin or Origin.REPORTED,
    )


def _statement(rule: Rule, inputs: Mapping[str, Number], made: float) -> str:
    given = ", ".join(
        f"{name} {number.text or format(number.value, '.6g')}" for name, number in inputs.items()
    )
    return f"{rule.formula}; {given} gives {made:.6g}" if given else f"{rule.formula}: {made:.6g}"


def _moved(
    function: Callable[..., float | Refused],
    inputs: Sequence[Number],
    values: Sequence[float],
    made: float,
) -> float:
    """How far the rounding of its inputs may have moved a number, each by half a printed unit."""
    moved = 0.0
    for i, number in enumerate(inputs):
        if number.rounding:
            nudged = [*values]
            nudged[i] += number.rounding
            there = function(*nudged)
            if isinstance(there, Refused):
                nudged[i] -= 2 * number.rounding
                there = function(*nudged)
            moved += 0.0 if isinstance(there, Refused) else abs(there - made)
    return moved
