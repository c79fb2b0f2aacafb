"""Outcomes read in full, and those that a source words in its own way matched to the vocabulary.
A match is a person's; this module only suggests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound
from kb.models.evidence import Category
from kb.models.ids import Kind, public_id
from kb.models.tables import (
    OutcomeDefinition,
    OutcomeMatch,
    OutcomeWork,
    Result,
    Study,
)
from kb.outcomes.matching import match_outcome
from kb.outcomes.vocabulary import load_vocabulary
from kb.store.definitions import find_or_make_definition
from kb.store.results import (
    OutcomeMatchOut,
    OutcomeOut,
    OutcomeSummary,
    outcome_summaries,
    read_matches,
    read_outcomes,
)
from kb.store.works import WorkLink, work_links

_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An outcome of the vocabulary that a wording may mean. Nothing follows from it by itself."""

    code: str
    title: str
    confidence: float  # share right, roughly; see docs/vocabulary.md
    basis: str
    matched_text: str
    category: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedOutcome:
    """An outcome without a code that a person found to be this one."""

    outcome: OutcomeOut
    category: str | None
    confidence: float | None
    basis: str | None
    confirmed_by: str
    confirmed_at: datetime
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOutcome(OutcomeSummary):
    suggested: list[Suggestion]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeDetail(OutcomeSummary):
    """An outcome with all that is known of it. Lists are None for an outcome without a code;
    `suggested` is for those alone, `matched` for the others."""

    statistics: list[str] | None  # what a number of it can be: score, persons, events, rate, time
    unused: list[float] | None  # values in its range that it never takes
    thresholds: list[dict[str, Any]] | None  # from which change it is worse or better
    conditions: list[str] | None
    synonyms: list[str] | None
    concepts: list[str] | None
    source: str | None  # where unit, range and step were seen
    unconfirmed: list[str] | None  # parts of the definition that no source was seen for
    defined_by: list[WorkLink]
    variants: list[OutcomeOut]
    match: OutcomeMatchOut | None
    suggested: list[Suggestion]
    matched: list[MatchedOutcome]


# -- reading -------------------------------------------------------------------------------------


def read_outcome(session: Session, outcome_id: int) -> OutcomeDetail:
    """The outcome with this row number (see `kb.store.lookup.resolve_outcome`)."""
    row = session.get_one(OutcomeDefinition, outcome_id)
    (summary,) = outcome_summaries(session, [outcome_id])
    works = session.execute(
        sa.select(col(OutcomeWork.work_id)).where(col(OutcomeWork.outcome_id) == outcome_id)
    ).scalars()
    variants = session.execute(
        sa.select(col(OutcomeDefinition.id))
        .where(
            col(OutcomeDefinition.variant_of) == row.code,
            col(OutcomeDefinition.variant_of).is_not(None),
        )
        .order_by(col(OutcomeDefinition.code))
    ).scalars()
    match = read_matches(session, [outcome_id]).get(outcome_id)
    is_open = row.code is None and match is None
    return OutcomeDetail(
        outcome=summary.outcome,
        results=summary.results,
        studies=summary.studies,
        statistics=row.statistics,
        unused=row.unused,
        thresholds=row.thresholds,
        conditions=row.conditions,
        synonyms=row.synonyms,
        concepts=row.concepts,
        source=row.source,
        unconfirmed=row.unconfirmed,
        defined_by=list(work_links(session, list(works)).values()),
        variants=list(read_outcomes(session, list(variants)).values()),
        match=match,
        suggested=suggestions(session, row) if is_open else [],
        matched=_matched(session, outcome_id),
    )


def open_outcomes(session: Session) -> list[OpenOutcome]:
    """Outcomes without a code that nobody has matched, those with most results first."""
    rows = session.exec(
        select(OutcomeDefinition).where(
            col(OutcomeDefinition.code).is_(None),
            col(OutcomeDefinition.id).not_in(sa.select(col(OutcomeMatch.outcome_id))),
        )
    ).all()
    held = {row.id or 0: row for row in rows}
    found = [
        OpenOutcome(
            outcome=summary.outcome,
            results=summary.results,
            studies=summary.studies,
            suggested=suggestions(session, held[number]),
        )
        for number, summary in zip(held, outcome_summaries(session, list(held)))
    ]
    return sorted(found, key=lambda one: (-one.results, one.outcome.title))


