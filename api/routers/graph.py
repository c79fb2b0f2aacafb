"""The evidence base as a graph: its kinds, one node, its neighbours, and paths between nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from api.answers import Listed, StoreDep, answers_with, finished
from graphs.schema import EDGES, NODES, Node
from graphs.traverse import Direction, Labelled, describe, neighbors, shortest_path
from kb.errors import InvalidInput
from kb.models.ids import Kind, parse_public_id
from kb.store.listing import MAX_PER_PAGE
from kb.store.lookup import plain_text, resolve_study, resolve_work, row_number

router = APIRouter(prefix="/graph", tags=["graph"])


# -- what is answered ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKindOut:
    kind: str
    prefix: str  # the letter of its public ids
    properties: list[str]
    details: dict[str, list[str]]  # lists of values of their own, by name, with their columns


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeKindOut:
    """`start` -name-> `end`. `assertions`: what each record that asserts the edge says of it."""

    name: str
    start: str
    end: str
    properties: list[str]
    assertions: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaOut:
    nodes: list[NodeKindOut]
    edges: list[EdgeKindOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRef:
    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOut:
    id: str
    kind: str
    label: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborOut:
    """An edge of the node asked about: "out" leads from it to `node`, "in" the other way."""

    edge: str
    direction: str
    node: NodeRef
    properties: dict[str, Any]
    assertions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOut:
    edge: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOut:
    """`edges[i]` joins `nodes[i]` and `nodes[i + 1]`; "out" points from the first to the second.

    Without a path, `truncated_by` names the limit that ended the search; where it is null too,
    there is no path.
    """

    found: bool
    hops: int | None
    nodes: list[NodeRef]
    edges: list[StepOut]
    truncated_by: str | None
    visited: int  # nodes the search has seen


# -- what is asked -------------------------------------------------------------------------------


@router.get("/schema", responses=answers_with(SchemaOut))
def graph_schema(request: Request) -> Response:
    """The kinds of nodes and edges, with the properties they can have."""
    return _json(
        request,
        SchemaOut(
            nodes=[
                NodeKindOut(
                    kind=node.name,
                    prefix=node.kind.value,
                    properties=list(node.properties),
                    details={d.name: list(d.columns) for d in node.details},
                )
                for node in NODES.values()
            ],
            edges=[
                EdgeKindOut(
                    name=edge.name,
                    start=NODES[edge.start].name,
                    end=NODES[edge.end].name,
                    properties=list(edge.properties),
                    assertions=list(edge.assertions or ()),
                )
                for edge in EDGES
            ],
        ),
    )


# Before the node itself: a DOI holds slashes, so its path would swallow what follows.
@router.get("/nodes/{node:path}/neighbors", responses=answers_with(Listed[NeighborOut]))
def node_neighbors(
    request: Request,
    store: StoreDep,
    node: str,
    edge: Annotated[str | None, Query(description="only this kind of edge")] = None,
    direction: Annotated[
        Direction, Query(description="out of the node, in to it, or both")
    ] = "both",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=MAX_PER_PAGE)] = 25,
) -> Response:
    """The edges of a node with what they lead to, in the order of the schema."""
    with store.reading() as session:
        found = neighbors(
            session,
            _node(session, node),
            edge=edge,
            direction=direction,
            limit=per_page,
            offset=(page - 1) * per_page,
        )
    return _json(
        request,
        {
            "meta": {
                "count": found.total,
                "page": page,
                "per_page": per_page,
                "next_cursor": None,
            },
            "results": [
                NeighborOut(
                    edge=n.edge,
                    direction=n.direction,
                    node=_ref(Labelled(n.node, n.label)),
                    properties=n.properties,
                    assertions=list(n.assertions),
                )
                for n in found.found
            ],
        },
    )


@router.get("/nodes/{node:path}", responses=answers_with(NodeOut))
def graph_node(request: Request, store: StoreDep, node: str) -> Response:
    """A node by its public id (W1, S3, R12 ...), a work by any of its identifiers."""
    with store.reading() as session:
        found = describe(session, _node(session, node))
    return _json(
        request,
        NodeOut(
            id=str(found.node),
            kind=NODES[found.node.kind].name,
            label=found.label,
            properties=found.properties,
        ),
    )


@router.get("/path", responses=answers_with(PathOut))
def graph_path(
    request: Request,
    store: StoreDep,
    start: Annotated[str, Query(alias="from")],
    goal: Annotated[str, Query(alias="to")],
    edges: Annotated[
        list[str] | None,
        Query(description="only these kinds of edges; repeated, or separated by commas"),
    ] = None,
    direction: Annotated[
        Direction, Query(description="walk edges from start to end (out), back (in) or both ways")
    ] = "both",
    max_hops: Annotated[int, Query(ge=1, le=10)] = 6,
    max_nodes: Annotated[int, Query(ge=2, le=500_000)] = 100_000,
    timeout_s: Annotated[float, Query(gt=0, le=10)] = 2.0,
) -> Response:
    """A shortest path between two nodes, or that there is none within the limits."""
    names = [name.strip() for given in edges or () for name in given.split(",") if name.strip()]
    with store.reading() as session:
        path = shortest_path(
            session,
            _node(session, start),
            _node(session, goal),
            edges=names or None,
            direction=direction,
            max_hops=max_hops,
            max_nodes=max_nodes,
            timeout_s=timeout_s,
        )
    return _json(
        request,
        PathOut(
            found=bool(path.nodes),
            hops=len(path.steps) if path.nodes else None,
            nodes=[_ref(node) for node in path.nodes],
            edges=[StepOut(edge=step.edge, direction=step.direction) for step in path.steps],
            truncated_by=path.truncated_by,
            visited=path.visited,
        ),
    )


def _node(session: Session, text: str) -> Node:
    """The node with this public id, or the work with this identifier; merged ones lead on."""
    try:
        kind, _ = parse_public_id(plain_text(text).upper())
    except InvalidInput:
        kind = Kind.WORK
    if kind is Kind.WORK:
        return Node(kind, resolve_work(session, text))
    if kind is Kind.STUDY:
        return Node(kind, resolve_study(session, text))
    return Node(kind, row_number(text, kind))


def _ref(node: Labelled) -> NodeRef:
    return NodeRef(id=str(node.node), kind=NODES[node.node.kind].name, label=node.label)


def _json(request: Request, value: Any) -> Response:
    return finished(request, orjson.dumps(value), "application/json")
