"""JSON and XML are read without surprises: no expansion, no network, no guess."""

import pytest

from kb.errors import SourceRejected
from kb.formats.documents import MAX_BYTES, parse_json, parse_xml
from kb.formats.markup import element_text

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>
<r>&c;</r>"""


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
