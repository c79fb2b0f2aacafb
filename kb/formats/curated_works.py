"""Curation tables of works: bibliographic records, who cites whom, counts, notices."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from kb.formats.curation_columns import LISTS, RELATIONS
from kb.formats.tables import Row, Rows, keyed, once, shown
from kb.identity.identifiers import (
    identifiers,
    normalize_doi,
    normalize_issn,
    normalize_orcid,
    normalize_pmcid,
    normalize_pmid,
)
from kb.identity.registrations import normalize_registration
from kb.models.dates import year_of
from kb.models.identifiers import Identifier
from kb.models.records import (
    AuthorClaim,
    CitingList,
    DateClaim,
    NoticeClaim,
    NoticeKind,
    ObservationClaim,
    ReferenceClaim,
    ReferenceList,
    RegistrationMention,
    RelationClaim,
    VenueClaim,
    WorkRecord,
    WorkType,
)


class Works:
    """The works of a set of tables, by key, and the lists that cite them."""

    def __init__(self, rows: Rows, source: str, this_year: int) -> None:
        self._rows = rows
        self._source = source
        self._this_year = this_year
        self.records = self._read_works()

    def work(self, row: Row, column: str) -> WorkRecord | None:
        """The work a cell names."""
        key = row.known(column, self.records, "works")
        return self.records[key] if key else None

    def _read_works(self) -> dict[str, WorkRecord]:
        authors, observations = self._read_authors(), self._read_observations()
        works: dict[str, WorkRecord] = {}
        holders: dict[object, Row] = {}
        for key, row in keyed(self._rows.table("works"), "work").items():
            published = row.date("published")
            dates = tuple(
                DateClaim(role=role, date=date)
                for role in ("received", "revised", "accepted", "published")
                if (date := row.date(role))
            )
            venue = VenueClaim(
                name=row.text("venue"),
                abbreviation=row.text("venue_short"),
                issns=tuple(filter(None, (_issn(row, issn) for issn in row.listed("issn")))),
                publisher=row.text("publisher"),
            )
            doi = row.normalized("doi", normalize_doi, "a DOI", "10.3390/jcm8122102")
            pmid = row.normalized("pmid", normalize_pmid, "a PMID", "31810187")
            pmcid = row.normalized("pmcid", normalize_pmcid, "a PMCID", "PMC6947442")
            names = identifiers(doi=doi, pmid=pmid, pmcid=pmcid)
            for name in names:
                if name in holders:
                    message = f"{name} stands in {holders[name].place} already"
                    row.error("duplicate-identifier", name.scheme, message)
                holders[name] = row
            roles = ("received", "revised", "accepted", "published")
            in_date_order(row, roles)
            for role in roles:
                check_year(row, role, year_of(row.date(role)), self._this_year)
            listed = row.one_of("authors", ("all", "some"))
            if listed == "all" and key not in authors:
                message = "all authors listed, but none stands in authors"
                row.error("authors-missing", "authors", message)
            works[key] = WorkRecord(
                source=self._source,
                key=key,
                identifiers=names,
                title=row.text("title"),
                type=row.choice("type", WorkType),
                published=published,
                dates=dates,
                venue=None if venue == VenueClaim() else venue,
                volume=row.text("volume"),
                issue=row.text("issue"),
                pages=row.text("pages"),
                article_number=row.text("article"),
                language=_language(row),
                authors=authors.get(key, ()),
                authors_complete=None if listed is None else listed == "all",
                registrations=tuple(
                    RegistrationMention(registry=registry, number=number)
                    for registry, number in read_registrations(row, "registrations")
                ),
                observations=observations.get(key, ()),
            )
        notices, relations = self._read_notices(works), self._read_relations(works)
        self._check_work_keys(works)
        return {
            key: replace(work, notices=notices.get(key, ()), relations=relations.get(key, ()))
            for key, work in works.items()
        }

    def _check_work_keys(self, works: Mapping[str, WorkRecord]) -> None:
        for row in (*self._rows.table("authors"), *self._rows.table("observations")):
            row.known("work", works, "works")

    def _read_authors(self) -> dict[str, tuple[AuthorClaim, ...]]:
        found: dict[str, dict[int, AuthorClaim]] = defaultdict(dict)
        seen: dict[object, Row] = {}
        for row in self._rows.table("authors"):
            work, position = row.text("work"), row.whole("position", least=1)
            if not row.has("family") and not row.has("group"):
                message = "empty, and no group either: an author needs a name"
                row.error("author-unnamed", "family", message)
            author = AuthorClaim(
                family=row.text("family"),
                given=row.text("given"),
                suffix=row.text("suffix"),
                collective=row.text("group"),
                orcid=row.normalized(
                    "orcid", normalize_orcid, "an ORCID iD", "0000-0002-1825-0097"
                ),
            )
            if work and position and once(row, "position", (work, position), seen):
                found[work][position] = author
        return {
            work: tuple(authors[position] for position in sorted(authors))
            for work, authors in found.items()
        }

    def _read_observations(self) -> dict[str, tuple[ObservationClaim, ...]]:
        found: dict[str, list[ObservationClaim]] = defaultdict(list)
        seen: dict[object, Row] = {}
        for row in self._rows.table("observations"):
            value = row.whole("value")
            if row.has("category") and not row.has("dimension"):
                row.error("dimension-missing", "dimension", "empty beside a category")
            claim = ObservationClaim(
                metric=row.text("metric") or "",
                value=value or 0,
                dimension=row.text("dimension"),
                category=row.text("category"),
                source=row.text("counted_by"),
                observed_at=row.date("observed_at"),
            )
            work = row.text("work") or ""
            if once(row, "metric", (work, replace(claim, value=0)), seen):
                found[work].append(claim)
        return {work: tuple(claims) for work, claims in found.items()}

    def _read_notices(self, works: Mapping[str, WorkRecord]) -> dict[str, tuple[NoticeClaim, ...]]:
        found: dict[str, list[NoticeClaim]] = defaultdict(list)
        for row in self._rows.table("notices"):
            work = row.known("work", works, "works")
            other = row.known("notice", works, "works")
            kind = row.choice("kind", NoticeKind)
            if work and kind:
                found[work].append(
                    NoticeClaim(
                        kind=kind,
                        is_about_self=True,
                        other=self._named(row, "notice", works[other]) if other else (),
                        date=row.date("date"),
                        label=row.text("label"),
                        asserted_by=row.text("asserted_by"),
                    )
                )
        return {work: tuple(claims) for work, claims in found.items()}

    def _read_relations(
        self, works: Mapping[str, WorkRecord]
    ) -> dict[str, tuple[RelationClaim, ...]]:
        found: dict[str, list[RelationClaim]] = defaultdict(list)
        for row in self._rows.table("relations"):
            work = row.known("work", works, "works")
            other = row.known("other", works, "works")
            kind = row.one_of("kind", RELATIONS)
            if work and work == other:
                row.error("relates-to-itself", "other", f"{work} stands on both sides")
            elif work and other and kind:
                found[work].append(
                    RelationClaim(kind=kind, other=self._named(row, "other", works[other]))
                )
        return {work: tuple(claims) for work, claims in found.items()}

    def lists(self, sources: Mapping[str, object]) -> tuple[ReferenceList | CitingList, ...]:
        """Lists of references and of citing works: one of each kind per work and source."""
        references: dict[tuple[str, str], list[ReferenceClaim]] = defaultdict(list)
        citing_works: dict[tuple[str, str], list[tuple[int, WorkRecord]]] = defaultdict(list)
        seen: dict[object, Row] = {}
        for row in self._rows.table("citations"):
            kind = row.one_of("list", LISTS)
            citing, cited = self.work(row, "citing"), self.work(row, "cited")
            source = row.known("source", sources, "sources")
            position = row.whole("position", least=1)
            if not (kind and citing and cited and source and position):
                continue
            of, column = (citing, "citing") if kind == "references" else (cited, "cited")
            self._named(row, column, of)
            if not once(row, "position", (kind, of.key, source, position), seen):
                continue
            if citing is cited:
                row.error("cites-itself", "cited", f"{cited.key} cites itself")
            elif of is citing:
                references[of.key, source].append(_reference(row, position, cited))
            else:
                citing_works[of.key, source].append((position, citing))
        found: list[ReferenceList | CitingList] = [
            ReferenceList(
                source=self._source,
                key=f"{work}#{source}",
                of=self.records[work].identifiers,
                references=tuple(sorted(claims, key=lambda claim: claim.position)),
            )
            for (work, source), claims in references.items()
        ]
        found += [
            CitingList(
                source=self._source,
                key=f"{work}#{source}",
                of=self.records[work].identifiers,
                citing=tuple(record for _, record in sorted(numbered, key=lambda n: n[0])),
            )
            for (work, source), numbered in citing_works.items()
        ]
        return tuple(found)

    def _named(self, row: Row, column: str, work: WorkRecord) -> tuple[Identifier, ...]:
        if not work.identifiers:
            message = f"{work.key} has no DOI, PMID or PMCID to be found by"
            row.error("no-identifier", column, message)
        return work.identifiers


def _reference(row: Row, position: int, cited: WorkRecord) -> ReferenceClaim:
    venue = cited.venue
    return ReferenceClaim(
        position=position,
        identifiers=cited.identifiers,
        title=cited.title,
        year=year_of(cited.published),
        venue=(venue.name or venue.abbreviation) if venue else None,
        volume=cited.volume,
        pages=cited.pages,
        asserted_by=row.text("asserted_by"),
        record_key=cited.key,
    )


def _language(row: Row) -> str | None:
    """A code of ISO 639: two letters, or three, perhaps with a region."""
    text = row.text("language")
    if text is not None and not re.fullmatch(r"[a-zA-Z]{2,3}(?:-[a-zA-Z]{2,8})*", text):
        message = f"not the code of a language: {shown(text)} (expected e.g. en)"
        row.error("malformed-language", "language", message)
        return None
    return text


def _issn(row: Row, text: str) -> str | None:
    issn = normalize_issn(text)
    if issn is None:
        message = f"not an ISSN: {shown(text)} (expected e.g. 2077-0383)"
        row.error("malformed-issn", "issn", message)
    return issn


def read_registration(row: Row, column: str, text: str | None) -> tuple[str, str] | None:
    """(registry, number), or None."""
    if text is None:
        return None
    found = normalize_registration(text)
    if found is None:
        message = f"not a registration number: {shown(text)} (expected e.g. NCT03778333)"
        row.error("malformed-registration", column, message)
    return found


def read_registrations(row: Row, column: str) -> tuple[tuple[str, str], ...]:
    found = (read_registration(row, column, text) for text in row.listed(column))
    return tuple(registration for registration in found if registration)


# No journal is older (Journal des scavans, 1665).
_FIRST_YEAR = 1665


def check_year(row: Row, column: str, year: int | None, this_year: int) -> None:
    """A work is of the past, or of an issue to come; a study was reported in one."""
    if year is not None and not _FIRST_YEAR <= year <= this_year + 1:
        when = "in the future" if year > this_year else "before there were journals"
        row.error(
            "implausible-year", column, f"{year} is {when} (expected e.g. 2019-12-02 or 2019)"
        )


def in_date_order(row: Row, columns: Sequence[str]) -> None:
    """Dates that follow each other, as far as they are given: none before the one before it."""
    given = [(column, text) for column in columns if (text := row.text(column))]
    for (before, earlier), (after, later) in pairwise(given):
        # Dates of unlike precision are compared as far as both go: 2019 is not before 2019-03.
        length = min(len(earlier), len(later))
        if later[:length] < earlier[:length]:
            row.warn("dates-out-of-order", after, f"{after} {later} is before {before} {earlier}")
