"""How many duplicates are found, how many wrongly, and how fast, beside bib-dedupe.

    python benchmarks/identity.py                                     labelled sets, ours alone
    python benchmarks/identity.py --peer-python PEER/bin/python       and bib-dedupe, same files
    python benchmarks/identity.py --generated 5000                    and generated exports
    python benchmarks/identity.py --many 1000000                      and a million records

The labelled sets are folders with records.csv.gz and gold.csv. A duplicate is found (TP) where it
stands with another record of its gold cluster; a cluster of records of k works has k - 1 wrong
merges (FP). CPU seconds are those of one process from reading the CSV to the clusters, imports left
out; for `kb dedupe` they are those of the whole command. Ours runs once before it is timed three
times, and each run begins with empty caches. A table goes to standard error, one JSON line per
figure to standard output.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from exported_records import COLUMNS, export

SEED = 20261122
ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT.parent / "shared" / "data" / "dedup"

OURS = """
import json, resource, sys, time
from pathlib import Path
from kb.formats.dedupe_tables import read_descriptions
from kb.identity.dedupe import deduplicate, without_garbage_collection
began = time.process_time()
with without_garbage_collection():
    records = list(read_descriptions(Path(sys.argv[1])))
read = time.process_time()
found = deduplicate(records)
ended = time.process_time()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
json.dump({"cpu": ended - began, "reading": read - began, "memory_mb": memory,
           "compared": found.compared, "unsure": len(found.unsure), "linked": len(found.linked),
           "clusters": [[records[i].record_id for i in c] for c in found.clusters if len(c) > 1]},
          sys.stdout)
"""
PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas
from bib_dedupe.bib_dedupe import block, cluster, match, prep
began = time.process_time()
table = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
table = table.rename(columns={"record_id": "ID", "entry_type": "ENTRYTYPE"})
asked = {"cpu": 1, "verbosity_level": 0}
found = cluster(match(block(prep(table, **asked), **asked), **asked), verbosity_level=0)
json.dump({"cpu": time.process_time() - began, "clusters": found}, sys.stdout)
"""


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--sets", type=Path, default=SETS, help="folder of labelled sets")
    asked.add_argument("--peer-python", type=Path, help="a Python that can import bib_dedupe")
    asked.add_argument(
        "--generated", type=int, default=0, help="generated records, judged as a set"
    )
    asked.add_argument("--many", type=int, default=0, help="generated records, for speed alone")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(p.parent for p in given.sets.glob("*/records.csv.gz")):
            table = Path(folder) / f"{path.name}.csv"
            table.write_bytes(gzip.decompress((path / "records.csv.gz").read_bytes()))
            with (path / "gold.csv").open(newline="") as file:
                gold = {row["record_id"]: row["cluster_id"] for row in csv.DictReader(file)}
            judge(path.name, table, gold, given.peer_python)
        if given.generated:
            table = Path(folder) / "generated.csv"
            judge("generated", table, generate(table, given.generated), given.peer_python)
        if given.many:
            table = Path(folder) / "many.csv"
            gold = generate(table, given.many, near=0.03)
            judge(f"{given.many:,} generated", table, gold, None, turns=1)


def generate(table: Path, count: int, *, near: float = 0.25) -> dict[str, str]:
    rows, truth = export(random.Random(SEED), count, near=near)
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return truth


def judge(
    name: str, table: Path, gold: Mapping[str, str], peer: Path | None, *, turns: int = 3
) -> None:
    runs = [_run(Path(sys.executable), OURS, table) for _ in range(turns)]
    ours = min(runs, key=lambda run: run["cpu"]) | {"cpu": median(run["cpu"] for run in runs)}
    figures = {"set": name, "records": len(gold), "ours": _told(ours, gold)}
    figures["command"] = {"cpu": command_cpu(table)}
    figures["command"]["records_per_cpu_s"] = len(gold) / figures["command"]["cpu"]
    if peer is not None:
        figures["bib-dedupe"] = _told(_run(peer, PEER, table), gold)
        figures["ratio"] = figures["bib-dedupe"]["cpu"] / ours["cpu"]
    print(json.dumps(figures), flush=True)
    for who in ("ours", "bib-dedupe"):
        if who in figures:
            f = figures[who]
            print(
                f"{name:>20} {who:>10}: TP {f['tp']:6,} FP {f['fp']:4,} FN {f['fn']:5,}"
                f"  {f['records_per_cpu_s']:10,.0f} records/CPU-s",
                file=sys.stderr,
            )
    print(f"{'':>20} {'kb dedupe':>10}: {figures['command']}", file=sys.stderr)


def _run(python: Path, script: str, table: Path) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), "-c", script, str(table)], capture_output=True, check=True, cwd=ROOT
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def command_cpu(table: Path) -> float:
    """CPU seconds of the whole command, starting included."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
        "stdout=subprocess.DEVNULL); used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime)"
    )
    call = "from api.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-c", call, "dedupe", str(table),
         "--out", str(table) + ".clusters", "--review", str(table) + ".unsure"],
        capture_output=True, check=True, cwd=ROOT, text=True,
    )  # fmt: skip
    return float(done.stdout)


def _told(run: dict[str, Any], gold: Mapping[str, str]) -> dict[str, Any]:
    tp, fp = score(run["clusters"], gold)
    kept = {k: v for k, v in run.items() if k != "clusters"}
    removable = len(gold) - len(set(gold.values()))
    per_second = len(gold) / run["cpu"]
    return kept | {"tp": tp, "fp": fp, "fn": removable - tp, "records_per_cpu_s": per_second}


def score(clusters: Iterable[Iterable[str]], gold: Mapping[str, str]) -> tuple[int, int]:
    """(duplicates found, works merged wrongly) over all clusters."""
    tp = fp = 0
    for cluster in clusters:
        works = Counter(gold[record] for record in cluster)
        tp += sum(count - 1 for count in works.values())
        fp += len(works) - 1
    return tp, fp


if __name__ == "__main__":
    main()
