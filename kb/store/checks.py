"""Checking what is held, and recording why a finding is accepted.

Findings are computed on reading and never stored; what is stored is who accepted one, when and
why. An accepted finding with another number behind it is another finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models.evidence import (
    ENTERING,
    Cell,
    CellName,
    Origin,
    ResultKind,
    State,
    Statistic,
    collection_of,
)
from kb.models.ids import Kind, public_id
from kb.models.tables import (
    Acceptance,
    AdverseEvent,
    Arm,
    ArmDescription,
    OutcomeDefinition,
    OutcomeMatch,
    Population,
    Registration,
    Report,
    Result,
    ResultCell,
    StoredRecord,
    Study,
    StudyDescription,
    StudyOverlap,
    StudyRegistration,
    Timepoint,
)
from kb.outcomes.checks.beside import (
    ArmSize,
    check_beside,
    n_exceeds_arm,
    sd_like_se_across_studies,
)
from kb.outcomes.checks.explained import EXPLAINED
from kb.outcomes.checks.finding import Finding, Severity, Statement
from kb.outcomes.checks.numbers import check_numbers
from kb.outcomes.checks.persons import (
    AdverseStatement,
    StatedOverlap,
    StudyLinks,
    check_adverse_events,
    shared_participants,
)
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.lookup import plain_text
from kb.store.record_studies import REGISTRIES
from kb.store.reports import is_firm
from kb.store.results import StudyRef

_BATCH: Final = 500
_STATED: Final = (Origin.REPORTED, Origin.AUTHOR_SUPPLIED, Origin.DIGITISED)
_SEVERITIES: Final = tuple(Severity)
_LONGEST_REASON: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceOut:
    """Why a finding stands as it is, on whose word."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBehind:
    of: str
    name: str
    value: float | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingOut:
    """One finding. `key` names it, to accept it by; `subjects` are results, adverse events, arms
    or studies; `acceptance` None while nobody has said why it stands."""

    key: str
    check: str
    about: str
    severity: str  # "error", "warning", "note"
    studies: list[StudyRef]
    subjects: list[str]
    message: str
    numbers: list[NumberBehind]
    acceptance: AcceptanceOut | None


def check(session: Session, study_id: int | None = None) -> list[FindingOut]:
    """Findings on one study, or on all: by study, gravest first.

    Only what was reported is checked; a number computed here follows from it. Where people decided
    between statements, the one that enters analyses is checked.
    """
    studies = _studies(session)
    wanted = set(studies) if study_id is None else {study_id}
    found = [
        *_of_results(session, wanted),
        *_of_adverse_events(session, wanted),
        *_of_participants(session, studies, wanted),
    ]
    owners = _owners(session, found)
    accepted = _acceptances(session, {finding.key for finding in found})
    made = {
        finding.key: _shown(finding, owners, studies, accepted.get(finding.key))
        for finding in found
    }
    return sorted(made.values(), key=_order)


def accept(
    session: Session, key: str, *, by: str, why: str, now: datetime, is_accepted: bool = True
) -> FindingOut:
    """Record why the finding named by `key` is accepted, or that it no longer is.

    Raises NotFound where there is no such finding (any more), InvalidInput without a name or a
    reason, and Conflict where it is (or is not) accepted already.
    """
    by, why = plain_text(by).strip(), plain_text(why).strip()
    if not by or not why:
        raise InvalidInput("say who accepts a finding and why (by and why are both needed)")
    if len(why) > _LONGEST_REASON or len(by) > 200:
        raise InvalidInput(f"a reason has at most {_LONGEST_REASON:,} characters, a name 200")
    found = next((f for f in check(session) if f.key == key), None)
    if found is None:
        raise NotFound(f"no finding {key[:40]!r}: its numbers changed, or it never was one")
    if is_accepted == (found.acceptance is not None):
        said = f"by {found.acceptance.by}: {found.acceptance.why}" if found.acceptance else "open"
        raise Conflict(f"finding {key} is {'accepted ' if found.acceptance else ''}{said}")
    session.add(
        Acceptance(key=key, check=found.check, is_accepted=is_accepted, by=by, at=now, why=why)
    )
    session.flush()
    return next(f for f in check(session) if f.key == key)


