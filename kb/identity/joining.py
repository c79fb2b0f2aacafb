"""Which records without strong identifiers are one work with which: one answer for one set of
records, whatever came first.

Two works with strong identifiers of their own never become one here: `anchors` are such works, and
no group holds two. Where what a comparison found hangs together without contradiction, all of it is
one; where it does not, only what is the same to exactly the same others is joined, and the rest
stays apart for a person to look at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Set
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def groups(
    nodes: Iterable[Node],
    anchors: Set[Node],
    same: Iterable[tuple[Node, Node]],
    *,
    apart: Iterable[tuple[Node, Node]] = (),
    together: Iterable[tuple[Node, Node]] = (),
) -> list[frozenset[Node]]:
    """The nodes in groups, each one work; every node is in exactly one.

    `same` pairs were found to be one work, those `apart` are not one, and those `together` are
    whatever was found (a person said so, or they share an identifier).
    """
    everything = set(nodes) | anchors
    whole = _components(everything, together)
    of = {node: whole_ for whole_ in whole for node in whole_}
    held = {part: bool(part & anchors) for part in whole}
    kept = {(of[a], of[b]) for a, b in apart if of[a] != of[b]}
    kept |= {(b, a) for a, b in kept}
    edges = {(of[a], of[b]) for a, b in same if of[a] != of[b]} - kept
    edges |= {(b, a) for a, b in edges}
    found: list[frozenset[Node]] = []
    for component in _components(set(whole), edges):
        if sum(held[part] for part in component) <= 1 and not _any_within(component, kept):
            found.append(frozenset().union(*component))
            continue
        for group in _by_neighbours(component, edges, {p for p in component if held[p]}):
            if _any_within(group, kept):
                # Each may join the anchor, but not both, and nothing says which.
                found.extend(group)
            else:
                found.append(frozenset().union(*group))
    return found


def _by_neighbours(
    parts: Collection[frozenset[Node]],
    edges: Set[tuple[frozenset[Node], frozenset[Node]]],
    anchored: Set[frozenset[Node]],
) -> list[frozenset[frozenset[Node]]]:
    """Parts that are the same to exactly the same others, each with the one anchor they have."""
    near: dict[frozenset[Node], set[frozenset[Node]]] = defaultdict(set)
    for a, b in edges:
        near[a].add(b)
    classes: dict[frozenset[frozenset[Node]], set[frozenset[Node]]] = defaultdict(set)
    for part in parts:
        if part not in anchored:
            classes[frozenset(near[part] | {part})].add(part)
    groups_: dict[frozenset[Node], set[frozenset[Node]]] = {part: {part} for part in anchored}
    loose = []
    for neighbours, members in classes.items():
        at = neighbours & anchored
        if len(at) == 1:
            groups_[next(iter(at))] |= members
        else:
            loose.append(frozenset(members))
    return [frozenset(group) for group in groups_.values()] + loose


def _any_within(
    group: Collection[frozenset[Node]], pairs: Set[tuple[frozenset[Node], frozenset[Node]]]
) -> bool:
    return any(a in group and b in group for a, b in pairs)


def _components(nodes: Set[Node], edges: Iterable[tuple[Node, Node]]) -> list[frozenset[Node]]:
    near: dict[Node, set[Node]] = {node: set() for node in nodes}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    found = []
    seen: set[Node] = set()
    for node in near:
        if node in seen:
            continue
        reached, ahead = {node}, [node]
        while ahead:
            for other in near[ahead.pop()] - reached:
                reached.add(other)
                ahead.append(other)
        seen |= reached
        found.append(frozenset(reached))
    return found
