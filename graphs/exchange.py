"""The graph as networkx sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import networkx as nx
import sqlalchemy as sa
from sqlmodel import Session

from graphs.schema import NODES, Detail, EdgeKind, Node, edges_named
from graphs.traverse import shown
from kb.models.ids import Kind

_ROWS = 10_000  # read at a time


def to_networkx(
    session: Session,
    *,
    kinds: Collection[Kind] | None = None,
    edges: Iterable[str] | None = None,
) -> nx.MultiDiGraph[str]:
    """The whole graph, or its nodes of some kinds with the edges between them.

    Nodes are public ids ("W1") with `node` (the name of the node kind), `label` and their
    properties; edges carry `edge` (the name of the edge kind), their properties and, where records
    assert them, `assertions`. What was not reported is absent, not None. Works and studies merged
    into another are left out. All of it is held in memory.
    """
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    wanted = set(Kind) if kinds is None else set(kinds)
    chosen = [e for e in edges_named(edges) if e.start in wanted and e.end in wanted]
    for kind in Kind:
        if kind in wanted:
            graph.add_nodes_from(_nodes(session, kind))
    for edge in chosen:
        graph.add_edges_from(
            (start, end, properties)
            for start, end, properties in _edges(session, edge)
            if start in graph and end in graph
        )
    return graph


def _nodes(session: Session, kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    node = NODES[kind]
    table = node.table
    query = sa.select(table).order_by(table.c.id)
    if "merged_into_id" in table.c:
        query = query.where(table.c.merged_into_id.is_(None))
    details = {detail.name: _details(session, detail) for detail in node.details}
    for row in _stream(session, query).mappings():
        number = row["id"]
        properties = _reported(table, node.properties, row)
        for name, rows in details.items():
            if number in rows:
                properties[name] = rows[number]
        yield (
            str(Node(kind, number)),
            {"node": node.name, "label": node.label_of(number, dict(row)), **properties},
        )


def _details(session: Session, detail: Detail) -> dict[int, list[dict[str, Any]]]:
    table = detail.table
    rows: dict[int, list[dict[str, Any]]] = {}
    query = sa.select(table).order_by(*table.primary_key.columns)
    for row in _stream(session, query).mappings():
        rows.setdefault(row[detail.owner], []).append(_reported(table, detail.columns, row))
    return rows


def _edges(session: Session, edge: EdgeKind) -> Iterator[tuple[str, str, dict[str, Any]]]:
    link, said = edge.table, edge.assertion_table
    ends = [link.c[edge.start_column], link.c[edge.end_column]]
    properties = [link.c[name] for name in edge.properties]
    asserted = [said.c[name] for name in edge.assertions or ()]
    query = sa.select(*ends, *properties, *asserted).where(*(end.is_not(None) for end in ends))
    if edge.assertions is None:
        query = query.order_by(*ends, *link.primary_key.columns)
    else:
        query = query.order_by(*ends, *properties, *asserted)
    if said is not link:
        query = query.outerjoin(said, sa.and_(*(said.c[end.name] == end for end in ends)))
    n = 2 + len(properties)
    rows = (tuple(row) for row in _stream(session, query))
    for (start, end, *values), group in _as_edges(edge, rows, n):
        data: dict[str, Any] = {"edge": edge.name}
        data |= _reported(link, edge.properties, dict(zip(edge.properties, values, strict=True)))
        assertions = [
            _reported(said, edge.assertions, dict(zip(edge.assertions, row[n:], strict=True)))
            for row in group
            if edge.assertions and any(value is not None for value in row[n:])
        ]
        if assertions:
            data["assertions"] = assertions
        ends_as_ids = str(Node(edge.start, start)), str(Node(edge.end, end))
        yield *ends_as_ids, data


def _as_edges(
    edge: EdgeKind, rows: Iterable[tuple[Any, ...]], n: int
) -> Iterator[tuple[tuple[Any, ...], Iterable[tuple[Any, ...]]]]:
    """The rows of each edge, with the columns (the first `n`) that they have in common."""
    if edge.assertions is None:
        return ((row, (row,)) for row in rows)
    return groupby(rows, key=lambda row: row[:n])


def _reported(table: sa.Table, columns: Sequence[str], row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown(table, columns, row).items() if value is not None}


def _stream(session: Session, query: sa.Select[Any]) -> sa.Result[*tuple[Any, ...]]:
    return session.execute(query.execution_options(yield_per=_ROWS))
