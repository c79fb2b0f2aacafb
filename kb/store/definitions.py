"""The definitions of outcomes, brought into the base from the vocabulary."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.identity.identifiers import identifiers
from kb.models.dates import parse_partial_date
from kb.models.records import AuthorClaim, Payload, VenueClaim, View, WorkRecord, WorkType
from kb.models.tables import OutcomeDefinition, OutcomeWork
from kb.outcomes import vocabulary
from kb.outcomes.vocabulary import DefiningWork, OutcomeDefinitionValue
from kb.store.engine import Store
from kb.store.payloads import keep
from kb.store.record_works import save_work_record
from kb.store.records import find_record

SOURCE: Final = "vocabulary"


def store_vocabulary(store: Store, now: datetime | None = None) -> int:
    """Bring every definition, and the works that define instruments, up to date.

    Returns how many definitions were new or changed; where none was, nothing is written.
    """
    with store.reading() as session:
        changed = _outdated(session)
        if not changed and not _lacks_works(session):
            return 0
    with store.writing() as session:
        changed = _outdated(session)
        for definition in changed:
            find_or_make_definition(session, definition.code)
        _store_works(session, now or datetime.now(UTC))
    return len(changed)


def find_or_make_definition(session: Session, code: str) -> OutcomeDefinition:
    """The outcome with this code, saying what the vocabulary says now. A code of a curator's own
    is a definition without a range, in the words given."""
    row = session.exec(select(OutcomeDefinition).where(OutcomeDefinition.code == code)).first()
    known = vocabulary.load_vocabulary().get(code)
    row = row or OutcomeDefinition(code=code, title=code)
    for name, value in (_columns(known) if known else {}).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def _columns(known: OutcomeDefinitionValue) -> dict[str, Any]:
    return {
        "title": known.name,
        "unit": known.unit,
        "low": known.low,
        "high": known.high,
        "step": known.step,
        "better": known.better,
        "note": known.notes,
        "version": known.version,
        "variant_of": known.variant_of,
        "instrument_version": known.instrument_version,
        "statistics": [str(counted) for counted in known.statistics],
        "unused": list(known.unused),
        "thresholds": [_plain(asdict(threshold)) for threshold in known.thresholds],
        "conditions": list(known.conditions),
        "synonyms": list(known.synonyms),
        "concepts": list(known.concepts),
        "source": "; ".join(known.sources) or None,
        "unconfirmed": list(known.unconfirmed),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}


def _outdated(session: Session) -> list[OutcomeDefinitionValue]:
    held = {
        row.code: row
        for row in session.exec(
            select(OutcomeDefinition).where(col(OutcomeDefinition.code).is_not(None))
        )
    }
    return [
        definition
        for code, definition in vocabulary.load_vocabulary().items()
        if code not in held
        or any(getattr(held[code], n) != v for n, v in _columns(definition).items())
    ]


def _wanted_links() -> set[tuple[str, str]]:
    return {(d.code, key) for d in vocabulary.load_vocabulary().values() for key in d.works}


def _lacks_works(session: Session) -> bool:
    held = session.execute(sa.select(sa.func.count()).select_from(OutcomeWork)).scalar_one()
    described = all(find_record(session, SOURCE, key, View.WORK) for key in vocabulary.load_works())
    return held != len(_wanted_links()) or not described


def _store_works(session: Session, now: datetime) -> None:
    table = vocabulary.FOLDER / "works.csv"
    payload = keep(
        session,
        Payload(
            source=SOURCE,
            request="table works.csv",
            status=200,
            body=table.read_bytes(),
            fetched_at=now,
            media_type="text/csv",
        ),
    )
    works = {
        key: save_work_record(session, _record(work), payload, now).work_id
        for key, work in vocabulary.load_works().items()
    }
    codes = dict(
        session.execute(sa.select(col(OutcomeDefinition.code), col(OutcomeDefinition.id))).all()
    )
    wanted = {
        (codes[code], work_id)
        for code, key in _wanted_links()
        if (work_id := works[key]) is not None  # None: a person must say which work it is
    }
    held = {(row.outcome_id, row.work_id): row for row in session.exec(select(OutcomeWork))}
    for pair in held.keys() - wanted:
        session.delete(held[pair])
    for outcome_id, work_id in wanted - held.keys():
        session.add(OutcomeWork(outcome_id=outcome_id, work_id=work_id))
    session.flush()


def _record(work: DefiningWork) -> WorkRecord:
    return WorkRecord(
        source=SOURCE,
        key=work.key,
        identifiers=identifiers(doi=work.doi, pmid=work.pmid),
        title=work.title,
        type=WorkType.ARTICLE,
        published=parse_partial_date(str(work.year)),
        venue=VenueClaim(name=work.venue),
        volume=work.volume,
        issue=work.issue,
        pages=work.pages,
        authors=tuple(AuthorClaim(name=name) for name in work.authors),
        authors_complete=work.has_all_authors,
    )
