"""Finding the records of files that are one work, without a base."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from api.cli._context import AsJson, console, print_json, say, whole_file

if TYPE_CHECKING:
    from api.cli._progress import Tell
    from kb.identity.dedupe import Deduplication
    from kb.identity.descriptions import Description

_NOTHING_OBTAINED: Final = 1
# Beyond these the terminal is spared; --json has them all.
_MOST_LINES: Final = 20


@dataclass(slots=True)
class _File:
    path: Path
    descriptions: list[Description] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def dedupe(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Reference files.")],
    out: Annotated[
        Path, typer.Option(help="Table of record_id and cluster_id.", metavar="FILE")
    ] = Path("clusters.csv"),
    review: Annotated[
        Path, typer.Option(help="Table of the pairs to be decided by a person.", metavar="FILE")
    ] = Path("unsure.csv"),
    linked: Annotated[
        Path | None,
        typer.Option(
            help="Table of different works that belong together: preprints, corrections, parts.",
            metavar="FILE",
        ),
    ] = None,
    decisions: Annotated[
        list[Path] | None,
        typer.Option(
            help="A table of pairs with its column decision filled in: same or different. It may "
            "be the file of --review, which is written anew and keeps what was decided.",
            metavar="FILE",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="ris, nbib, bibtex, csv ...; seen from the content unless said.", metavar="NAME"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the records that are one work, and those of which a person must say it.

    Records in one cluster are one work; unsure pairs are listed, never merged. Preprints,
    corrections, parts of a series and conference abstracts are no duplicates of the article.
    A table has the columns record_id, entry_type, title, author, year, journal, booktitle,
    volume, number, pages, doi, isbn, abstract, of which the first and title must be there.

        kb dedupe pubmed.nbib embase.ris --out clusters.csv --review unsure.csv
        kb dedupe records.csv --decisions unsure.csv --json

    An id that several files use is led by the file's name ("embase.ris:12"), one used twice in a
    file followed by its turn ("12#2"). Needs no database. Exit code 1: no record could be read.
    """
    from api.cli._progress import progress
    from kb.formats.dedupe_tables import clusters_csv, pairs_csv, placed, read_decisions
    from kb.identity.dedupe import deduplicate, without_garbage_collection

    said = [decision for path in decisions or () for decision in read_decisions(path)]
    with progress(quiet=as_json) as tell:
        with without_garbage_collection():
            read = [_read(path, format, tell) for path in files]
        renamed = _make_unique(read)
        every = [d for file in read for d in file.descriptions]
        decided, unknown = placed(said, every)
        found = deduplicate(every, tell, decided)
        known = {(d.first, d.second): d.is_same for d in decided}
        with whole_file(out) as file:
            file.writelines(clusters_csv(every, found))
        with whole_file(review) as file:
            file.writelines(pairs_csv(every, [*found.unsure, *found.decided], known))
        if linked is not None:
            with whole_file(linked) as file:
                file.writelines(pairs_csv(every, found.linked, known))
    report = _report(read, found, renamed, len(decided), [d.place for d in unknown])
    if as_json:
        print_json(report)
    else:
        _show(report, out, review, linked)
    if not every:
        raise typer.Exit(_NOTHING_OBTAINED)


def _read(path: Path, format: str | None, tell: Tell) -> _File:
    from kb.formats.dedupe_tables import read_descriptions
    from kb.identity.descriptions import Description

    file = _File(path)
    for item in read_descriptions(path, format):
        if isinstance(item, Description):
            file.descriptions.append(item)
            if len(file.descriptions) % 5_000 == 0:
                tell(f"reading {path.name}", len(file.descriptions), None)
        else:
            file.unreadable.append((item.position, item.reason))
    return file


