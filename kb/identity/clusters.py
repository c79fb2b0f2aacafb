"""Pairs made into clusters, none of which holds a contradiction."""

from __future__ import annotations

from collections.abc import Callable, Hashable


class Clusters:
    """Union-find over the positions 0 to n - 1 that refuses to join what contradicts.

    `contradiction(i, j)` says why two records cannot be one work, or None. It is asked of every
    pair of members when two clusters are to become one, so that no chain of alike records leads
    from one work to another; of records with one `face`, which contradict the same, once.
    """

    def __init__(
        self,
        count: int,
        contradiction: Callable[[int, int], str | None],
        face: Callable[[int], Hashable],
    ) -> None:
        self._parent = list(range(count))
        self._contradiction = contradiction
        self._face = face
        self._faces: dict[int, dict[Hashable, int]] = {}
        self._members: dict[int, list[int]] = {}  # of the roots of more than one
        self._apart: dict[int, set[int]] = {}

    def find(self, position: int) -> int:
        """The position that stands for the cluster: its first member."""
        parent = self._parent
        root = position
        while parent[root] != root:
            root = parent[root]
        while parent[position] != root:
            parent[position], position = root, parent[position]
        return root

    def members(self, position: int) -> list[int]:
        root = self.find(position)
        return self._members.get(root) or [root]

    def keep_apart(self, first: int, second: int) -> None:
        """That two records are different, whatever is joined later."""
        self._apart.setdefault(first, set()).add(second)
        self._apart.setdefault(second, set()).add(first)

    def must_stay_apart(self, first: int, second: int) -> bool:
        """Whether joining the clusters of two records would join two that are kept apart."""
        if not self._apart:
            return False
        theirs = set(self.members(second))
        return any(self._apart.get(i, set()) & theirs for i in self.members(first))

    def join(self, first: int, second: int, *, by_person: bool = False) -> str | None:
        """Make one cluster of two records' clusters; None where they are one now, else why not.

        What a person joins is not asked whether it contradicts.
        """
        x, y = self.find(first), self.find(second)
        if x == y:
            return None
        if self.must_stay_apart(x, y):
            return "a person decided that they are different"
        root, other = (x, y) if x < y else (y, x)
        # Two records by themselves were compared already.
        if x in self._members or y in self._members:
            ours, theirs = self._faces_of(x), self._faces_of(y)
            if not by_person:
                for i in ours.values():
                    for j in theirs.values():
                        why = self._contradiction(i, j)
                        if why is not None:
                            return why
            self._faces.pop(other, None)
            self._faces[root] = ours | theirs
        self._parent[other] = root
        members = self._members
        members[root] = _joined(members.get(root) or [root], members.pop(other, [other]))
        return None

    def _faces_of(self, root: int) -> dict[Hashable, int]:
        """A member for each face; known of clusters that were more than two once."""
        return self._faces.get(root) or {self._face(i): i for i in self.members(root)}

    def all(self) -> list[list[int]]:
        """Every cluster, singletons among them, members in order, clusters by first member."""
        found: dict[int, list[int]] = {}
        for position, parent in enumerate(self._parent):
            if parent == position:  # a root is the first of its members
                found[position] = [position]
            else:
                found[self.find(position)].append(position)
        return list(found.values())


def _joined(a: list[int], b: list[int]) -> list[int]:
    """The longer list with the shorter behind it: long ones are not copied again and again."""
    if len(a) < len(b):
        a, b = b, a
    a.extend(b)
    return a
