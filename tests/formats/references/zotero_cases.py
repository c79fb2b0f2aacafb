"""Zotero's import cases beside the project, and what of their items a record of ours lacks."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Final

from kb.formats.markup import plain_text
from kb.formats.nlm import title_as_printed
from kb.formats.references.texts import abstract_text, prose
from kb.formats.references.values import language_of
from kb.models.identifiers import Scheme
from kb.models.records import AuthorClaim, WorkRecord
from tests.conftest import shared

Json = dict[str, Any]


def zotero_cases(form: str) -> list[Json]:
    """Each with `input` and the `items` Zotero makes of it."""
    path = shared("data/importers/zotero_import_cases_given.json.gz")
    cases: dict[str, list[Json]] = json.loads(gzip.decompress(path.read_bytes()))
    return cases[form]


# Places of a title of the whole that the work is part of, in Zotero's words.
_WHOLES: Final = frozenset(
    {
        "publicationTitle", "bookTitle", "proceedingsTitle", "conferenceName", "series",
        "seriesTitle", "encyclopediaTitle", "dictionaryTitle", "blogTitle", "websiteTitle",
        "journalAbbreviation",
    }
)  # fmt: skip
_PUBLISHERS: Final = frozenset(
    {
        "publisher", "university", "institution", "company", "distributor", "studio", "label",
        "court", "repository", "assignee",
    }
)  # fmt: skip
_TITLES: Final = frozenset({"title", "caseName", "nameOfAct"})
_DATES: Final = frozenset({"date", "issueDate", "dateDecided", "dateEnacted"})
# What is Zotero's own, or says nothing of the work.
_NO_FACTS: Final = frozenset({"itemType", "attachments", "seeAlso", "id", "itemID", "accessDate"})


def missing(record: WorkRecord, item: Json) -> list[str]:
    """The facts of an item that the record does not hold, each as "field: value"."""
    return list(_missing(record, item))


def _missing(record: WorkRecord, item: Json) -> Iterator[str]:
    everything = _plain(" ".join(texts_of(record)))
    for field, value in item.items():
        if field in _NO_FACTS or value in ("", [], None):
            continue
        if field == "creators":
            people = [_named(a) for a in record.authors]
            people += [_named(c.person) for c in record.contributors]
            for creator in value:
                name = _creator(creator)
                if not _among(name, people) and _plain(" ".join(name)) not in everything:
                    yield f"creator: {name}"
        elif field in ("tags", "notes"):
            for entry in value:
                text = entry if isinstance(entry, str) else entry.get("tag", entry.get("note"))
                # Headings of MeSH come with their qualifiers and stars.
                parts = (plain_text(text) or "").split("/") if field == "tags" else [text]
                if any(_plain(plain_text(p.strip("*")) or "") not in everything for p in parts):
                    yield f"{field}: {text}"
        elif not _holds(record, field, str(value), everything):
            yield f"{field}: {value}"


def _holds(record: WorkRecord, field: str, value: str, everything: str) -> bool:
    venue = record.venue
    plain = _plain(plain_text(value) or "")
    if field in _TITLES:
        ours = (record.title, record.short_title)
        return plain in [_plain(title or "") for title in ours] or plain == _plain(
            title_as_printed(record.title, is_translated=False) or ""
        )
    if field == "DOI":
        return any(i.scheme is Scheme.DOI and i.value == value.lower() for i in record.identifiers)
    if field == "abstractNote":
        return plain == _plain(abstract_text(record.abstract))
    if field in _DATES:
        # Zotero leaves words of templates in ("0000 Year Date").
        year = re.search(r"[1-9]\d{3}", value)
        # Ours is the earliest; the date of the issue is among the others.
        dates = [record.published or "", *(claim.date for claim in record.dates)]
        return year is None or any(date.startswith(year[0]) for date in dates)
    if field == "language":
        return (language_of(value) or "") == record.language
    if field == "ISSN":
        serials = venue.issns if venue else ()
        return all(s in serials or _plain(s) in everything for s in value.split())
    if field == "pages":
        return plain in (_plain(record.pages or ""), _plain(record.article_number or "")) or (
            plain in everything
        )
    if field in _WHOLES and venue:
        held = (venue.name, venue.abbreviation, record.event, record.series)
        return plain in [_plain(part or "") for part in held] or plain in everything
    if field in _PUBLISHERS and venue:
        return plain in (_plain(venue.publisher or ""), _plain(venue.name or "")) or (
            plain in everything
        )
    simple = {"volume": record.volume, "issue": record.issue, "edition": record.edition}
    if simple.get(field):
        return plain == _plain(simple[field] or "")
    if field == "extra":
        lines = (line.partition(": ")[2] or line for line in value.splitlines())
        return all(_plain(line) in everything for line in lines)
    return plain in everything


def _creator(creator: Json) -> tuple[str, str]:
    return str(creator.get("lastName", creator.get("name"))), str(creator.get("firstName", ""))


def _named(claim: AuthorClaim) -> tuple[str, str]:
    whole = claim.family or claim.collective or claim.name or ""
    return whole, " ".join(part for part in (claim.given, claim.suffix) if part)


def _among(name: tuple[str, str], people: list[tuple[str, str]]) -> bool:
    """Zotero puts stops after initials, and a suffix in several places."""

    def bare(text: str) -> str:
        return re.sub(r"[\s.,]", "", text).lower()

    return any(bare("".join(name)) == bare("".join(person)) for person in people)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\s.,]+", " ", html.unescape(text)).lower().split())


def is_plain(record: WorkRecord) -> bool:
    """Whether no text of it would be taken for what databases leave in: "&amp;", "<i>"."""
    return all(prose(text) == text for text in texts_of(record))


def texts_of(value: Any) -> Iterator[str]:
    """Every text of a record."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from texts_of(part)
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_of(getattr(value, field.name))
