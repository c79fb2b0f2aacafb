"""Looking at one node, its neighbours, and the shortest way between two nodes.

Edges are read from the tables that `graphs.schema` names, in batches and through indexes; nothing
recurses in the database. An edge is "out" of its start and "in" to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from time import monotonic
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from graphs.schema import EDGES, NODES, EdgeKind, Node, edges_named, kind_referred_to
from kb.errors import InvalidInput, NotFound
from kb.models.ids import Kind, public_id

Side = Literal["out", "in"]
Direction = Literal["out", "in", "both"]

T = TypeVar("T")

_SIDES: dict[Direction, tuple[Side, ...]] = {"out": ("out",), "in": ("in",), "both": ("out", "in")}
_REVERSED: dict[Direction, Direction] = {"out": "in", "in": "out", "both": "both"}

# SQLite before 3.32 takes 999 variables in a statement; smaller batches also let a search that
# meets in the middle stop earlier.
_BATCH = 500
_ROWS = 2_000  # read between two looks at the limits of a search


# -- one node ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labelled:
    node: Node
    label: str


@dataclass(frozen=True, slots=True)
class Described:
    """`properties` holds every property, None where it is not reported, and a list per detail."""

    node: Node
    label: str
    properties: dict[str, Any]


def describe(session: Session, node: Node) -> Described:
    """The node with all its properties and details. Raises NotFound."""
    kind = NODES[node.kind]
    table = kind.table
    row = session.execute(sa.select(table).where(table.c.id == node.number)).mappings().first()
    if row is None:
        raise _not_found(node)
    properties = shown(table, kind.properties, row)
    for detail in kind.details:
        query = (
            sa.select(detail.table)
            .where(detail.table.c[detail.owner] == node.number)
            .order_by(*detail.table.primary_key.columns)
        )
        properties[detail.name] = [
            shown(detail.table, detail.columns, found)
            for found in session.execute(query).mappings()
        ]
    return Described(node, kind.label_of(node.number, dict(row)), properties)


def labels(session: Session, nodes: Iterable[Node]) -> dict[Node, str]:
    """The labels of those nodes that exist, read kind by kind."""
    numbers: dict[Kind, list[int]] = {}
    for node in nodes:
        numbers.setdefault(node.kind, []).append(node.number)
    found: dict[Node, str] = {}
    for kind, wanted in numbers.items():
        for batch in _batches(sorted(set(wanted))):
            for row in session.execute(_label_query(kind), {"numbers": batch}).mappings():
                found[Node(kind, row["id"])] = NODES[kind].label_of(row["id"], dict(row))
    return found


def shown(table: sa.Table, columns: Sequence[str], row: Mapping[Any, Any]) -> dict[str, Any]:
    """The columns by name, None where nothing is reported; references to nodes as public ids."""
    values: dict[str, Any] = {}
    for name in columns:
        value = row[name]
        kind = kind_referred_to(table.c[name])
        if value is None or value == "":  # "" stands for None where a key cannot be null
            values[name] = None
        else:
            values[name] = value if kind is None else public_id(kind, value)
    return values


# -- neighbours ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An edge of a node, seen from there: `direction` "out" means the edge leads to `node`.

    `assertions` says which records make the edge, where the edge is asserted rather than stored
    in a row of its own.
    """

    edge: str
    direction: Side
    node: Node
    label: str
    properties: dict[str, Any]
    assertions: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Neighbors:
    total: int  # edges, not nodes: two edges to the same node are two
    found: tuple[Neighbor, ...]


def neighbors(
    session: Session,
    node: Node,
    *,
    edge: str | None = None,
    direction: Direction = "both",
    limit: int = 50,
    offset: int = 0,
) -> Neighbors:
    """Edges of a node with what they lead to; those from `offset` on, at most `limit`.

    Order: as `graphs.schema` lists the kinds of edges, "out" before "in", then by the neighbour's
    number. An edge from the node to itself is listed once. Raises NotFound for an unknown node,
    InvalidInput for an edge kind that nodes of this kind never have.
    """
    found: list[Neighbor] = []
    total = 0
    for way in _ways(_edges_of(node.kind, edge), direction):
        if way.from_kind is not node.kind:
            continue
        # An edge from the node to itself has been listed as going out.
        once = direction == "both" and way.direction == "in" and way.edge.start is way.edge.end
        room = limit - len(found)
        rows = _page(session, way, node, once, room, offset) if room > 0 else []
        if len(rows) < room and (rows or offset == 0):
            count = offset + len(rows)  # the page ends this way, which tells how long it is
        else:
            count = session.execute(_count_query(way, once), {"node": node.number}).scalar_one()
        found += rows
        total += count
        offset = max(0, offset - count)
    if total == 0 and node not in labels(session, [node]):
        raise _not_found(node)
    return Neighbors(total, tuple(found))


