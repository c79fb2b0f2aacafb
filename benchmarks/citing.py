"""How fast references are printed beside citeproc-py.

    python benchmarks/citing.py
    python benchmarks/citing.py --items 1000 --rounds 3

Made-up journal articles of 1 to 25 authors in four styles. Both parse the style anew in each round
and print all references as text. A table goes to standard error, one JSON line per figure to
standard output; times are seconds of CPU, medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import warnings
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

from kb.citing import styles
from kb.citing.documents import Document
from kb.citing.items import item_from_csl
from kb.citing.text import as_text

SEED = 20261122
STYLES = ("apa", "nlm-citation-sequence", "american-medical-association", "nature")
SYLLABLES = ("ka", "ro", "mi", "ten", "lu", "sa", "vel", "dor", "ni", "pa")


def library(count: int) -> list[dict[str, Any]]:
    """Articles of authors drawn from a few hundred, so that some share author and year."""
    drawn = random.Random(SEED)

    def word() -> str:
        return "".join(drawn.choice(SYLLABLES) for _ in range(drawn.randint(2, 4)))

    people = [{"family": word().title(), "given": f"{word().title()} A."} for _ in range(400)]
    return [
        {
            "id": f"item{number}",
            "type": "article-journal",
            "title": " ".join(word() for _ in range(10)).capitalize(),
            "author": drawn.sample(people, drawn.choice((1, 2, 3, 4, 6, 8, 25))),
            "issued": {"date-parts": [[drawn.randint(2005, 2024)]]},
            "container-title": "Journal of " + word().title(),
            "volume": str(drawn.randint(1, 90)),
            "issue": str(drawn.randint(1, 12)),
            "page": f"{number + 10}-{number + 19}",
            "DOI": f"10.1000/{number}",
        }
        for number in range(count)
    ]


def ours(name: str, items: list[dict[str, Any]]) -> list[str]:
    styles._from_file.cache_clear()
    document = Document(styles.style(name), [item_from_csl(item) for item in items])
    return [as_text(runs) for runs in document.references()]


def citeproc_py(name: str, items: list[dict[str, Any]]) -> list[str]:
    from citeproc import (
        Citation,
        CitationItem,
        CitationStylesBibliography,
        CitationStylesStyle,
        formatter,
    )
    from citeproc.source.json import CiteProcJSON

    source = CiteProcJSON(items)
    bibliography = CitationStylesBibliography(
        CitationStylesStyle(name, validate=False), source, formatter.plain
    )
    for item in items:
        bibliography.register(Citation([CitationItem(item["id"])]))
    return [str(entry) for entry in bibliography.bibliography()]


def seconds(
    print_all: Callable[[str, list[dict[str, Any]]], list[str]], name: str, items: Any
) -> float:
    begun = process_time()
    print_all(name, items)
    return process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    items = library(asked.items)
    for name in STYLES:
        taken: dict[str, list[float]] = {"ours": [], "citeproc-py": []}
        for _ in range(asked.rounds):
            taken["ours"].append(seconds(ours, name, items))
            taken["citeproc-py"].append(seconds(citeproc_py, name, items))
        mine, theirs = (median(taken[who]) for who in ("ours", "citeproc-py"))
        print(
            f"{name:32} {mine:6.2f} s, citeproc-py {theirs:6.2f} s, ratio {theirs / mine:5.1f}",
            file=sys.stderr,
        )
        print(
            json.dumps(
                {"style": name, "items": len(items), "ours_s": mine, "citeproc_py_s": theirs}
            )
        )


if __name__ == "__main__":
    main()
