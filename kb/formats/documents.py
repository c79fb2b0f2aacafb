"""JSON and XML from outside without surprises: no expansion, no network, a bound on the size."""

from __future__ import annotations

from typing import Any, Final

import orjson
from lxml import etree

from kb.errors import SourceRejected

# A thousand Crossref works with their reference lists stay below 50 MB; nothing we ask for in one
# call comes near this.
MAX_BYTES: Final = 100_000_000


def parse_json(body: bytes, *, what: str) -> Any:
    """The JSON value in `body`; `what` names the answer in the error.

    Raises SourceRejected for anything that is not JSON in UTF-8, and for more than MAX_BYTES.
    """
    _check_size(body, what)
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise SourceRejected(f"{what}: not JSON ({error}), {_beginning(body)}") from error


def parse_xml(body: bytes, *, what: str) -> etree._Element:
    """The root element of the XML document in `body`; `what` names the answer in the error.

    A DOCTYPE is allowed, since PubMed and JATS carry one, but it is never fetched. Bytes that are
    UTF-8 are read as UTF-8, whatever encoding the document declares. Undeclared named entities
    stay entity nodes, which `element_text` understands.

    Raises SourceRejected for malformed or truncated XML, for a document that declares entities of
    its own (expanding them can fill memory or read local files), and for more than MAX_BYTES.
    """
    _check_size(body, what)
    document = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"<!ENTITY" in document:
        raise SourceRejected(f"{what}: XML that declares entities is not read, {_beginning(body)}")
    parser = etree.XMLParser(
        encoding="utf-8" if _is_utf8(document) else None,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise SourceRejected(f"{what}: not XML ({error}), {_beginning(body)}") from error
    dtd = root.getroottree().docinfo.internalDTD
    # Seen here only where the encoding hid it above: the declaration itself is harmless, since
    # nothing is resolved.
    if dtd is not None and next(iter(dtd.iterentities()), None) is not None:
        raise SourceRejected(f"{what}: XML that declares entities is not read, {_beginning(body)}")
    return root


def _check_size(body: bytes, what: str) -> None:
    if len(body) > MAX_BYTES:
        raise SourceRejected(
            f"{what}: {len(body)} bytes in one answer (at most {MAX_BYTES}); ask for less at a time"
        )


def _is_utf8(document: bytes) -> bool:
    # UTF-16 with ASCII content is valid UTF-8 full of NULs.
    if b"\x00" in document:
        return False
    try:
        document.decode()
    except UnicodeDecodeError:
        return False
    return True


def _beginning(body: bytes) -> str:
    return f"begins {body[:60]!r}" if body else "empty body"
