"""People decide which works are one. A decision joins or separates, and withdrawing it undoes that.

What a person said is never overturned by what a source says: it stands until somebody withdraws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound
from kb.identity.decide import ONE_PER_WORK, is_anchored
from kb.models.ids import Kind, public_id
from kb.models.records import Payload
from kb.models.tables import (
    Coverage,
    IdentityConflict,
    IdentityDecision,
    IdentityKind,
    Reference,
    StoredRecord,
    Work,
    WorkMerge,
)
from kb.store import links
from kb.store.identity_said import lines_said, said_now, standing_decisions, told
from kb.store.linked_records import DESCRIBING, relink, retire
from kb.store.lookup import LARGEST_ID, plain_text, resolve_work
from kb.store.merge_works import merge_works
from kb.store.notices import settle_notices
from kb.store.payloads import keep
from kb.store.record_works import recompute, reconsider
from kb.store.records import as_work_record
from kb.store.unmerge_works import restore_dates, unmerge
from kb.store.works_derived import rederive_mentioned

SOURCE: Final = "identity"
_RECORD = re.compile(r"record:([1-9][0-9]{0,17})", re.I)
_REFERENCE = re.compile(r"reference:([1-9][0-9]{0,17}):([1-9][0-9]{0,8})", re.I)
_MOST_RECONSIDERED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDeciding:
    """That two things are one work, or are not: W1 (or any identifier of a work), record:12, or
    line 3 of the bibliography in record 12 as reference:12:3."""

    of: tuple[str, str]
    kind: IdentityKind
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class _Side:
    """A record, a line of a bibliography, or a work nothing describes, by an identifier."""

    text: str
    record_id: int | None = None
    position: int | None = None
    identifier: str | None = None


_Name = tuple[int | None, str | None]  # of a side: record, identifier


def decide_identity(
    session: Session, deciding: IdentityDeciding, sent: bytes, now: datetime
) -> int:
    """Write the decision, kept as it was `sent` (JSON), and make the works what it says, within
    the caller's transaction. Returns its number.

    Raises Conflict where a decision that stands says otherwise, or the same already.
    """
    who, why = _word("who", deciding.who), _word("why", deciding.why)
    one, other = _sides(session, deciding.of)
    one, other = _in_question(session, one, other), _in_question(session, other, one)
    _check_standing(session, one, other, deciding.kind)
    works = [_work_of(session, side) for side in (one, other)]
    payload = Payload(
        source=SOURCE,
        request=f"{deciding.kind.value}: {one.text} and {other.text}",
        status=200,
        body=sent,
        fetched_at=now,
        media_type="application/json",
    )
    row = IdentityDecision(
        kind=deciding.kind.value,
        record_id=one.record_id,
        position=one.position,
        identifier=one.identifier,
        work_id=works[0],
        other_record_id=other.record_id,
        other_position=other.position,
        other_identifier=other.identifier,
        other_work_id=works[1],
        payload_id=keep(session, payload),
        at=now,
        who=who,
        why=why,
    )
    session.add(row)
    session.flush()
    said_now(session)
    assert row.id is not None
    line = next((side for side in (one, other) if side.position is not None), None)
    if line is not None:
        _relink_line(session, line, now)
    elif deciding.kind is IdentityKind.SAME:
        _join(session, row.id, one, other, now)
    else:
        _separate(session, one, other, now)
    if line is None:
        _check_done(session, row, one, other)
    return row.id


def withdraw_decision(session: Session, number: int, who: str, why: str, now: datetime) -> None:
    """Take the decision back, within the caller's transaction: what it joined is two again, what
    it kept apart is decided by the machine again.

    Raises NotFound for an unknown decision, Conflict for one that was withdrawn before.
    """
    who, why = _word("who", who), _word("why", why)
    row = session.get(IdentityDecision, number) if number <= LARGEST_ID else None
    if row is None:
        raise NotFound(f"no decision {number} on identity in this base")
    if row.withdrawn_at is not None:
        raise Conflict(
            f"decision {number} was withdrawn by {row.withdrawn_by} on {row.withdrawn_at.date()}"
        )
    row.withdrawn_at, row.withdrawn_by, row.withdrawn_why = now, who, why
    session.add(row)
    session.flush()
    sides = [
        _Side("", row.record_id, row.position, row.identifier),
        _Side("", row.other_record_id, row.other_position, row.other_identifier),
    ]
    line = next((side for side in sides if side.position is not None), None)
    if line is not None:
        _relink_line(session, line, now)
        return
    merges = session.exec(
        select(WorkMerge)
        .where(WorkMerge.decision_id == number, col(WorkMerge.undone_at).is_(None))
        .order_by(col(WorkMerge.id).desc())
    ).all()
    for merge in merges:
        if merge.undone_at is None:
            _undo(session, merge, now)
    works = {w for side in sides if (w := _work_of(session, side)) is not None}
    waiting = {side.record_id for side in sides if side.record_id is not None}
    _reconsider(session, waiting | _records_of(session, works), now)


# -- which things ----------------------------------------------------------------------------------


def _word(name: str, text: str) -> str:
    text = plain_text(text).strip()
    if not text:
        raise InvalidInput(f"{name} is empty (a decision names its person and its reason)")
    return text


def _sides(session: Session, of: tuple[str, str]) -> tuple[_Side, _Side]:
    one, other = (_side(session, text) for text in of)
    if one.record_id == other.record_id is not None and one.position == other.position:
        # A record and the work it is in: the work is then its other records.
        texts = [plain_text(text).strip() for text in of]
        named = [bool(_RECORD.fullmatch(text)) for text in texts]
        if named == [True, False]:
            other = _side(session, texts[1], but=one.record_id)
        elif named == [False, True]:
            one = _side(session, texts[0], but=other.record_id)
    if (one.record_id, one.position, one.identifier) == (
        other.record_id, other.position, other.identifier,
    ):  # fmt: skip
        raise InvalidInput(
            f"{of[0][:60]!r} and {of[1][:60]!r} are one and the same already "
            "(to part it, withdraw the decision that joined it, or name two of its records)"
        )
    if one.position is not None and other.position is not None:
        raise InvalidInput("two lines of bibliographies (expected a line and a work)")
    return one, other


def _side(session: Session, text: str, but: int | None = None) -> _Side:
    text = plain_text(text).strip()
    if match := _REFERENCE.fullmatch(text):
        record_id, position = int(match[1]), int(match[2])
        query = select(Reference.id).where(
            Reference.record_id == record_id, Reference.position == position
        )
        if session.exec(query).first() is None:
            raise NotFound(f"no line {position} of a bibliography in record {record_id}")
        return _Side(text.lower(), record_id, position)
    if match := _RECORD.fullmatch(text):
        stored = session.get(StoredRecord, int(match[1]))
        if stored is None or stored.view not in DESCRIBING:
            raise NotFound(f"no record {match[1]} of a work in this base")
        return _Side(text.lower(), stored.id)
    work_id = resolve_work(session, text)
    records = session.exec(
        select(StoredRecord)
        .where(
            StoredRecord.work_id == work_id,
            col(StoredRecord.view).in_(DESCRIBING),
            StoredRecord.id != but,
        )
        .order_by(col(StoredRecord.id))
    ).all()
    name = public_id(Kind.WORK, work_id)
    # One with strong identifiers stays with its work whatever other records say.
    anchored = (r.id for r in records if is_anchored(as_work_record(r)))
    record_id_ = next(anchored, None) or next((r.id for r in records), None)
    if record_id_ is not None:
        return _Side(name, record_id_)
    held = links.identifiers_of(session, work_id)
    if but is not None or not held:
        raise InvalidInput(f"{name} is nothing but that record")
    strong = [i for i in held if i.scheme in ONE_PER_WORK] or held
    return _Side(name, identifier=str(strong[0]))


def _in_question(session: Session, side: _Side, other: _Side) -> _Side:
    """Of a work, the record that contradicts the other work, where one does: it is what the
    decision is about."""
    work_id, holder = _work_of(session, side), _work_of(session, other)
    if side.text.startswith("record:") or side.position is not None or None in (work_id, holder):
        return side
    record_id = session.exec(
        select(IdentityConflict.record_id)
        .join(StoredRecord, col(StoredRecord.id) == col(IdentityConflict.record_id))
        .where(StoredRecord.work_id == work_id, IdentityConflict.work_id == holder)
        .order_by(col(IdentityConflict.id))
    ).first()
    return side if record_id is None else _Side(side.text, record_id)


def _work_of(session: Session, side: _Side) -> int | None:
    """The work the side is in now: None for a record or a line that is in none."""
    if side.position is not None:
        query = select(Reference.cited_id).where(
            Reference.record_id == side.record_id, Reference.position == side.position
        )
        return session.exec(query).first()
    if side.record_id is not None:
        return session.get_one(StoredRecord, side.record_id).work_id
    scheme, _, value = (side.identifier or "").partition(":")
    return resolve_work(session, f"{scheme}:{value}")


def _check_standing(session: Session, one: _Side, other: _Side, kind: IdentityKind) -> None:
    if one.position is not None or other.position is not None:
        _check_line(session, one, other)
        return
    a, b = _work_of(session, one), _work_of(session, other)
    records = _records_of(session, {w for w in (a, b) if w is not None})
    records |= {s.record_id for s in (one, other) if s.record_id is not None}
    names = {str(i) for w in (a, b) if w is not None for i in links.identifiers_of(session, w)}
    standing = standing_decisions(session, records=records, identifiers=names)
    ours = [(s.record_id, s.identifier) for s in (one, other)]
    joined: dict[_Name, list[tuple[_Name, IdentityDecision]]] = {}
    for decision in standing:
        sides = [
            (decision.record_id, decision.identifier),
            (decision.other_record_id, decision.other_identifier),
        ]
        is_exact = set(sides) == set(ours)
        works = {_work_of(session, _Side("", r, None, i)) for r, i in sides}
        if decision.kind == kind and is_exact:
            raise Conflict(f"{told(decision)}: says so already")
        keeps = is_exact or (a != b and works == {a, b} and None not in works)
        if decision.kind == IdentityKind.DIFFERENT and kind is IdentityKind.SAME and keeps:
            raise Conflict(f"{told(decision)}: keeps these apart; withdraw it first")
        if decision.kind == IdentityKind.SAME:
            for left, right in (sides, sides[::-1]):
                joined.setdefault(left, []).append((right, decision))
    if kind is IdentityKind.DIFFERENT:
        reached: dict[_Name, IdentityDecision | None] = {ours[0]: None}
        ahead = [ours[0]]
        while ahead:
            here = ahead.pop()
            for there, by in joined.get(here, ()):
                if there not in reached:
                    reached[there] = by
                    ahead.append(there)
        by_decision = reached.get(ours[1])
        if by_decision is not None:
            raise Conflict(f"{told(by_decision)}: joined these; withdraw it first")


def _check_line(session: Session, one: _Side, other: _Side) -> None:
    line, work = (one, other) if one.position is not None else (other, one)
    target = _work_of(session, work)
    for decision in lines_said(session, line.record_id or 0):
        about = decision.position if decision.position is not None else decision.other_position
        theirs = _work_of(session, _work_side(decision))
        if about == line.position and theirs == target:
            raise Conflict(f"{told(decision)}: is about the same line and work; withdraw it first")


# -- joining and separating ------------------------------------------------------------------------


def _join(session: Session, number: int, one: _Side, other: _Side, now: datetime) -> None:
    a, b = _work_of(session, one), _work_of(session, other)
    if a is None and b is None:
        raise InvalidInput(
            f"{one.text} and {other.text} both wait for a decision on their own work; decide on "
            "one of them first"
        )
    if a is not None and b is not None and a != b:
        loser, survivor = max(a, b), min(a, b)
        affected = merge_works(session, loser=loser, survivor=survivor, now=now, decision_id=number)
        recompute(session, affected, now)
    waiting = {s.record_id for s in (one, other) if s.record_id is not None}
    both = {w for w in (a, b) if w is not None}
    waiting |= set(
        session.exec(
            select(IdentityConflict.record_id).where(col(IdentityConflict.work_id).in_(both))
        )
    )
    _reconsider(session, waiting, now)


def _separate(session: Session, one: _Side, other: _Side, now: datetime) -> None:
    a, b = _work_of(session, one), _work_of(session, other)
    if a is not None and a == b:
        merge = _separating(session, one, other, a)
        if merge is not None:
            _undo(session, merge, now)
    a, b = _work_of(session, one), _work_of(session, other)
    if a is not None and a == b:
        _let_go(session, one, other, now)
    waiting = {s.record_id for s in (one, other) if s.record_id is not None}
    for side, opposite in ((one, b), (other, a)):
        work_id = _work_of(session, side)
        if work_id is not None and opposite is not None:
            waiting |= set(
                session.exec(
                    select(IdentityConflict.record_id).where(
                        col(IdentityConflict.work_id).in_((work_id, opposite))
                    )
                )
            )
    _reconsider(session, waiting, now)


def _check_done(session: Session, decision: IdentityDecision, one: _Side, other: _Side) -> None:
    """A decision that others keep from being carried out is not written: raising undoes it."""
    a, b = _work_of(session, one), _work_of(session, other)
    if (a is not None and a == b) != (decision.kind == IdentityKind.SAME):
        is_apart = "kept apart" if decision.kind == IdentityKind.SAME else "held together"
        raise Conflict(
            f"{one.text} and {other.text} are {is_apart} by what other decisions say of the works "
            "they are in; withdraw these first (see /identity/decisions)"
        )


def _let_go(session: Session, one: _Side, other: _Side, now: datetime) -> None:
    """One of two records of a work leaves it: the second, unless a person's word holds it there and
    not the first."""
    leaver, stays = other, one
    held = {
        r
        for d in standing_decisions(
            session, records={s.record_id for s in (one, other) if s.record_id is not None}
        )
        if d.kind == IdentityKind.SAME
        for r in (d.record_id, d.other_record_id)
    }
    if leaver.record_id is None or (leaver.record_id in held and stays.record_id not in held):
        leaver = one
    if leaver.record_id is None:
        raise InvalidInput(
            f"{one.text} and {other.text} are known from bibliographies alone, as one work; "
            "no record can be taken away from it"
        )
    stored = session.get_one(StoredRecord, leaver.record_id)
    reconsider(session, stored, now)


def _separating(session: Session, one: _Side, other: _Side, work_id: int) -> WorkMerge | None:
    """The last merge of the work that brought the two sides together."""
    for merge in _merges_into(session, work_id):
        assert merge.before is not None
        was = [_before(merge, side) for side in (one, other)]
        if None not in was and was[0] != was[1]:
            if merge.decision_id is not None:
                decision = session.get_one(IdentityDecision, merge.decision_id)
                raise Conflict(f"{told(decision)}: joined these; withdraw it first")
            return merge
    return None


def _before(merge: WorkMerge, side: _Side) -> int | None:
    assert merge.before is not None
    if side.record_id is not None:
        found: int | None = merge.before["records"].get(str(side.record_id))
        return found
    for row in merge.before["identifiers"]:
        if f"{row['scheme']}:{row['value']}" == side.identifier:
            return int(row["work_id"])
    return None


def _merges_into(session: Session, work_id: int) -> list[WorkMerge]:
    """The merges that made the work what it is, the last first."""
    active = session.exec(
        select(WorkMerge)
        .where(col(WorkMerge.undone_at).is_(None))
        .where(
            col(WorkMerge.survivor_id).in_(
                sa.select(col(Work.id)).where(
                    sa.or_(col(Work.id) == work_id, col(Work.merged_into_id) == work_id)
                )
            )
        )
        .order_by(col(WorkMerge.id).desc())
    )
    return list(active)


def _undo(session: Session, merge: WorkMerge, now: datetime) -> None:
    """Undo a merge: the later ones of the same work first, and those again after it."""
    final = resolve_work(session, public_id(Kind.WORK, merge.survivor_id))
    later = [m for m in _merges_into(session, final) if (m.id or 0) > (merge.id or 0)]
    for one in (*later, merge):
        _take_apart(session, one, now)
    for one in reversed(later):
        if one.decision_id is not None:
            decision = session.get_one(IdentityDecision, one.decision_id)
            if decision.withdrawn_at is None:
                _join(
                    session,
                    one.decision_id,
                    _Side("", decision.record_id, None, decision.identifier),
                    _Side("", decision.other_record_id, None, decision.other_identifier),
                    now,
                )
        elif one.record_id is not None:
            _reconsider(session, {one.record_id}, now)


def _take_apart(session: Session, merge: WorkMerge, now: datetime) -> None:
    assert merge.before is not None
    had: dict[str, int] = merge.before["records"]
    undone = unmerge(session, merge, now)
    both = {undone.loser, undone.survivor}
    # Derived before anything is decided anew: what a work is called matters to that.
    recompute(session, both, now)
    _reconsider(session, undone.newcomers, now)
    for record_id in undone.relink:
        stored = session.get_one(StoredRecord, record_id)
        rederive_mentioned(session, relink(session, stored, now), now)
    settle_notices(session, undone.targets, now)
    for row in session.exec(select(Coverage).where(col(Coverage.work_id).in_(both))).all():
        count = links.count_references if row.direction == "references" else links.count_citations
        count(session, row.work_id, row.source, row.claimed, now)
    recompute(session, both, now)
    restore_dates(session, merge)
    for number, work_id in had.items():
        # Records may have gone elsewhere since, and left a work behind that has nothing.
        into = session.get_one(StoredRecord, int(number)).work_id
        if into is None or into == work_id:
            continue
        if session.get_one(Work, work_id).merged_into_id is None:
            retire(session, work_id, into, now)


def _records_of(session: Session, works: Iterable[int]) -> set[int]:
    query = select(StoredRecord.id).where(
        col(StoredRecord.work_id).in_(set(works)), col(StoredRecord.view).in_(DESCRIBING)
    )
    return {i for i in session.exec(query) if i is not None}


def _reconsider(session: Session, records: Iterable[int], now: datetime) -> None:
    for record_id in sorted(set(records))[:_MOST_RECONSIDERED]:
        reconsider(session, session.get_one(StoredRecord, record_id), now)


# -- lines of bibliographies -----------------------------------------------------------------------


def _work_side(decision: IdentityDecision) -> _Side:
    if decision.position is not None:
        return _Side("", decision.other_record_id, None, decision.other_identifier)
    return _Side("", decision.record_id, None, decision.identifier)


def _relink_line(session: Session, line: _Side, now: datetime) -> None:
    stored = session.get_one(StoredRecord, line.record_id)
    rederive_mentioned(session, relink(session, stored, now), now)
