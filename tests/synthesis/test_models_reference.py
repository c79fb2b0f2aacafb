"""Every number that metafor made of the reference sets by a model is reached, or the test fails.

The sets in shared/data/meta hold what metafor 3.8-1 gave at its default thresholds. Closed forms
are held to 1e-8 relative. What metafor iterates is held to 1e-4: its Fisher scoring stops at steps of 1e-5
and its interval of tau² at R's uniroot tolerance of 1.2e-4 (`test_tau2.py` compares with metafor at
tight thresholds). Keys that no test compares make the test fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

import numpy as np
import pytest

from kb.synthesis.pooling import (
    heterogeneity_interval,
    metafor_names,
    pool,
    subgroups,
)
from tests.synthesis.reference import reference, reference_ids

CLOSED = {"EE", "DL", "HE", "HS", "SJ"}
# R's uniroot stops this close to a root by default, so metafor's tau² is no better where it is used:
# for PM with its test "knha" in these sets, and for the interval of tau².
UNIROOT = 1.3e-4
# Compared where effect sizes and single proportions are tested.
OF_EFFECTS = {"studies", "options", "backtransformed", "study_ci", "kept_1based", "formula"}


class Differences:
    """Compares trees of numbers, and remembers where they differ and by how much."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.compared = 0

    def compare(
        self, ours: Any, theirs: Any, where: str, rel: float = 1e-8, near_zero: float = 1e-12
    ) -> None:
        if isinstance(theirs, Mapping):
            if not isinstance(ours, Mapping) or set(ours) != set(theirs):
                mine = sorted(ours) if isinstance(ours, Mapping) else ours
                self.found.append(f"{where}: keys {mine} for {sorted(theirs)}")
                return
            for key, value in theirs.items():
                self.compare(ours[key], value, f"{where}/{key}", rel, near_zero)
        elif isinstance(theirs, list):
            ours = list(ours)
            if len(ours) != len(theirs):
                self.found.append(f"{where}: {len(ours)} values for {len(theirs)}")
                return
            for i, (a, b) in enumerate(zip(ours, theirs)):
                self.compare(a, b, f"{where}[{i}]", rel, near_zero)
        else:
            self.compared += 1
            if isinstance(theirs, str | set) or theirs is None or ours is None:
                same = ours == theirs
            else:
                same = isclose(ours, theirs, rel_tol=rel, abs_tol=near_zero)
            if not same:
                self.found.append(f"{where}: {ours!r} for {theirs!r}")


