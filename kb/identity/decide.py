"""Which work does a record describe? By strong identifiers alone; contradictions go to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.identity.titles import may_be_one
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import WorkRecord

# A work has one of each. OpenAlex ids are not among them: OpenAlex splits and merges works.
ONE_PER_WORK = (Scheme.DOI, Scheme.PMID, Scheme.PMCID)


@dataclass(frozen=True, slots=True)
class Holder:
    """A work that holds at least one of the record's identifiers, with the records it has."""

    work_id: int
    identifiers: frozenset[Identifier]
    records: tuple[WorkRecord, ...] = ()


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


def decide(record: WorkRecord, holders: Sequence[Holder]) -> Decision:
    """Compare a record with every work that holds one of its identifiers.

    Sharing an identifier makes them one unless another identifier, or the title, contradicts.
    Works that would become one through the record must not contradict each other in either.
    """
    ids = frozenset(record.identifiers)
    same: list[Holder] = []
    contradictions: list[Contradiction] = []
    itself = Holder(0, ids, (record,))
    for holder in sorted(holders, key=lambda h: h.work_id):
        apart = next((why for h in (itself, *same) if (why := _apart(h, holder))), None)
        if apart is None:
            same.append(holder)
        else:
            shared = min(ids & holder.identifiers)
            contradictions.append(Contradiction(holder.work_id, shared, *apart))
    contested = {i for h in holders if h not in same for i in h.identifiers}
    claims = tuple(sorted(ids - contested))
    return Decision(tuple(h.work_id for h in same), claims, tuple(contradictions))


def contradicting_ids(
    ours: frozenset[Identifier], theirs: frozenset[Identifier]
) -> tuple[str, str] | None:
    """(scheme, what against what) where both have a DOI, PMID or PMCID and none in common."""
    for scheme in ONE_PER_WORK:
        a, b = ({i.value for i in side if i.scheme is scheme} for side in (ours, theirs))
        if a and b and not a & b:
            return scheme, f"{scheme} {', '.join(sorted(a))} against {', '.join(sorted(b))}"
    return None


def _apart(a: Holder, b: Holder) -> tuple[str, str] | None:
    """What contradicts that the two are one, as (kind, detail); None if nothing does.

    A work without records is known from bibliographies alone, and these contradict no record.
    """
    if not a.records or not b.records:
        return None
    ids = contradicting_ids(a.identifiers, b.identifiers)
    if ids is not None:
        return f"different {ids[0]}", ids[1]
    if not any(may_be_one(x, y) for x in a.records for y in b.records):
        titles = (" / ".join(sorted({repr(r.title) for r in side.records})) for side in (a, b))
        return "different title", " against ".join(titles)
    return None
