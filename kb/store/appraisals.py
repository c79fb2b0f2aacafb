"""Appraisals of studies: kept with tool, version, assessor and support, and read back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.appraisal.judgement import Judgement, completeness, overall, unanswered
from kb.appraisal.tool import Tool, ToolKind, find_tool, load_tools
from kb.errors import Conflict, InvalidInput, NotFound
from kb.formats.appraisal_tables import AppraisalClaim, RobvisRow, write_robvis
from kb.models.ids import Kind, public_id
from kb.models.records import Payload
from kb.models.tables import (
    Appraisal,
    AppraisalJudgement,
    Arm,
    CellProduct,
    DoseEvent,
    Study,
    StudyDescription,
)
from kb.store.lookup import plain_text, resolve_study
from kb.store.payloads import keep
from kb.store.records import Change
from kb.store.results import StudyRef

SOURCE: Final = "appraisal"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementOut:
    item: str
    title: str
    answer: str
    support: str | None
    locator: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppraisalOut:
    """One assessor's word on a study. `overall` as stated, or as it follows from the domains by
    `overall_basis`; `score` of `most` for a tool that sums points; `reported` is the share of
    items that a paper reports, for a tool that asks for that. `warnings` say what does not fit."""

    study: StudyRef
    tool: str
    version: str
    subject: str | None
    assessor: str
    is_consensus: bool
    at: datetime
    overall: str | None
    overall_basis: str | None
    overall_support: str | None
    score: int | None
    most: int | None
    reported: float | None
    judgements: list[JudgementOut]
    unanswered: list[str]
    warnings: list[str]
    payload_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskOfBias:
    """The judgement of a study that goes beside its numbers; `overall` None where assessors differ
    and no consensus is recorded."""

    tool: str
    version: str
    overall: str | None
    reason: str  # "consensus", "assessor anna", "assessors agree", "assessors differ"


# -- writing -------------------------------------------------------------------------------------


def save_appraisals(
    session: Session, claims: Sequence[AppraisalClaim], body: bytes, now: datetime
) -> dict[Change, int]:
    """Keep appraisals, all or none. One that says what its assessor said before writes nothing.

    Raises InvalidInput where a study is not in this base, naming each with its line.
    """
    studies, unknown = {}, []
    for claim in claims:
        for text in (claim.assessor, claim.subject, claim.overall_support):
            plain_text(text or "")
        for judgement in claim.judgements:
            plain_text((judgement.support or "") + (judgement.locator or ""))
        try:
            studies[claim.study] = resolve_study(session, claim.study)
        except (NotFound, InvalidInput, Conflict) as error:
            unknown.append(f"line {claim.line}: {error}" if claim.line else str(error))
    if unknown:
        more = f" (and {len(unknown) - 5} more)" if len(unknown) > 5 else ""
        raise InvalidInput(f"nothing imported: {'; '.join(unknown[:5])}{more}")
    counted = dict.fromkeys(Change, 0)
    payload_id: int | None = None
    for claim in claims:
        study_id = studies[claim.study]
        held = _latest(session, study_id, claim)
        if held is not None and _claimed(session, held) == _said(claim):
            counted[Change.UNCHANGED] += 1
            continue
        if payload_id is None:
            payload_id = keep(
                session,
                Payload(
                    source=SOURCE,
                    request="table of appraisals",
                    status=200,
                    body=body,
                    fetched_at=now,
                    media_type="text/csv",
                ),
            )
        row = Appraisal(
            study_id=study_id,
            tool=claim.tool.name,
            version=claim.tool.version,
            subject=claim.subject,
            assessor=claim.assessor,
            is_consensus=claim.is_consensus,
            at=now,
            overall=claim.overall,
            overall_support=claim.overall_support,
            payload_id=payload_id,
        )
        session.add(row)
        session.flush()
        assert row.id is not None
        session.add_all(
            AppraisalJudgement(
                appraisal_id=row.id,
                item=j.item,
                answer=j.answer,
                support=j.support,
                locator=j.locator,
            )
            for j in claim.judgements
        )
        session.flush()
        counted[Change.NEW if held is None else Change.CHANGED] += 1
    return counted


def _latest(session: Session, study_id: int, claim: AppraisalClaim) -> Appraisal | None:
    return session.exec(
        select(Appraisal)
        .where(
            Appraisal.study_id == study_id,
            Appraisal.tool == claim.tool.name,
            Appraisal.version == claim.tool.version,
            col(Appraisal.subject).is_not_distinct_from(claim.subject),
            Appraisal.assessor == claim.assessor,
        )
        .order_by(col(Appraisal.id).desc())
        .limit(1)
    ).first()


def _said(claim: AppraisalClaim) -> tuple[Any, ...]:
    return (claim.is_consensus, claim.overall, claim.overall_support, set(claim.judgements))


def _claimed(session: Session, row: Appraisal) -> tuple[Any, ...]:
    judgements = _judgements(session, [row.id or 0])[row.id or 0]
    return (row.is_consensus, row.overall, row.overall_support, set(judgements))


# -- reading -------------------------------------------------------------------------------------


def read_appraisals(
    session: Session,
    study_id: int | None = None,
    tool: Tool | None = None,
    *,
    with_earlier: bool = False,
) -> list[AppraisalOut]:
    """By study, tool and version; a consensus before the assessors. Each assessor's last word on a
    thing, unless `with_earlier`."""
    query = (
        sa.select(Appraisal, col(Study.label))
        .join(Study, col(Study.id) == col(Appraisal.study_id))
        .order_by(
            col(Appraisal.study_id),
            col(Appraisal.tool),
            col(Appraisal.version),
            col(Appraisal.is_consensus).desc(),
            col(Appraisal.assessor),
            col(Appraisal.id).desc(),
        )
    )
    if study_id is not None:
        query = query.where(col(Appraisal.study_id) == study_id)
    if tool is not None:
        query = query.where(
            col(Appraisal.tool) == tool.name, col(Appraisal.version) == tool.version
        )
    rows = session.execute(query).all()
    if not with_earlier:
        last: dict[tuple[Any, ...], Any] = {}
        for row, label in rows:
            about = (row.study_id, row.tool, row.version, row.subject, row.assessor)
            last.setdefault(about, (row, label))
        rows = list(last.values())
    judgements = _judgements(session, [row.id for row, _ in rows])
    designs = _designs(session, {row.study_id for row, _ in rows})
    return [
        _shown(row, label, judgements[row.id], designs.get(row.study_id, "")) for row, label in rows
    ]


def _judgements(session: Session, numbers: Sequence[int]) -> dict[int, list[Judgement]]:
    found: dict[int, list[Judgement]] = defaultdict(list)
    for row in session.exec(
        select(AppraisalJudgement).where(col(AppraisalJudgement.appraisal_id).in_(numbers))
    ):
        found[row.appraisal_id].append(
            Judgement(item=row.item, answer=row.answer, support=row.support, locator=row.locator)
        )
    return found


def _designs(session: Session, studies: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = defaultdict(str)
    rows = session.execute(
        sa.select(
            col(StudyDescription.study_id),
            col(StudyDescription.design),
            col(StudyDescription.allocation),
        ).where(col(StudyDescription.study_id).in_(set(studies)))
    )
    for study_id, design, allocation in rows:
        found[study_id] += f" {design or ''} {allocation or ''}".casefold()
    return found


def _shown(
    row: Appraisal, label: str, judgements: Sequence[Judgement], design: str
) -> AppraisalOut:
    tool = find_tool(row.tool, row.version)
    by_item = {j.item: j for j in judgements}
    ordered = [by_item[item.key] for item in tool.items if item.key in by_item]
    result = overall(tool, ordered, row.overall)
    titles = {item.key: item.title for item in tool.items}
    warnings = [result.warning] if result.warning else []
    if tool.name == "RoB 2" and design.strip() and not _is_randomised(design):
        warnings.append("RoB 2 is for randomised trials; this study is not described as one")
    return AppraisalOut(
        study=StudyRef(id=public_id(Kind.STUDY, row.study_id), label=label),
        tool=tool.name,
        version=tool.version,
        subject=row.subject,
        assessor=row.assessor,
        is_consensus=row.is_consensus,
        at=row.at,
        overall=result.answer,
        overall_basis=result.basis,
        overall_support=row.overall_support,
        score=result.score,
        most=result.most,
        reported=completeness(ordered).share if tool.kind is ToolKind.REPORTING else None,
        judgements=[
            JudgementOut(
                item=j.item,
                title=titles[j.item],
                answer=j.answer,
                support=j.support,
                locator=j.locator,
            )
            for j in ordered
        ],
        unanswered=list(unanswered(tool, ordered)),
        warnings=warnings,
        payload_id=row.payload_id,
    )


def _is_randomised(design: str) -> bool:
    return "random" in design and "non-random" not in design and "nonrandom" not in design


def risk_of_bias(session: Session, studies: Iterable[int] | None = None) -> dict[int, RiskOfBias]:
    """The overall judgement of each study by a tool of levels, of the study as a whole.

    A consensus counts before its assessors; RoB 2 before ROBINS-I, the newer version before the
    older. A study that nobody judged is absent.
    """
    wanted = None if studies is None else set(studies)
    grouped: dict[tuple[int, str, str], list[AppraisalOut]] = defaultdict(list)
    for one in read_appraisals(session):
        number = int(one.study.id[1:])
        if one.subject is None and (wanted is None or number in wanted):
            grouped[number, one.tool, one.version].append(one)
    found: dict[int, RiskOfBias] = {}
    for tool in sorted(load_tools(), key=lambda t: (t.name != "RoB 2", -int(t.version))):
        if tool.kind is not ToolKind.LEVELS:
            continue
        for (number, name, version), group in grouped.items():
            if (name, version) == (tool.name, tool.version):
                found.setdefault(number, _agreed(tool, group))
    return found


def _agreed(tool: Tool, group: Sequence[AppraisalOut]) -> RiskOfBias:
    consensus = next((a for a in group if a.is_consensus), None)
    answers = {a.overall for a in group}
    if consensus is not None:
        answer, reason = consensus.overall, "consensus"
    elif len(group) == 1:
        answer, reason = group[0].overall, f"assessor {group[0].assessor}"
    elif len(answers) == 1:
        answer, reason = group[0].overall, "assessors agree"
    else:
        answer, reason = None, "assessors differ"
    return RiskOfBias(tool=tool.name, version=tool.version, overall=answer, reason=reason)


# -- completeness of reporting -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedItem:
    """`answer` of an assessor, or None where nobody looked. `held` says that this base holds the
    item for some arm of the study; that it does not is no sign that the paper does not tell."""

    tool: str
    item: str
    title: str
    answer: str | None
    held: bool | None  # None: the item has no field in this base


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessOut:
    """What is told of a study's cells. `reported` is the share of the items that assessors call
    reported, of those they answered; None where nobody looked. `held` of `holdable` are in this
    base."""

    study: StudyRef
    items: list[ReportedItem]
    reported: float | None
    held: int
    holdable: int


_IN_THE_BASE: Final[dict[tuple[str, str], Callable[[CellProduct, DoseEvent | None], bool]]] = {
    ("DOSES", "D"): lambda product, _: product.donor is not None,
    ("DOSES", "O"): lambda product, _: product.tissue is not None,
    ("DOSES", "E"): lambda product, _: (
        product.viability_text is not None or product.passage_low is not None
    ),
    ("DOSES", "S2"): lambda _, dose: dose is not None and dose.route is not None,
}


def reporting_completeness(session: Session, study_id: int | None = None) -> list[CompletenessOut]:
    """Every study with a cell product, by its number: what DOSES and ISCT ask for."""
    query = (
        sa.select(CellProduct, DoseEvent, col(Arm.study_id), col(Study.label))
        .join(Arm, col(Arm.id) == col(CellProduct.arm_id))
        .join(Study, col(Study.id) == col(Arm.study_id))
        .outerjoin(DoseEvent, col(DoseEvent.arm_id) == col(Arm.id))
        .order_by(col(Arm.study_id))
    )
    if study_id is not None:
        query = query.where(col(Arm.study_id) == study_id)
    labels: dict[int, str] = {}
    held: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for product, dose, number, label in session.execute(query):
        labels[number] = label
        held[number] |= {item for item, has in _IN_THE_BASE.items() if has(product, dose)}
    tools = [t for t in load_tools() if t.kind is ToolKind.REPORTING]
    answers: dict[int, dict[tuple[str, str], str]] = defaultdict(dict)
    for appraisal in read_appraisals(session, study_id):
        if appraisal.tool not in {t.name for t in tools}:
            continue
        number = int(appraisal.study.id[1:])
        labels.setdefault(number, appraisal.study.label)
        for judgement in appraisal.judgements:
            # A consensus comes first, then the assessors by name.
            answers[number].setdefault((appraisal.tool, judgement.item), judgement.answer)
    found = []
    for number in sorted(labels):
        items = [
            ReportedItem(
                tool=tool.name,
                item=item.key,
                title=item.title,
                answer=answers[number].get((tool.name, item.key)),
                held=(
                    (tool.name, item.key) in held[number]
                    if (tool.name, item.key) in _IN_THE_BASE
                    else None
                ),
            )
            for tool in tools
            for item in tool.items
        ]
        given = [i.answer for i in items if i.answer is not None]
        found.append(
            CompletenessOut(
                study=StudyRef(id=public_id(Kind.STUDY, number), label=labels[number]),
                items=items,
                reported=given.count("Reported") / len(given) if given else None,
                held=sum(i.held is True for i in items),
                holdable=sum(i.held is not None for i in items),
            )
        )
    return found


def robvis_table(session: Session, tool: Tool) -> tuple[str, list[str]]:
    """The wide table, one row per study, and what was left out and why; overall is the sum of a
    tool that sums points.

    A consensus stands for its assessors, and one assessor for himself; a study on which several
    differ without a consensus is left out.
    """
    grouped: dict[str, list[AppraisalOut]] = defaultdict(list)
    for one in read_appraisals(session, tool=tool):
        if one.subject is None:
            grouped[one.study.id].append(one)
    rows, left_out = [], []
    for group in grouped.values():
        said = {(a.overall, *((j.item, j.answer) for j in a.judgements)) for a in group}
        if not group[0].is_consensus and len(said) > 1:
            left_out.append(
                f"{group[0].study.label}: assessors differ and no consensus is recorded"
            )
            continue
        answers = {j.item: j.answer for j in group[0].judgements}
        rows.append(
            RobvisRow(
                study=group[0].study.label,
                answers=tuple(answers.get(item.key) for item in tool.items),
                overall=group[0].overall if group[0].score is None else str(group[0].score),
            )
        )
    return write_robvis(tool, rows), left_out
