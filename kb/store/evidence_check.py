"""Whether the numbers taken from an abstract stand in the abstract, where its text is held.

Nothing is written: the findings are recomputed from the evidence and the work's abstract, so a
better abstract or a corrected number shows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.models.evidence import Category, CellName, Origin
from kb.models.ids import Kind, public_id
from kb.models.records import AbstractSection
from kb.models.tables import (
    AdverseEvent,
    Arm,
    ArmDescription,
    DerivationInput,
    DoseEvent,
    Evidence,
    OutcomeDefinition,
    Result,
    ResultCell,
    Timepoint,
    Work,
)
from kb.outcomes.sentences import (
    P_VALUE,
    CheckedNumber,
    Hints,
    Located,
    Stated,
    Verdict,
    is_checkable,
    locate,
    stands_in,
)
from kb.outcomes.vocabulary import load_vocabulary


class Support(StrEnum):
    """What the text says to all numbers of a statement together."""

    CONFIRMED = "confirmed"  # every number stands in one sentence
    PARTLY = "partly"  # some do, or in several sentences, or in another form
    NOT_FOUND = "not found"
    NO_NUMBER = "no number"  # told in words only: there is nothing to check
    NO_TEXT = "no text held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statement checked against the abstract it was taken from.

    `subject` is a result, adverse event, arm or dose ("R1", "X1", "M1", "D1"); an arm that several
    sources describe is told apart by `evidence`. The sentence fields are None where none was found;
    `quote` is at most one sentence and 300 characters. A derived result is never confirmed itself:
    `through` names the results it was made from, their cells stand in `cells` as "R12 events", and
    `support` and sentence are theirs.
    """

    subject: str
    study: str
    work: str | None
    evidence: str
    support: Support
    cells: tuple[CheckedNumber, ...]
    section: str | None = None
    sentence: int | None = None  # from 1, over the whole abstract
    quote: str | None = None
    words: tuple[str, ...] = ()  # of the outcome's name that stand in the sentence
    names_time: bool = False
    through: tuple[str, ...] = ()


def check_evidence(session: Session, study_id: int | None = None) -> list[Finding]:
    """Every result, adverse event, arm description and dose taken from an abstract, checked.

    Of one study or of all, in order of study and subject. Evidence of another kind is left out; a
    statement whose abstract is not held is there as "no text held", so that it can be counted.
    """
    of_study = [] if study_id is None else [study_id]
    subjects = [
        *_with_inputs(session, *(col(Result.study_id) == s for s in of_study)),
        *_adverse_events(session, *(col(AdverseEvent.study_id) == s for s in of_study)),
        *_arms(session, *(col(Arm.study_id) == s for s in of_study)),
        *_doses(session, *(col(Arm.study_id) == s for s in of_study)),
    ]
    return list(_findings(session, subjects).values())


def check_results(session: Session, numbers: Sequence[int]) -> dict[int, Finding]:
    """The findings of some results, by row number; one not taken from an abstract is absent."""
    wanted = set(numbers)
    found = _findings(session, _with_inputs(session, col(Result.id).in_(wanted)))
    return {s.number: f for s, f in found.items() if s.number in wanted}


def check_adverse_events(session: Session, numbers: Sequence[int]) -> dict[int, Finding]:
    """The same of adverse events."""
    subjects = _adverse_events(session, col(AdverseEvent.id).in_(set(numbers)))
    return {s.number: f for s, f in _findings(session, subjects).items()}


def check_quotes(session: Session, numbers: Sequence[int]) -> dict[int, bool | None]:
    """Whether the quote of each piece of evidence, by row number, stands in the text held; None
    where that part of the document is not held. Evidence without a quote is absent."""
    rows = session.execute(
        sa.select(col(Evidence.id), col(Evidence.quote), col(Evidence.kind), col(Work.abstract))
        .outerjoin(Work, col(Work.id) == col(Evidence.work_id))
        .where(col(Evidence.id).in_(set(numbers)), col(Evidence.quote).is_not(None))
    )
    found: dict[int, bool | None] = {}
    for number, quote, kind, abstract in rows:
        stands = stands_in(quote, _sections(abstract or ()))
        # A table of the full text is not contradicted by an abstract.
        is_held = bool(abstract) and kind.startswith("abstract")
        found[number] = True if stands else (False if is_held else None)
    return found


# -- what is checked -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subject:
    kind: Kind
    number: int
    study_id: int
    evidence_id: int
    work_id: int | None
    cells: tuple[Stated, ...]
    hints: Hints
    inputs: tuple[tuple[int, str], ...] = ()  # of a derived result: (result, cell)

    @property
    def public_id(self) -> str:
        return public_id(self.kind, self.number)


