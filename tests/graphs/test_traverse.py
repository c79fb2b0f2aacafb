import pytest
import sqlalchemy as sa
from sqlmodel import Session

from graphs.schema import EDGES, Node
from graphs.traverse import Direction, describe, labels, neighbors, shortest_path
from kb.errors import InvalidInput, NotFound
from kb.models import tables as t
from kb.models.ids import Kind
from kb.store.engine import Store
from kb.store.migrate import migrate
from tests.graphs.scene import a_work, add, citing_works, every_kind

W1 = Node(Kind.WORK, 1)
S1 = Node(Kind.STUDY, 1)
R1 = Node(Kind.RESULT, 1)


def work(number: int) -> Node:
    return Node(Kind.WORK, number)


def seen(session: Session, node: Node, **how) -> list[tuple[str, str, str]]:
    return [(n.edge, n.direction, str(n.node)) for n in neighbors(session, node, **how).found]


# -- one node ------------------------------------------------------------------------------------


def test_what_is_not_reported_is_none(session):
    every_kind(session)
    shown = describe(session, R1)
    assert shown.label == "No new T2 lesions"
    assert shown.properties["cells"] == [
        {"name": "events", "value": 5.0, "text": "5", "state": "reported", "origin": "reported"},
        {
            "name": "n_analysed",
            "value": 6.0,
            "text": "6",
            "state": "reported",
            "origin": "reported",
        },
        {
            "name": "percent",
            "value": None,
            "text": None,
            "state": "not_reported",
            "origin": "reported",
        },
    ]
    assert shown.properties["category"] is None
    assert "arm_id" not in shown.properties  # an edge


def test_a_work_shows_its_identifiers(session):
    every_kind(session)
    assert describe(session, W1).properties["identifiers"] == [
        {"scheme": "doi", "value": "10.3390/jcm8122102"}
    ]


def test_a_description_names_its_evidence_by_public_id(session):
    every_kind(session)
    [description] = describe(session, S1).properties["descriptions"]
    reported = {name: value for name, value in description.items() if value is not None}
    assert reported == {"record_id": 1, "evidence_id": "E1", "n_treated": 7, "caveats": []}


def test_a_merged_work_says_which_work_it_became(session):
    add(session, a_work(1), a_work(2))
    add(session, t.Work(id=3, merged_into_id=1, changed_at=a_work(1).changed_at))
    assert describe(session, work(3)).properties["merged_into_id"] == "W1"


def test_every_kind_of_node_can_be_shown_and_one_that_is_not_there_is_not_found(session):
    every_kind(session)
    for kind in Kind:
        assert describe(session, Node(kind, 1)).node == Node(kind, 1)
        with pytest.raises(NotFound, match=f"{kind}999"):
            describe(session, Node(kind, 999))
        with pytest.raises(NotFound, match=f"{kind}999"):
            neighbors(session, Node(kind, 999))


def test_labels_come_for_nodes_of_several_kinds_at_once(session):
    every_kind(session)
    found = labels(session, [W1, work(3), S1, Node(Kind.STUDY, 999)])
    assert found == {W1: "Seven infused patients", work(3): "W3", S1: "Iacobaeus 2019"}


# -- neighbours ----------------------------------------------------------------------------------


def test_an_edge_of_every_kind_is_seen_from_both_its_ends(session):
    every_kind(session)
    for edge in EDGES:
        query = sa.select(edge.table.c[edge.start_column], edge.table.c[edge.end_column])
        pairs = {tuple(row) for row in session.execute(query) if None not in row}
        assert pairs, edge
        for a, b in pairs:
            start, end = Node(edge.start, a), Node(edge.end, b)
            assert (edge.name, "out", str(end)) in seen(session, start, edge=edge.name)
            assert (edge.name, "in", str(start)) in seen(session, end, edge=edge.name)
            assert (edge.name, "in", str(start)) not in seen(session, end, direction="out")


def test_the_neighbours_of_a_study_are_what_it_consists_of(session):
    every_kind(session)
    found = neighbors(session, S1)
    assert [(n.edge, n.direction, str(n.node), n.label) for n in found.found] == [
        ("reports", "in", "W1", "Seven infused patients"),
        ("registered_as", "out", "G1", "NCT01730547"),
        ("overlaps", "in", "S2", "A follow-up"),
        ("has_arm", "out", "M1", "MSC"),
        ("has_arm", "out", "M2", "Placebo"),
        ("has_timepoint", "out", "T1", "0 day"),
        ("has_timepoint", "out", "T2", "24 week (week 24)"),
        ("has_population", "out", "N1", "completers"),
        ("measured", "out", "R1", "No new T2 lesions"),
        ("measured", "out", "R2", "No new T2 lesions"),
        ("measured", "out", "R3", "No new T2 lesions"),
        ("has_adverse_event", "out", "X1", "Fever"),
        ("supported_by", "out", "E1", "10.3390/jcm8122102, table 2"),
    ]
    assert found.total == 13


