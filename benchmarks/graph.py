"""How fast the graph answers beside bare SQL and beside networkx, on a generated citation graph.

    python benchmarks/graph.py                                    50,000 works, 500,000 citations
    python benchmarks/graph.py --works 500000 --citations 5300000

Citations lead to earlier works and prefer those already cited, so that a few works are hubs. Each
citation is asserted by one record. The same random works are asked of each contender in the same
run, warm, in one process; that the answers agree is checked. A table goes to standard error, one
JSON line per figure to standard output; times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import networkx as nx
from sqlmodel import Session

from graphs.schema import Node
from graphs.traverse import neighbors, shortest_path
from kb.models.ids import Kind
from kb.store.engine import Store
from kb.store.migrate import migrate

SEED = 20261122
MAX_HOPS = 6
ALL = 10_000_000  # more neighbours than any work has

OUT = "SELECT cited_id, title FROM cites JOIN work ON id = cited_id WHERE citing_id = ? ORDER BY 1"
IN = "SELECT citing_id, title FROM cites JOIN work ON id = citing_id WHERE cited_id = ? ORDER BY 1"
COUNTS = (
    "SELECT (SELECT count(*) FROM cites WHERE citing_id = ?1)"
    " + (SELECT count(*) FROM cites WHERE cited_id = ?1)"
)


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--works", type=int, default=50_000)
    asked.add_argument("--citations", type=int, default=500_000)
    asked.add_argument("--hops-asked", type=int, default=300, help="works asked for neighbours")
    asked.add_argument(
        "--paths-asked", type=int, default=100, help="pairs of works asked for paths"
    )
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kb.sqlite3"
        store = Store(f"sqlite:///{path}")
        migrate(store)
        begun = perf_counter()
        pairs = generate(path, given.works, given.citations)
        size = {"works": given.works, "citations": len(pairs)}
        print(f"{size} in {perf_counter() - begun:.1f} s", file=sys.stderr)
        with store.reading() as session:
            figures = measure(
                session, path, pairs, given.works, given.hops_asked, given.paths_asked
            )
            for figure in figures:
                print(json.dumps(size | figure), flush=True)
        store.close()


def generate(path: Path, works: int, citations: int) -> list[tuple[int, int]]:
    """About as many citations as asked for, written to the database and returned."""
    dice = random.Random(SEED)
    each = citations / works
    pairs: list[tuple[int, int]] = []
    for citing in range(2, works + 1):
        wanted = min(citing - 1, max(1, round(dice.expovariate(1 / each))))
        cited: set[int] = set()
        while len(cited) < wanted:
            if pairs and dice.random() < 0.5:
                cited.add(pairs[dice.randrange(len(pairs))][1])
            else:
                cited.add(dice.randrange(1, citing))
        pairs += [(citing, number) for number in sorted(cited)]
    database = sqlite3.connect(path)
    with database:
        database.execute(
            "INSERT INTO payload (id, source, request, status, headers, fetched_at, current_since,"
            " sha256, size, body)"
            " VALUES (1, 'generated', '', 200, '{}', '2026-11-22', '2026-11-22', '', 0, '')"
        )
        database.execute(
            "INSERT INTO record (id, source, key, view, payload_id, content, content_sha256,"
            " first_seen, changed_at)"
            " VALUES (1, 'generated', '', 'work', 1, '{}', '', '2026-11-22', '2026-11-22')"
        )
        database.executemany(
            "INSERT INTO work (id, title, types_as_given, dates, is_described, is_retracted,"
            " provenance, changed_at) VALUES (?, ?, '[]', '[]', 1, 0, '{}', '2026-11-22')",
            (
                (n, f"{n}: cells, doses and outcomes, a title as long as most")
                for n in range(1, works + 1)
            ),
        )
        database.executemany("INSERT INTO cites (citing_id, cited_id) VALUES (?, ?)", pairs)
        database.executemany(
            "INSERT INTO citation_assertion (citing_id, cited_id, record_id, source)"
            " VALUES (?, ?, 1, 'generated')",
            pairs,
        )
    database.execute("ANALYZE")
    database.close()
    return pairs


def measure(
    session: Session,
    path: Path,
    pairs: Sequence[tuple[int, int]],
    works: int,
    hops_asked: int,
    paths_asked: int,
) -> Iterator[dict[str, Any]]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    graph: nx.Graph[int] = nx.Graph(pairs)
    dice = random.Random(SEED + 1)
    seeds = [dice.randint(1, works) for _ in range(hops_asked)]
    ends = [(dice.randint(1, works), dice.randint(1, works)) for _ in range(paths_asked)]

    def all_ours(number: int) -> list[int]:
        found = neighbors(session, work(number), edge="cites", limit=ALL).found
        return [n.node.number for n in found]

    def all_bare(number: int) -> list[int]:
        rows = [row for sql in (OUT, IN) for row in database.execute(sql, (number,)).fetchall()]
        return [row[0] for row in rows]

    def page_ours(number: int) -> tuple[int, list[int]]:
        listed = neighbors(session, work(number), edge="cites", limit=25)
        return listed.total, [n.node.number for n in listed.found]

    def page_bare(number: int) -> tuple[int, list[int]]:
        rows = database.execute(f"{OUT} LIMIT 25", (number,)).fetchall()
        if len(rows) < 25:
            rows += database.execute(f"{IN} LIMIT ?", (number, 25 - len(rows))).fetchall()
        [total] = database.execute(COUNTS, (number,)).fetchone()
        return total, [row[0] for row in rows]

    def path_ours(pair: tuple[int, int]) -> int | None:
        start, goal = map(work, pair)
        found = shortest_path(session, start, goal, edges=["cites"], max_hops=MAX_HOPS)
        assert found.truncated_by in (None, "max_hops"), found
        return len(found.steps) if found.nodes else None

    def path_bare(pair: tuple[int, int]) -> int | None:
        return bare_path_length(database, *pair)

    def path_networkx(pair: tuple[int, int]) -> int | None:
        hops = len(nx.bidirectional_shortest_path(graph, *pair)) - 1
        return hops if hops <= MAX_HOPS else None

    yield compare("all neighbours with titles", seeds, all_ours, "bare SQL", all_bare)
    yield compare("25 neighbours with titles, and total", seeds, page_ours, "bare SQL", page_bare)
    hubs = [number for number, _ in Counter(cited for _, cited in pairs).most_common(20)]
    yield compare("the same of the 20 most cited", hubs, page_ours, "bare SQL", page_bare)
    yield compare("path of up to 6 hops", ends, path_ours, "bare SQL", path_bare)
    yield compare("path of up to 6 hops", ends, path_ours, "networkx in memory", path_networkx)
    database.close()


def bare_path_length(database: sqlite3.Connection, start: int, goal: int) -> int | None:
    """The same search with nothing around it: no labels, no way back, no limits but hops."""
    if start == goal:
        return 0
    seen = ({start}, {goal})
    fronts = [[start], [goal]]
    for hops in range(1, MAX_HOPS + 1):
        side = 0 if len(fronts[0]) <= len(fronts[1]) else 1
        new: list[int] = []
        for near, far in (("citing_id", "cited_id"), ("cited_id", "citing_id")):
            for at in range(0, len(fronts[side]), 500):
                listed = ",".join(map(str, fronts[side][at : at + 500]))
                sql = f"SELECT {far} FROM cites WHERE {near} IN ({listed})"
                for (number,) in database.execute(sql):
                    if number not in seen[side]:
                        if number in seen[1 - side]:
                            return hops
                        seen[side].add(number)
                        new.append(number)
        fronts[side] = new
        if not new:
            break
    return None


def compare(
    figure: str,
    questions: Sequence[Any],
    ours: Callable[[Any], Any],
    peer: str,
    theirs: Callable[[Any], Any],
) -> dict[str, Any]:
    for question in questions:  # warms both up
        assert ours(question) == theirs(question), (figure, question)
    measured = {"ours": times(ours, questions), "peer": times(theirs, questions)}
    row: dict[str, Any] = {"figure": figure, "peer": peer}
    for who, ms in measured.items():
        row |= {
            f"{who}_p50_ms": round(median(ms), 3),
            f"{who}_p95_ms": round(quantiles(ms, n=20)[-1], 3),
            f"{who}_max_ms": round(max(ms), 3),
        }
    row["ratio_p50"] = round(median(measured["ours"]) / median(measured["peer"]), 2)
    print(
        f"{figure}: {row['ours_p50_ms']} / {row['ours_p95_ms']} ms,"
        f" {peer} {row['peer_p50_ms']} / {row['peer_p95_ms']} ms, ratio {row['ratio_p50']}",
        file=sys.stderr,
    )
    return row


def times(answer: Callable[[Any], Any], questions: Sequence[Any]) -> list[float]:
    """Milliseconds per question, the better of two rounds."""
    rounds = []
    for _ in range(2):
        taken = []
        for question in questions:
            begun = perf_counter()
            answer(question)
            taken.append((perf_counter() - begun) * 1000)
        rounds.append(taken)
    return [min(pair) for pair in zip(*rounds)]


def work(number: int) -> Node:
    return Node(Kind.WORK, number)


if __name__ == "__main__":
    main()