_ABSTRACT: Final = col(Evidence.kind).startswith("abstract")
_CELL_ORDER: Final = {name.value: place for place, name in enumerate(CellName)}


def _with_inputs(session: Session, *conditions: Any) -> list[_Subject]:
    """The results that meet the conditions, and those they were derived from."""
    found = {s.number: s for s in _results(session, *conditions)}
    asked = set(found)  # an input that rests on other evidence than an abstract is never found
    while missing := {i for s in found.values() for i, _ in s.inputs} - asked:
        asked |= missing
        found.update({s.number: s for s in _results(session, col(Result.id).in_(missing))})
    return sorted(found.values(), key=lambda s: (s.study_id, s.number))


def _results(session: Session, *conditions: Any) -> list[_Subject]:
    matching = (
        sa.select(col(Result.id))
        .join(Evidence, col(Evidence.id) == col(Result.evidence_id))
        .where(_ABSTRACT, *conditions)
    )
    cells: dict[int, list[ResultCell]] = {}
    for cell in session.exec(select(ResultCell).where(col(ResultCell.result_id).in_(matching))):
        cells.setdefault(cell.result_id, []).append(cell)
    inputs: dict[int, list[tuple[int, str]]] = {}
    for made, result_id, name in session.execute(
        sa.select(col(Result.id), col(DerivationInput.result_id), col(DerivationInput.cell))
        .join(DerivationInput, col(DerivationInput.derivation_id) == col(Result.derivation_id))
        .where(col(Result.id).in_(matching))
        .order_by(col(DerivationInput.result_id), col(DerivationInput.cell))
    ):
        inputs.setdefault(made, []).append((result_id, name))
    rows = session.exec(
        select(Result, OutcomeDefinition, Timepoint, Evidence.work_id)
        .join(Evidence, col(Evidence.id) == col(Result.evidence_id))
        .join(OutcomeDefinition, col(OutcomeDefinition.id) == col(Result.outcome_id))
        .join(Timepoint, col(Timepoint.id) == col(Result.timepoint_id), isouter=True)
        .where(_ABSTRACT, *conditions)
        .order_by(col(Result.study_id), col(Result.id))
    ).all()
    return [
        _Subject(
            kind=Kind.RESULT,
            number=result.id or 0,
            study_id=result.study_id,
            evidence_id=result.evidence_id,
            work_id=work_id,
            cells=tuple(_stated(result, cells.get(result.id or 0, ()))),
            hints=_about(_names(result, definition), time, _side(result.category)),
            inputs=tuple(inputs.get(result.id or 0, ())),
        )
        for result, definition, time, work_id in rows
    ]


def _stated(result: Result, cells: Iterable[ResultCell]) -> Iterable[Stated]:
    for cell in sorted(cells, key=lambda c: _CELL_ORDER[c.name]):
        yield Stated(
            name=cell.name,
            value=cell.value,
            text=cell.text,
            is_printed=cell.origin == Origin.REPORTED and result.derivation_id is None,
        )
    if result.p_text is not None:
        yield Stated(name=P_VALUE, text=result.p_text, is_printed=result.derivation_id is None)


def _names(result: Result, definition: OutcomeDefinition) -> list[str]:
    names = [result.outcome_title]
    if result.category is None:
        names.append(definition.title)
    # A code's first part is mostly the short name of a scale: EDSS, LVEF, T25FW.
    group, _, rest = (definition.code or "").partition("_")
    short = rest if group in _GROUPS else group
    names.append(" ".join((short.replace("_", " "), _side(result.category) or "")))
    return names


# Codes that begin with a kind of outcome, not with its name.
_GROUPS: Final = ("AE", "FEAS", "DEMO")
_SIDES: Final = (Category.IMPROVED, Category.STABLE, Category.WORSENED)


def _side(category: str | None) -> str | None:
    return category if category in _SIDES else None