def _make_unique(files: list[_File]) -> int:
    """Give every record an id of its own; how many got another than they came with."""
    if sum(len(file.descriptions) for file in files) == len(
        {d.record_id for file in files for d in file.descriptions}
    ):
        return 0
    renamed = 0
    users = Counter(id for file in files for id in {d.record_id for d in file.descriptions})
    names = _names(files)
    taken: set[str] = set()
    for file, name in zip(files, names, strict=True):
        for d in file.descriptions:
            given = d.record_id
            if users[given] > 1:
                given = f"{name}:{given}"
            unique, turn = given, 1
            while unique in taken:
                turn += 1
                unique = f"{given}#{turn}"
            taken.add(unique)
            if unique != d.record_id:
                renamed += 1
                d.record_id = unique
    return renamed


def _names(files: list[_File]) -> list[str]:
    """What tells the files apart: their names, else their paths, else their turn."""
    names = [file.path.name for file in files]
    if len(set(names)) < len(names):
        names = [str(file.path) for file in files]
    if len(set(names)) < len(names):
        names = [f"{name}({turn})" for turn, name in enumerate(names, 1)]
    return names


def _report(
    files: list[_File],
    found: Deduplication,
    renamed: int,
    decided: int,
    unknown: list[str],
) -> dict[str, Any]:
    """Counts for the identification boxes of a PRISMA diagram. Of each cluster the first record, in
    the order of the files, is the one that stays."""
    ends, end = [], 0
    for file in files:
        end += len(file.descriptions)
        ends.append(end)
    removed = [0] * len(files)
    for cluster in found.clusters:
        for position in cluster[1:]:
            removed[next(n for n, end in enumerate(ends) if position < end)] += 1
    links = Counter(pair.judged.link for pair in found.linked)
    return {
        "files": [
            {
                "file": str(file.path),
                "records_identified": len(file.descriptions) + len(file.unreadable),
                "records_read": len(file.descriptions),
                "duplicates_removed": gone,
                "unreadable": len(file.unreadable),
            }
            for file, gone in zip(files, removed, strict=True)
        ],
        "records_identified": end + sum(len(file.unreadable) for file in files),
        "records_read": end,
        "duplicates_removed": found.removed,
        "records_after": len(found.clusters),
        "unsure_pairs": len(found.unsure),
        "linked_pairs": len(found.linked),
        "links": dict(sorted(links.items(), key=lambda item: str(item[0]))),
        "pairs_compared": found.compared,
        "decisions_applied": decided,
        "decisions_about_other_records": unknown,
        "ids_renamed": renamed,
        "unreadable": [
            {"file": str(file.path), "position": position, "reason": reason}
            for file in files
            for position, reason in file.unreadable
        ],
    }


def _show(report: dict[str, Any], out: Path, review: Path, linked: Path | None) -> None:
    to = console()
    for file in report["files"]:
        to.print(
            f"{file['file']}: {file['records_identified']:,} records identified, "
            f"{file['duplicates_removed']:,} duplicates removed"
        )
    to.print(
        f"{report['records_identified']:,} records identified, "
        f"{report['duplicates_removed']:,} duplicates removed, "
        f"{report['records_after']:,} remain: {out}"
    )
    to.print(f"{report['unsure_pairs']:,} pairs to be decided: {review}")
    where = f": {linked}" if linked else " (--linked FILE lists them)"
    to.print(f"{report['linked_pairs']:,} pairs of different works that belong together{where}")
    if report["decisions_applied"]:
        to.print(f"{report['decisions_applied']:,} decisions of yours applied")
    if report["decisions_about_other_records"]:
        say(
            f"{len(report['decisions_about_other_records']):,} decisions are about records that "
            "these files have not"
        )
    if report["ids_renamed"]:
        say(f"{report['ids_renamed']:,} ids were used twice and got the file's name or a number")
    for item in report["unreadable"][:_MOST_LINES]:
        say(f"not read: {item['file']}, {item['position']}: {item['reason']}")
    more = len(report["unreadable"]) - _MOST_LINES
    if more > 0:
        say(f"and {more:,} more that could not be read (--json lists all)")