def _order(finding: FindingOut) -> tuple[object, ...]:
    return (
        int(finding.studies[0].id[1:]) if finding.studies else 0,
        _SEVERITIES.index(Severity(finding.severity)),
        finding.check,
        [(subject[0], int(subject[1:])) for subject in finding.subjects],
    )


# -- results -------------------------------------------------------------------------------------


def _of_results(session: Session, wanted: set[int]) -> list[Finding]:
    by_study = _statements(session, wanted)
    sizes = _arm_sizes(session, wanted)
    # One spread per study and outcome: a study with many timepoints is not many studies.
    spreads = _spreads(session)
    found: list[Finding] = []
    for study_id, statements in by_study.items():
        for statement in statements:
            found += check_numbers(statement)
        found += check_beside(statements)
        found += n_exceeds_arm(statements, sizes)
        elsewhere = {
            place: [sd for other, sd in sds.items() if other != study_id]
            for place, sds in spreads.items()
        }
        found += sd_like_se_across_studies(statements, elsewhere)
    return found


def _statements(session: Session, wanted: set[int]) -> dict[int, list[Statement]]:
    vocabulary = load_vocabulary()
    # What a person said a registry's outcome is counts as if the registry had said so.
    matched: dict[int, str] = dict(
        session.execute(
            sa.select(col(OutcomeMatch.outcome_id), col(OutcomeDefinition.code)).join(
                OutcomeDefinition, col(OutcomeDefinition.id) == col(OutcomeMatch.definition_id)
            )
        ).all()
    )
    rows: list[Any] = []
    for batch in _batches(sorted(wanted)):
        rows += session.execute(
            sa.select(
                Result,
                *(
                    col(column)
                    for column in (
                        OutcomeDefinition.code,
                        OutcomeDefinition.title,
                        Timepoint.days,
                        Timepoint.value,
                        Timepoint.unit,
                        Timepoint.text,
                        Population.analysis_set,
                        Population.subgroup,
                        StoredRecord.source,
                        StoredRecord.key,
                        Arm.label,
                    )
                ),
            )
            .join(OutcomeDefinition, col(OutcomeDefinition.id) == col(Result.outcome_id))
            .join(StoredRecord, col(StoredRecord.id) == col(Result.record_id))
            .join(Arm, col(Arm.id) == col(Result.arm_id))
            .outerjoin(Timepoint, col(Timepoint.id) == col(Result.timepoint_id))
            .outerjoin(Population, col(Population.id) == col(Result.population_id))
            .where(
                col(Result.study_id).in_(batch),
                col(Result.origin).in_(_STATED),
                col(Result.status).in_(ENTERING),
            )
            .order_by(col(Result.study_id), col(Result.id))
        ).all()
    cells = _cells(session, [row[0].id for row in rows])
    found: dict[int, list[Statement]] = defaultdict(list)
    for result, code, title, days, value, unit, text, analysis, subgroup, source, key, arm in rows:
        code = code or matched.get(result.outcome_id)
        definition = vocabulary.get(code or "")
        found[result.study_id].append(
            Statement(
                id=public_id(Kind.RESULT, result.id),
                study=public_id(Kind.STUDY, result.study_id),
                record=_whose(source, key),
                kind=ResultKind(result.kind),
                arm=public_id(Kind.ARM, result.arm_id),
                arm_label=arm,
                comparator=(
                    None
                    if result.comparator_id is None
                    else public_id(Kind.ARM, result.comparator_id)
                ),
                outcome=code or title,
                outcome_title=result.outcome_title,
                definition=definition,
                category=result.category,
                days=days,
                time=text
                or (f"{value:g} {unit}{'' if value == 1 else 's'}" if value is not None else None),
                population=analysis,
                subgroup=subgroup,
                statistic=Statistic(result.statistic) if result.statistic else None,
                unit=result.unit,
                unit_of_analysis=result.unit_of_analysis,
                measure=result.measure,
                ci_level=result.ci_level,
                p_text=result.p_text,
                better=result.better,
                cells=cells[result.id],
            )
        )
    return found


def _whose(source: str, key: str) -> str:
    """A registry's entries speak each for itself, a collection with one voice: what was decided
    between its extractors stands beside what needed no decision."""
    return f"{source} {key}" if source in REGISTRIES else collection_of(source)