def suggestions(session: Session, row: OutcomeDefinition) -> list[Suggestion]:
    """What an outcome without a code may be, given the conditions of the studies that measured
    it. Best first."""
    measured = sa.select(col(Result.study_id)).where(col(Result.outcome_id) == row.id)
    conditions = session.execute(
        sa.select(col(Study.conditions)).where(col(Study.id).in_(measured))
    ).scalars()
    named = ", ".join(sorted({condition for listed in conditions for condition in listed}))
    known = load_vocabulary()
    return [
        Suggestion(
            code=match.code,
            title=known[match.code].name,
            confidence=match.confidence,
            basis=match.basis,
            matched_text=match.matched_text,
            category=match.category.value if match.category else None,
        )
        for match in match_outcome(row.title, unit=row.unit, condition=named or None)
    ]


def _matched(session: Session, definition_id: int) -> list[MatchedOutcome]:
    rows = session.exec(
        select(OutcomeMatch)
        .where(OutcomeMatch.definition_id == definition_id)
        .order_by(col(OutcomeMatch.outcome_id))
    ).all()
    outcomes = read_outcomes(session, [row.outcome_id for row in rows])
    return [
        MatchedOutcome(
            outcome=outcomes[row.outcome_id],
            category=row.category,
            confidence=row.confidence,
            basis=row.basis,
            confirmed_by=row.confirmed_by,
            confirmed_at=row.confirmed_at,
            why=row.why,
        )
        for row in rows
    ]


# -- a person decides ----------------------------------------------------------------------------


def confirm_match(
    session: Session,
    outcome_id: int,
    code: str,
    *,
    by: str,
    why: str | None = None,
    category: str | None = None,
    now: datetime,
) -> OutcomeMatchOut:
    """A person says that this outcome is the one the vocabulary calls `code`.

    `category` is the side its persons are on where its wording tells: a complement, say; left
    out, that of the suggestion. The same again replaces who, when and why. Raises InvalidInput
    for an outcome that has a code, an unknown code or nobody's name, and Conflict where it is
    matched to another outcome already: that match is withdrawn first.
    """
    row = session.get_one(OutcomeDefinition, outcome_id)
    if row.code is not None:
        raise InvalidInput(
            f"{public_id(Kind.OUTCOME, outcome_id)} is {row.code} already; "
            "only an outcome without a code can be matched"
        )
    known = next(
        (d for c, d in load_vocabulary().items() if c.casefold() == code.casefold()),
        None,
    )
    if known is None:
        raise InvalidInput(f"no outcome {code[:60]!r} in the vocabulary (see kb outcomes list)")
    if not by.strip() or len(by) > _LONGEST_NAME:
        raise InvalidInput(f"who confirms is {by[:60]!r} (expected a name)")
    if category is not None and category not in set(Category):
        raise InvalidInput(f"category is {category[:60]!r} (expected {', '.join(Category)})")
    suggested = next((s for s in suggestions(session, row) if s.code == known.code), None)
    definition = find_or_make_definition(session, known.code)
    held = session.get(OutcomeMatch, outcome_id)
    if held is not None and held.definition_id != definition.id:
        other = session.get_one(OutcomeDefinition, held.definition_id)
        raise Conflict(
            f"{public_id(Kind.OUTCOME, outcome_id)} is matched to {other.code} by "
            f"{held.confirmed_by}; withdraw that first"
        )
    assert definition.id is not None
    held = held or OutcomeMatch(
        outcome_id=outcome_id, definition_id=definition.id, confirmed_by=by, confirmed_at=now
    )
    held.category = category or (suggested.category if suggested else None)
    held.confidence = suggested.confidence if suggested else None
    held.basis = suggested.basis if suggested else None
    held.confirmed_by, held.confirmed_at, held.why = by.strip(), now, (why or "").strip() or None
    session.add(held)
    session.flush()
    return read_matches(session, [outcome_id])[outcome_id]


def withdraw_match(session: Session, outcome_id: int) -> None:
    """Raises NotFound where nobody matched the outcome."""
    held = session.get(OutcomeMatch, outcome_id)
    if held is None:
        raise NotFound(f"{public_id(Kind.OUTCOME, outcome_id)} is not matched to any outcome")
    session.delete(held)
    session.flush()
