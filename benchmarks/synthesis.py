"""How fast and how exactly random-effects models are fitted beside R's metafor.

    python benchmarks/synthesis.py
    python benchmarks/synthesis.py --rounds 7

REML with Q, I², confidence and prediction interval (`pool`, and metafor's `rma`) of generated sets
of 10, 100 and 1,000 studies, and 10,000 bootstrap resamples of 100 studies, of which metafor fits
300. Contenders take turns in one run; metafor is timed inside R, without R's start. Digits are
those in which both agree when metafor iterates to steps of 1e-14. A table goes to standard error,
one JSON line per figure to standard output; times are microseconds per fit, medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from math import inf, log10
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from kb.synthesis.bootstrap import bootstrap
from kb.synthesis.pooling import pool
from kb.synthesis.tau2 import Floats

SEED = 20261122
RESAMPLES = 10_000
RESAMPLES_IN_R = 300
OUR_CALLS = {10: 2000, 100: 2000, 1000: 500}
METAFOR_CALLS = {10: 150, 100: 60, 1000: 1}

# Reads y and v from standard input; prints seconds, CPU seconds per fit, then mu, se and tau2.
METAFOR = """
suppressMessages(library(metafor))
given <- scan(file("stdin"), quiet = TRUE)
k <- length(given) / 2; y <- given[1:k]; v <- given[k + 1:k]
calls <- {calls}; resampled <- {resampled}
invisible(rma(y[1:5], v[1:5]))
tight <- list(threshold = 1e-14, maxiter = 10000)
f <- rma(y, v, control = if (resampled) list() else tight)
set.seed(1)
begun <- proc.time()
for (i in seq_len(calls)) {
  rows <- if (resampled) sample.int(k, replace = TRUE) else seq_len(k)
  try(rma(y[rows], v[rows]), silent = TRUE)
}
took <- proc.time() - begun
cat(sprintf("%.17g", c(took[[3]] / calls, (took[[1]] + took[[2]]) / calls, f$beta, f$se, f$tau2)))
"""


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--rounds", type=int, default=5, help="turns that each contender has")
    rounds = asked.parse_args().rounds
    for k in (10, 100, 1000):
        y, v = studies(k)
        print(json.dumps(fits(k, y, v, rounds)), flush=True)
    print(json.dumps(resamples(*studies(100), rounds)), flush=True)


def studies(k: int) -> tuple[Floats, Floats]:
    """Effects of trials of 20 to 1,000 persons with tau² = 0.04."""
    dice = np.random.default_rng(SEED)
    v = 4.0 / np.exp(dice.uniform(np.log(20), np.log(1000), k))
    return dice.normal(0.3, np.sqrt(v + 0.04)), v


def fits(k: int, y: Floats, v: Floats, rounds: int) -> dict[str, Any]:
    fit = pool(y, v)
    ours: list[tuple[float, float]] = []
    theirs: list[list[float]] = []
    for _ in range(rounds):
        ours.append(timed(lambda: pool(y, v), OUR_CALLS[k]))
        theirs.append(metafor(y, v, METAFOR_CALLS[k]))
    _, _, mean, se, tau2 = theirs[0]
    digits = {
        name: agreeing_digits(a, b)
        for name, a, b in (("mu", fit.estimate, mean), ("se", fit.se, se), ("tau2", fit.tau2, tau2))
    }
    return figure(f"one fit, k = {k}", ours, [(t[0], t[1]) for t in theirs]) | {"digits": digits}


def resamples(y: Floats, v: Floats, rounds: int) -> dict[str, Any]:
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(rounds):
        wall, cpu = timed(lambda: bootstrap(y, v, n=RESAMPLES, seed=SEED), 1)
        ours.append((wall / RESAMPLES, cpu / RESAMPLES))
        wall, cpu, *_ = metafor(y, v, RESAMPLES_IN_R, resampled=True)
        theirs.append((wall, cpu))
    return figure(f"one of {RESAMPLES} resamples, k = {y.size}", ours, theirs)


def timed(call: Callable[[], object], calls: int) -> tuple[float, float]:
    """Seconds and CPU seconds per call."""
    begun, begun_cpu = perf_counter(), process_time()
    for _ in range(calls):
        call()
    return (perf_counter() - begun) / calls, (process_time() - begun_cpu) / calls


def metafor(y: Floats, v: Floats, calls: int, *, resampled: bool = False) -> list[float]:
    script = METAFOR.replace("{calls}", str(calls)).replace("{resampled}", str(resampled).upper())
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", script],
        input=" ".join(map(repr, [*y.tolist(), *v.tolist()])),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"this needs R with the package metafor: {done.stderr}")
    return [float(number) for number in done.stdout.split()]


def agreeing_digits(a: float, b: float) -> float:
    if a == b:
        return 16.0
    return round(-log10(abs(a - b) / abs(b)) if b else -inf, 1)


def figure(
    what: str, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]
) -> dict[str, Any]:
    wall, cpu, peer, peer_cpu = (
        median(pair[i] for pair in pairs) * 1e6 for pairs in (ours, theirs) for i in (0, 1)
    )
    found = {
        "what": what,
        "ours_us": round(wall, 1),
        "ours_cpu_us": round(cpu, 1),
        "metafor_us": round(peer),
        "metafor_cpu_us": round(peer_cpu),
        "ratio": round(peer / wall),
        "cpu_ratio": round(peer_cpu / cpu),
    }
    print("  ".join(f"{name} {value}" for name, value in found.items()), file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
