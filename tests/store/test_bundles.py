"""The package of a synthesis: whole, traceable, and repeated by metafor to the same numbers."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kb.errors import InvalidInput, NotEstimable
from kb.models.evidence import Origin
from kb.outcomes.comparisons import Choices, Table, choices_of
from kb.store.bundles import Bundle, write_bundle, write_checksums
from kb.store.engine import Store
from kb.store.listing import Asked
from kb.synthesis.analysis import Choices as Pooling
from tests.store.saves import NOW


@pytest.fixture
def starter(starter_store: Store) -> Store:
    return starter_store


def bundle(
    store: Store,
    folder: Path,
    table: Table,
    filter: str,
    *,
    pooling: Pooling,
    comparing: Choices | None = None,
    keep_dependent: bool = False,
) -> Bundle:
    with store.reading() as session:
        made = write_bundle(
            session,
            Asked(filter=filter),
            table,
            folder,
            pooling=pooling,
            comparing=comparing,
            keep_dependent=keep_dependent,
            now=NOW,
        )
    write_checksums(folder)
    return made


WORSENED = "outcome:EDSS_CAT,category:worsened,days:>150,study:!S25"


def worsened(store: Store, folder: Path) -> Bundle:
    longest = choices_of(one_per_window="longest")
    return bundle(
        store, folder, Table.PROPORTION, WORSENED,
        pooling=Pooling(measure="PLO"), comparing=longest,
    )  # fmt: skip


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def in_r(folder: Path) -> dict[str, list[float]]:
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not installed (R with the package metafor)")
    has = subprocess.run(
        [rscript, "-e", 'quit(status = !requireNamespace("metafor", quietly = TRUE))'], check=False
    )
    if has.returncode:
        pytest.skip("the R package metafor is not installed")
    done = subprocess.run(
        [rscript, "analysis.R"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[float]] = {}
    for row in rows_of(folder / "results/metafor.csv"):
        found.setdefault(row["name"], []).append(float(row["value"]))
    return found


@pytest.mark.parametrize(
    ("table", "filter", "pooling", "comparing"),
    [
        pytest.param(
            Table.PROPORTION, WORSENED, Pooling(measure="PLO"),
            choices_of(one_per_window="longest"), id="proportions by logits",
        ),
        pytest.param(
            Table.PROPORTION, WORSENED, Pooling(measure="PLO", method="GLMM"),
            choices_of(one_per_window="longest"), id="proportions by GLMM",
        ),
        pytest.param(
            Table.PROPORTION, WORSENED, Pooling(measure="PFT", method="DL", test="knha", level=90),
            choices_of(one_per_window="longest"), id="double arcsine, DL, Knapp-Hartung, 90 %",
        ),
        pytest.param(
            Table.BINARY, "outcome:FEAS_COMPLETED", Pooling(measure="OR", method="MH"), None,
            id="two groups by Mantel-Haenszel",
        ),
        pytest.param(
            Table.BINARY, "outcome:FEAS_COMPLETED", Pooling(measure="RR", to="all", add=0.25),
            None, id="two groups, 0.25 added to all",
        ),
        pytest.param(
            Table.CONTINUOUS, "outcome:LVEF", Pooling(measure="SMD", vtype="UB", method="PM"),
            None, id="standardised means",
        ),
        pytest.param(
            Table.MEAN, "outcome:DEMO_AGE", Pooling(measure="MN", method="EE"), None, id="means"
        ),
        pytest.param(
            Table.CHANGE, "outcome:NPI", Pooling(measure="MC"), None, id="before and after"
        ),
        pytest.param(
            Table.ESTIMATE, "measure:hazard ratio", Pooling(measure="GEN", method="ML"), None,
            id="estimates as reported",
        ),
    ],
)  # fmt: skip
def test_metafor_gives_the_same_pooled_numbers(
    starter: Store,
    tmp_path: Path,
    table: Table,
    filter: str,
    pooling: Pooling,
    comparing: Choices | None,
) -> None:
    folder = tmp_path / "bundle"
    bundle(
        starter, folder, table, filter, pooling=pooling, comparing=comparing, keep_dependent=True
    )
    ours = json.loads((folder / "results/pooled.json").read_text())
    theirs = in_r(folder)
    tolerance = 1e-4 if pooling.method == "GLMM" else 1e-7
    assert theirs["k"] == [ours["k"]]
    for name in ("estimate", "se", "ci.lb", "ci.ub", "pval"):
        assert theirs[name] == pytest.approx([ours[name]], rel=tolerance, abs=1e-9), name
    for name in ("tau2", "QE", "I2"):
        if theirs.get(name) and ours[name] is not None:
            assert theirs[name][0] == pytest.approx(ours[name], rel=tolerance, abs=1e-6), name


def test_the_seed_stands_in_it_with_its_own_fraction(starter: Store, tmp_path: Path) -> None:
    worsened(starter, tmp_path / "b")
    rows = rows_of(tmp_path / "b/data/analysis.csv")
    (seed,) = [row for row in rows if row["study"].startswith("Iacobaeus")]
    assert (seed["xi"], seed["ni"], seed["xi_state"]) == ("3", "5", "reported")
    assert seed["timepoint"] == "48 weeks"


def test_every_number_leads_back_to_its_document_and_payload(
    starter: Store, tmp_path: Path
) -> None:
    made = worsened(starter, tmp_path / "b")
    rows = rows_of(tmp_path / "b/data/analysis.csv")
    trail = rows_of(tmp_path / "b/data/provenance.csv")
    told = {(line["row"], line["column"]) for line in trail}
    for row in rows:
        for column in ("xi", "ni"):
            assert ((row["slab"], column) in told) == (row[column] != ""), (row["slab"], column)
    for line in trail:
        assert line["snapshot"] == made.snapshot
        assert line["document"], line
        assert line["locator"], line
        assert len(line["payload_sha256"]) == 64


def test_the_files_keep_to_their_schemas_and_checksums(starter: Store, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    made = worsened(starter, folder)
    for name in ("analysis", "outcomes"):
        schema = json.loads((folder / f"data/{name}.schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        rows = rows_of(folder / f"data/{name}.csv")
        assert rows
        for row in rows:
            validator.validate({k: _typed(v, schema["properties"][k]) for k, v in row.items()})
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) == set(made.files)
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    described = {(r["table"], r["column"]) for r in rows_of(folder / "data/dictionary.csv")}
    assert {column for _, column in described} >= set(rows_of(folder / "data/analysis.csv")[0])


def _typed(text: str, of: dict[str, Any]) -> Any:
    if text == "":
        return None
    if "boolean" in of["type"]:
        return text == "TRUE"
    if "integer" in of["type"]:
        return int(text)
    return float(text) if "number" in of["type"] else text


def test_the_same_selection_is_the_same_snapshot(starter: Store, tmp_path: Path) -> None:
    assert worsened(starter, tmp_path / "a").snapshot == worsened(starter, tmp_path / "b").snapshot
    other = bundle(
        starter, tmp_path / "c", Table.MEAN, "outcome:DEMO_AGE", pooling=Pooling(measure="MN"),
        keep_dependent=True,
    )  # fmt: skip
    assert other.snapshot != worsened(starter, tmp_path / "d").snapshot


def test_participants_are_not_counted_twice_unknowingly(starter: Store, tmp_path: Path) -> None:
    every = "outcome:EDSS_CAT,category:worsened"
    with pytest.raises(InvalidInput, match="Iacobaeus 2019 has 2 rows"):
        bundle(
            starter, tmp_path / "a", Table.PROPORTION, every, pooling=Pooling(measure="PLO"),
            comparing=choices_of(one_per_window="longest"),
        )  # fmt: skip
    overlapping = WORSENED.removesuffix(",study:!S25")
    with pytest.raises(InvalidInput, match="may share participants"):
        bundle(
            starter, tmp_path / "b", Table.PROPORTION, overlapping,
            pooling=Pooling(measure="PLO"), comparing=choices_of(one_per_window="longest"),
        )  # fmt: skip
    kept = bundle(
        starter, tmp_path / "c", Table.PROPORTION, every, pooling=Pooling(measure="PLO"),
        keep_dependent=True,
    )  # fmt: skip
    assert kept.warnings
    assert kept.warnings[0] in (tmp_path / "c/README.md").read_text()


def test_a_filter_is_never_code(starter: Store, tmp_path: Path) -> None:
    bait = "condition:!x\nstop('run')\r<b>[a](b:c)`d`"
    made = bundle(
        starter, tmp_path / "b", Table.PROPORTION, f"{WORSENED},{bait}",
        pooling=Pooling(measure="PLO"), comparing=choices_of(one_per_window="longest"),
    )  # fmt: skip
    script = (tmp_path / "b/analysis.R").read_text(encoding="utf-8").splitlines()
    assert script[0].startswith(f"# Snapshot {made.snapshot}. ")
    assert "stop('run') <b>[a](b:c)`d`" in script[0]
    assert script[1].startswith("# Run")
    readme = (tmp_path / "b/README.md").read_text(encoding="utf-8")
    assert "stop('run') \\<b>\\[a](b:c)\\`d\\`" in readme


def test_nothing_usable_is_said_with_what_is_missing(starter: Store, tmp_path: Path) -> None:
    with pytest.raises(NotEstimable, match="sd1i"):
        bundle(
            starter, tmp_path / "a", Table.STANDARDISED_CHANGE, "outcome:EDSS",
            pooling=Pooling(measure="SMCR"),
        )  # fmt: skip
    with pytest.raises(NotEstimable, match="none of 0 rows"):
        bundle(starter, tmp_path / "b", Table.RATE, "outcome:EDSS", pooling=Pooling(measure="IRR"))


def test_what_imputing_did_is_told(starter: Store, tmp_path: Path) -> None:
    given: dict[str, Any] = {"pooling": Pooling(measure="MC"), "keep_dependent": True}
    assumed = choices_of(r=0.7)
    bundle(starter, tmp_path / "a", Table.CHANGE, "outcome:LVEF|NPI", comparing=assumed, **given)
    told = json.loads((tmp_path / "a/results/pooled.json").read_text())
    imputed = [r for r in rows_of(tmp_path / "a/data/analysis.csv") if r["origin"] == "imputed"]
    assert bool(imputed) == ("without_imputed" in told)
    if imputed:
        dropped = choices_of(r=0.7, without_origin=[Origin.IMPUTED.value])
        without = bundle(
            starter, tmp_path / "b", Table.CHANGE, "outcome:LVEF|NPI", comparing=dropped, **given
        )
        assert told["without_imputed"]["k"] == len(without.analysis.studies)


def test_the_included_references_name_the_seed(starter: Store, tmp_path: Path) -> None:
    worsened(starter, tmp_path / "b")
    ris = (tmp_path / "b/included.ris").read_bytes().decode()
    assert "DO  - 10.3390/jcm8122102\r\n" in ris
    assert ris.count("TY  - ") == ris.count("ER  - ")
    prisma = {row["data"]: row["n"] for row in rows_of(tmp_path / "b/prisma.csv")}
    assert (prisma["records_screened"], prisma["total_studies_ma"]) == ("", "5")
    # One study is known from an abstract that is no work here: how many reports it has nobody said.
    assert (prisma["new_reports"], prisma["total_reports_ma"]) == ("", "")
