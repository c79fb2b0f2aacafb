"""Markup leaves the text that was meant, with no exponent lost."""

import pytest

from kb.formats.documents import parse_xml
from kb.formats.markup import element_text, plain_text


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        pytest.param("1 × 10<sup>6</sup> cells/kg", "1 × 10^6 cells/kg", id="exponent"),
        pytest.param("10<sup>−3</sup>", "10^−3", id="negative exponent keeps U+2212"),
        pytest.param("10<b><sup>6</sup></b>", "10^6", id="exponent inside other markup"),
        pytest.param("<i>10</i><SUP>6</SUP>", "10^6", id="digit inside other markup, capitals"),
        pytest.param("10<sup>5–6</sup>", "10^5–6", id="range of exponents"),
        pytest.param("10<sup>6 cells", "10^6 cells", id="unclosed exponent"),
        pytest.param("CD4<sup>+</sup> T cells", "CD4+ T cells", id="plus is no exponent"),
        pytest.param("1<sup>st</sup>", "1st", id="ordinal"),
        pytest.param("vitamin D<sub>3</sub>", "vitamin D3", id="subscript"),
        pytest.param("IL<sup>2</sup>", "IL2", id="superscript after a letter"),
        pytest.param(
            "<mml:math>\n <mml:msup>\n<mml:mn>10</mml:mn> <mml:mrow><mml:mo>−</mml:mo>"
            "<mml:mn>6</mml:mn></mml:mrow></mml:msup></mml:math>",
            "10^−6",
            id="MathML power",
        ),
        pytest.param(
            "<jats:alternatives><jats:tex-math>$$10^6$$</jats:tex-math><mml:math><mml:msup>"
            "<mml:mn>10</mml:mn><mml:mn>6</mml:mn></mml:msup></mml:math></jats:alternatives>",
            "10^6",
            id="formula given twice is read once",
        ),
        pytest.param("<jats:tex-math>10^6</jats:tex-math>", "10^6", id="TeX alone is kept"),
    ],
)
def test_superscript_numbers_never_become_digits_of_another_number(fragment, text):
    assert plain_text(fragment) == text


@pytest.mark.parametrize(
    "text",
    [
        "p < 0.05",
        "n<5 and m>7",
        "p<.001",
        "a <b and c> d",
        "10.1002/1531-8249(199909)46:3<296::AID-ANA4>3.0.CO;2-#",
        "TNF-α −0.5 (≤ 3) & IL-10",
        "AT&T; cells &regeneration",
        "10⁶ cells",
        "<Name> of an unknown kind",
    ],
)
def test_text_without_markup_stays_as_it_is(text):
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        pytest.param("Muscle &amp; Nerve", "Muscle & Nerve", id="entity"),
        pytest.param("Muscle &amp;amp; Nerve", "Muscle & Nerve", id="doubled entity"),
        pytest.param("TNF-&alpha; &#945; &#x3B1;", "TNF-α α α", id="named and numeric entities"),
        pytest.param("p &lt; 0.05", "p < 0.05", id="escaped less-than"),
        pytest.param("p &amp;lt; 0.05 and q &gt; 1", "p < 0.05 and q > 1", id="doubly escaped"),
        pytest.param("&lt;i&gt;In vitro&lt;/i&gt; data", "In vitro data", id="escaped tags"),
        pytest.param(
            "10&amp;lt;sup&amp;gt;6&amp;lt;/sup&amp;gt;", "10^6", id="doubly escaped tags"
        ),
        pytest.param("<scp>VEGFC</scp> in MSCs", "VEGFC in MSCs", id="small capitals"),
        pytest.param("<zzz>Kept</zzz>", "Kept", id="unknown element in a pair"),
        pytest.param("Mesenchymal\n      stromal\tcells", "Mesenchymal stromal cells", id="runs"),
        pytest.param("10\u00a0mg\u2009per\u202fkg", "10 mg per kg", id="non-breaking spaces"),
        pytest.param("me\u00adsen\u200bchymal\x00", "mesenchymal", id="invisible characters"),
        pytest.param("<jats:p>One.</jats:p><jats:p>Two.</jats:p>", "One. Two.", id="unbound jats"),
        pytest.param("One<br>two<br/>three", "One two three", id="line breaks"),
        pytest.param("<p>One<p>two", "One two", id="unclosed paragraphs"),
        pytest.param("<b><i>crossed</b></i> over", "crossed over", id="crossed tags"),
        pytest.param("</i>closed only", "closed only", id="closing tag alone"),
        pytest.param("cut <jats:italic", "cut", id="cut off in a tag"),
        pytest.param('<a href="https://x.org/?a=b">link</a>', "link", id="attributes"),
        pytest.param("a<!-- hidden -->b<![CDATA[p < 1]]>", "abp < 1", id="comment and CDATA"),
    ],
)
def test_markup_and_escaping_leave_the_text(fragment, text):
    assert plain_text(fragment) == text


@pytest.mark.parametrize("fragment", [None, "", "  \n", "<p/>", "<jats:p> </jats:p>", "&#160;"])
def test_nothing_to_read_is_none(fragment):
    assert plain_text(fragment) is None


def test_hostile_markup_is_read_in_time_proportional_to_its_length():
    deep = "<i>" * 50_000 + "end" + "</b>" * 50_000
    assert plain_text(deep) == "end"
    assert plain_text("<" * 100_000) == "<" * 100_000


def test_an_elements_text_is_that_of_all_its_descendants_and_nothing_after_it():
    root = parse_xml(
        b"<r><t>Dose <i>of</i> 10<sup>6</sup><!-- not this --> cells&amp;amp;</t>tail</r>",
        what="test",
    )
    assert element_text(root[0]) == "Dose of 10^6 cells&"
    assert element_text(root.find("missing")) is None


def test_blocks_inside_an_element_are_set_apart():
    root = parse_xml(b"<sec><title>Aim</title><p>To see.</p></sec>", what="test")
    assert element_text(root) == "Aim To see."


def test_a_named_entity_of_an_absent_dtd_is_resolved_as_text():
    root = parse_xml(
        b'<!DOCTYPE r PUBLIC "-//x//DTD" "https://dtd.invalid/x.dtd"><r>TNF-&alpha;!</r>',
        what="test",
    )
    assert element_text(root) == "TNF-α!"
