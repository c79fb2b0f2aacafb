"""One value entered by itself, for a study and an arm that are held, into a named collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput
from kb.formats.single_values import RESULTS, read_value
from kb.models.evidence import (
    EvidenceClaim,
    ResultClaim,
    Standing,
    StudyRecord,
    collection_of,
    extractor_of,
)
from kb.models.ids import Kind, public_id
from kb.models.records import Payload, View, content_hash
from kb.models.tables import AdverseEvent, Arm, Result, StoredRecord
from kb.outcomes.places import Claim, folded, place
from kb.store.decisions import Place, placed, with_arm_keys
from kb.store.lookup import plain_text, resolve_study
from kb.store.payloads import keep
from kb.store.record_studies import REGISTRIES, WHOLE_STUDY, save_study_record
from kb.store.records import Change, find_record
from kb.store.statuses import Table, own_records, read_family, read_held

_NOWHERE: Final = EvidenceClaim(kind="", document="", locator="", standing=Standing.PRIMARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """A value in the columns of its table ("results" or "adverse_events"), for the study that
    `study` names. `source` is a collection or one extractor's part of it."""

    source: str
    study: str
    values: Mapping[str, Any] = field(default_factory=dict)
    place: Place
    table: str = RESULTS
    who: str | None = None
    why: str | None = None


def enter(session: Session, entering: Entering, sent: bytes, now: datetime) -> tuple[Change, str]:
    """Write the value, kept as it was `sent` (JSON), within the caller's transaction. Returns the
    public id of its row; the same again changes nothing.

    Raises Conflict where the same extractor says otherwise about the same thing already.
    """
    kind = Kind.RESULT if entering.table == RESULTS else Kind.ADVERSE_EVENT
    table: Table = Result if kind is Kind.RESULT else AdverseEvent
    study_id = resolve_study(session, entering.study)
    base, arms = _laid_out(session, study_id, entering)
    values = with_arm_keys(entering.values, arms)
    for name in ("document", "locator", "kind", "standing"):
        if not (getattr(entering.place, name) or "").strip():
            raise InvalidInput(f"{name} is empty (every value says where it stands)")
    evidence = placed(_NOWHERE, entering.place)
    claim = read_value(entering.table, values, arms=tuple(arms), evidence=evidence)
    elsewhere = collection_of(base.source)
    is_own = elsewhere == collection_of(entering.source)
    record = StudyRecord(
        source=entering.source,
        key=f"{base.key} | {claim.key}" + ("" if is_own else f" | in {elsewhere}"),
        about=base.key,
        about_in=None if is_own else elsewhere,
        label=base.key,
        view=View.BRIEF,
        **{entering.table: (claim,)},  # type: ignore[arg-type]
    )
    known = _known(session, record, claim, table)
    held = find_record(session, record.source, record.key, View.BRIEF)
    if held is not None and held.content_sha256 == content_hash(record) and known:
        return Change.UNCHANGED, public_id(kind, known)
    if known:
        raise Conflict(
            f"{public_id(kind, known)} says otherwise about the same; correct that instead"
        )
    payload = Payload(
        source=entering.source,
        request=f"{entering.table} {record.key}",
        status=200,
        body=sent,
        fetched_at=now,
        media_type="application/json",
    )
    payload_id = keep(session, payload)
    who = entering.who or extractor_of(entering.source)
    change, _ = save_study_record(session, record, payload_id, now, who=who, why=entering.why)
    number = _known(session, record, claim, table)
    assert number is not None
    return change, public_id(kind, number)


def _laid_out(
    session: Session, study_id: int, entering: Entering
) -> tuple[StoredRecord, dict[str, str]]:
    """The record whose arms the value is about, and these by key, with their ids: the collection's
    own, or where it has none the first that knows the arm."""
    own = collection_of(entering.source)
    records = sorted(
        session.exec(
            select(StoredRecord).where(
                StoredRecord.study_id == study_id, StoredRecord.view == View.STUDY
            )
        ),
        key=lambda r: (collection_of(r.source) != own, r.source in REGISTRIES, r.id or 0),
    )
    ours = [r for r in records if collection_of(r.source) == own]
    by_record = [(r, _arms(session, r)) for r in ours[:1] or records]
    arm = str(entering.values.get("arm") or "").strip()
    plain_text(arm)
    for record, arms in by_record:
        parts = [part.strip() for part in arm.split("+")]
        if arm == WHOLE_STUDY or arm in arms or arm.upper() in arms.values():
            return record, arms
        if all(part in arms for part in parts):
            return record, arms
    known = dict.fromkeys(key for _, arms in by_record for key in arms)
    listed = ", ".join((*known, WHOLE_STUDY))
    raise InvalidInput(f"arm: {arm[:60]!r} is no arm of {entering.study[:80]} (known: {listed})")


def _arms(session: Session, record: StoredRecord) -> dict[str, str]:
    family = read_family(
        session, StudyRecord(source=record.source, key=record.key, label=record.key)
    )
    rows = session.execute(
        sa.select(col(Arm.key), col(Arm.id))
        .where(col(Arm.record_id).in_([row.id for row in family]))
        .order_by(col(Arm.id))
    )
    return {row.key: public_id(Kind.ARM, row.id) for row in rows}


def _known(session: Session, record: StudyRecord, claim: Claim, table: Table) -> int | None:
    """The row in which the same extractor tells of the same thing, from the same document."""
    family = own_records(read_family(session, record), record)
    held = read_held(session, family, table)
    for stand in held.stands:
        if stand.is_derived or stand.extractor != extractor_of(record.source):
            continue
        if place(stand.claim) == place(claim) and _told(stand.claim) == _told(claim):
            return stand.id
    return None


def _told(claim: Claim) -> tuple[str | None, str | None]:
    """In which words, and where."""
    wording = claim.outcome_title if isinstance(claim, ResultClaim) else claim.term
    return folded(wording), folded(claim.evidence.document)
