"""What arrives is read without surprises: no expansion, no network, no lost exponent."""

import pytest

from ingest.reading import MAX_BYTES, element_text, license_name, parse_json, parse_xml, plain_text
from kb.errors import SourceRejected

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>
<r>&c;</r>"""


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


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(BOMB, id="entity bomb"),
        pytest.param(BOMB.decode().encode("utf-16"), id="entity bomb in UTF-16"),
        pytest.param(
            b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
            id="external entity",
        ),
        pytest.param(
            b'<!DOCTYPE r [<!ENTITY % x SYSTEM "https://dtd.invalid/x">%x;]><r/>',
            id="parameter entity",
        ),
        pytest.param(b"<r><a>cut o", id="truncated"),
        pytest.param(b"", id="empty"),
        pytest.param(b"Resource not found.", id="plain text"),
        pytest.param(b"<r>a\x00b</r>", id="NUL byte"),
        pytest.param("<r>é</r>".encode("latin-1"), id="Latin-1 without saying so"),
        pytest.param(
            b'<?xml version="1.0" encoding="x-none"?><r>\xe9</r>', id="unknown encoding declared"
        ),
        pytest.param(b" " * (MAX_BYTES + 1), id="huge"),
    ],
)
def test_xml_that_is_malformed_or_dangerous_is_rejected(body):
    with pytest.raises(SourceRejected, match=r"^the answer: "):
        parse_xml(body, what="the answer")


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "us-ascii", "UTF-16", "x-none"])
def test_utf8_is_read_as_utf8_whatever_it_declares(encoding):
    body = f'<?xml version="1.0" encoding="{encoding}"?><r>Müller − α</r>'.encode()
    assert element_text(parse_xml(body, what="test")) == "Müller − α"


def test_a_latin_1_document_that_says_so_is_read():
    body = '<?xml version="1.0" encoding="ISO-8859-1"?><r>Müller</r>'.encode("latin-1")
    assert element_text(parse_xml(body, what="test")) == "Müller"


def test_a_byte_order_mark_or_blank_line_before_the_declaration_does_no_harm():
    assert parse_xml(b'\xef\xbb\xbf\n<?xml version="1.0"?><r/>', what="test").tag == "r"
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', what="test") == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Resource not found.", id="plain text"),
        pytest.param(b'{"a": ', id="truncated"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param('{"a": "é"}'.encode("latin-1"), id="Latin-1"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b" " * (MAX_BYTES + 1), id="huge"),
    ],
)
def test_what_is_not_json_is_rejected(body):
    with pytest.raises(SourceRejected, match=r"^the answer: "):
        parse_json(body, what="the answer")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "cc-by-4.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/4.0", "cc-by-nc-nd-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode", "cc-by-4.0"),
        ("https://creativecommons.org/licenses/by/3.0/igo/", "cc-by-3.0-igo"),
        ("http://creativecommons.org/licenses/by-nc/2.0/uk/", "cc-by-nc-2.0-uk"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0"),
        ("https://www.springer.com/tdm", "https://www.springer.com/tdm"),
        (" ", None),
        (None, None),
    ],
)
def test_creative_commons_addresses_become_licence_names_and_others_stay(url, name):
    assert license_name(url) == name
