"""Which work does a record describe? By strong identifiers, and by what people said; what
contradicts goes to a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kb.identity.titles import may_be_one
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import WorkRecord

# A work has one of each. OpenAlex ids are not among them: OpenAlex splits and merges works.
ONE_PER_WORK = (Scheme.DOI, Scheme.PMID, Scheme.PMCID)


def is_anchored(record: WorkRecord) -> bool:
    """Whether it has an identifier of which a work has one."""
    return any(i.scheme in ONE_PER_WORK for i in record.identifiers)


@dataclass(frozen=True, slots=True)
class Holder:
    """A work that holds at least one of the record's identifiers, with the records it has."""

    work_id: int
    identifiers: frozenset[Identifier]
    records: tuple[WorkRecord, ...] = ()


RECORD = 0  # stands for the record itself among the works of `Said`


@dataclass(frozen=True, slots=True)
class Said:
    """What people said of the record and its holders. The record is one with the works `together`,
    whatever contradicts; the works (or the record and a work) in `apart` are two, and the text says
    on whose word."""

    together: frozenset[int] = frozenset()
    decisions: Mapping[int, int] = field(default_factory=dict)  # behind works in `together`
    apart: Mapping[frozenset[int], str] = field(default_factory=dict)
    own: int | None = None  # the work the record is in, which it does not leave for another


NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why the record is not simply the holder, although they share `shared`."""

    work_id: int
    shared: Identifier
    kind: str  # "different pmid", "different title"
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`same` are the works the record describes: none means a new one, several that they are one.

    `claims` are the identifiers the work may hold on the word of this record. With contradictions,
    no work and nothing to claim, the record describes nothing until a person decides.
    """

    same: tuple[int, ...]
    claims: tuple[Identifier, ...]
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def is_undecided(self) -> bool:
        return bool(self.contradictions) and not self.same and not self.claims


def decide(record: WorkRecord, holders: Sequence[Holder], said: Said = NOTHING_SAID) -> Decision:
    """Compare a record with every work that holds one of its identifiers.

    Sharing an identifier makes them one unless another identifier, or the title, contradicts.
    Works that would become one through the record must not contradict each other in either. What
    people said goes before both: from a work a person keeps it apart from, the record takes
    nothing, and two works kept apart are never joined by it.
    """
    ids = frozenset(record.identifiers)
    same = [h for h in sorted(holders, key=lambda h: h.work_id) if h.work_id in said.together]
    contradictions: list[Contradiction] = []
    itself = Holder(RECORD, ids, (record,))
    for holder in sorted(holders, key=lambda h: (h.work_id != said.own, h.work_id)):
        if holder in same or frozenset({RECORD, holder.work_id}) in said.apart:
            continue
        apart = next((why for h in (itself, *same) if (why := _apart(h, holder, said))), None)
        if apart is None:
            same.append(holder)
        else:
            shared = min(ids & holder.identifiers)
            contradictions.append(Contradiction(holder.work_id, shared, *apart))
    contested = {i for h in holders if h not in same for i in h.identifiers}
    claims = tuple(sorted(ids - contested))
    return Decision(tuple(sorted(h.work_id for h in same)), claims, tuple(contradictions))


def contradicting_ids(
    ours: frozenset[Identifier], theirs: frozenset[Identifier]
) -> tuple[str, str] | None:
    """(scheme, what against what) where both have a DOI, PMID or PMCID and none in common."""
    for scheme in ONE_PER_WORK:
        a, b = ({i.value for i in side if i.scheme is scheme} for side in (ours, theirs))
        if a and b and not a & b:
            return scheme, f"{scheme} {', '.join(sorted(a))} against {', '.join(sorted(b))}"
    return None


def may_stay(record: WorkRecord, work: Holder) -> bool:
    """Whether a record that has come to share no identifier with the work it describes still can
    describe it: nothing it says contradicts the work's other records."""
    return (
        _apart(Holder(RECORD, frozenset(record.identifiers), (record,)), work, NOTHING_SAID) is None
    )


def _apart(a: Holder, b: Holder, said: Said) -> tuple[str, str] | None:
    """What contradicts that the two are one, as (kind, detail); None if nothing does.

    A work without records is known from bibliographies alone, and these contradict no record.
    """
    told = said.apart.get(frozenset({a.work_id, b.work_id}))
    if told is not None:
        return "kept apart", told
    if not a.records or not b.records:
        return None
    ids = contradicting_ids(a.identifiers, b.identifiers)
    if ids is not None:
        return f"different {ids[0]}", ids[1]
    if not any(may_be_one(x, y) for x in a.records for y in b.records):
        titles = (" / ".join(sorted({repr(r.title) for r in side.records})) for side in (a, b))
        return "different title", " against ".join(titles)
    return None