@dataclass(frozen=True, slots=True)
class _Way:
    """One kind of edge walked in one direction."""

    edge: EdgeKind
    direction: Side

    @property
    def near(self) -> str:
        return self.edge.start_column if self.direction == "out" else self.edge.end_column

    @property
    def far(self) -> str:
        return self.edge.end_column if self.direction == "out" else self.edge.start_column

    @property
    def from_kind(self) -> Kind:
        return self.edge.start if self.direction == "out" else self.edge.end

    @property
    def to_kind(self) -> Kind:
        return self.edge.end if self.direction == "out" else self.edge.start


def _edges_of(kind: Kind, name: str | None) -> tuple[EdgeKind, ...]:
    own = tuple(e for e in EDGES if kind in (e.start, e.end))
    if name is None:
        return own
    chosen = tuple(e for e in edges_named([name]) if e in own)
    if not chosen:
        names = ", ".join(dict.fromkeys(e.name for e in own))
        raise InvalidInput(
            f"no edge {name!r} begins or ends at a node of kind {NODES[kind].name!r}"
            f" (expected {names})"
        )
    return chosen


def _ways(edges: Iterable[EdgeKind], direction: Direction) -> Iterator[_Way]:
    if direction not in _SIDES:
        raise InvalidInput(f"no direction {direction[:60]!r} (expected out, in or both)")
    return (_Way(edge, side) for edge in edges for side in _SIDES[direction])


@lru_cache(maxsize=64)
def _ways_by_kind(
    names: frozenset[str] | None, direction: Direction
) -> Mapping[Kind, Sequence[_Way]]:
    ways: dict[Kind, list[_Way]] = {kind: [] for kind in Kind}
    for way in _ways(edges_named(names), direction):
        ways[way.from_kind].append(way)
    return ways


def _page(
    session: Session, way: _Way, node: Node, once: bool, limit: int, offset: int
) -> list[Neighbor]:
    rows = session.execute(
        _page_query(way, once), {"node": node.number, "limit": limit, "offset": offset}
    ).all()
    if not rows:
        return []
    edge, kind = way.edge, NODES[way.to_kind]
    n = len(edge.properties)
    asserted = _assertions(session, way, node, {row[0] for row in rows})
    return [
        Neighbor(
            edge=edge.name,
            direction=way.direction,
            node=Node(way.to_kind, row[0]),
            label=kind.label_of(row[0], dict(zip(kind.label_columns, row[1 + n :], strict=True))),
            properties=shown(
                edge.table, edge.properties, dict(zip(edge.properties, row[1 : 1 + n], strict=True))
            ),
            assertions=tuple(asserted.get(tuple(row[: 1 + n]), ())) if asserted else (),
        )
        for row in rows
    ]


def _assertions(
    session: Session, way: _Way, node: Node, far: Collection[int]
) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Who asserts each edge, by the far end and the properties of the edge."""
    edge = way.edge
    if not edge.assertions:
        return {}
    n = 1 + len(edge.properties)
    asserted: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    table = edge.assertion_table
    for batch in _batches(sorted(far)):
        query = _assertion_query(way)
        for row in session.execute(query, {"node": node.number, "numbers": batch}).all():
            values = dict(zip(edge.assertions, row[n:], strict=True))
            asserted.setdefault(tuple(row[:n]), []).append(shown(table, edge.assertions, values))
    return asserted


# -- shortest path -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a path. "out" means it is walked from its start to its end."""

    edge: str
    direction: Side


