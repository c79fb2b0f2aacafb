"""Lists of authors, names of venues and places in them, as exports write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.identity.folding import words
from kb.identity.locators import Pages, pages, volume
from kb.identity.names import Agreement, compare_authors, first_family, of_text
from kb.identity.titles import Title
from kb.identity.venues import compare_venues


@pytest.mark.parametrize(
    ("text", "families"),
    [
        pytest.param("Tan A.Schulze A.O'Donnell C. P.", "tan schulze odonnell", id="run together"),
        pytest.param("B. Abrahao; P. Parigi", "abrahao parigi", id="initials first"),
        pytest.param("Smith J, Jones AB, et al.", "smith jones", id="vancouver, cut"),
        pytest.param("Smith J, Jones AB", "smith jones", id="two of vancouver"),
        pytest.param("Stahl, Bernd Carsten", "stahl", id="one with a comma"),
        pytest.param("Le, Quintrec M. and Zuber, J.", "quintrec zuber", id="particle as family"),
        pytest.param("van der Berg, A and Berg, van der B", "berg berg", id="particles"),
        pytest.param("Savell, V. H., Jr. and Li, W", "savell li", id="junior"),
        pytest.param("R McDonald", "mcdonald", id="capital inside"),
        pytest.param("Müller, K and Mueller, K", "muller muller", id="umlaut"),
        pytest.param("Anonymous", "", id="anonymous"),
    ],
)  # fmt: skip
def test_family_names_are_found_in_every_way_of_writing_them(text, families):
    assert of_text(text).families == tuple(families.split())
    assert first_family(text) == (families.split() or [""])[0]


@pytest.mark.parametrize(
    ("a", "b", "agreement"),
    [
        pytest.param("Smith, J", "John Smith", Agreement.SAME, id="initial and name"),
        pytest.param("Smith, J", "Smith, K", Agreement.AGAINST, id="another initial"),
        pytest.param("Hall, Laura L", "Hall, Gillian", Agreement.AGAINST, id="another person"),
        pytest.param("Wei Zhang and Li Na", "Zhang, Wei and Na, Li", Agreement.SAME, id="order"),
        pytest.param("A, Aa and B, Bb", "", Agreement.UNSAID, id="not said"),
        pytest.param("Cohen, A and Berg, B", "Patel, C and Li, D", Agreement.AGAINST, id="others"),
    ],
)  # fmt: skip
def test_lists_of_authors_agree_as_far_as_they_go(a, b, agreement):
    assert compare_authors(of_text(a), of_text(b)) is agreement
    assert compare_authors(of_text(b), of_text(a)) is agreement


@pytest.mark.parametrize(
    ("a", "b", "agreement"),
    [
        pytest.param("N Engl J Med", "The New England Journal of Medicine", "SAME", id="iso 4"),
        pytest.param("PNAS", "Proc Natl Acad Sci U S A", "SAME", id="known initials"),
        pytest.param("JACC", "Journal of the American College of Cardiology", "LIKELY", id="jacc"),
        pytest.param("AMCIS", "Americas Conference on Information Systems", "LIKELY", id="amcis"),
        pytest.param("Spine (Phila Pa 1976)", "Spine", "SAME", id="place"),
        pytest.param("Circulation", "Circulation Research", "PART", id="longer name"),
        pytest.param("NeuroImage: Clinical", "NeuroImage", "PART", id="no subtitle"),
        pytest.param("Cancer", "Cancers", "AGAINST", id="one letter, another journal"),
        pytest.param("American Journal of Physiology", "Journal of Physiology", "PART", id="less"),
        pytest.param(
            "European Conference on Information Systems",
            "International Conference on Information Systems", "AGAINST", id="other meeting",
        ),
        pytest.param("J Digital Studies", "Workshop of Digital Studies", "AGAINST", id="kinds"),
    ],
)  # fmt: skip
def test_venues_are_told_apart_by_their_words(a, b, agreement):
    assert compare_venues(a, b) is Agreement[agreement]
    assert compare_venues(b, a) is Agreement[agreement]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("476-481", Pages(476, 481), id="range"),
        pytest.param("476--81", Pages(476, 481), id="shortened, as BibTeX"),
        pytest.param("pp. 476–481", Pages(476, 481), id="label and dash"),
        pytest.param("S12-S14", Pages(12, 14, "s"), id="supplement"),
        pytest.param("e12345", Pages(12345, None, "e"), id="article number"),
        pytest.param("1-9.e3", Pages(1, 9), id="electronic pages behind"),
        pytest.param("Cd002273", Pages(2273, None, "cd"), id="cochrane"),
        pytest.param("2297-2108", Pages(2297, None), id="ends before it begins"),
        pytest.param("no pagination", None, id="said to be none"),
        pytest.param("0-0", None, id="noughts"),
    ],
)
def test_pages_are_read_as_they_are_meant(text, found):
    assert pages(text) == found


def test_volumes_are_numbers_with_what_stands_behind_them():
    assert volume("4 (1) (no pagination)") == ("4", "1")
    assert volume("Drug Discovery. 9") == ("9",)
    assert volume("XII") == ("12",)
    assert volume("") == ()


def test_greek_markup_and_wrong_decoding_fold_to_the_same_words():
    plain = words("TNF-alpha in Müller cells")
    for written in (
        "TNF-α in Mueller cells",
        "TNFα in M&uuml;ller cells",
        "TNF-&alpha; in MÃ¼ller <i>cells</i>",
    ):
        assert words(written).replace("mueller", "muller") == plain


def test_a_title_knows_what_it_says_of_another():
    assert Title("Erratum to: Infusion of cells").about == "correction of"
    assert Title("Infusion of stromal cells - Reply").about == "reply"
    assert Title("Response to treatment in asthma of adults").forms
    assert Title("Unknown").forms == ()
    assert Title("RETRACTED: Infusion of cells").is_flagged


@given(st.text(max_size=200))
def test_any_text_at_all_can_be_read_as_title_authors_and_pages(text):
    assert words(words(text)) == words(text)
    Title(text)
    of_text(text)
    first_family(text)
    pages(text)
    volume(text)
    compare_venues(text, text[::-1])
