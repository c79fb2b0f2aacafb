import pytest
import sqlalchemy as sa

from graphs.schema import EDGES, NODES, NOT_EDGES, EdgeKind, edges_named, kind_referred_to
from kb.errors import InvalidInput
from kb.models.ids import Kind
from kb.models.tables import metadata

NODE_TABLES = {node.table.name for node in NODES.values()}

TO_NODES = {
    (table.name, key.parent.name)
    for table in metadata.tables.values()
    for key in table.foreign_keys
    if key.column.table.name in NODE_TABLES
}

EDGE_ENDS = {(e.table.name, c) for e in EDGES for c in (e.start_column, e.end_column)}

OWNERS = {(d.table.name, d.owner) for node in NODES.values() for d in node.details}


def edge_id(edge: EdgeKind) -> str:
    return f"{edge.start}-{edge.name}-{edge.end} in {edge.table.name}"


def test_every_kind_of_public_id_is_a_node():
    assert list(NODES) == list(Kind)
    assert len(NODE_TABLES) == len(Kind)


def test_every_foreign_key_to_a_node_is_an_edge_or_listed_with_the_reason_why_not():
    assert sorted(TO_NODES - EDGE_ENDS - OWNERS) == sorted(NOT_EDGES)
    assert not set(NOT_EDGES) & (EDGE_ENDS | OWNERS)


@pytest.mark.parametrize("edge", EDGES, ids=edge_id)
def test_both_ends_of_an_edge_lead_to_the_kinds_it_names(edge):
    for name, kind in ((edge.start_column, edge.start), (edge.end_column, edge.end)):
        if name == "id":
            assert edge.table is NODES[kind].table
        else:
            assert kind_referred_to(edge.table.c[name]) is kind


@pytest.mark.parametrize("edge", EDGES, ids=edge_id)
def test_an_edge_is_found_from_both_ends_through_an_index(edge):
    leading = {next(iter(edge.table.primary_key.columns)).name}
    leading |= {next(iter(index.columns)).name for index in edge.table.indexes}
    assert {edge.start_column, edge.end_column} <= leading


@pytest.mark.parametrize("edge", EDGES, ids=edge_id)
def test_a_link_table_shows_all_its_columns_on_its_edges(edge):
    links = {e.table.name for e in EDGES} - NODE_TABLES - {table for table, _ in OWNERS}
    shown = {edge.start_column, edge.end_column, *edge.properties}
    shown |= set() if edge.asserted_in else set(edge.assertions or ())
    if edge.table.name in links:
        assert shown == {c.name for c in edge.table.columns}
    else:
        assert shown <= {c.name for c in edge.table.columns}


@pytest.mark.parametrize("edge", EDGES, ids=edge_id)
def test_assertions_stand_under_the_same_ends_as_their_edge(edge):
    names = {edge.start_column, edge.end_column, *(edge.assertions or ())}
    assert names <= {c.name for c in edge.assertion_table.columns}


@pytest.mark.parametrize("node", NODES.values(), ids=lambda node: node.name)
def test_every_column_of_a_node_is_a_property_or_an_edge(node):
    edges = {column for table, column in EDGE_ENDS if table == node.table.name}
    assert set(node.properties) | edges | {"id"} == {c.name for c in node.table.columns}
    assert set(node.label_columns) <= {c.name for c in node.table.columns}
    assert not {d.name for d in node.details} & set(node.properties)


def test_node_and_edge_stay_free_for_the_names_of_kinds():
    assert not any("node" in node.properties for node in NODES.values())
    assert not any("edge" in edge.properties for edge in EDGES)


@pytest.mark.parametrize(
    ("kind", "values", "label"),
    [
        pytest.param(
            Kind.DOSE, {"value": 2.0, "unit": "10^6 cells/kg"}, "2 10^6 cells/kg", id="one"
        ),
        pytest.param(
            Kind.DOSE,
            {"value": None, "low": 1.0, "high": 2.5, "unit": "10^6 cells/kg"},
            "1 to 2.5 10^6 cells/kg",
            id="a range stays a range",
        ),
        pytest.param(
            Kind.DOSE, {"value": 12345678.0, "unit": "cells"}, "12345678 cells", id="long"
        ),
        pytest.param(Kind.DOSE, {"value": 2.0, "unit": None}, "D7", id="no unit, no dose"),
        pytest.param(Kind.TIMEPOINT, {"value": 0.0, "unit": "day"}, "0 day", id="zero is reported"),
        pytest.param(Kind.WORK, {"title": None}, "W7", id="nothing reported"),
        pytest.param(
            Kind.WORK, {"title": "On {braces} and {title}"}, "On {braces} and {title}", id="braces"
        ),
    ],
)
def test_a_label_is_made_of_what_is_reported(kind, values, label):
    assert NODES[kind].label_of(7, values) == label


def test_an_unknown_edge_kind_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInput, match=r"called .quotes. \(expected cites, authored, "):
        edges_named(["cites", "quotes"])


def test_one_name_may_join_several_kinds_of_nodes():
    starts = {edge.start for edge in edges_named(["supported_by"])}
    assert {Kind.RESULT, Kind.ADVERSE_EVENT, Kind.ARM, Kind.REGISTRATION} <= starts


def test_primary_keys_of_nodes_are_numbers():
    for node in NODES.values():
        assert [c.name for c in node.table.primary_key.columns] == ["id"]
        assert isinstance(node.table.c.id.type, sa.Integer)
