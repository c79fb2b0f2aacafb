"""Registration numbers as papers print them."""

import pytest

from kb.identity.registrations import find_registrations, normalize_registration


@pytest.mark.parametrize(
    ("printed", "registry", "number"),
    [
        pytest.param("NCT 01730547", "ClinicalTrials.gov", "NCT01730547", id="space"),
        pytest.param("nct01730547", "ClinicalTrials.gov", "NCT01730547", id="case"),
        pytest.param("2010–024081–21", "EudraCT", "2010-024081-21", id="en dashes"),
        pytest.param("EUCTR2010-024081-21-IT", "EudraCT", "2010-024081-21", id="WHO form"),
        pytest.param(
            "EudraCT number: 2010-024081-21", "EudraCT", "2010-024081-21", id="with its label"
        ),
        pytest.param("2022-501234-12-00", "CTIS", "2022-501234-12-00", id="CTIS"),
        pytest.param("ISRCTN 12345678", "ISRCTN", "ISRCTN12345678", id="ISRCTN"),
        pytest.param("ACTRN12605000000000", "ANZCTR", "ACTRN12605000000000", id="ANZCTR"),
        pytest.param("JPRN-UMIN000001234", "UMIN", "UMIN000001234", id="UMIN"),
        pytest.param("chictr-trc-12345678", "ChiCTR", "ChiCTR-TRC-12345678", id="ChiCTR"),
        pytest.param("JRCTS031234567", "jRCT", "jRCTs031234567", id="jRCT"),
        pytest.param("rbr-5w9v9v", "ReBEC", "RBR-5w9v9v", id="ReBEC"),
    ],
)
def test_spellings_of_a_number_normalize_alike(printed, registry, number):
    assert normalize_registration(printed) == (registry, number)
    assert normalize_registration(number) == (registry, number)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "NCT0173054",
        "NCT017305477",
        "12010-024081-21",
        "U1111-1234-5678",
        "not registered",
    ],
)
def test_what_is_no_number_is_none(text):
    assert normalize_registration(text) is None
    assert find_registrations(text) == []


def test_all_numbers_of_a_text_are_found_in_order_and_once():
    text = "ISRCTN12345678; see also NCT01730547 (EudraCT 2012-000734-19) and NCT 01730547."
    assert find_registrations(text) == [
        ("ISRCTN", "ISRCTN12345678"),
        ("ClinicalTrials.gov", "NCT01730547"),
        ("EudraCT", "2012-000734-19"),
    ]


def test_several_numbers_are_not_one():
    assert normalize_registration("NCT01730547, NCT01854957") is None
