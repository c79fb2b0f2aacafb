"""Identifiers in any spelling, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.identity.identifiers import (
    identifiers,
    normalize_doi,
    normalize_issn,
    normalize_openalex,
    normalize_orcid,
    normalize_pmcid,
    normalize_pmid,
    normalize_ror,
    parse_identifier,
)
from kb.models.identifiers import Identifier, Scheme

OLD = "10.1002/1531-8249(199909)46:3<296::aid-ana4>3.0.co;2-#"


@pytest.mark.parametrize(
    ("raw", "doi"),
    [
        pytest.param("10.1136/BMJ.n71", "10.1136/bmj.n71", id="case"),
        pytest.param(" doi: 10.1136/bmj.n71 ", "10.1136/bmj.n71", id="label, space"),
        pytest.param("https://doi.org/10.1136/bmj.n71", "10.1136/bmj.n71", id="resolver"),
        pytest.param("http://dx.doi.org/10.1136/bmj.n71", "10.1136/bmj.n71", id="old resolver"),
        pytest.param("10.1136%2Fbmj.n71", "10.1136/bmj.n71", id="percent"),
        pytest.param("10.1136/bmj.n71).", "10.1136/bmj.n71", id="punctuation from text"),
        pytest.param("10.1136/bmj.n71 [doi]", "10.1136/bmj.n71", id="NBIB"),
        pytest.param("10.1136/\n bmj.n71", "10.1136/bmj.n71", id="line break"),
        pytest.param(OLD.upper(), OLD, id="brackets of its own"),
        pytest.param(
            "https://doi.org/10.1002/1531-8249%28199909%2946%3A3%3C296%3A%3AAID-ANA4%3E3.0.CO%3B2-%23",
            OLD,
            id="encoded brackets",
        ),
        pytest.param("10.1000/É", "10.1000/É", id="only ASCII letters are folded"),
    ],
)
def test_equivalent_spellings_of_a_doi_normalize_alike(raw, doi):
    assert normalize_doi(raw) == doi
    assert normalize_doi(doi) == doi


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "bmj.n71",
        "10.1136",
        "10.12/short",
        "https://www.mdpi.com/2077-0383/8/12/2102",
        "10.1136/bmj.n71 and 10.1136/bmj.n72",
        "10.1016/j.stem. 2010.01",
        "10.1000/a\u200bb",
        "10.1000/" + "x" * 3000,
    ],
)
def test_what_is_not_one_doi_is_none(raw):
    assert normalize_doi(raw) is None


@given(st.text(max_size=60))
def test_a_normal_form_is_its_own_normal_form(text):
    for normalize in (
        normalize_doi, normalize_pmid, normalize_pmcid, normalize_openalex, normalize_orcid,
        normalize_issn, normalize_ror,
    ):  # fmt: skip
        normal = normalize(text)
        assert normal is None or normalize(normal) == normal


@pytest.mark.parametrize(
    ("normalize", "raw", "normal"),
    [
        pytest.param(normalize_pmid, "PMID: 31810187", "31810187", id="pmid label"),
        pytest.param(normalize_pmid, 31810187, "31810187", id="pmid number"),
        pytest.param(normalize_pmid, "0031810187"[1:], "31810187", id="pmid zeros"),
        pytest.param(
            normalize_pmid, "https://pubmed.ncbi.nlm.nih.gov/31810187/", "31810187", id="pmid url"
        ),
        pytest.param(normalize_pmid, "0", None, id="pmid zero"),
        pytest.param(normalize_pmid, "31810187a", None, id="pmid letter"),
        pytest.param(normalize_pmid, "٣١٨", None, id="pmid in other digits"),
        pytest.param(normalize_pmcid, "6947442", "PMC6947442", id="pmcid digits"),
        pytest.param(normalize_pmcid, "pmc6947442.1", "PMC6947442", id="pmcid version"),
        pytest.param(
            normalize_pmcid,
            "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC6947442/",
            "PMC6947442",
            id="pmcid url",
        ),
        pytest.param(
            normalize_openalex, "https://openalex.org/W2992000000", "W2992000000", id="openalex url"
        ),
        pytest.param(normalize_openalex, "A2992000000", None, id="openalex author"),
        pytest.param(
            normalize_orcid,
            "https://orcid.org/0000-0002-1825-0097",
            "0000-0002-1825-0097",
            id="orcid url",
        ),
        pytest.param(normalize_orcid, "000000021694233x", "0000-0002-1694-233X", id="orcid X"),
        pytest.param(normalize_orcid, "0000-0002-1825-0098", None, id="orcid check digit"),
        pytest.param(normalize_issn, "2077-0383", "2077-0383", id="issn"),
        pytest.param(normalize_issn, "20770384", None, id="issn check digit"),
        pytest.param(normalize_ror, "https://ror.org/056d84691", "056d84691", id="ror"),
    ],
)
def test_other_identifiers_have_one_normal_form_each(normalize, raw, normal):
    assert normalize(raw) == normal


@pytest.mark.parametrize(
    ("typed", "scheme", "value"),
    [
        ("10.3390/JCM8122102", Scheme.DOI, "10.3390/jcm8122102"),
        ("doi:10.3390/jcm8122102", Scheme.DOI, "10.3390/jcm8122102"),
        ("31810187", Scheme.PMID, "31810187"),
        ("pmcid:6947442", Scheme.PMCID, "PMC6947442"),
        ("PMC6947442", Scheme.PMCID, "PMC6947442"),
        ("openalex:W2992000000", Scheme.OPENALEX, "W2992000000"),
        ("https://openalex.org/W2992000000", Scheme.OPENALEX, "W2992000000"),
    ],
)
def test_a_typed_identifier_is_recognised_with_or_without_its_label(typed, scheme, value):
    assert parse_identifier(typed) == Identifier(scheme, value)


def test_what_is_no_identifier_is_refused_with_examples():
    with pytest.raises(InvalidInput, match=r"'multiple sclerosis' \(expected e.g. 10.3390"):
        parse_identifier("multiple sclerosis")


def test_malformed_identifiers_are_left_out():
    assert identifiers(doi="n/a", pmid="31810187") == (Identifier(Scheme.PMID, "31810187"),)