@dataclass(frozen=True, slots=True)
class Path:
    """A shortest path: `steps[i]` leads from `nodes[i]` to `nodes[i + 1]`.

    Without nodes, no path was found. Then `truncated_by` tells whether that is certain (None) or
    which limit ended the search: "max_hops", "max_nodes" or "timeout_s".
    """

    nodes: tuple[Labelled, ...]
    steps: tuple[Step, ...]
    truncated_by: str | None
    visited: int  # nodes the search has seen, both ends included


def shortest_path(
    session: Session,
    start: Node,
    goal: Node,
    *,
    edges: Iterable[str] | None = None,
    direction: Direction = "both",
    max_hops: int = 6,
    max_nodes: int = 100_000,
    timeout_s: float = 2.0,
) -> Path:
    """A path with the fewest edges over the named kinds of edges (None: all), or none.

    Breadth first from both ends, always from the smaller front. `direction` "out" walks edges
    only from start to end, "in" only backwards, "both" either way. Of several shortest paths one
    is returned. Raises NotFound where an end does not exist.
    """
    names = None if edges is None else frozenset(edges)
    forth = _ways_by_kind(names, direction)
    named = labels(session, [start, goal])
    for end in (start, goal):
        if end not in named:
            raise _not_found(end)
    if start == goal:
        return Path((Labelled(start, named[start]),), (), None, 1)

    search = _Search(session, max_nodes, monotonic() + timeout_s)
    here = _Front(start, forth)
    there = _Front(goal, _ways_by_kind(names, _REVERSED[direction]))
    hops = 0
    while here.width and there.width:
        if hops == max_hops:
            return Path((), (), "max_hops", search.visited)
        nearer, other = (here, there) if here.width <= there.width else (there, here)
        try:
            meeting = search.advance(nearer, other)
        except _LimitReached as reached:
            return Path((), (), reached.limit, search.visited)
        if meeting is not None:
            return _path(session, here.trail(meeting), there.trail(meeting), search.visited)
        hops += 1
    return Path((), (), None, search.visited)


class _LimitReached(Exception):
    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class _Front:
    """One end of a search: the nodes seen from there, each with how it was reached."""

    def __init__(self, origin: Node, ways: Mapping[Kind, Sequence[_Way]]) -> None:
        self.ways = ways
        # Number of the node before, and the way walked from it.
        self.seen: dict[Kind, dict[int, tuple[int, _Way] | None]] = {kind: {} for kind in Kind}
        self.seen[origin.kind][origin.number] = None
        self.numbers: dict[Kind, list[int]] = {origin.kind: [origin.number]}

    @property
    def width(self) -> int:
        return sum(len(numbers) for numbers in self.numbers.values())

    def trail(self, node: Node) -> list[tuple[Node, _Way | None]]:
        """From `node` back to the origin: each node with the way that led to it."""
        trail: list[tuple[Node, _Way | None]] = []
        reached = self.seen[node.kind][node.number]
        while reached is not None:
            number, way = reached
            trail.append((node, way))
            node = Node(way.from_kind, number)
            reached = self.seen[node.kind][node.number]
        return [*trail, (node, None)]


class _Search:
    def __init__(self, session: Session, max_nodes: int, deadline: float) -> None:
        self.connection = session.connection()
        self.max_nodes = max_nodes
        self.deadline = deadline
        self.visited = 2

    def advance(self, front: _Front, other: _Front) -> Node | None:
        """Move the front one edge further; a node that the other front has seen, where they meet.

        The fronts have not met before, so a meeting anywhere in this step is as short as any.
        """
        numbers, front.numbers = front.numbers, {}
        for kind, near in numbers.items():
            for way in front.ways[kind]:
                seen, met = front.seen[way.to_kind], other.seen[way.to_kind]
                new: list[int] = []
                for rows in self._hops(way, near):
                    for before, number in rows:
                        if number not in seen:
                            seen[number] = (before, way)
                            if number in met:
                                return Node(way.to_kind, number)
                            new.append(number)
                            self.visited += 1
                    if self.visited > self.max_nodes:
                        raise _LimitReached("max_nodes")
                if new:
                    front.numbers.setdefault(way.to_kind, []).extend(new)
        return None

    def _hops(self, way: _Way, near: list[int]) -> Iterator[Sequence[sa.Row[*tuple[Any, ...]]]]:
        query = _hop_query(way)
        for batch in _batches(sorted(near)):
            if monotonic() > self.deadline:
                raise _LimitReached("timeout_s")
            # A hub is not read beyond what the search may see: the limit reached here is the same.
            values = {"numbers": batch, "limit": self.max_nodes + 1}
            read = 0
            with self.connection.execute(query, values) as result:
                for rows in result.partitions(_ROWS):
                    yield rows
                    read += len(rows)
                    if monotonic() > self.deadline:
                        raise _LimitReached("timeout_s")
            if read > self.max_nodes:
                raise _LimitReached("max_nodes")


