"""Citing over HTTP and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kb.models.dates import PartialDate
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord, WorkType
from kb.store.engine import Store
from tests.api.cli import an_installation, filled, its_store, json_of, kb
from tests.store.saves import a_record, ids, notice, save_each

DOI = "10.1000/one.1"
APA = (
    "Iacobaeus, E., & Le Blanc, K. (2019). A trial of MSC. Journal of Clinical Medicine, 8(12), "
    f"2102. https://doi.org/{DOI}"
)


def a_trial(key: str = "1", doi: str = DOI, title: str = "A trial of MSC") -> WorkRecord:
    return a_record(
        key=key,
        identifiers=ids(doi=doi),
        title=title,
        type=WorkType.ARTICLE,
        published=PartialDate("2019-12-01"),
        venue=VenueClaim(name="Journal of Clinical Medicine"),
        volume="8",
        issue="12",
        pages="2102",
        authors=(
            AuthorClaim(family="Iacobaeus", given="Ellen"),
            AuthorClaim(family="Le Blanc", given="Katarina"),
        ),
    )


def two_trials(store: Store) -> None:
    save_each(store, [a_trial(), a_trial("2", "10.1000/two.2", "Another trial")])


def test_a_work_is_cited_by_any_of_its_names(store: Store, client: TestClient) -> None:
    save_each(store, [a_trial()])
    for name in ("W1", DOI, f"doi:{DOI}"):
        found = client.get(f"/works/{name}/cite").json()["references"]
        assert [one["reference"]["text"] for one in found] == [APA]
    assert found[0]["id"] == "W1"
    assert found[0]["narrative"]["text"] == "Iacobaeus & Le Blanc (2019)"


def test_text_and_html_are_the_reference_alone(
    plain_store: Store, plain_client: TestClient
) -> None:
    save_each(plain_store, [a_trial()])
    text = plain_client.get("/works/W1/cite?style=apa&format=text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == APA + "\n"
    fragment = plain_client.get("/works/W1/cite?style=apa&format=html").text
    assert "<em>Journal of Clinical Medicine</em>" in fragment
    assert f'<a href="https://doi.org/{DOI}">' in fragment


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("style=vancouver", "1. Iacobaeus E, Le Blanc K. A trial of MSC."),
        ("style=apa&locale=de-DE", "Iacobaeus, E., & Le Blanc, K. (2019)."),
        ("style=nature", "1. Iacobaeus, E. & Le Blanc, K. A trial of MSC."),
    ],
)
def test_styles_and_languages_can_be_chosen(
    asked: str, wanted: str, plain_store: Store, plain_client: TestClient
) -> None:
    save_each(plain_store, [a_trial()])
    assert plain_client.get(f"/works/W1/cite?{asked}&format=text").text.startswith(wanted)


def test_several_works_are_cited_in_the_order_asked_and_told_apart(
    plain_store: Store, plain_client: TestClient
) -> None:
    two_trials(plain_store)
    found = plain_client.get("/works/cite?id=W2&id=W1").json()
    assert [one["id"] for one in found["references"]] == ["W2", "W1"]
    assert found["together"]["text"] == "(Iacobaeus & Le Blanc, 2019a, 2019b)"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("/works/W1/cite?style=natur", 422),
        ("/works/W1/cite?style=/etc/passwd", 422),
        ("/works/W1/cite?locale=xx", 422),
        ("/works/W1/cite?format=pdf", 422),
        ("/works/W9/cite", 404),
        ("/works/cite", 422),
        ("/works/cite?" + "&".join(["id=W1"] * 501), 422),
    ],
)
def test_what_cannot_be_cited_is_explained(
    asked: str, status: int, plain_store: Store, plain_client: TestClient
) -> None:
    save_each(plain_store, [a_trial()])
    answer = plain_client.get(asked)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_the_page_of_a_work_leads_to_its_citation(
    plain_store: Store, plain_client: TestClient
) -> None:
    save_each(plain_store, [a_trial()])
    page = plain_client.get("/works/W1?format=html").text
    assert '<a href="/works/W1/cite?style=apa7">APA</a>' in page
    cited = plain_client.get("/works/W1/cite?style=apa7", headers={"Accept": "text/html"})
    assert "<em>Journal of Clinical Medicine</em>" in cited.text
    assert "<html" in cited.text


def test_a_retracted_work_is_cited_with_a_warning(
    plain_store: Store, plain_client: TestClient
) -> None:
    save_each(plain_store, [a_record(identifiers=ids(doi=DOI), notices=(notice(),))])
    assert plain_client.get("/works/W1/cite").json()["references"][0]["is_retracted"] is True
    page = plain_client.get("/works/W1/cite", headers={"Accept": "text/html"}).text
    assert "W1 is retracted" in page


# --- the command ---


def a_file(folder: Path, *items: object) -> str:
    path = folder / "library.json"
    path.write_text(json.dumps(items))
    return str(path)


ITEM = {
    "id": "one",
    "type": "article-journal",
    "title": "A trial",
    "author": [{"family": "Lalu", "given": "Manoj M."}],
    "issued": {"date-parts": [[2020]]},
    "container-title": "Cells",
}


def test_a_file_is_cited_without_a_database(tmp_path: Path) -> None:
    path = a_file(tmp_path, ITEM, ITEM | {"id": "two", "title": "Another"})
    done = kb("cite", "--csl-json", path, "--style", "vancouver")
    assert done.stdout == "1. Lalu MM. A trial. Cells. 2020.\n2. Lalu MM. Another. Cells. 2020.\n"


def test_cites_in_the_text_stand_side_by_side(tmp_path: Path) -> None:
    done = kb("cite", "--csl-json", a_file(tmp_path, ITEM), "--in-text")
    assert done.stdout == "(Lalu, 2020)\tLalu (2020)\n"


def test_html_is_printed_where_asked(tmp_path: Path) -> None:
    done = kb("cite", "--csl-json", a_file(tmp_path, ITEM), "--format", "html")
    assert done.stdout == "Lalu, M. M. (2020). A trial. <em>Cells</em>.\n"


def test_the_order_can_be_that_of_the_bibliography(tmp_path: Path) -> None:
    later = ITEM | {"id": "two", "author": [{"family": "Abe", "given": "A."}]}
    path = a_file(tmp_path, ITEM, later)
    assert kb("cite", "--csl-json", path).stdout.startswith("Lalu")
    assert kb("cite", "--csl-json", path, "--sorted").stdout.startswith("Abe")


def test_a_broken_item_is_reported_and_the_others_are_printed(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('[{"type": "book", "title": {}},\n' + json.dumps(ITEM) + "]")
    done = kb("cite", "--csl-json", str(path))
    assert done.stdout == "Lalu, M. M. (2020). A trial. Cells.\n"
    assert "record 1 (line 1) is left out: title is not text: {}" in done.stderr
    said = json.loads(kb("cite", "--csl-json", str(path), "--json").stdout)
    assert said["unreadable"][0]["position"] == "record 1 (line 1)"
    assert said["references"][0]["id"] == "one"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param((), "name works", id="nothing"),
        pytest.param(("W1", "--csl-json", "x.json"), "name works", id="both"),
        pytest.param(("--csl-json", "/nowhere/x.json"), "cannot read", id="no file"),
        pytest.param(("W1", "--format", "pdf"), "expected text or html", id="format"),
        pytest.param(("W1", "--style", "/nowhere/x.csl"), "no style to read", id="no style file"),
        pytest.param(("styles", "no such words"), "no style has", id="no style"),
    ],
)
def test_what_the_command_cannot_do_it_says(arguments: tuple[str, ...], reason: str) -> None:
    done = kb("cite", *arguments)
    assert done.exit_code == 2
    assert reason in done.stderr


def test_styles_are_listed_by_words() -> None:
    assert "stem-cell-research\tStem Cell Research\n" in kb("cite", "styles", "stem", "cell").stdout
    assert {"name": "nature", "title": "Nature"} in json_of(
        kb("cite", "--style", "list", "nature", "--json")
    )


def test_works_of_the_base_are_cited_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_base: Path
) -> None:
    filled(an_installation(monkeypatch, tmp_path), sqlite_base)
    save_each(its_store(), [a_trial()])
    assert kb("cite", DOI).stdout == APA + "\n"