def test_pages_put_together_are_the_whole_list(session):
    every_kind(session)
    whole = neighbors(session, S1, limit=100)
    for size in (1, 2, 3, 5, 12, 13, 14):
        starts = range(0, whole.total, size)
        pages = [neighbors(session, S1, limit=size, offset=at) for at in starts]
        assert [n for page in pages for n in page.found] == list(whole.found)
        assert {page.total for page in pages} == {whole.total}
        beyond = neighbors(session, S1, limit=size, offset=whole.total)
        assert (beyond.found, beyond.total) == ((), whole.total)


def test_what_several_records_assert_is_one_edge_that_names_them_all(session):
    every_kind(session)
    [study] = neighbors(session, W1, edge="reports").found
    assert study.assertions == (
        {"record_id": 1, "basis": "curated"},
        {"record_id": 2, "basis": "registry result"},
    )
    [cited] = neighbors(session, W1, edge="cites", direction="out").found
    assert cited.assertions == (
        {"source": "crossref", "record_id": 1},
        {"source": "openalex", "record_id": 2},
    )


def test_relations_of_different_kinds_between_the_same_works_are_two_edges(session):
    every_kind(session)
    found = neighbors(session, W1, edge="related_to")
    assert [(n.properties, n.assertions) for n in found.found] == [
        ({"kind": "commented by"}, ({"record_id": 1},)),
        ({"kind": "has preprint"}, ({"record_id": 1}, {"record_id": 2})),
    ]
    assert found.total == 2


def test_an_award_nobody_named_is_none(session):
    every_kind(session)
    funded = neighbors(session, W1, edge="funded_by").found
    assert [(n.properties["award"], n.properties["country"]) for n in funded] == [
        (None, None),
        ("2015-1", None),
    ]


def test_an_author_known_by_name_alone_is_no_node(session):
    every_kind(session)
    [author] = neighbors(session, W1, edge="authored").found
    assert (str(author.node), author.properties["position"]) == ("A1", 1)


def test_a_work_that_cites_itself_is_one_edge(session):
    citing_works(session, [(1, 1), (1, 2)], works=2)
    assert seen(session, W1) == [("cites", "out", "W1"), ("cites", "out", "W2")]
    assert neighbors(session, W1).total == 2
    assert seen(session, W1, direction="in") == [("cites", "in", "W1")]


def test_a_work_without_edges_has_none_and_is_still_found(session):
    add(session, a_work(1))
    assert neighbors(session, W1).total == 0


def test_an_edge_this_kind_of_node_never_has_is_refused_with_those_it_has(session):
    every_kind(session)
    with pytest.raises(InvalidInput, match=r"kind 'work' \(expected cites, authored, "):
        neighbors(session, W1, edge="has_arm")
    with pytest.raises(InvalidInput, match=r"expected out, in or both"):
        neighbors(session, W1, direction="up")  # type: ignore[arg-type]


# -- paths ---------------------------------------------------------------------------------------


def walk(session: Session, start: Node, goal: Node, **how) -> tuple[str, str | None]:
    path = shortest_path(session, start, goal, **how)
    text = ""
    for n, step in zip(path.nodes, path.steps, strict=False):
        arrow = f"-{step.edge}->" if step.direction == "out" else f"<-{step.edge}-"
        text += f"{n.node} {arrow} "
    return (text + (str(path.nodes[-1].node) if path.nodes else ""), path.truncated_by)


def test_a_path_names_its_edges_and_which_way_they_point(session):
    citing_works(session, [(1, 2), (3, 2), (3, 4)], works=4)
    assert walk(session, W1, work(4)) == ("W1 -cites-> W2 <-cites- W3 -cites-> W4", None)


def test_a_path_runs_over_every_kind_of_edge(session):
    every_kind(session)
    evidence = walk(session, Node(Kind.DOSE, 1), work(2))
    assert evidence[0].startswith("D1 -supported_by-> E1 -found_in-> W1 -")
    path = shortest_path(session, Node(Kind.OUTCOME, 1), W1, edges=["of", "measured", "reports"])
    assert [n.label for n in path.nodes] == [
        "No new T2 lesions",
        "No new T2 lesions",
        "Iacobaeus 2019",
        "Seven infused patients",
    ]