def _path(
    session: Session,
    here: list[tuple[Node, _Way | None]],
    there: list[tuple[Node, _Way | None]],
    visited: int,
) -> Path:
    """The path over the meeting point that both trails start with."""
    nodes = [node for node, _ in reversed(here)] + [node for node, _ in there[1:]]
    steps = [Step(way.edge.name, way.direction) for _, way in reversed(here) if way is not None]
    # The far side walked towards the meeting point; on the path the same edges are walked back.
    for _, way in there:
        if way is not None:
            steps.append(Step(way.edge.name, "in" if way.direction == "out" else "out"))
    named = labels(session, nodes)
    return Path(tuple(Labelled(n, named[n]) for n in nodes), tuple(steps), None, visited)


# -- statements, built once each -----------------------------------------------------------------


@cache
def _label_query(kind: Kind) -> sa.Select[Any]:
    table = NODES[kind].table
    columns = [table.c[name] for name in NODES[kind].label_columns]
    return sa.select(table.c.id, *columns).where(table.c.id.in_(_numbers()))


@cache
def _page_query(way: _Way, once: bool) -> sa.Select[Any]:
    link, node = way.edge.table.alias("link"), NODES[way.to_kind].table.alias("node")
    far = link.c[way.far]
    properties = [link.c[name] for name in way.edge.properties]
    query = (
        sa.select(far, *properties, *(node.c[name] for name in NODES[way.to_kind].label_columns))
        .select_from(link.join(node, node.c.id == far))
        .where(*_at_node(link, way, once))
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .offset(sa.bindparam("offset", type_=sa.Integer))
    )
    if way.edge.is_grouped:
        return query.distinct().order_by(far, *properties)
    return query.order_by(far, *(link.c[c.name] for c in way.edge.table.primary_key.columns))


@cache
def _count_query(way: _Way, once: bool) -> sa.Select[Any]:
    link = way.edge.table.alias("link")
    edges = sa.select(link.c[way.far], *(link.c[name] for name in way.edge.properties)).where(
        *_at_node(link, way, once)
    )
    if way.edge.is_grouped:
        edges = edges.distinct()
    return sa.select(sa.func.count()).select_from(edges.subquery())


@cache
def _assertion_query(way: _Way) -> sa.Select[Any]:
    table = way.edge.assertion_table
    names = (way.far, *way.edge.properties, *(way.edge.assertions or ()))
    columns = [table.c[name] for name in names]
    return (
        sa.select(*columns)
        .where(table.c[way.near] == sa.bindparam("node"), table.c[way.far].in_(_numbers()))
        .order_by(*columns)
    )


@cache
def _hop_query(way: _Way) -> sa.Select[Any]:
    table = way.edge.table
    near, far = table.c[way.near], table.c[way.far]
    return (
        sa.select(near, far)
        .where(near.in_(_numbers()), far.is_not(None))
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _at_node(link: sa.FromClause, way: _Way, once: bool) -> list[sa.ColumnElement[bool]]:
    near, far = link.c[way.near], link.c[way.far]
    conditions = [near == sa.bindparam("node"), far.is_not(None)]
    if once:
        conditions.append(near != far)
    return conditions


def _numbers() -> sa.BindParameter[Any]:
    return sa.bindparam("numbers", expanding=True)


def _batches(numbers: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(numbers), _BATCH):
        yield numbers[at : at + _BATCH]


def _not_found(node: Node) -> NotFound:
    return NotFound(f"no {NODES[node.kind].name.replace('_', ' ')} {node}")
