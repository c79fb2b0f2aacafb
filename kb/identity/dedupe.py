"""From records to clusters of records that are one work each."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from kb.errors import Conflict
from kb.identity.candidates import candidate_pairs, worth_a_look
from kb.identity.clusters import Clusters
from kb.identity.comparison import (
    Comparison,
    Judgement,
    Verdict,
    compare,
    contradiction,
    judge,
    judge_alike,
    what_contradicts,
)
from kb.identity.descriptions import Description

Progress = Callable[[str, int, int | None], None]


class Pair(NamedTuple):
    """Two records, as positions in the list given, and how they were judged. `refusal` says why
    two that are one by themselves were not joined: something contradicts elsewhere in the clusters
    they belong to."""

    first: int
    second: int
    judged: Judgement
    refusal: str = ""


def explained(pair: Pair, descriptions: Sequence[Description]) -> Comparison:
    """The pair's judgement with its evidence in words."""
    found = compare(descriptions[pair.first], descriptions[pair.second])
    if not pair.refusal:
        return found
    return Comparison(
        Verdict.UNSURE,
        f"{found.reason}, but others of their records contradict",
        found.evidence_for,
        (*found.evidence_against, pair.refusal),
        found.link,
    )


@dataclass(frozen=True, slots=True)
class PersonsDecision:
    """That two records are one work, or are not, as a person says."""

    first: int
    second: int
    is_same: bool


@dataclass(frozen=True, slots=True)
class Deduplication:
    """`clusters` has every record, singletons included. `unsure` pairs are for a person, one for
    any two clusters; `linked` pairs are different works that belong together; `decided` are the
    pairs that came decided, with what the machine finds about them."""

    clusters: list[list[int]]
    unsure: list[Pair]
    linked: list[Pair]
    decided: list[Pair]
    compared: int

    @property
    def removed(self) -> int:
        """How many records are duplicates of another."""
        return sum(len(cluster) - 1 for cluster in self.clusters)


def deduplicate(
    descriptions: Sequence[Description],
    progress: Progress | None = None,
    decisions: Iterable[PersonsDecision] = (),
) -> Deduplication:
    """Find the records that are one work. The answer does not depend on the order of the records,
    as long as their `record_id` are unique.

    Raises
    ------
    Conflict
        If the decisions contradict each other.
    """
    with without_garbage_collection():
        return _deduplicate(descriptions, progress, decisions)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Records, pairs and clusters hold no cycles and stay until the end: to look for garbage among
    millions of them again and again would take a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # Makes all of them old, which is otherwise done by looking at each.
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def _deduplicate(
    descriptions: Sequence[Description],
    progress: Progress | None,
    decisions: Iterable[PersonsDecision],
) -> Deduplication:
    count = len(descriptions)

    def apart(i: int, j: int) -> str | None:
        return contradiction(descriptions[i], descriptions[j])

    def face(i: int) -> Hashable:
        return what_contradicts(descriptions[i])

    clusters = Clusters(count, apart, face)
    decided = _decide(clusters, descriptions, decisions)

    same: list[tuple[int, str, str, int, int]] = []
    doubtful: list[Pair] = []
    linked: list[Pair] = []
    pairs = candidate_pairs(descriptions)
    firsts, seconds = worth_a_look(descriptions, pairs)
    total = len(firsts)
    for done, (first, second) in enumerate(zip(firsts.tolist(), seconds.tolist(), strict=True)):
        if progress is not None and done % 20_000 == 0:
            progress("comparing pairs", done, total)
        judged = judge_alike(descriptions[first], descriptions[second])
        if judged.verdict is Verdict.SAME:
            x, y = descriptions[first].record_id, descriptions[second].record_id
            same.append((-judged.strength, min(x, y), max(x, y), first, second))
        elif judged.verdict is Verdict.UNSURE:
            doubtful.append(Pair(first, second, judged))
        if judged.link is not None and judged.verdict is not Verdict.SAME:
            linked.append(Pair(first, second, judged))

    # The surest first, then by id: which of two joins that contradict each other is refused must
    # not hang on the order of the records.
    same.sort()
    refused: list[Pair] = []
    for _, _, _, first, second in same:
        why = clusters.join(first, second)
        if why is not None:
            judged = judge(descriptions[first], descriptions[second])
            refused.append(Pair(first, second, judged, why))
    open_pairs = (p for p in (*refused, *doubtful) if (p.first, p.second) not in decided)
    return Deduplication(
        clusters=clusters.all(),
        unsure=_one_each(clusters, descriptions, open_pairs),
        linked=_one_each(clusters, descriptions, linked),
        decided=[Pair(i, j, judge(descriptions[i], descriptions[j])) for i, j in sorted(decided)],
        compared=len(pairs[0]),
    )


def _decide(
    clusters: Clusters, descriptions: Sequence[Description], decisions: Iterable[PersonsDecision]
) -> set[tuple[int, int]]:
    """Join and keep apart as people decided; the pairs decided."""
    decisions = list(decisions)
    decided = {(min(d.first, d.second), max(d.first, d.second)) for d in decisions}
    for d in decisions:
        if d.is_same:
            clusters.join(d.first, d.second, by_person=True)
    for d in decisions:
        if not d.is_same:
            if clusters.find(d.first) == clusters.find(d.second):
                ids = [descriptions[i].record_id for i in (d.first, d.second)]
                raise Conflict(
                    f"the decisions contradict each other: {ids[0]!r} and {ids[1]!r} are decided "
                    "to be different, and by other decisions to be the same; correct one of them"
                )
            clusters.keep_apart(d.first, d.second)
    return decided


def _one_each(
    clusters: Clusters, descriptions: Sequence[Description], pairs: Iterable[Pair]
) -> list[Pair]:
    """One pair for any two clusters, the first by record id; pairs within one cluster left out, and
    those of clusters that a person keeps apart."""
    chosen: dict[tuple[int, int], tuple[str, str, int, Pair]] = {}
    for turn, pair in enumerate(pairs):
        i, j = pair.first, pair.second
        x, y = clusters.find(i), clusters.find(j)
        if x == y or clusters.must_stay_apart(i, j):
            continue
        a, b = descriptions[i].record_id, descriptions[j].record_id
        if a > b:
            a, b = b, a
            pair = Pair(j, i, pair.judged, pair.refusal)
        key = (x, y) if x < y else (y, x)
        if key not in chosen or (a, b) < chosen[key][:2]:
            chosen[key] = (a, b, turn, pair)
    return [found[3] for found in sorted(chosen.values(), key=lambda found: found[:3])]
