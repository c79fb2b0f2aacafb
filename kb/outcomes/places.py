"""When two statements are about the same thing, and whether they then say the same.

A place is the thing a statement is about: arm, outcome, time, population, statistic. It leaves out
the numbers, the wording where a code stands, and where it was read: two extractors may read one
number off the abstract and off the table.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from kb.models.evidence import (
    AdverseEventClaim,
    Category,
    CellName,
    DecisionKind,
    ResultClaim,
    Status,
    TimepointClaim,
)
from kb.outcomes.timepoints import days

Claim: TypeAlias = ResultClaim | AdverseEventClaim
Place: TypeAlias = tuple[Hashable, ...]


def spot(result: ResultClaim, category: Category | None) -> Place:
    """Where a count stands in a study, had it this category: two in one spot say a thing twice."""
    return (
        result.arm,
        result.outcome_code or folded(result.outcome_title),
        _when(result.time),
        folded(result.subgroup),
        folded(result.population),
        folded(result.unit_of_analysis),
        category,
    )


def place(claim: Claim) -> Place:
    """What the claim is about, within a study."""
    if isinstance(claim, AdverseEventClaim):
        return (
            claim.arm,
            claim.code or folded(claim.term),
            folded(claim.seriousness),
            folded(claim.relatedness),
            folded(claim.severity),
            _when(claim.time),
        )
    return (
        *spot(claim, claim.category),
        claim.kind,
        claim.comparator,
        claim.statistic,
        folded(claim.measure),
        _when(claim.baseline_time),
    )


def folded(text: str | None) -> str | None:
    """Without what tells no two words apart: case and white space."""
    return " ".join(text.casefold().split()) if text else None


def _when(time: TimepointClaim | None) -> Hashable:
    """In days where that follows: "week 24" and "24 weeks" are one time, however printed."""
    if time is None:
        return None
    in_days = days(time.value, time.unit)
    if in_days is not None:
        return round(in_days, 6)
    return time.value, folded(time.unit), folded(time.text), folded(time.anchor)


# -- what is said ----------------------------------------------------------------------------------

# What a claim may leave to its outcome or to custom: silence contradicts nobody.
_MAY_BE_SILENT: Final = frozenset({"unit", "ci_level", "better"})
_P: Final = re.compile(r"^p(?:[ -]?value)?\s*(?=[=<>≤≥0-9.])", re.IGNORECASE)


def said(claim: Claim) -> dict[str, Hashable]:
    """The numbers and states of a claim, by name; what it does not say is left out."""
    if isinstance(claim, AdverseEventClaim):
        values: dict[str, Hashable] = {
            "state": claim.state.value,
            "at_risk": claim.n_at_risk,
            "persons": claim.persons_affected,
            "events": claim.event_count,
            "percent": claim.percent,
        }
    else:
        values = {
            "state": claim.state.value,
            **{c.name.value: c.state.value if c.value is None else c.value for c in claim.cells},
            "p": _p(claim.p_text),
            "direction": folded(claim.direction),
            "unit": folded(claim.unit),
            "ci_level": claim.ci_level,
            "better": claim.better,
        }
    return {name: value for name, value in values.items() if value is not None}


def _p(text: str | None) -> str | None:
    """As printed, without its label: "p = .03" and "0.03" are one value."""
    bare = _P.sub("", folded(text) or "").removeprefix("=").replace(" ", "")
    return re.sub(r"(?<![0-9])\.(?=[0-9])", "0.", bare) or None


def differences(one: Mapping[str, Hashable], other: Mapping[str, Hashable]) -> list[str]:
    """Names of what two claims (see `said`) differ in; a number that only one gives differs."""
    names = dict.fromkeys((*one, *other))
    has_numbers = [any(name in v for name in _NUMBERS) for v in (one, other)]
    differ = []
    for name in names:
        a, b = one.get(name), other.get(name)
        # A direction beside numbers repeats them in words.
        is_optional = name in _MAY_BE_SILENT or (name == "direction" and all(has_numbers))
        if a != b and not (is_optional and (a is None or b is None)):
            differ.append(name)
    return differ


_CELLS: Final = frozenset(name.value for name in CellName)
_NUMBERS: Final = _CELLS - {CellName.N_ANALYSED.value}


# -- which statements are about one thing ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A row of one collection, and what was decided about it. `id` is any number of its own.

    `instead_of` are the rows that a decision's row stands for: those that extractors entered, also
    where decisions were decided on again.
    """

    id: int
    claim: Claim
    extractor: str | None
    is_derived: bool = False
    decided: DecisionKind | None = None
    instead_of: frozenset[int] = frozenset()
    is_superseded: bool = False


