"""Curation tables: evidence entered by hand, read into the records everything else is made of.

`docs/curation-tables.md` describes the tables for those who fill them in. The starter evidence is
kept in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kb.formats.curated_studies import Studies
from kb.formats.curated_works import Works
from kb.formats.tables import CellError, Columns, Rows, columns, read_folder, read_memory
from kb.models.evidence import StudyRecord
from kb.models.records import CitingList, ReferenceList, WorkRecord

TABLES: Final[Mapping[str, Columns]] = {
    "sources": columns("key kind document standing", "work"),
    "works": columns(
        "work",
        "type title published received revised accepted venue venue_short publisher issn volume "
        "issue pages article language doi pmid pmcid authors registrations",
    ),
    "authors": columns("work position", "family given suffix group orcid"),
    "citations": columns("list citing cited position source", "asserted_by"),
    "notices": columns("work kind", "date label notice asserted_by"),
    "relations": columns("work kind other"),
    "observations": columns("work metric value", "dimension category counted_by observed_at"),
    "studies": columns(
        "study label source locator",
        "acronym title conditions phenotype year country design allocation masking phase purpose "
        "n_enrolled n_randomised n_treated n_analysed n_completed follow_up follow_up_unit "
        "follow_up_text eligibility caveats note",
    ),
    "reports": columns("study work"),
    "registrations": columns(
        "number",
        "title conditions sponsor country phase status n n_is start completion "
        "primary_completion results_posted aliases listed_pmids source locator note",
    ),
    "study_registrations": columns("study registration basis", "caveats"),
    "overlaps": columns("study other kind certainty", "reason"),
    "arms": columns(
        "study arm label source locator",
        "role description n_randomised n_treated n_analysed n_completed product tissue donor "
        "passage_low passage_high cryopreserved viability product_note dose dose_low dose_high "
        "dose_unit dose_basis times interval route comparator caveats note",
    ),
    "flow": columns("study arm milestone source locator", "period reason n note"),
    "results": columns(
        "study arm state source locator",
        "versus outcome what category time time_unit time_text since subgroup population "
        "statistic unit unit_of_analysis n events percent mean sd se median q1 q3 min max central "
        "geometric_mean ls_mean person_years estimate ci_low ci_high ci_level measure p method "
        "better direction is_primary caveats note",
    ),
    "adverse_events": columns(
        "study arm state source locator",
        "code term organ_system vocabulary seriousness relatedness severity assessment time "
        "time_unit time_text since at_risk persons events percent caveats note",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """What a set of tables says. With `errors` there is nothing else: a set that is wrong in one
    cell imports nothing, so that it can be mended and read again as a whole."""

    works: tuple[WorkRecord, ...] = ()
    lists: tuple[ReferenceList | CitingList, ...] = ()
    studies: tuple[StudyRecord, ...] = ()
    # Registrations that no study of the tables names, each in a record of its own.
    registered_only: tuple[StudyRecord, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    errors: tuple[CellError, ...] = ()


def read_tables(
    tables: Path | Mapping[str, Sequence[Mapping[str, str | None]]], *, source: str
) -> Curated:
    """Records from a folder of CSV files, or from tables in memory (rows by table name).

    `source` names the collection; records carry it, and statements say in which row they were
    entered ("results.csv:150", or "results.json:3" for the third row of a table in memory).
    `files` holds the tables as read, by file name. Every mistake is collected in `errors`. Raises
    InvalidInput only for a folder without tables.
    """
    errors: list[CellError] = []
    if isinstance(tables, Path):
        rows, files = read_folder(tables, TABLES, errors)
    else:
        rows, files = read_memory(tables, TABLES, errors)
    works = Works(Rows(rows), source)
    studies = Studies(Rows(rows), source, works)
    curated = Curated(
        works=tuple(works.records.values()),
        lists=works.lists(studies.sources),
        studies=studies.records(),
        registered_only=studies.registered_only(),
        files=files,
    )
    if errors:
        in_order = sorted(dict.fromkeys(errors), key=lambda e: (e.file, e.line))
        return Curated(files=files, errors=tuple(in_order))
    return curated
