"""References as RIS, one record per work: two letters, two spaces, hyphen, space; CRLF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A work as a reference manager takes it. `authors` as "Family, Given" or a group's name;
    `key` is the work's public id."""

    key: str
    type: str | None
    title: str | None
    authors: tuple[str, ...]
    year: int | None
    date: str | None  # partial ISO date
    venue: str | None
    volume: str | None
    issue: str | None
    pages: str | None
    article_number: str | None
    language: str | None
    doi: str | None
    pmid: str | None
    pmcid: str | None
    abstract: str | None = None
    notes: tuple[str, ...] = ()


_TYPES = {
    "book": "BOOK",
    "book chapter": "CHAP",
    "thesis": "THES",
    "dataset": "DATA",
    "conference abstract": "CPAPER",
    "preprint": "UNPB",
}


def write_ris(references: Iterable[Reference]) -> str:
    """The records, one after the other. What is not known is left out."""
    return "".join(
        "".join(f"{tag}  - {value}\r\n" for tag, value in _fields(reference)) + "ER  - \r\n\r\n"
        for reference in references
    )


def _fields(r: Reference) -> Iterator[tuple[str, str]]:
    # JOUR is what the programs expect of anything in a periodical.
    yield "TY", _TYPES.get(r.type or "", "JOUR")
    first, _, last = (r.pages or r.article_number or "").replace("–", "-").partition("-")
    given = (
        *(("AU", author) for author in r.authors),
        ("TI", r.title),
        ("T2", r.venue),
        ("PY", None if r.year is None else str(r.year)),
        ("DA", _date(r.date)),
        ("VL", r.volume),
        ("IS", r.issue),
        ("SP", first.strip()),
        ("EP", last.strip()),
        ("DO", r.doi),
        ("UR", f"https://doi.org/{r.doi}" if r.doi else None),
        ("AN", r.pmid),
        ("C2", r.pmcid),
        ("LA", r.language),
        ("AB", r.abstract),
        ("ID", r.key),
        *(("N1", note) for note in r.notes),
    )
    for tag, value in given:
        # A line break would end the field.
        if value and (text := " ".join(value.split())):
            yield tag, text


def _date(date: str | None) -> str | None:
    """YYYY/MM/DD/, its slashes there though month or day are not."""
    if date is None:
        return None
    year, month, day = (*date.split("-"), "", "")[:3]
    return f"{year}/{month}/{day}/"
