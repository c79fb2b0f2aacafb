"""Lines of bibliographies, as journals print them, are taken apart and find their works."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.identity.blocking import blocking_keys
from kb.identity.comparison import Verdict, judge
from kb.identity.descriptions import describe, describe_row
from kb.identity.reference_text import as_record, is_same_place, read_reference
from kb.models.records import ReferenceClaim
from tests.conftest import shared

MESEMS = (
    "Safety, tolerability, and activity of mesenchymal stem cells versus placebo in multiple "
    "sclerosis (MESEMS): a phase 2, randomised, double-blind crossover trial"
)


@pytest.mark.parametrize(
    ("line", "authors", "title", "venue", "place"),
    [
        pytest.param(
            f"Uccelli A, et al. {MESEMS}. Lancet Neurol. 2021;20:917-29.",
            ["Uccelli"], MESEMS, "Lancet Neurol", (2021, "20", "", "917-29"),
            id="Vancouver",
        ),
        pytest.param(
            "3. Connick P, Kolappan M, Crawley C, et al. Autologous cells: an open-label phase 2a "
            "study. Lancet Neurol 2012; 11(2): 150–56. doi: 10.1016/S1474-4422(11)70305-2 [PubMed]",
            ["Connick", "Kolappan", "Crawley"],
            "Autologous cells: an open-label phase 2a study", "Lancet Neurol",
            (2012, "11", "2", "150-56"),
            id="numbered, with DOI",
        ),
        pytest.param(
            "Emanueli C, Shearn AI, Sahoo S (2015) Exosomes in cardiovascular repair. Vascul "
            "Pharmacol 71:24–30",
            ["Emanueli", "Shearn", "Sahoo"], "Exosomes in cardiovascular repair",
            "Vascul Pharmacol", (2015, "71", "", "24-30"),
            id="year after authors",
        ),
        pytest.param(
            "Smith, J. A., & Jones, B. C. (2010). The effect of cells on mice. Journal of Cells, "
            "12(3), 45–67.",
            ["Smith", "Jones"], "The effect of cells on mice", "Journal of Cells",
            (2010, "12", "3", "45-67"),
            id="APA",
        ),
        pytest.param(
            "P. J. Stang, D. H. Cao, A. M. Arif, J. Am. Chem. Soc. 1995, 117, 6273.",
            ["Stang", "Cao", "Arif"], "", "J. Am. Chem. Soc", (1995, "117", "", "6273"),
            id="no title",
        ),
        pytest.param(
            "van Velthoven CT, van Bel F. Nasal administration of stem cells. Pediatr Res. 2010 "
            "Nov;68(5):419-22.",
            ["van Velthoven", "van Bel"], "Nasal administration of stem cells", "Pediatr Res",
            (2010, "68", "5", "419-22"),
            id="particles, month",
        ),
        pytest.param("", [], "", "", (None, "", "", ""), id="empty"),
    ],
)  # fmt: skip
def test_parts_are_told_in_every_usual_style(
    line: str,
    authors: list[str],
    title: str,
    venue: str,
    place: tuple[int | None, str, str, str],
) -> None:
    read = read_reference(line)
    assert [a.family for a in read.authors] == authors
    assert (read.title, read.venue) == (title, venue)
    assert (read.year, read.volume, read.issue, read.pages) == place


def test_an_identifier_printed_in_a_line_is_told_apart() -> None:
    read = read_reference("Kurtzke JF. Rating. Neurology 1983;33:1444-52. PMID: 6685237")
    assert [str(i) for i in read.identifiers] == ["pmid:6685237"]
    two = read_reference("doi:10.1000/a and doi:10.1000/b")
    assert two.identifiers == ()


@given(st.text(max_size=300))
def test_any_text_is_read_without_failing(text: str) -> None:
    as_record(ReferenceClaim(position=1, text=text, authors=text[:40]))


def test_a_very_long_line_is_read_quickly() -> None:
    read_reference("Aa B, " * 50_000)
    read_reference("A" * 100_000 + ". " * 100_000)


@pytest.mark.parametrize(
    ("style", "found"), [("title", 0.95), ("no title", 0.8)], ids=["with a title", "without"]
)
def test_lines_find_their_works_and_hardly_ever_another(style: str, found: float) -> None:
    """Over the records of two reviews, each printed as a line (see docs/identity-in-the-base.md for
    the figures by style)."""
    right = wrong = count = 0
    for name in ("stroke", "haematology"):
        folder = shared(f"data/dedup/{name}")
        with gzip.open(folder / "records.csv.gz", "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        with (folder / "gold.csv").open(encoding="utf-8") as gold:
            cluster = {r["record_id"]: r["cluster_id"] for r in csv.DictReader(gold)}
        held = {r["record_id"]: describe_row(r) for r in rows}
        near = defaultdict(set)
        for number, description in held.items():
            for key in blocking_keys(description):
                near[key].add(number)
        needed = ("title", "author", "journal", "year", "volume", "pages")
        for row in [r for r in rows if all(r[n] for n in needed)][::4]:
            line = describe(as_record(ReferenceClaim(position=1, text=_printed(row, style))))
            candidates = set().union(*(near[key] for key in blocking_keys(line)), set())
            same = {
                cluster[c]
                for c in candidates
                if (judge(line, held[c]).verdict is Verdict.SAME if line.titles
                    else is_same_place(line, held[c]))
            }  # fmt: skip
            count += 1
            right += same == {cluster[row["record_id"]]}
            wrong += len(same) == 1 and same != {cluster[row["record_id"]]}
    assert wrong <= count * 0.002
    assert right >= found * count


def _printed(row: dict[str, str], style: str) -> str:
    names = [name.strip().split(",") for name in row["author"].replace(";", " and ").split(" and ")]
    initials = [(n[0], "".join(w[0] for w in " ".join(n[1:]).split())) for n in names if n[0]]
    if style == "title":
        listed = ", ".join(f"{family} {given}" for family, given in initials[:3])
        return (
            f"{listed}, et al. {row['title'].rstrip('.')}. {row['journal']}. "
            f"{row['year']};{row['volume']}:{row['pages'].replace('--', '-')}."
        )
    dotted = ", ".join(f"{'. '.join(given)}. {family}" for family, given in initials[:3])
    first = row["pages"].split("-")[0]
    return f"{dotted}, {row['journal']} {row['year']}, {row['volume']}, {first}."