def _adverse_events(session: Session, *conditions: Any) -> list[_Subject]:
    rows = session.exec(
        select(AdverseEvent, Timepoint, Evidence.work_id)
        .join(Evidence, col(Evidence.id) == col(AdverseEvent.evidence_id))
        .join(Timepoint, col(Timepoint.id) == col(AdverseEvent.timepoint_id), isouter=True)
        .where(_ABSTRACT, *conditions)
        .order_by(col(AdverseEvent.study_id), col(AdverseEvent.id))
    ).all()
    counts = ("persons_affected", "event_count", "percent")

    def cells(event: AdverseEvent) -> tuple[Stated, ...]:
        counted = _columns(event, counts)
        # "Well tolerated" by how many says nothing of events.
        return (*counted, *_columns(event, ("n_at_risk",))) if counted else ()

    return [
        _Subject(
            kind=Kind.ADVERSE_EVENT,
            number=event.id or 0,
            study_id=event.study_id,
            evidence_id=event.evidence_id,
            work_id=work_id,
            cells=cells(event),
            hints=_about(_event_names(event), time),
        )
        for event, time, work_id in rows
    ]


def _event_names(event: AdverseEvent) -> list[str]:
    code = event.code or ""
    known = load_vocabulary().get(code)
    own = code.removeprefix("AE_").replace("_", " ")
    if event.term is not None:
        return [event.term, known.name if known else own]
    return [known.name if known else f"{own} adverse event"]


def _arms(session: Session, *conditions: Any) -> list[_Subject]:
    rows = session.exec(
        select(ArmDescription, Arm.study_id, Evidence.work_id)
        .join(Arm, col(Arm.id) == col(ArmDescription.arm_id))
        .join(Evidence, col(Evidence.id) == col(ArmDescription.evidence_id))
        .where(_ABSTRACT, *conditions)
        .order_by(col(Arm.study_id), col(ArmDescription.arm_id), col(ArmDescription.id))
    ).all()
    names = ("n_randomised", "n_treated", "n_analysed", "n_completed")
    return [
        _Subject(
            kind=Kind.ARM,
            number=arm.arm_id,
            study_id=study_id,
            evidence_id=arm.evidence_id,
            work_id=work_id,
            cells=_columns(arm, names),
            hints=Hints(wordings=(arm.label,)),
        )
        for arm, study_id, work_id in rows
    ]


def _doses(session: Session, *conditions: Any) -> list[_Subject]:
    rows = session.exec(
        select(DoseEvent, Arm, Evidence.work_id)
        .join(Arm, col(Arm.id) == col(DoseEvent.arm_id))
        .join(Evidence, col(Evidence.id) == col(DoseEvent.evidence_id))
        .where(_ABSTRACT, *conditions)
        .order_by(col(Arm.study_id), col(DoseEvent.id))
    ).all()
    subjects = []
    for dose, arm, work_id in rows:
        power = 6 if (dose.unit or "").startswith("10^6") else None
        amounts = _columns(dose, ("value", "low", "high"), power=power)
        times = _columns(dose, ("n_administrations",))
        subjects.append(
            _Subject(
                kind=Kind.DOSE,
                number=dose.id or 0,
                study_id=arm.study_id,
                evidence_id=dose.evidence_id,
                work_id=work_id,
                cells=amounts + times,
                hints=Hints(wordings=(f"dose {dose.unit or ''} {dose.route or ''}", arm.label)),
            )
        )
    return subjects


def _columns(row: Any, names: Sequence[str], power: int | None = None) -> tuple[Stated, ...]:
    return tuple(
        Stated(name=name, value=value, power=power)
        for name in names
        if (value := getattr(row, name)) is not None
    )


def _about(names: Iterable[str], time: Timepoint | None, side: str | None = None) -> Hints:
    wordings = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if time is None:
        return Hints(wordings=wordings, side=side)
    return Hints(wordings=wordings, side=side, time_value=time.value, time_unit=time.unit)


