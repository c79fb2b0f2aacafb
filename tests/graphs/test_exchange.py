import random

import networkx as nx
import pytest

from graphs.exchange import to_networkx
from graphs.schema import EDGES, Node
from graphs.traverse import Direction, neighbors, shortest_path
from kb.models import tables as t
from kb.models.ids import Kind
from tests.graphs.scene import NOW, add, citing_works, every_kind


def reported(values):
    return {name: value for name, value in values.items() if value is not None}


def test_networkx_gets_the_nodes_and_edges_that_the_neighbours_show(session):
    every_kind(session)
    graph = to_networkx(session)
    listed = []
    for kind in Kind:
        for number in range(1, 4):
            if (name := str(Node(kind, number))) in graph:
                found = neighbors(session, Node(kind, number), direction="out", limit=100).found
                for n in found:
                    data = {"edge": n.edge} | reported(n.properties)
                    if n.assertions:
                        data["assertions"] = [reported(said) for said in n.assertions]
                    listed.append((name, str(n.node), data))
    held = [(a, b, data) for a, b, data in graph.edges(data=True)]
    assert sorted(held, key=repr) == sorted(listed, key=repr)
    assert {data["edge"] for _, _, data in held} == {edge.name for edge in EDGES}


def test_a_node_carries_kind_label_and_what_is_reported(session):
    every_kind(session)
    graph = to_networkx(session)
    notice = graph.nodes["K1"]
    assert (notice["node"], notice["kind"], notice["label"]) == (
        "notice",
        "correction",
        "correction (2020-01)",
    )
    assert graph.nodes["W1"]["identifiers"] == [{"scheme": "doi", "value": "10.3390/jcm8122102"}]
    assert not [v for _, data in graph.nodes(data=True) for v in data.values() if v is None]
    assert not [v for _, _, data in graph.edges(data=True) for v in data.values() if v is None]


def test_some_kinds_come_with_the_edges_between_them(session):
    every_kind(session)
    graph = to_networkx(session, kinds={Kind.WORK, Kind.STUDY})
    assert {data["node"] for _, data in graph.nodes(data=True)} == {"work", "study"}
    assert {data["edge"] for _, _, data in graph.edges(data=True)} == {
        "cites",
        "related_to",
        "reports",
        "overlaps",
    }


def test_edges_can_be_chosen_by_name(session):
    every_kind(session)
    graph = to_networkx(session, edges=["cites"])
    assert sorted(graph.edges()) == [("W1", "W2"), ("W3", "W1")]


def test_a_work_merged_into_another_is_no_node(session):
    every_kind(session)
    add(session, t.Work(id=4, merged_into_id=1, changed_at=NOW))
    assert "W4" not in to_networkx(session)


@pytest.mark.parametrize("direction", ["out", "in", "both"])
@pytest.mark.parametrize(
    ("works", "citations"),
    [
        pytest.param(12, 8, id="mostly apart"),
        pytest.param(30, 40, id="sparse"),
        pytest.param(60, 75, id="long paths"),
        pytest.param(40, 300, id="dense"),
    ],
)
def test_path_lengths_are_those_of_networkx(session, works, citations, direction: Direction):
    dice = random.Random(f"{works} {citations}")
    pairs = [(dice.randint(1, works), dice.randint(1, works)) for _ in range(citations)]
    citing_works(session, pairs, works=works)
    graph = to_networkx(session, edges=["cites"])
    oracle = {"out": graph, "in": graph.reverse(), "both": graph.to_undirected()}[direction]
    for _ in range(60):
        a, b = dice.randint(1, works), dice.randint(1, works)
        path = shortest_path(
            session,
            Node(Kind.WORK, a),
            Node(Kind.WORK, b),
            direction=direction,
            max_hops=works,
        )
        try:
            length = nx.shortest_path_length(oracle, f"W{a}", f"W{b}")
        except nx.NetworkXNoPath:
            assert not path.nodes
            assert path.truncated_by is None
            continue
        assert len(path.steps) == length
        for before, step, after in zip(path.nodes, path.steps, path.nodes[1:], strict=False):
            ends = (str(before.node), str(after.node))
            assert graph.has_edge(*(ends if step.direction == "out" else ends[::-1]))


def test_paths_over_all_kinds_are_as_short_as_in_networkx(session):
    every_kind(session)
    graph = to_networkx(session).to_undirected()
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    for start in map(str, (Node(Kind.DOSE, 1), Node(Kind.OUTCOME, 1), Node(Kind.AUTHOR, 1))):
        for goal in graph.nodes:
            path = shortest_path(session, _node(start), _node(goal), max_hops=20)
            assert len(path.steps) == lengths[start][goal]


def _node(text: str) -> Node:
    return Node(Kind(text[0]), int(text[1:]))