def measures(name: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(reference(name).results.items())


def effects(name: str, measure: str, held: Mapping[str, Any]) -> tuple[Any, Any]:
    """Estimates and variances of the studies that metafor pooled."""
    if "studies" in held:
        pairs = [
            (y, v) for y, v in zip(held["studies"]["yi"], held["studies"]["vi"]) if y is not None
        ]
    elif measure == "generic":
        columns = reference(name).columns
        pairs = list(zip(columns["yi"], columns["vi"]))
    else:
        columns = reference(name).columns
        kept = [i - 1 for i in held["kept_1based"]]
        a, n1, c, n2 = (columns[name][kept] for name in ("ai", "n1i", "ci", "n2i"))
        b, d = n1 - a, n2 - c
        match measure.split("_")[0]:
            case "OR":
                pairs = list(zip(np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d))
            case "RR":
                pairs = list(zip(np.log(a / n1 / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2))
            case "RD":
                pairs = list(zip(a / n1 - c / n2, a * b / n1**3 + c * d / n2**3))
            case _:
                raise AssertionError(f"no effects for {measure}")
    y, v = zip(*pairs)
    return np.array(y), np.array(v)


def tolerance(method: str) -> dict[str, float]:
    return {} if method in CLOSED else {"rel": 1e-4, "near_zero": 2e-7}


def pooled(diff: Differences, y: Any, v: Any, held: Mapping[str, Any], where: str) -> set[str]:
    """Compares what pooling gives; the keys it knows."""
    for test in ("z", "knha"):
        for method, expected in held[test].items():
            ours = metafor_names(pool(y, v, method=method, test=test))
            here = f"{where}/{test}/{method}"
            if (test, method) == ("knha", "PM"):
                # This column alone was found by uniroot at its default tolerance.
                diff.compare(ours["tau2"], expected["tau2"], here, near_zero=UNIROOT)
                diff.compare(set(ours), set(expected), here)
            else:
                diff.compare(ours, expected, here, **tolerance(method))
    ours = metafor_names(pool(y, v, test="adhoc"))
    diff.compare(ours, held["knha_adhoc_REML"], f"{where}/adhoc", **tolerance("REML"))
    fit = pool(y, v)
    interval = heterogeneity_interval(fit)
    expected = held["tau2_ci_QP_REML"]
    diff.compare(interval.tau2, expected["tau2"], f"{where}/QP", near_zero=UNIROOT)
    # H² is linear in tau², and I² follows from it.
    per_tau2 = (pool(y, v, method="DL").h2 - 1.0) / (pool(y, v, method="DL").tau2 or 1.0)
    per_tau2 = (
        per_tau2
        or (heterogeneity_interval(fit, level=99.9).h2[2] - 1.0)
        / (heterogeneity_interval(fit, level=99.9).tau2[2])
    )
    diff.compare(interval.h2, expected["H2"], f"{where}/QP", 1e-4, near_zero=UNIROOT * per_tau2)
    diff.compare(
        interval.i2, expected["I2"], f"{where}/QP", 1e-4, near_zero=100 * UNIROOT * per_tau2
    )
    return {"z", "knha", "knha_adhoc_REML", "tau2_ci_QP_REML"}


@pytest.mark.parametrize("name", reference_ids())
def test_pooled_effects_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    for measure, held in measures(name):
        if "pooled" in held:
            y, v = effects(name, measure, held)
            pooled(diff, y, v, held["pooled"], f"{measure}/pooled")
    assert not diff.found, "\n".join(diff.found)


@pytest.mark.parametrize("name", reference_ids())
def test_subgroups_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    for measure, held in measures(name):
        if "subgroup" not in held:
            continue
        y, v = effects(name, measure, held)
        by = held["subgroup"]["by"]
        for method, expected in held["subgroup"].items():
            if method == "by":
                continue
            found = subgroups(y, v, reference(name).texts[by], method=method)
            ours = {
                "subgroups": {group: metafor_names(fit) for group, fit in found.groups.items()},
                "between_test_separate_tau2": {
                    "Q": found.between_q, "df": found.between_df, "p": found.between_p,
                },
                "common_tau2_meta_regression": regression(found.common, prefix="g"),
            }  # fmt: skip
            for group, fit in found.groups.items():
                if fit.k == 1:
                    # One study tells nothing of another one; metafor repeats its interval.
                    expected["subgroups"][group].pop("pi.lb", None)
                    expected["subgroups"][group].pop("pi.ub", None)
            _without_noise(expected["common_tau2_meta_regression"], ours)
            diff.compare(ours, expected, f"{measure}/subgroup/{method}", **tolerance(method))
    assert not diff.found, "\n".join(diff.found)


def _without_noise(expected: dict[str, Any], ours: dict[str, Any]) -> None:
    """R² of two values of tau² that are both 0 up to metafor's threshold is anything."""
    if expected["tau2"] < 1e-6 and ours["common_tau2_meta_regression"]["R2"] == 0.0:
        expected["R2"] = 0.0


def regression(fit: Any, prefix: str = "") -> dict[str, Any]:
    ours = metafor_names(fit)
    ours.pop("ddf", None)  # equal to the second of QMdf, the sets do not repeat it
    ours["coef"] = {k if k == "intrcpt" else prefix + k: x for k, x in ours["coef"].items()}
    return ours


@pytest.mark.parametrize("name", reference_ids())
def test_meta_regressions_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    for measure, held in measures(name):
        if "meta_regression" not in held:
            continue
        y, v = effects(name, measure, held)
        columns = reference(name).columns
        mods = {m: columns[m] for m in held["meta_regression"]["moderators"]}
        for key, expected in held["meta_regression"].items():
            if key == "moderators":
                continue
            method, _, test = key.partition("_")
            fit = pool(y, v, mods=mods, method=method, test=test or "z")
            diff.compare(
                regression(fit), expected, f"{measure}/meta_regression/{key}", **tolerance(method)
            )
    assert not diff.found, "\n".join(diff.found)