# -- the check -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Checked:
    """Findings of the subjects so far; a derived result asks for those of its inputs."""

    texts: Mapping[int, tuple[AbstractSection, ...]]
    results: Mapping[int, _Subject]
    done: dict[int, Finding] = field(default_factory=dict)

    def finding(self, subject: _Subject) -> Finding:
        if subject.kind is not Kind.RESULT:
            return self._read(subject)
        if subject.number not in self.done:
            # First as it stands by itself: a ring of derivations ends there.
            self.done[subject.number] = self._read(subject)
            if subject.inputs:
                self.done[subject.number] = self._through(subject)
        return self.done[subject.number]

    def _read(self, subject: _Subject) -> Finding:
        text = self.texts.get(subject.work_id or 0)
        if text is None:
            cells = tuple(_unread(c) for c in subject.cells)
            return _finding(subject, Support.NO_TEXT, cells)
        located = locate(text, subject.cells, subject.hints)
        if located is None:
            cells = tuple(_absent(c) for c in subject.cells)
            return _finding(subject, _support(cells), cells)
        support = _support(located.cells)
        is_of_outcome = subject.kind in (Kind.RESULT, Kind.ADVERSE_EVENT)
        if support is Support.CONFIRMED and is_of_outcome and not located.words:
            # The numbers alone may be another outcome's.
            support = Support.PARTLY
        return _finding(subject, support, located.cells, located)

    def _through(self, subject: _Subject) -> Finding:
        inputs = {i: self.finding(self.results[i]) for i, _ in subject.inputs if i in self.results}
        named = [
            CheckedNumber(name=f"{inputs[i].subject} {c.name}", verdict=c.verdict, how=c.how)
            for i, name in subject.inputs
            if i in inputs
            for c in inputs[i].cells
            if c.name == name
        ]
        own = tuple(
            CheckedNumber(name=c.name, verdict=Verdict.NOT_CHECKABLE, how="derived")
            for c in subject.cells
        )
        first = next(iter(inputs.values()), None)
        if first is None or any(f.support is Support.NO_TEXT for f in inputs.values()):
            return _finding(subject, Support.NO_TEXT, own)
        places = {(f.work, f.sentence) for f in inputs.values()}
        support = _support(named)
        if support is Support.CONFIRMED and len(places) > 1:
            support = Support.PARTLY
        return Finding(
            subject=subject.public_id,
            study=first.study,
            work=first.work,
            evidence=public_id(Kind.EVIDENCE, subject.evidence_id),
            support=support,
            cells=(*own, *named),
            section=first.section,
            sentence=first.sentence,
            quote=first.quote,
            words=first.words,
            names_time=first.names_time,
            through=tuple(f.subject for f in inputs.values()),
        )


def _findings(session: Session, subjects: Sequence[_Subject]) -> dict[_Subject, Finding]:
    texts = _abstracts(session, {s.work_id for s in subjects if s.work_id is not None})
    checked = _Checked(texts, {s.number: s for s in subjects if s.kind is Kind.RESULT})
    ordered = sorted(subjects, key=lambda s: s.study_id)  # stable: kinds keep their order
    return {subject: checked.finding(subject) for subject in ordered}


def _abstracts(session: Session, works: set[int]) -> dict[int, tuple[AbstractSection, ...]]:
    if not works:
        return {}
    cited = sa.select(col(Evidence.work_id)).where(_ABSTRACT)
    rows = session.execute(
        sa.select(col(Work.id), col(Work.abstract)).where(
            # Few works by number; for many one subquery instead of a list without end.
            col(Work.id).in_(sorted(works)) if len(works) <= 500 else col(Work.id).in_(cited)
        )
    )
    return {number: _sections(abstract) for number, abstract in rows if abstract}


def _sections(abstract: Iterable[Mapping[str, Any]]) -> tuple[AbstractSection, ...]:
    return tuple(AbstractSection(text=s["text"], label=s.get("label")) for s in abstract)


def _finding(
    subject: _Subject,
    support: Support,
    cells: tuple[CheckedNumber, ...],
    located: Located | None = None,
) -> Finding:
    found: dict[str, Any] = {}
    if located is not None:
        found = {
            "section": located.sentence.label,
            "sentence": located.sentence.number,
            "quote": located.quote(),
            "words": located.words,
            "names_time": located.names_time,
        }
    return Finding(
        subject=subject.public_id,
        study=public_id(Kind.STUDY, subject.study_id),
        work=None if subject.work_id is None else public_id(Kind.WORK, subject.work_id),
        evidence=public_id(Kind.EVIDENCE, subject.evidence_id),
        support=support,
        cells=cells,
        **found,
    )


def _absent(cell: Stated) -> CheckedNumber:
    verdict = Verdict.ABSENT if is_checkable(cell) else Verdict.NOT_CHECKABLE
    return CheckedNumber(name=cell.name, verdict=verdict)


def _unread(cell: Stated) -> CheckedNumber:
    return CheckedNumber(name=cell.name, verdict=Verdict.NOT_CHECKABLE)


def _support(cells: Sequence[CheckedNumber]) -> Support:
    numbers = [c for c in cells if c.verdict is not Verdict.NOT_CHECKABLE]
    if not numbers:
        return Support.NO_NUMBER
    if all(c.verdict is Verdict.STANDS for c in numbers):
        return Support.CONFIRMED
    # An absent number with a "how" stands there in another form.
    if all(c.verdict is Verdict.ABSENT and c.how is None for c in numbers):
        return Support.NOT_FOUND
    return Support.PARTLY
