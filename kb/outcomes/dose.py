"""Doses of cells side by side: per kilogram, per infusion and in all, in millions of cells.

A range stays a range. A dose per kilogram becomes an absolute one only with the weight the arm
reports; what follows from an assumed weight stands apart and is imputed. What is not understood
is said, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Final

from kb.errors import InvalidInput
from kb.models.evidence import DoseClaim, Origin, State
from kb.outcomes.chains import Number, Refused, Rule, apply, missing

_ARITHMETIC: Final = "arithmetic"

DOSE_UNIT: Final = Rule(
    id="dose-in-millions",
    title="A number of cells in millions",
    formula="millions of cells = number of cells / 1,000,000",
    guard="the unit is a number of cells, or one per kilogram",
    source=_ARITHMETIC,
    origin=Origin.COMPUTED,
)
CUMULATIVE: Final = Rule(
    id="dose-cumulative",
    title="All cells given from those given each time",
    formula="cumulative = each time × number of times",
    guard="the dose is said to be of each time, or was given once; the number of times is reported",
    source=_ARITHMETIC,
    origin=Origin.COMPUTED,
)
EACH: Final = Rule(
    id="dose-in-equal-parts",
    title="Cells given each time from all cells given",
    formula="each time = cumulative / number of times",
    guard="the dose is said to be the total; assumes equal parts",
    source=_ARITHMETIC,
    origin=Origin.IMPUTED,
)
BY_WEIGHT: Final = Rule(
    id="dose-by-weight",
    title="Cells from cells per kilogram, by the weight the arm reports",
    formula="cells = cells per kg × weight in kg",
    guard="the weight is reported, from 1 to 400 kg, and the dose is per kg of actual weight",
    source=_ARITHMETIC,
    origin=Origin.COMPUTED,
)
PER_KG: Final = Rule(
    id="dose-per-kg",
    title="Cells per kilogram from cells, by the weight the arm reports",
    formula="cells per kg = cells / weight in kg",
    guard="the weight is reported, from 1 to 400 kg",
    source=_ARITHMETIC,
    origin=Origin.COMPUTED,
)
ASSUMED_WEIGHT: Final = Rule(
    id="assumed-weight",
    title="A body weight that is not reported",
    formula="as chosen",
    guard="only where no weight is reported; what follows is kept apart",
    source="an assumption of the analysis, no formula",
    origin=Origin.IMPUTED,
)
RULES: Final = (DOSE_UNIT, CUMULATIVE, EACH, BY_WEIGHT, PER_KG, ASSUMED_WEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """One amount in its unit: a single value (a mean, where a range over participants stands
    beside it), a range, or a bound. An end that is not there is a missing number."""

    value: Number
    low: Number
    high: Number

    @property
    def is_known(self) -> bool:
        """Whether there is any number."""
        return any(n.value is not None for n in (self.value, self.low, self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAmounts:
    """In 10^6 cells and 10^6 cells/kg. "Each" is one administration."""

    per_kg_each: Amount
    each: Amount
    per_kg_cumulative: Amount
    cumulative: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseValues:
    """A dose as reported and what follows from the report; `at_assumed_weight` holds only what
    needs the assumption, None without one. `not_understood` says what was left out, and why."""

    reported: DoseAmounts
    at_assumed_weight: DoseAmounts | None
    not_understood: tuple[str, ...]


def harmonise_dose(
    dose: DoseClaim, *, weight_kg: Number | None = None, assumed_weight_kg: float | None = None
) -> DoseValues:
    """All forms of one dose. `weight_kg` is the mean weight the arm reports.

    At a mean weight, a dose per kilogram gives the mean of the absolute doses; an absolute dose
    gives the dose per kilogram of a participant of that weight.
    """
    if assumed_weight_kg is not None and not _is_weight(assumed_weight_kg):
        raise InvalidInput(f"no body weight in kg: {assumed_weight_kg:g} (expected 1 to 400)")
    unknown: list[str] = []
    per_kg, each_time, basis = _unit(dose, unknown), _basis(dose, unknown), dose.basis
    times = _times(dose, unknown)
    if per_kg is None or each_time is None:
        reported = _amounts()
        return DoseValues(reported=reported, at_assumed_weight=None, not_understood=(*unknown,))
    amount = _printed(dose, is_upper_bound=bool(_AT_MOST.search(basis or "")), millions=per_kg.size)
    reported = _in_all_forms(amount, each_time, times, per_kg.is_per_kg)
    is_actual = not per_kg.of_other_weight
    if weight_kg is not None and weight_kg.value is not None and is_actual:
        reported = _at_weight(reported, weight_kg)
    assumed = None
    if assumed_weight_kg is not None and is_actual:
        weight = apply(ASSUMED_WEIGHT, lambda: assumed_weight_kg, {}, "assumed-weight")
        assumed = _only_new(_at_weight(reported, weight), reported)
    return DoseValues(reported=reported, at_assumed_weight=assumed, not_understood=tuple(unknown))


# -- what the claim says -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Unit:
    size: float  # millions of cells in one
    is_per_kg: bool
    of_other_weight: bool  # predicted or ideal body weight: not the one that is reported


_POWERS: Final = {"thousand": 1e-3, "million": 1.0, "billion": 1e3}
_CELLS: Final = (
    r"(?:(?:viable|nucleated|live|autologous|allogeneic|total|placenta-derived|bone marrow|"
    r"mesenchymal|stem|stromal|umbilical cord|adipose|human|uc|bm|hUC|hBM|ad|derived)[\s-]*)*"
    r"(?:cells?|h?uc-?mscs?|bm-?mscs?|ad-?mscs?|msc-nps?|h?mscs?)"
)
_PER_KG: Final = (
    r"\s*(?:/|per|for each)\s*(?:kg|kilograms?)"
    r"(?:\s*(?:of\s+)?(?:the\s+)?(?P<whose>predicted|ideal|lean|pbw|ibw)?\s*(?:body\s*)?(?:weight|bw)?)?"
)
_WHOSE: Final = {"pbw": "predicted", "ibw": "ideal"}
_UNIT: Final = re.compile(
    rf"\s*(?:x\s*)?(?:10\s*\^\s*(?P<power>\d{{1,2}})|(?P<word>thousand|million|billion))?s?\s*"
    rf"(?:{_CELLS})?(?P<kg>{_PER_KG})?\s*",
    re.IGNORECASE,
)
_RAISED: Final = str.maketrans(
    {
        raised: f"^{d}"
        for d, raised in enumerate("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
    }
    | {"\u00d7": "x", "\u00b7": ".", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"}
)


def _unit(dose: DoseClaim, unknown: list[str]) -> _Unit | None:
    if dose.value is None and dose.low is None and dose.high is None:
        unknown.append("no dose is reported")
        return None
    text = " ".join((dose.unit or "").translate(_RAISED).split())
    found = _UNIT.fullmatch(text)
    if not text or found is None or not (found["power"] or re.search(_CELLS, text, re.I)):
        unknown.append(f"the unit {dose.unit!r} is no number of cells and none per kg")
        return None
    size = 1e-6
    if found["power"]:
        size = 10.0 ** (int(found["power"]) - 6)
    elif found["word"]:
        size = _POWERS[found["word"].lower()]
    return _Unit(size, bool(found["kg"]), bool(found["whose"]))


_ADMINISTRATION: Final = (
    r"(?:infusion|injection|administration|dose|treatment|transplantation|application)"
)
_EACH: Final = re.compile(
    rf"\s*(?:(?:per|each|every|at each)\s+{_ADMINISTRATION}|each(?: time)?)s?\s*"
    r"(?:,\s*at most)?\s*",
    re.IGNORECASE,
)
_TOTAL: Final = re.compile(r"\b(?:total|cumulative|in all|altogether)\b", re.IGNORECASE)
_MEAN: Final = re.compile(r"\s*(?:mean|median|average|target|planned)\s*(?:\(range\))?\s*", re.I)
_AT_MOST: Final = re.compile(r"\bat most\b|\bup to\b|\bmaximum\b", re.IGNORECASE)


def _basis(dose: DoseClaim, unknown: list[str]) -> bool | None:
    """True for a dose of each time, False for one of all times; given once it is both, and True.
    None where it is not said."""
    basis = (dose.basis or "").strip()
    if _TOTAL.search(basis):
        return False
    if _EACH.fullmatch(basis):
        return True
    if not basis or _MEAN.fullmatch(basis) or _AT_MOST.fullmatch(basis):
        if dose.n_administrations == 1:
            return True
        reason = "the number of administrations is not reported as one, and the dose is not said "
        unknown.append(reason + "to be of each or of all")
        return None
    unknown.append(f"the basis {basis!r} is neither of each administration nor of all")
    return None


@dataclass(frozen=True, slots=True)
class _Times:
    low: float
    high: float
    text: str


def _times(dose: DoseClaim, unknown: list[str]) -> _Times | None:
    """How often it was given: one number or a range."""
    if dose.n_administrations is not None:
        n = float(dose.n_administrations)
        if n >= 1:
            return _Times(n, n, str(dose.n_administrations))
    text = dose.n_administrations_text
    found = re.fullmatch(r"\s*(\d{1,3})\s*(?:-|to)\s*(\d{1,3})\s*", (text or "").translate(_RAISED))
    if found and 1 <= int(found[1]) <= int(found[2]):
        return _Times(float(found[1]), float(found[2]), text or "")
    if text or dose.n_administrations is not None:
        said = text or dose.n_administrations
        unknown.append(f"the number of administrations {said!r} is no number and no range")
    return None


def _printed(dose: DoseClaim, *, is_upper_bound: bool, millions: float) -> Amount:
    value, high = dose.value, dose.high
    if is_upper_bound and high is None:
        value, high = None, value
    return Amount(
        value=_number(value, millions, "dose"),
        low=_number(dose.low, millions, "dose_low"),
        high=_number(high, millions, "dose_high"),
    )


def _number(value: float | None, millions: float, name: str) -> Number:
    if value is None:
        return missing()
    if not (isfinite(value) and value >= 0):
        return missing(State.UNCLEAR, Refused(f"a dose is not {value:g}"))
    printed = Number(value=value, state=State.REPORTED, origin=Origin.REPORTED, text=f"{value:g}")
    if millions == 1.0:
        return printed
    return apply(DOSE_UNIT, lambda v: v * millions, {name: printed})


# -- from one form to the others -----------------------------------------------------------------


def _amounts(
    per_kg_each: Amount | None = None,
    each: Amount | None = None,
    per_kg_cumulative: Amount | None = None,
    cumulative: Amount | None = None,
) -> DoseAmounts:
    none = Amount(value=missing(), low=missing(), high=missing())
    return DoseAmounts(
        per_kg_each=per_kg_each or none,
        each=each or none,
        per_kg_cumulative=per_kg_cumulative or none,
        cumulative=cumulative or none,
    )


def _in_all_forms(
    amount: Amount, is_each: bool, times: _Times | None, is_per_kg: bool
) -> DoseAmounts:
    """The reported amount, and the other of each and all where the number of times is known."""
    each, cumulative = (amount, None) if is_each else (None, amount)
    if times is not None:
        if is_each:
            cumulative = _times_over(amount, times)
        else:
            each = _in_parts(amount, times)
    return _amounts(each, None, cumulative) if is_per_kg else _amounts(None, each, None, cumulative)


def _times_over(amount: Amount, times: _Times) -> Amount:
    if times.low == times.high == 1:
        return amount
    low, high = amount.low, amount.high
    if times.low < times.high:  # a range of times makes a range of a single value
        low = low if low.value is not None else amount.value
        high = high if high.value is not None else amount.value
    is_single = times.low == times.high
    return Amount(
        value=_multiplied(amount.value, times.low, times) if is_single else missing(),
        low=_multiplied(low, times.low, times),
        high=_multiplied(high, times.high, times),
    )


def _multiplied(number: Number, n: float, times: _Times) -> Number:
    return apply(CUMULATIVE, lambda a, b: a * b, {"each": number, "times": _count(n, times)})


def _in_parts(amount: Amount, times: _Times) -> Amount:
    if times.low == times.high == 1:
        return amount
    if times.low < times.high:
        return Amount(value=missing(), low=missing(), high=missing())

    def part(number: Number) -> Number:
        inputs = {"cumulative": number, "times": _count(times.low, times)}
        return apply(EACH, lambda a, b: a / b, inputs, "equal-parts")

    return Amount(value=part(amount.value), low=part(amount.low), high=part(amount.high))


def _count(n: float, times: _Times) -> Number:
    return Number(value=n, state=State.REPORTED, origin=Origin.REPORTED, text=times.text)


def _at_weight(amounts: DoseAmounts, weight: Number) -> DoseAmounts:
    """With the absolute and the per-kilogram forms that the weight adds to those there are."""
    if weight.value is None or not _is_weight(weight.value):
        return amounts

    def absolute(amount: Amount) -> Amount:
        return _each_end(
            amount, lambda x: apply(BY_WEIGHT, lambda a, b: a * b, {"per_kg": x, "weight": weight})
        )

    def per_kg(amount: Amount) -> Amount:
        return _each_end(
            amount, lambda x: apply(PER_KG, lambda a, b: a / b, {"cells": x, "weight": weight})
        )

    def either(known: Amount, other: Amount, convert: Callable[[Amount], Amount]) -> Amount:
        return known if known.is_known or not other.is_known else convert(other)

    return DoseAmounts(
        per_kg_each=either(amounts.per_kg_each, amounts.each, per_kg),
        each=either(amounts.each, amounts.per_kg_each, absolute),
        per_kg_cumulative=either(amounts.per_kg_cumulative, amounts.cumulative, per_kg),
        cumulative=either(amounts.cumulative, amounts.per_kg_cumulative, absolute),
    )


def _each_end(amount: Amount, convert: Callable[[Number], Number]) -> Amount:
    return Amount(value=convert(amount.value), low=convert(amount.low), high=convert(amount.high))


def _only_new(after: DoseAmounts, before: DoseAmounts) -> DoseAmounts:
    """What the assumption added; None where it added nothing is a missing amount."""

    def new(one: Amount, other: Amount) -> Amount | None:
        return None if other.is_known else one

    return _amounts(
        new(after.per_kg_each, before.per_kg_each),
        new(after.each, before.each),
        new(after.per_kg_cumulative, before.per_kg_cumulative),
        new(after.cumulative, before.cumulative),
    )


def _is_weight(kg: float) -> bool:
    return 1 <= kg <= 400  # newborns to the heaviest adults; grams and pounds are caught


# -- free text -----------------------------------------------------------------------------------

# ClinicalTrials.gov takes 999 characters for a description.
_LONGEST: Final = 1000
_NUMBER: Final = r"\d{1,5}(?:\.\d+)?"
# Possessive throughout, so that "cells/ml" is never taken for "cell".
_POWERED: Final = re.compile(
    rf"(?<![\w.^])(?:(?P<most>up to|at most|maximum of|no more than)\s+)?"
    rf"(?:(?:(?P<between>between|from)\s+)?(?P<low>{_NUMBER})\s*"
    rf"(?:x\s*10\s*\^\s*(?P<low_power>\d{{1,2}})\s*)?(?P<joint>-|to|and)\s*)?"
    rf"(?P<value>{_NUMBER})\s*+(?:(?:x|times)\s*+)?"
    r"(?:10\s*\^\s*(?P<power>\d{1,2})(?!\d)|(?P<plain>10{3,9})(?!\d)"
    r"|(?P<word>thousand|million|billion)s?+\b)",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(
    rf"\s*+(?P<cells>{_CELLS}\b)?+(?P<kg>{_PER_KG}\b)?+"
    r"(?P<other>\s*(?:/|per)\s*(?!infusion|injection|dose|administration|treatment)\w+)?",
    re.IGNORECASE,
)
_DOUBTFUL: Final = re.compile(
    r"\b10\s*e\s*\^?\s*\d|\d\s*x\s*10\s*e|(?:x|times)\s*10\d\b|x\s*10\s*(?:thousand|[mb]illion)",
    re.IGNORECASE,
)
_WORDS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNT: Final = re.compile(
    rf"(?<!day )(?<!week )(?<!month )\b(?P<n>\d{{1,2}}|single|one[- ]time|{'|'.join(_WORDS)})"
    r"\s+(?:(?:iv|it|intravenous|intrathecal|intra-?arterial|weekly|cell|msc|stem)\s+){0,2}"
    rf"{_ADMINISTRATION}s?\b",
    re.IGNORECASE,
)
_MORE_TO_COME: Final = re.compile(r"another|repeat|second|optional|cross|placebo|again", re.I)


def read_dose(text: str) -> DoseClaim | Refused:
    """The one dose a text names: "1-2 x 10^6 MSC/kg, single infusion", "seven infusions of 20
    million cells".

    Refused where there is none, more than one, or anything beside it that may be one; where it is
    cells in a volume or on an area; and where typing has made the power of ten doubtful ("106"
    for 10^6, "10e6").
    """
    if len(text) > _LONGEST:
        return Refused(f"a text of {len(text):,} characters is no statement of one dose")
    plain = " ".join(text.translate(_RAISED).replace("*", "x").split())
    doubtful = _DOUBTFUL.search(plain)
    if doubtful:
        return Refused(f"the power of ten in {doubtful[0].strip()!r} can be read in two ways")
    found = list(_POWERED.finditer(plain))
    if len(found) != 1:
        return Refused(f"{'several numbers' if found else 'no number'} of cells named")
    (amount,) = found
    tail = _TAIL.match(plain, amount.end())
    if tail is None or tail["other"] or not (tail["cells"] or tail["kg"]):
        what = plain[amount.start() : amount.end() + 20]
        return Refused(f"{what!r} is not said to be cells, or cells per kg, and nothing else")
    is_listed = re.search(r"\d\s*(?:,|or|and)\s*$", plain[: amount.start()])
    if is_listed or ((amount["joint"] or "").lower() == "and" and not amount["between"]):
        return Refused("several numbers of cells named")
    power = amount["power"] or (str(len(amount["plain"]) - 1) if amount["plain"] else None)
    if power is None:
        power = {"thousand": "3", "million": "6", "billion": "9"}[amount["word"].lower()]
    if amount["low_power"] not in (None, power):
        return Refused("the ends of the range have different powers of ten")
    value, low = float(amount["value"]), amount["low"]
    at_most = amount["most"] is not None and low is None
    whose = (
        f" {_WHOSE.get(tail['whose'].lower(), tail['whose'].lower())} body weight"
        if tail["whose"]
        else ""
    )
    return DoseClaim(
        value=None if low or at_most else value,
        low=float(low) if low else None,
        high=value if low or at_most else None,
        unit=f"10^{power} cells" + (f"/kg{whose}" if tail["kg"] else ""),
        basis=_basis_in(plain, amount.start(), tail.end()),
        n_administrations=_count_in(plain),
    )


def _basis_in(text: str, start: int, end: int) -> str | None:
    if _TOTAL.search(text[max(0, start - 30) : end + 15]):
        return "total"
    before = re.search(
        r"(?:infusions?|injections?|administrations?|doses)\s+of\s+$", text[:start], re.I
    )
    after = re.match(rf"\s*(?:,\s*)?(?:per|each|every|/)\s*{_ADMINISTRATION}\b", text[end:], re.I)
    return "per infusion" if before or after else None


def _count_in(text: str) -> int | None:
    counts = {m["n"].lower() for m in _COUNT.finditer(text)}
    if len(counts) != 1 or _MORE_TO_COME.search(text):
        return None
    word = counts.pop()
    if word == "single" or word.startswith("one"):
        return 1
    return _WORDS.index(word) + 1 if word in _WORDS else int(word) or None
