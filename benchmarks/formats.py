"""How fast reference files are written and read, in how much memory, beside rispy and bibtexparser.

    python benchmarks/formats.py
    python benchmarks/formats.py --megabytes 100 --formats ris bibtex

Generated records (an article of five authors with an abstract of some 1,500 characters, eight
keywords, identifiers) are written until the file has the size asked for, and read back; the peers
read the first `--peer-megabytes` of records of the same kind. Each turn is a process of its own,
whose peak memory counts the interpreter and libraries. A table goes to standard error, one JSON
line per figure to standard output; speeds are of one core, the better of the rounds. Writing
counts the making of the records, too.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from kb.formats.references.formats import FORMATS, by_name
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.dates import partial_date
from kb.models.records import (
    AbstractSection,
    AuthorClaim,
    ConceptClaim,
    VenueClaim,
    WorkRecord,
    WorkType,
)

SEED = 20261122
TEXT = """mesenchymal stromal cells in patients with progressive multiple sclerosis were infused and
followed for forty-eight weeks; no new lesions (T2) appeared at 12 weeks, β-catenin signalling
p < 0.05 & the Müller–Lyer score of the Łódź cohort rose by 10% at day 7"""
WORDS = TEXT.split()


def records() -> Iterator[WorkRecord]:
    """Articles without end, the same in every run."""
    draw = random.Random(SEED)

    def some(count: int) -> str:
        return " ".join(draw.choices(WORDS, k=count))

    number = 0
    while True:
        number += 1
        pages = draw.randrange(1, 2000)
        yield WorkRecord(
            source="benchmark",
            key="",
            label=f"Author{number}",
            identifiers=identifiers(
                doi=f"10.1000/benchmark.{number}", pmid=number, pmcid=f"PMC{number}"
            ),
            title=f"Trial {number} of {some(12)}",
            abstract=(AbstractSection(text=f"Aim of {some(230)}."),),
            type=WorkType.ARTICLE,
            published=partial_date(1980 + number % 45, 1 + number % 12, 1 + number % 28),
            venue=VenueClaim(
                name="Journal of Clinical Medicine", abbreviation="J Clin Med", issns=("2077-0383",)
            ),
            volume=str(1 + number % 90),
            issue=str(1 + number % 12),
            pages=f"{pages}-{pages + 9}",
            language="en",
            authors=tuple(
                AuthorClaim(family=f"Iacobaeus{draw.randrange(999)}", given="Ellen Maria")
                for _ in range(5)
            ),
            concepts=tuple(
                ConceptClaim(scheme="keyword", label=f"{word} {n}")
                for n, word in enumerate(draw.choices(WORDS, k=8))
            ),
        )


# -- one turn, in a process of its own -----------------------------------------------------------


def write_file(name: str, path: Path, limit: int) -> int:
    """How many records it took to make a file of `limit` bytes, or a little more."""
    count = 0
    with path.open("wb") as file:

        def until_full() -> Iterator[WorkRecord]:
            nonlocal count
            # A workbook is compressed, and written when it is complete.
            most = limit // 2_000 if name == "xlsx" else sys.maxsize
            for record in islice(records(), most):
                if file.tell() >= limit:
                    return
                count += 1
                yield record

        for piece in by_name(name).write(until_full()):
            file.write(piece)
    return count


def read_file(name: str, path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        for read in by_name(name).read(file, "benchmark"):
            assert isinstance(read, FileRecord), read
            count += 1
    return count


def read_with_rispy(path: Path) -> int:
    import rispy

    with path.open(encoding="utf-8") as file:
        return len(rispy.load(file))


def read_with_bibtexparser(path: Path) -> int:
    from bibtexparser.entrypoint import parse_file

    return len(parse_file(str(path)).entries)


def read_with_bibtexparser_in_full(path: Path) -> int:
    """With what else we do of it: LaTeX into letters, authors apart and into their parts."""
    from bibtexparser.entrypoint import parse_file
    from bibtexparser.middlewares import (
        LatexDecodingMiddleware,
        SeparateCoAuthors,
        SplitNameParts,
    )

    middleware = [LatexDecodingMiddleware(), SeparateCoAuthors(), SplitNameParts()]
    return len(parse_file(str(path), append_middleware=middleware).entries)


PEERS: dict[str, Callable[[Path], int]] = {
    "rispy": read_with_rispy,
    "bibtexparser": read_with_bibtexparser,
    "bibtexparser-in-full": read_with_bibtexparser_in_full,
}
PEERS_OF = {"ris": ("rispy",), "bibtex": ("bibtexparser", "bibtexparser-in-full")}


def one_turn(task: str, name: str, path: Path, limit: int) -> dict[str, Any]:
    begun = process_time()
    if task == "write":
        count = write_file(name, path, limit)
    else:
        count = read_file(name, path) if task == "read" else PEERS[task](path)
    seconds = process_time() - begun
    megabytes = path.stat().st_size / 1e6
    return {
        "format": name,
        "task": task,
        "records": count,
        "megabytes": round(megabytes, 1),
        "megabytes_per_s": round(megabytes / seconds, 2),
        "records_per_s": round(count / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }


# -- all turns -----------------------------------------------------------------------------------


def turn(task: str, name: str, path: Path, limit: int, rounds: int) -> dict[str, Any]:
    figures = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "--turn", task, name, str(path), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures.append(json.loads(done.stdout))
    best: dict[str, Any] = max(figures, key=lambda figure: figure["megabytes_per_s"])
    print(json.dumps(best), flush=True)
    print(
        f"{name:14} {task:20} {best['megabytes']:7} MB {best['records']:8} records"
        f" {best['megabytes_per_s']:8} MB/s {best['records_per_s']:8} records/s"
        f" {best['peak_mb']:6} MB peak",
        file=sys.stderr,
    )
    return best


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [format.name for format in FORMATS]
    asked.add_argument("--megabytes", type=int, default=20, help="size of each file")
    asked.add_argument("--peer-megabytes", type=int, default=5, help="size of the peers' files")
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--formats", nargs="+", choices=names, default=names)
    asked.add_argument("--turn", nargs=4, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.turn:
        task, name, path, limit = given.turn
        print(json.dumps(one_turn(task, name, Path(path), int(limit))))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in given.formats:
            path = Path(folder) / f"records.{name}"
            turn("write", name, path, given.megabytes * 1_000_000, 1)
            turn("read", name, path, 0, given.rounds)
            path.unlink()
            if name in PEERS_OF:
                turn("write", name, path, given.peer_megabytes * 1_000_000, 1)
                for task in ("read", *PEERS_OF[name]):
                    turn(task, name, path, 0, given.rounds)
                path.unlink()


if __name__ == "__main__":
    main()
