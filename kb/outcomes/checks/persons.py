"""Checks of persons: adverse events, and participants who stand in more than one study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from kb.outcomes.checks.finding import Behind, Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseStatement:
    """One adverse-event statement for one arm. None is not reported."""

    id: str
    arm: str
    arm_n: int | None  # the largest number any source gives for the arm
    record: str
    code: str | None
    term: str | None
    seriousness: str | None
    time: tuple[object, ...]  # equal for equal times
    n_at_risk: int | None
    persons_affected: int | None
    event_count: int | None
    percent: float | None

    def behind(self, *names: str) -> tuple[Behind, ...]:
        return tuple(
            Behind(of=self.id, name=name, value=value)
            for name in names
            if (value := getattr(self, name)) is not None
        )


def check_adverse_events(statements: Sequence[AdverseStatement]) -> list[Finding]:
    """Persons, persons at risk and events of one study's adverse events."""
    found = [finding for s in statements for finding in _adverse(s)]
    return [*found, *_at_risk_exceeds_arm(statements), *_part_exceeds_whole(statements)]


def _adverse(s: AdverseStatement) -> Iterator[Finding]:
    persons, at_risk, events = s.persons_affected, s.n_at_risk, s.event_count
    what = s.term or s.code or "adverse event"
    if persons is not None and at_risk is not None and persons > at_risk:
        yield Finding(
            check="persons-exceed-at-risk",
            severity=Severity.ERROR,
            subjects=(s.id,),
            message=f"{what}: {persons} persons affected of {at_risk} at risk",
            numbers=s.behind("persons_affected", "n_at_risk"),
        )
    if persons is not None and events is not None and events < persons:
        yield Finding(
            check="events-below-persons",
            severity=Severity.ERROR,
            subjects=(s.id,),
            message=f"{what}: {events} events in {persons} persons; each had one at least",
            numbers=s.behind("event_count", "persons_affected"),
        )
    if s.percent is not None and persons is not None and at_risk:
        exact = 100 * persons / at_risk
        # Percentages of adverse events are printed with one decimal at most.
        if abs(exact - s.percent) > 0.5:
            yield Finding(
                check="percent-contradicts-count",
                severity=Severity.ERROR,
                subjects=(s.id,),
                message=f"{what}: {persons} of {at_risk} is {exact:.4g} %, not {s.percent:g} %",
                numbers=s.behind("persons_affected", "n_at_risk", "percent"),
            )


def _at_risk_exceeds_arm(statements: Sequence[AdverseStatement]) -> Iterator[Finding]:
    """More persons at risk than the arm had; once for all statements with that number."""
    groups: dict[tuple[str, int], list[AdverseStatement]] = defaultdict(list)
    for s in statements:
        if s.n_at_risk is not None and s.arm_n is not None and s.n_at_risk > s.arm_n:
            groups[s.arm, s.n_at_risk].append(s)
    for (arm, at_risk), group in groups.items():
        n = group[0].arm_n or 0
        several = f" ({len(group)} statements)" if len(group) > 1 else ""
        yield Finding(
            check="at-risk-exceeds-arm",
            severity=Severity.WARNING,
            subjects=(*(s.id for s in group), arm),
            message=f"{at_risk} at risk, the arm had {n}{several}",
            numbers=(*group[0].behind("n_at_risk"), Behind(of=arm, name="n", value=n)),
        )


def _part_exceeds_whole(statements: Sequence[AdverseStatement]) -> Iterator[Finding]:
    """More persons with a serious event than with any."""
    groups: dict[object, dict[str, AdverseStatement]] = defaultdict(dict)
    for s in statements:
        if s.code in ("AE_ANY", "AE_SERIOUS") and s.persons_affected is not None:
            groups[s.arm, s.time, s.record].setdefault(s.code, s)
    for pair in groups.values():
        whole, part = pair.get("AE_ANY"), pair.get("AE_SERIOUS")
        if whole is None or part is None:
            continue
        if (part.persons_affected or 0) > (whole.persons_affected or 0):
            yield Finding(
                check="serious-exceeds-any",
                severity=Severity.ERROR,
                subjects=(part.id, whole.id),
                message=f"{part.persons_affected} persons with a serious adverse event, "
                f"{whole.persons_affected} with any",
                numbers=(*part.behind("persons_affected"), *whole.behind("persons_affected")),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLinks:
    """What a study has in common with others: registrations and reports it stands in."""

    id: str
    label: str
    registrations: frozenset[str]
    reports: frozenset[str]
    has_results: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedOverlap:
    study: str
    other: str
    kind: str
    certainty: str  # "certain", "probable", "possible"
    reason: str | None


def shared_participants(
    studies: Sequence[StudyLinks], stated: Iterable[StatedOverlap]
) -> list[Finding]:
    """Pairs of studies whose participants are, or may be, the same.

    One trial may be registered many times over (the MESEMS trial has seven registrations): two
    studies under one registration, or told in one report, may hold the same persons.
    """
    labels = {s.id: s.label for s in studies}
    found: dict[frozenset[str], Finding] = {}
    for overlap in stated:
        pair = frozenset((overlap.study, overlap.other))
        if len(pair) < 2 or not pair <= labels.keys() or pair in found:
            continue
        is_certain = overlap.certainty == "certain"
        found[pair] = Finding(
            check="shared-participants",
            severity=Severity.WARNING if is_certain else Severity.NOTE,
            subjects=(overlap.study, overlap.other),
            message=f"{labels[overlap.study]} and {labels[overlap.other]}: {overlap.kind} "
            f"({overlap.certainty}){f'; {overlap.reason}' if overlap.reason else ''}. "
            "Do not pool both",
        )
    by_id = {s.id: s for s in studies}
    for one, other in (tuple(by_id[i] for i in pair) for pair in _in_common(studies)):
        pair = frozenset((one.id, other.id))
        if pair in found:
            continue
        registrations = sorted(one.registrations & other.registrations)
        reports = sorted(one.reports & other.reports)
        shared = " and ".join(
            f"{what} {', '.join(which)}"
            for what, which in (("registration", registrations), ("report", reports))
            if which
        )
        found[pair] = Finding(
            check="shared-participants",
            severity=Severity.WARNING,
            subjects=(one.id, other.id),
            message=f"{one.label} and {other.label} have {shared} in common: they may tell of "
            "the same participants",
        )
    return list(found.values())


def _in_common(studies: Sequence[StudyLinks]) -> list[tuple[str, str]]:
    """Pairs of studies with results and a registration or report in common, in order."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for study in studies:
        if study.has_results:
            for number in study.registrations:
                holders["registration", number].add(study.id)
            for report in study.reports:
                holders["report", report].add(study.id)
    return sorted({pair for ids in holders.values() for pair in combinations(sorted(ids), 2)})
