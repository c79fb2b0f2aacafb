"""Records without strong identifiers find their works by what they say, and lose them again where
a later record makes it unclear: the outcome depends on the records, not on their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Final

from sqlmodel import Session, col, select

from kb.identity.comparison import contradiction
from kb.identity.decide import is_anchored
from kb.identity.descriptions import describe
from kb.identity.joining import groups
from kb.models.records import WorkRecord
from kb.models.tables import (
    IdentityKind,
    PairVerdict,
    StoredRecord,
    Work,
    WorkIdentifier,
)
from kb.store.identity_pairs import pairs_of
from kb.store.identity_said import is_joined_by_people, standing_decisions
from kb.store.linked_records import DESCRIBING, move
from kb.store.merge_works import merge_works
from kb.store.records import as_work_record

# What hangs together by sameness is a handful of records. Beyond this something else is wrong, and
# the records farthest off are left as they are.
_MOST_TOGETHER: Final = 300
_MOST_COMPARED: Final = 40

Node = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Held:
    stored: StoredRecord
    record: WorkRecord

    @property
    def id(self) -> int:
        assert self.stored.id is not None
        return self.stored.id

    @property
    def node(self) -> Node:
        """Anchored records of one work are one; others are each for itself."""
        if is_anchored(self.record):
            return ("work", self.stored.work_id or 0)
        return ("record", self.id)


@dataclass(frozen=True, slots=True)
class Settled:
    """Works to be recomputed, and records that describe another work than before."""

    affected: set[int]
    moved: set[int]


def settle(
    session: Session, seeds: Iterable[int], now: datetime, *, by: int, new: int | None = None
) -> Settled:
    """Give these records, and those that hang together with them, the works they describe.

    `by` is the record that brings this about. `new` describes no work yet, and gets one.
    """
    held = _together(session, set(seeds), new)
    if not held:
        return Settled(set(), set())
    by_work: dict[int, set[Node]] = defaultdict(set)
    members: dict[Node, list[_Held]] = defaultdict(list)
    for one in held.values():
        members[one.node].append(one)
        if one.stored.work_id is not None:
            by_work[one.stored.work_id].add(one.node)
    anchors = {node for node in members if node[0] == "work"}
    same, apart, together = _edges(session, held)
    found = groups(members, anchors, same, apart=apart, together=together)
    affected: set[int] = set()
    moved: set[int] = set()
    taken: set[int] = set()
    for group in sorted(found, key=lambda g: min(one.id for node in g for one in members[node])):
        ours = [one for node in group for one in members[node]]
        works = {one.stored.work_id for one in ours if one.stored.work_id is not None}
        whole = {w for w in works if by_work[w] <= group}
        own = whole | {w for kind, w in group if kind == "work" and w}
        free = {w for w in works - taken if not any(kind == "work" for kind, _ in by_work[w])}
        target = min(own or free, default=None)
        if target is None:
            work = Work(changed_at=now)
            session.add(work)
            session.flush()
            assert work.id is not None
            target = work.id
        taken.add(target)
        for loser in sorted(own - {target}):
            affected |= merge_works(session, loser=loser, survivor=target, now=now, record_id=by)
        for one in ours:
            if one.id == new and one.stored.work_id is None:
                one.stored.work_id = target
                session.add(one.stored)
                session.flush()
            elif one.stored.work_id != target:
                affected |= move(session, one.stored, target, now)
                moved.add(one.id)
    return Settled(affected, moved)


def _together(session: Session, seeds: set[int], new: int | None) -> dict[int, _Held]:
    """The records that hang together with these: by being the same, by sharing a work, by what
    people said. Records that wait for a person are left out."""
    held: dict[int, _Held] = {}
    ahead = set(seeds)
    seen: set[int] = set()
    while ahead and len(held) < _MOST_TOGETHER:
        seen |= ahead
        rows = session.exec(
            select(StoredRecord).where(
                col(StoredRecord.id).in_(ahead), col(StoredRecord.view).in_(DESCRIBING)
            )
        ).all()
        fresh = [
            _Held(row, as_work_record(row))
            for row in rows
            if row.work_id is not None or row.id == new
        ]
        held |= {one.id: one for one in fresh}
        loose = {one.id for one in fresh if one.node[0] == "record" or one.id in seeds}
        works = {one.stored.work_id for one in fresh if one.stored.work_id is not None}
        ahead = set(
            session.exec(
                select(StoredRecord.id).where(  # type: ignore[arg-type]
                    col(StoredRecord.work_id).in_(works), col(StoredRecord.view).in_(DESCRIBING)
                )
            )
        )
        for pair in pairs_of(session, loose):
            if pair.verdict == PairVerdict.SAME:
                ahead |= {pair.record_id, pair.other_id}
        for decision in standing_decisions(session, records=loose):
            ahead |= {decision.record_id or 0, decision.other_record_id or 0} - {0}
        ahead -= seen
    return held


def _edges(
    session: Session, held: dict[int, _Held]
) -> tuple[set[tuple[Node, Node]], set[tuple[Node, Node]], set[tuple[Node, Node]]]:
    """(same, apart, together) between the nodes of these records."""
    same = {
        (held[p.record_id].node, held[p.other_id].node)
        for p in pairs_of(session, held)
        if p.verdict == PairVerdict.SAME and p.record_id in held and p.other_id in held
    }
    apart = _contradicting(held)
    together: set[tuple[Node, Node]] = set()
    # Whether a shared identifier joins records was decided when they came, and is only kept here.
    sharing: dict[tuple[int | None, object], Node] = {}
    for held_one in held.values():
        for identifier in held_one.record.identifiers:
            node = sharing.setdefault((held_one.stored.work_id, identifier), held_one.node)
            if node != held_one.node:
                together.add((node, held_one.node))
    nodes = {one.node for one in held.values()}
    # What a person joined no comparison parts.
    joined: dict[int, Node] = {}
    for one in held.values():
        work_id = one.stored.work_id
        if work_id is not None and (work_id in joined or is_joined_by_people(session, work_id)):
            node = joined.setdefault(work_id, one.node)
            if node != one.node:
                together.add((node, one.node))
    for decision in standing_decisions(session, records=held):
        sides = (
            _node(session, held, decision.record_id, decision.identifier),
            _node(session, held, decision.other_record_id, decision.other_identifier),
        )
        left, right = sides
        if left is None or right is None or not {left, right} <= nodes:
            continue
        (together if decision.kind == IdentityKind.SAME else apart).add((left, right))
    return same, apart, together


def _contradicting(held: dict[int, _Held]) -> set[tuple[Node, Node]]:
    """Nodes that cannot be one, whatever connects them. Anchored records of one work were joined by
    more than what they say."""
    found: set[tuple[Node, Node]] = set()
    if len(held) > _MOST_COMPARED:
        return found
    described = [(one.node, describe(one.record)) for _, one in sorted(held.items())]
    for (a, ours), (b, theirs) in combinations(described, 2):
        if a != b and "record" in (a[0], b[0]) and contradiction(ours, theirs) is not None:
            found.add((a, b))
    return found


def _node(
    session: Session, held: dict[int, _Held], record_id: int | None, identifier: str | None
) -> Node | None:
    if record_id is not None:
        return held[record_id].node if record_id in held else None
    scheme, _, value = (identifier or "").partition(":")
    row = session.get(WorkIdentifier, (scheme, value))
    return ("work", row.work_id) if row else None