def _cells(session: Session, results: Sequence[int]) -> dict[int, dict[CellName, Cell]]:
    found: dict[int, dict[CellName, Cell]] = defaultdict(dict)
    for batch in _batches(results):
        for row in session.exec(select(ResultCell).where(col(ResultCell.result_id).in_(batch))):
            name = CellName(row.name)
            found[row.result_id][name] = Cell(
                name=name,
                value=row.value,
                text=row.text,
                state=State(row.state),
                origin=Origin(row.origin),
            )
    return found


def _arm_sizes(session: Session, wanted: set[int]) -> dict[str, ArmSize]:
    """The largest number of persons that any source gives for an arm or the whole study."""
    largest: dict[int, ArmSize] = {}

    def seen(arm: Arm, n: int | None, basis: str) -> None:
        assert arm.id is not None
        held = largest.get(arm.id)
        if n is not None and (held is None or n > held.n):
            name = public_id(Kind.ARM, arm.id)
            largest[arm.id] = ArmSize(id=name, label=arm.label, n=n, basis=basis)

    for batch in _batches(sorted(wanted)):
        for arm, told in session.execute(
            sa.select(Arm, ArmDescription)
            .join(ArmDescription, col(ArmDescription.arm_id) == col(Arm.id))
            .where(col(Arm.study_id).in_(batch))
        ):
            for basis in ("randomised", "treated", "analysed"):
                seen(arm, getattr(told, f"n_{basis}"), basis)
        for arm, whole in session.execute(
            sa.select(Arm, StudyDescription)
            .join(StudyDescription, col(StudyDescription.study_id) == col(Arm.study_id))
            .where(col(Arm.study_id).in_(batch), col(Arm.is_whole_study))
        ):
            for basis in ("enrolled", "randomised", "treated", "analysed"):
                seen(arm, getattr(whole, f"n_{basis}"), basis)
    return {size.id: size for size in largest.values()}


def _spreads(session: Session) -> Mapping[tuple[str, str | None], dict[int, float]]:
    """By outcome and unit: an SD of each study, the largest, of values and not of changes."""
    rows = session.execute(
        sa.select(
            col(OutcomeDefinition.code),
            col(Result.unit),
            col(Result.study_id),
            sa.func.max(col(ResultCell.value)),
        )
        .join(Result, col(Result.outcome_id) == col(OutcomeDefinition.id))
        .join(ResultCell, col(ResultCell.result_id) == col(Result.id))
        .where(
            col(OutcomeDefinition.code).is_not(None),
            col(ResultCell.name) == CellName.SD,
            col(ResultCell.value) > 0,
            col(Result.statistic).in_((Statistic.BASELINE, Statistic.FINAL)),
            col(Result.origin).in_(_STATED),
            col(Result.status).in_(ENTERING),
        )
        .group_by(col(OutcomeDefinition.code), col(Result.unit), col(Result.study_id))
    )
    found: dict[tuple[str, str | None], dict[int, float]] = defaultdict(dict)
    for code, unit, study_id, sd in rows:
        found[code, unit][study_id] = sd
    return found


# -- persons -------------------------------------------------------------------------------------


def _of_adverse_events(session: Session, wanted: set[int]) -> list[Finding]:
    sizes = _arm_sizes(session, wanted)
    by_study: dict[int, list[AdverseStatement]] = defaultdict(list)
    for batch in _batches(sorted(wanted)):
        rows = session.execute(
            sa.select(AdverseEvent, col(StoredRecord.source), col(StoredRecord.key))
            .join(StoredRecord, col(StoredRecord.id) == col(AdverseEvent.record_id))
            .where(col(AdverseEvent.study_id).in_(batch), col(AdverseEvent.status).in_(ENTERING))
            .order_by(col(AdverseEvent.id))
        )
        for row, source, key in rows:
            arm = public_id(Kind.ARM, row.arm_id)
            by_study[row.study_id].append(
                AdverseStatement(
                    id=public_id(Kind.ADVERSE_EVENT, row.id),
                    arm=arm,
                    arm_n=sizes[arm].n if arm in sizes else None,
                    record=_whose(source, key),
                    code=row.code,
                    term=row.term,
                    seriousness=row.seriousness,
                    time=(row.timepoint_id,),
                    n_at_risk=row.n_at_risk,
                    persons_affected=row.persons_affected,
                    event_count=row.event_count,
                    percent=row.percent,
                )
            )
    return [finding for group in by_study.values() for finding in check_adverse_events(group)]


