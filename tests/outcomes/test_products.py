"""Normal forms of tissue, donor, route, dose unit and comparator, beside the reported words."""

import csv

import pytest

import kb.starter
from kb.outcomes.products import (
    FOLDER,
    Kind,
    load_terms,
    means,
    normalise,
    normalise_donor,
    normalise_passage,
    normalise_route,
    normalise_tissue,
    read_terms,
    with_broader,
)


def codes(terms):
    return [term.code for term in terms]


@pytest.mark.parametrize(
    ("text", "route"),
    [
        pytest.param("i.v.", ["intravenous"], id="points"),
        pytest.param("IV", ["intravenous"], id="acronym"),
        pytest.param("iv", ["intravenous"], id="alone in small letters"),
        pytest.param("Intrathecally", ["intrathecal"], id="adverb"),
        pytest.param("intra-venous", ["intravenous"], id="hyphen"),
        pytest.param("IT + IV", ["intrathecal", "intravenous"], id="two"),
        pytest.param("intrathecal in 10, also intravenous in 5",
                     ["intrathecal", "intravenous"], id="two in a sentence"),
        pytest.param("given as it was planned", [], id="a word is no acronym"),
        pytest.param("transendocardial", ["transendocardial"], id="narrower"),
        pytest.param("intravenus", ["intravenous"], id="misspelt"),
        pytest.param("yoga", [], id="no route"),
        pytest.param("", [], id="nothing"),
    ],
)  # fmt: skip
def test_a_route_has_a_normal_form(text, route):
    assert codes(normalise_route(text)) == route


def test_confidence_falls_from_a_known_wording_to_a_likeness():
    exact, within, alike = (
        normalise_route(text)[0].confidence
        for text in ("intravenous", "slowly intravenous", "intravenus")
    )
    assert 1 > exact > within > alike > 0


@pytest.mark.parametrize(
    ("text", "tissue"),
    [("BM-MSC", "bone_marrow"), ("hUC-MSCs", "umbilical_cord"), ("WJ-MSC", "whartons_jelly"),
     ("umbilical cord blood", "cord_blood"), ("adipose-derived", "adipose")],
)  # fmt: skip
def test_a_tissue_has_a_normal_form(text, tissue):
    assert codes(normalise_tissue(text)) == [tissue]


def test_spellings_of_allogeneic_are_one():
    assert codes(normalise_donor("allogenic")) == codes(normalise_donor("Allogeneic"))


def test_what_is_denied_is_not_named():
    assert normalise(Kind.COMPARATOR, "without placebo") == ()
    assert codes(normalise(Kind.CRYOPRESERVATION, "not cryopreserved")) == ["fresh"]


def test_asking_for_a_term_finds_it_alone_with_others_and_in_its_parts():
    assert means(Kind.ROUTE, "IV", "intravenous and intrathecal")
    assert means(Kind.TISSUE, "umbilical cord", "Wharton's jelly")
    assert not means(Kind.TISSUE, "Wharton's jelly", "umbilical cord")
    assert not means(Kind.TISSUE, "umbilical cord", "umbilical cord blood")
    assert means(Kind.ROUTE, "intravenous and intrathecal", "IT then IV")
    assert not means(Kind.ROUTE, "intravenous and intrathecal", "IV")


def test_asking_for_an_unknown_word_finds_nothing_by_meaning():
    assert not means(Kind.ROUTE, "by carrier pigeon", "intravenous")


def test_a_part_belongs_to_all_that_is_broader():
    assert with_broader(Kind.TISSUE, ["amnion"]) == {"amnion", "placenta"}


@pytest.mark.parametrize(
    ("text", "passages"),
    [("P3-P5", (3, 5)), ("passage 2", (2, 2)), ("2 to 4", (2, 4)), ("P5-P3", None),
     ("early passages", None), ("", None)],
)  # fmt: skip
def test_passages_are_read_or_left_alone(text, passages):
    assert normalise_passage(text) == passages


@pytest.mark.parametrize("kind", list(Kind))
def test_every_name_leads_to_its_own_term(kind):
    for code, term in load_terms(kind).items():
        for name in (term.name, *term.synonyms):
            assert codes(normalise(kind, name)) == [code], name


def test_a_broader_term_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "route.csv").write_text("code,name,broader,synonyms,notes\na,a,b,,\n")
    with pytest.raises(ValueError, match="part of b"):
        read_terms(Kind.ROUTE, tmp_path)


# Words of the starter's arms that say too little for a normal form.
SAYS_TOO_LITTLE = {
    "comparator": {"control"},
    "dose_basis": {"mean", "mean (range)"},
}


@pytest.mark.parametrize(
    "column", ["route", "tissue", "donor", "dose_unit", "dose_basis", "comparator"]
)
def test_what_arms_of_the_starter_received_has_a_normal_form(column):
    table = kb.starter.__file__.replace("__init__.py", "arms.csv")
    with open(table, encoding="utf-8", newline="") as lines:
        values = {row[column] for row in csv.DictReader(lines)} - {""}
    unmatched = {value for value in values if not normalise(Kind(column), value)}
    assert unmatched == SAYS_TOO_LITTLE.get(column, set())


def test_the_tables_are_those_of_the_kinds():
    assert {t.name for t in FOLDER.iterdir()} == {f"{kind}.csv" for kind in Kind}
