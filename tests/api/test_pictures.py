"""The evidence map over the network: data, page and picture of one thing."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from tests.builders import the_seed_study

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def client(client, store):
    with store.writing() as session:
        the_seed_study(session)
    return client


def test_the_map_is_data_for_programs(client):
    (cell,) = client.get("/evidence-map").json()["cells"]
    assert (cell["product"], cell["outcome"], cell["participants"]) == (
        "bone marrow, autologous",
        "T2_NEW",
        6,
    )


@pytest.mark.parametrize(
    ("format", "kind", "magic"),
    [
        ("svg", "image/svg+xml", b"<svg "),
        ("pdf", "application/pdf", b"%PDF-"),
        ("png", "image/png", b"\x89PNG"),
    ],
)
def test_the_map_is_a_picture_where_one_is_asked_for(client, format, kind, magic):
    answer = client.get(f"/evidence-map?format={format}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content.startswith(magic)
    again = client.get(
        f"/evidence-map?format={format}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_the_page_shows_the_picture_with_its_description_and_the_same_as_a_table(client):
    page = client.get("/evidence-map?condition=multiple+sclerosis", headers={"Accept": BROWSER})
    assert page.status_code == 200
    (svg,) = re.findall(r"<svg .*?</svg>", page.text, re.DOTALL)
    root = etree.fromstring(svg)
    assert root.get("role") == "img"
    assert "Evidence map of 1 study" in (root[1].text or "")
    assert "style=" not in svg  # the page's policy forbids it
    assert 'href="/studies/S1">Iacobaeus 2019</a>' in page.text
    assert "format=svg" in page.text


def test_an_empty_map_is_a_page_that_says_so_and_no_picture(client):
    page = client.get("/evidence-map?condition=gout", headers={"Accept": BROWSER})
    assert "No study of gout has a result for any product." in page.text
    assert client.get("/evidence-map?condition=gout").json()["cells"] == []
    assert client.get("/evidence-map?condition=gout&format=svg").status_code == 422


@pytest.mark.parametrize(
    "asked", ["format=gif", "by=colour", "outcomes=0", "outcomes=999", "colour=red"]
)
def test_what_cannot_be_asked_is_refused(client, asked):
    assert client.get(f"/evidence-map?{asked}").status_code == 422


def test_pictures_are_offered_only_where_there_are_some(client):
    answer = client.get("/studies?format=svg")
    assert answer.status_code == 422
    assert "expected json, html" in answer.json()["detail"]