def test_only_the_named_edges_are_walked(session):
    every_kind(session)
    assert walk(session, S1, Node(Kind.EVIDENCE, 1), edges=["cites", "found_in", "reports"]) == (
        "S1 <-reports- W1 <-found_in- E1",
        None,
    )
    assert walk(session, S1, Node(Kind.EVIDENCE, 1), edges=["cites"]) == ("", None)


@pytest.mark.parametrize(
    ("direction", "path"),
    [
        pytest.param("out", "W1 -cites-> W2 -cites-> W3", id="from citing to cited"),
        pytest.param("in", "W1 <-cites- W4 <-cites- W5 <-cites- W3", id="from cited to citing"),
        pytest.param("both", "W1 -cites-> W2 -cites-> W3", id="either way"),
    ],
)
def test_a_direction_restricts_the_walk(session, direction: Direction, path: str):
    citing_works(session, [(1, 2), (2, 3), (3, 5), (5, 4), (4, 1)], works=5)
    assert walk(session, W1, work(3), direction=direction) == (path, None)


def test_a_node_is_no_step_away_from_itself(session):
    citing_works(session, [(1, 1), (1, 2)], works=2)
    path = shortest_path(session, W1, W1)
    assert [str(n.node) for n in path.nodes] == ["W1"]
    assert (path.steps, path.truncated_by) == ((), None)


def test_no_path_is_an_answer(session):
    citing_works(session, [(1, 2), (3, 4)], works=4)
    path = shortest_path(session, W1, work(4))
    assert (path.nodes, path.steps, path.truncated_by) == ((), (), None)


def chain(session: Session, works: int) -> None:
    citing_works(session, [(n, n + 1) for n in range(1, works)], works=works)


def test_a_path_longer_than_allowed_is_not_found_and_the_answer_says_so(session):
    chain(session, 9)
    assert walk(session, W1, work(9), max_hops=7) == ("", "max_hops")
    assert len(shortest_path(session, W1, work(9), max_hops=8).steps) == 8


def test_a_search_that_saw_too_many_nodes_says_so(session):
    star = [(n, 1) for n in range(2, 60)] + [(n, 60) for n in range(61, 120)]
    citing_works(session, star, works=120)
    assert walk(session, W1, work(60), max_nodes=50) == ("", "max_nodes")
    assert walk(session, W1, work(60), max_nodes=500) == ("", None)


def test_a_search_that_took_too_long_says_so(session):
    chain(session, 9)
    assert walk(session, W1, work(9), timeout_s=0) == ("", "timeout_s")


def test_an_end_that_does_not_exist_is_not_found(session):
    chain(session, 2)
    with pytest.raises(NotFound, match="no work W99"):
        shortest_path(session, W1, work(99))
    with pytest.raises(NotFound, match="no study S1"):
        shortest_path(session, S1, W1)


def test_a_wrong_edge_or_direction_is_refused(session):
    chain(session, 2)
    with pytest.raises(InvalidInput, match="expected cites, "):
        shortest_path(session, W1, work(2), edges=["quotes"])
    with pytest.raises(InvalidInput, match="expected out, in or both"):
        shortest_path(session, W1, work(2), direction="up")  # type: ignore[arg-type]


def test_a_front_wider_than_one_batch_is_walked_whole(session):
    works = 1_300
    star = [(n, 1) for n in range(2, works - 1)]
    citing_works(session, [*star, (works - 2, works - 1), (works - 1, works)], works=works)
    path = shortest_path(session, W1, work(works), direction="in")
    assert path.truncated_by is None
    assert not path.nodes
    path = shortest_path(session, W1, work(works))
    assert [str(n.node) for n in path.nodes] == ["W1", "W1298", "W1299", "W1300"]


def test_citations_are_walked_through_the_indexes_of_cites_alone(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'kb.sqlite3'}")
    migrate(store)
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        asked.append((" ".join(statement.split()), parameters))

    with store.writing() as session:
        chain(session, 5)
        connection = session.connection()
        sa.event.listen(connection, "before_cursor_execute", note)
        shortest_path(session, W1, work(5), edges=["cites"])
        sa.event.remove(connection, "before_cursor_execute", note)
        hops = [(sql, parameters) for sql, parameters in asked if "FROM cites" in sql]
        labelling = {sql.partition(" WHERE ")[0] for sql, _ in asked} - {
            sql.partition(" WHERE ")[0] for sql, _ in hops
        }
        plans = {
            row[3]
            for sql, parameters in hops
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
        }
    store.close()
    assert labelling == {"SELECT work.id, work.title, work.original_title FROM work"}
    assert plans == {
        "SEARCH cites USING PRIMARY KEY (citing_id=?)",
        "SEARCH cites USING COVERING INDEX ix_cites_cited_id_citing_id (cited_id=?)",
    }
