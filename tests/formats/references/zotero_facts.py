"""What Zotero reads in its own import cases, as facts to compare with what is read here."""

from __future__ import annotations

import gzip
import re
from typing import Any, Final

import orjson

from kb.models.identifiers import Scheme
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord
from tests.conftest import shared


def cases(format: str) -> list[dict[str, Any]]:
    """The import cases of a format: `input` and the `items` Zotero makes of it."""
    body = gzip.decompress(shared("data/importers/zotero_import_cases_given.json.gz").read_bytes())
    found: list[dict[str, Any]] = orjson.loads(body)[format]
    return [case for case in found if case["type"] == "import"]


_VENUES: Final = ("publicationTitle", "proceedingsTitle", "bookTitle")


def facts_of_zotero(item: dict[str, Any]) -> dict[str, Any]:
    """What of an item a record says as well, in the same words."""
    facts = {
        "label": item.get("itemID"),
        "title": item.get("title"),
        "doi": item.get("DOI", "").lower(),
        "volume": item.get("volume"),
        "issue": item.get("issue"),
        "pages": re.sub("[–—]", "-", item.get("pages", "")),
        "year": (re.search(r"\d{4}", item.get("date", "")) or [""])[0],
        "venue": next((item[name] for name in _VENUES if name in item), None),
        "abbreviation": item.get("journalAbbreviation"),
        "publisher": item.get("publisher") or item.get("institution"),
        "place": item.get("place"),
        "issn": item.get("ISSN"),
        "isbn": item.get("ISBN"),
        "url": item.get("url"),
        "abstract": item.get("abstractNote"),
        "series": item.get("series"),
        "keywords": [tag["tag"] for tag in item.get("tags", [])],
    }
    for role in ("author", "editor"):
        facts[role] = [
            " ".join(c[name] for name in ("firstName", "lastName") if c.get(name))
            for c in item.get("creators", [])
            if c["creatorType"] == role
        ]
    return {name: value for name, value in facts.items() if value}


def facts_of_record(record: WorkRecord) -> dict[str, Any]:
    venue = record.venue or VenueClaim()
    return {
        "label": record.label,
        "title": record.title,
        "doi": next((i.value for i in record.identifiers if i.scheme is Scheme.DOI), None),
        "volume": record.volume,
        "issue": record.issue,
        "pages": record.pages,
        "year": (record.published or "")[:4],
        "venue": venue.name,
        "abbreviation": venue.abbreviation,
        "publisher": venue.publisher,
        "place": record.place,
        "issn": ", ".join(venue.issns),
        "isbn": " ".join(record.isbns),
        "url": record.urls[0] if record.urls else None,
        "abstract": " ".join(section.text for section in record.abstract),
        "series": record.series,
        "keywords": [c.label for c in record.concepts if c.scheme == "keyword"],
        "author": [_name(author) for author in record.authors],
        "editor": [_name(c.person) for c in record.contributors if c.role == "editor"],
    }


def _name(person: AuthorClaim) -> str:
    whole = person.collective or person.name
    return whole or " ".join(part for part in (person.given, person.family) if part)