def matched(stands: Iterable[Stand]) -> list[list[Stand]]:
    """Rows in groups about one thing, each extractor's at most once in each.

    Where an extractor has several rows in one place, these are told apart by wording, then by
    document, then by their order. A decision's row joins the rows it stands for; where it was moved
    to another place, the one group there.
    """
    places: dict[Place, list[Stand]] = defaultdict(list)
    for stand in stands:
        places[place(stand.claim)].append(stand)
    found = []
    for rows in places.values():
        groups = _split([r for r in rows if r.decided is None], _TESTS)
        for row in (r for r in rows if r.decided is not None):
            of_row = [g for g in groups if any(r.id in row.instead_of for r in g)]
            if not of_row and len(groups) == 1:
                of_row = groups
            if of_row:
                of_row[0].append(row)
            else:
                groups.append([row])
        found += groups
    return found


def _title(stand: Stand) -> Hashable:
    claim = stand.claim
    return folded(claim.term if isinstance(claim, AdverseEventClaim) else claim.outcome_title)


def _document(stand: Stand) -> Hashable:
    evidence = stand.claim.evidence
    return frozenset(evidence.work) or folded(evidence.document)


_TESTS: Final = (_title, _document, lambda stand: folded(stand.claim.evidence.kind))


def _split(
    rows: Sequence[Stand], tests: Sequence[Callable[[Stand], Hashable]]
) -> list[list[Stand]]:
    voices = Counter((row.extractor, row.is_derived) for row in rows)
    if not rows or max(voices.values()) == 1:
        return [list(rows)] if rows else []
    parts: dict[Hashable, list[Stand]] = defaultdict(list)
    if tests:
        for row in rows:
            parts[tests[0](row)].append(row)
        return [group for part in parts.values() for group in _split(part, tests[1:])]
    seen: Counter[Hashable] = Counter()
    for row in rows:
        seen[row.extractor, row.is_derived] += 1
        parts[seen[row.extractor, row.is_derived]].append(row)
    return list(parts.values())


# -- where each stands -----------------------------------------------------------------------------


def statuses(stands: Sequence[Stand]) -> dict[int, Status]:
    """The status of every row that one collection gives about one study."""
    found = {stand.id: Status.SUPERSEDED for stand in stands if stand.is_superseded}
    for group in matched(stands):
        found |= _of_group([row for row in group if row.id not in found])
    return found


_BY_KIND: Final = {
    DecisionKind.CORRECTION: Status.CORRECTED,
    DecisionKind.ADJUDICATION: Status.ADJUDICATED,
}


def _of_group(rows: Sequence[Stand]) -> dict[int, Status]:
    decided = [row for row in rows if row.decided and not row.is_derived]
    reported = [row for row in rows if not row.decided and not row.is_derived]
    derived = [row for row in rows if row.is_derived]
    if not decided and not reported:
        decided = [row for row in derived if row.decided]
    if decided:
        ours = {row.id: _BY_KIND[row.decided] for row in decided if row.decided}
        return ours | {
            row.id: Status.CONFIRMING if agree(row, decided[0]) else Status.DISPUTED
            for row in rows
            if row.id not in ours
        }
    # What an extractor's row implies is its voice only where that extractor says no more.
    have_said = {row.extractor for row in reported}
    voices = [*reported, *(row for row in derived if row.extractor not in have_said)]
    if not all(agree(row, other) for row in voices for other in voices):
        return dict.fromkeys((row.id for row in rows), Status.DISPUTED)
    if not voices:
        return {}
    first, *others = voices
    alone = Status.AGREED if others else Status.SINGLE
    return {first.id: alone} | {
        row.id: Status.CONFIRMING if agree(row, first) else Status.DISPUTED
        for row in rows
        if row is not first
    }


def agree(one: Stand, other: Stand) -> bool:
    """Whether two rows about one thing say the same. What follows by rule says less than a report:
    then only what both say is compared."""
    a, b = said(one.claim), said(other.claim)
    if one.is_derived or other.is_derived:
        common = _CELLS & a.keys() & b.keys()
        a, b = {n: a[n] for n in common}, {n: b[n] for n in common}
    return not differences(a, b)