def _of_participants(
    session: Session, studies: Mapping[int, StudyRef], wanted: set[int]
) -> list[Finding]:
    registrations: dict[int, set[str]] = defaultdict(set)
    for study_id, number, basis in session.execute(
        sa.select(
            col(StudyRegistration.study_id),
            col(Registration.number),
            col(StudyRegistration.basis),
        ).join(Registration, col(Registration.id) == col(StudyRegistration.registration_id))
    ):
        if is_firm(basis):
            registrations[study_id].add(number)
    reports: dict[int, set[str]] = defaultdict(set)
    for study_id, work_id in session.execute(sa.select(col(Report.study_id), col(Report.work_id))):
        reports[study_id].add(public_id(Kind.WORK, work_id))
    with_results = set(session.exec(select(Result.study_id).distinct()))
    links = [
        StudyLinks(
            id=ref.id,
            label=ref.label,
            registrations=frozenset(registrations[number]),
            reports=frozenset(reports[number]),
            has_results=number in with_results,
        )
        for number, ref in studies.items()
    ]
    stated = [
        StatedOverlap(
            study=public_id(Kind.STUDY, row.study_id),
            other=public_id(Kind.STUDY, row.other_id),
            kind=row.kind,
            certainty=row.certainty,
            reason=row.reason,
        )
        for row in session.exec(
            select(StudyOverlap).order_by(
                # The surest statement about a pair comes first.
                sa.case({"certain": 0, "probable": 1}, value=col(StudyOverlap.certainty), else_=2),
                col(StudyOverlap.study_id),
                col(StudyOverlap.other_id),
            )
        )
    ]
    ids = {studies[number].id for number in wanted if number in studies}
    return [f for f in shared_participants(links, stated) if ids & set(f.subjects)]


# -- whose, and who accepted it ------------------------------------------------------------------


def _studies(session: Session) -> dict[int, StudyRef]:
    rows = session.execute(
        sa.select(col(Study.id), col(Study.label))
        .where(col(Study.merged_into_id).is_(None))
        .order_by(col(Study.id))
    )
    return {
        number: StudyRef(id=public_id(Kind.STUDY, number), label=label) for number, label in rows
    }


def _owners(session: Session, found: Iterable[Finding]) -> dict[str, int]:
    """The study of each result, adverse event and study named in findings."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for finding in found:
        for subject in finding.subjects:
            numbers[subject[0]].add(int(subject[1:]))
    owners = {public_id(Kind.STUDY, n): n for n in numbers[Kind.STUDY]}
    tables: dict[Kind, type[Any]] = {
        Kind.RESULT: Result,
        Kind.ADVERSE_EVENT: AdverseEvent,
        Kind.ARM: Arm,
    }
    for kind, table in tables.items():
        for batch in _batches(sorted(numbers[kind])):
            rows = session.execute(sa.select(table.id, table.study_id).where(table.id.in_(batch)))
            owners |= {public_id(kind, number): study_id for number, study_id in rows}
    return owners


def _acceptances(session: Session, keys: set[str]) -> dict[str, AcceptanceOut]:
    """The last word on each finding, where it is that it stands."""
    found: dict[str, AcceptanceOut] = {}
    for batch in _batches(sorted(keys)):
        for row in session.exec(
            select(Acceptance).where(col(Acceptance.key).in_(batch)).order_by(col(Acceptance.id))
        ):
            if row.is_accepted:
                found[row.key] = AcceptanceOut(by=row.by, at=row.at, why=row.why)
            else:
                found.pop(row.key, None)
    return found


def _shown(
    finding: Finding,
    owners: Mapping[str, int],
    studies: Mapping[int, StudyRef],
    acceptance: AcceptanceOut | None,
) -> FindingOut:
    of = dict.fromkeys(owners[subject] for subject in finding.subjects)
    return FindingOut(
        key=finding.key,
        check=finding.check,
        about=EXPLAINED[finding.check],
        severity=finding.severity.value,
        studies=[studies[number] for number in of],
        subjects=list(finding.subjects),
        message=finding.message,
        numbers=[NumberBehind(of=n.of, name=n.name, value=n.value) for n in finding.numbers],
        acceptance=acceptance,
    )


def _batches(numbers: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))
