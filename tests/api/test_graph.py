import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from api import problems
from api.answers import only_known_parameters
from api.routers.graph import router
from graphs.schema import EDGE_NAMES, NODES
from kb.models import tables as t
from kb.store.engine import Store
from tests.graphs.scene import NOW, add, every_kind

DOI = "10.3390/jcm8122102"


@pytest.fixture
def client(store: Store) -> TestClient:
    """The router over a base that holds every kind."""
    with store.writing() as session:
        every_kind(session)
        add(session, t.Work(id=4, merged_into_id=1, changed_at=NOW))
    return TestClient(app_over(store))


def app_over(store: Store | None) -> FastAPI:
    app = FastAPI(dependencies=[Depends(only_known_parameters)])
    problems.install(app)
    app.include_router(router)
    app.state.store = store
    return app


def get(client: TestClient, path: str, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_schema_names_every_kind_of_node_and_edge(client):
    schema = get(client, "/graph/schema")
    assert {n["prefix"]: n["kind"] for n in schema["nodes"]} == {
        kind: node.name for kind, node in NODES.items()
    }
    assert {e["name"] for e in schema["edges"]} == set(EDGE_NAMES)
    [reports] = [e for e in schema["edges"] if e["name"] == "reports"]
    assert reports == {
        "name": "reports",
        "start": "work",
        "end": "study",
        "properties": [],
        "assertions": ["record_id", "basis"],
    }


def test_a_node_of_every_kind_is_shown(client):
    for kind, node in NODES.items():
        shown = get(client, f"/graph/nodes/{kind}1")
        assert (shown["id"], shown["kind"]) == (f"{kind}1", node.name)
        assert set(node.properties) <= set(shown["properties"])


def test_every_spelling_of_a_work_leads_to_the_same_work(client):
    for name in ("W1", "w1", DOI, f"doi:{DOI}", f"https://doi.org/{DOI}", DOI.replace("/", "%2F")):
        assert get(client, f"/graph/nodes/{name}")["id"] == "W1"
        assert get(client, f"/graph/nodes/{name}/neighbors")["meta"]["count"] > 0
    assert get(client, "/graph/path", **{"from": DOI, "to": "S1"})["hops"] == 1


def test_a_merged_work_leads_to_the_work_it_became(client):
    assert get(client, "/graph/nodes/W4")["id"] == "W1"


def test_neighbours_come_in_pages_that_tell_the_whole_length(client):
    first = get(client, "/graph/nodes/S1/neighbors", per_page=6)
    assert first["meta"] == {"count": 13, "page": 1, "per_page": 6, "next_cursor": None}
    assert first["results"][0] == {
        "edge": "reports",
        "direction": "in",
        "node": {"id": "W1", "kind": "work", "label": "Seven infused patients"},
        "properties": {},
        "assertions": [
            {"record_id": 1, "basis": "curated"},
            {"record_id": 2, "basis": "registry result"},
        ],
    }
    third = get(client, "/graph/nodes/S1/neighbors", per_page=6, page=3)
    assert [n["node"]["id"] for n in third["results"]] == ["E1"]
    assert get(client, "/graph/nodes/S1/neighbors", page=9)["results"] == []


def test_neighbours_of_one_kind_and_direction(client):
    found = get(client, "/graph/nodes/W1/neighbors", edge="cites", direction="in")
    assert [n["node"]["id"] for n in found["results"]] == ["W3"]


def test_a_path_tells_nodes_edges_and_directions(client):
    query = {"from": "O1", "to": "W1", "edges": "of, measured", "direction": "both"}
    assert get(client, "/graph/path", **query)["found"] is False
    path = get(client, "/graph/path", **(query | {"edges": ["of,measured", "reports"]}))
    assert [n["id"] for n in path["nodes"]] == ["O1", "R1", "S1", "W1"]
    assert path["edges"] == [
        {"edge": "of", "direction": "in"},
        {"edge": "measured", "direction": "in"},
        {"edge": "reports", "direction": "in"},
    ]
    assert (path["found"], path["hops"], path["truncated_by"]) == (True, 3, None)


def test_a_path_that_was_not_searched_to_the_end_says_why(client):
    path = get(client, "/graph/path", **{"from": "O1", "to": "W1", "max_hops": 1})
    assert (path["found"], path["hops"], path["nodes"]) == (False, None, [])
    assert path["truncated_by"] == "max_hops"


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        pytest.param("/graph/nodes/W99", 404, "W99", id="no such work"),
        pytest.param("/graph/nodes/R99/neighbors", 404, "R99", id="no such result"),
        pytest.param("/graph/nodes/R99999999999999999", 404, "R9999", id="beyond the table"),
        pytest.param("/graph/nodes/10.1000/absent", 404, "10.1000/absent", id="unknown DOI"),
        pytest.param("/graph/nodes/Q1", 422, "Q1", id="no kind of node"),
        pytest.param("/graph/nodes/W1%00", 422, "NUL", id="NUL"),
        pytest.param("/graph/nodes/W1/neighbors?edge=quotes", 422, "expected cites", id="no edge"),
        pytest.param("/graph/nodes/W1/neighbors?edge=has_arm", 422, "expected cites", id="not its"),
        pytest.param(
            "/graph/path?from=W1&to=W2&edges=quotes", 422, "expected cites", id="no edges"
        ),
    ],
)
def test_what_cannot_be_answered_says_what_would_do(client, path, status, says):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "nodes/W1/neighbors?per_page=101",
        "nodes/W1/neighbors?page=0",
        "nodes/W1/neighbors?direction=up",
        "path?from=W1",
        "path?from=W1&to=W2&max_hops=11",
        "path?from=W1&to=W2&max_nodes=1000000000",
        "path?from=W1&to=W2&timeout_s=nan",
        "path?from=W1&to=W2&direction=up",
        "path?from=W1&to=W2&hops=2",
    ],
)
def test_limits_are_capped_before_anything_is_read(query):
    assert TestClient(app_over(None)).get(f"/graph/{query}").status_code == 422
