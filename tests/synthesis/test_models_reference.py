"""Every number that metafor made of the reference sets by a model is reached, or the test fails.

The sets in shared/data/meta hold what metafor 3.8-1 gave at its default thresholds. Closed forms
are held to 1e-8 relative, what metafor iterates to 1e-4: its Fisher scoring stops at steps of 1e-5
and its interval of tau² within 1.2e-4 (`test_tau2.py` compares with metafor at tight thresholds).
A key that no test compares fails the last test.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from kb.synthesis.bias import begg, egger, fail_safe_n, trim_and_fill
from kb.synthesis.counts import CommonEffect, mantel_haenszel, mantel_haenszel_rates, peto
from kb.synthesis.glmm import (
    GlmmFit,
    glmm_odds_ratios,
    glmm_proportions,
    glmm_rate_ratios,
    glmm_rates,
)
from kb.synthesis.pooling import (
    heterogeneity_interval,
    metafor_names,
    pool,
    subgroups,
)
from kb.synthesis.sensitivity import cumulative, influence, leave_one_out
from tests.synthesis.reference import reference, reference_ids

CLOSED = {"EE", "DL", "HE", "HS", "SJ"}
# R's uniroot stops this close to a root by default, so metafor's tau² is no better where it is
# used: for PM with its test "knha" in these sets, and for the interval of tau².
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
        match measure.split("_", maxsplit=1)[0]:
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


def tolerance(method: Any) -> dict[str, float]:
    return {} if method in CLOSED else {"rel": 1e-4, "near_zero": 2e-5}


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


def bias(diff: Differences, y: Any, v: Any, held: Mapping[str, Any], where: str) -> None:
    lm, mixed = egger(y, v), egger(y, v, model="mixed")
    ours: dict[str, Any] = {
        "egger_lm": {
            "statistic_t": lm.statistic, "df": lm.df, "pval": lm.pval, "slope": lm.slope,
            "limit_estimate": lm.limit_estimate, "limit_ci.lb": lm.limit_ci_lb,
            "limit_ci.ub": lm.limit_ci_ub,
        },
        "egger_lm_classic": {
            "intercept": lm.slope, "se": lm.slope_se, "t": lm.statistic, "p": lm.pval,
            "slope": lm.limit_estimate,
        },
        "begg_rank": {"tau": begg(y, v).tau, "pval": begg(y, v).pval},
        "fsn_rosenthal": {"fsnum": fail_safe_n(y, v)},
    }  # fmt: skip
    for key, value in ours.items():
        diff.compare(value, held[key], f"{where}/{key}")
    diff.compare(
        {
            "statistic_z": mixed.statistic,
            "pval": mixed.pval,
            "limit_estimate": mixed.limit_estimate,
        },
        held["egger_mixed_REML"],
        f"{where}/egger_mixed_REML",
        **tolerance("REML"),
    )
    for key, expected in held.items():
        if key.startswith("trimfill_"):
            estimator: Any
            method: Any
            _, estimator, method = key.split("_")
            found = trim_and_fill(y, v, estimator=estimator, method=method)
            ours = {
                "k0": found.k0, "side": found.side, "estimate": found.fit.estimate,
                "se": found.fit.se, "ci.lb": found.fit.ci_lb, "ci.ub": found.fit.ci_ub,
                "pval": found.fit.pval, "tau2": found.fit.tau2,
            }  # fmt: skip
            # Here metafor cannot be told to iterate further than steps of 1e-5.
            loose = {"rel": 2e-2, "near_zero": 2e-4} if method == "REML" else {}
            diff.compare(ours, expected, f"{where}/{key}", **loose)


def single_studies(diff: Differences, y: Any, v: Any, held: Mapping[str, Any], where: str) -> None:
    method: Any
    for key, expected in held.items():
        kind, _, method = key.partition("_")
        here = f"{where}/{key}"
        if kind == "leave1out":
            refits(diff, leave_one_out(y, v, method=method), expected, here, method)
        elif kind == "cumul":
            order = [i - 1 for i in held["cumulative_order_1based"]]
            refits(diff, cumulative(y, v, order=order, method=method), expected, here, method)
        elif kind == "influence":
            found = influence(y, v, method=method)
            ours = {"cook.d": found.cook_d, "hat": found.hat, "rstudent": found.rstudent}
            diff.compare(ours, expected, here, **tolerance(method))
        elif kind == "weights":
            method = method.removeprefix("pct_")
            diff.compare(pool(y, v, method=method).weights, expected, here, **tolerance(method))


def refits(diff: Differences, found: Any, expected: Any, where: str, method: Any) -> None:
    names = {"ci.lb": "ci_lb", "ci.ub": "ci_ub", "Q": "q", "I2": "i2"}
    ours = {key: getattr(found, names.get(key, key)) for key in expected}
    diff.compare(ours, expected, where, **tolerance(method))


@pytest.mark.parametrize("name", reference_ids())
def test_tests_of_bias_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    for measure, held in measures(name):
        if "begg_rank" in held.get("pooled", {}):
            bias(diff, *effects(name, measure, held), held["pooled"], measure)
    assert not diff.found, "\n".join(diff.found)


@pytest.mark.parametrize("name", reference_ids())
def test_what_single_studies_do_is_that_of_metafor(name: str) -> None:
    diff = Differences()
    for measure, held in measures(name):
        if "pooled" in held:
            single_studies(diff, *effects(name, measure, held), held["pooled"], measure)
    assert not diff.found, "\n".join(diff.found)


def counted(found: CommonEffect) -> dict[str, Any]:
    ours = {
        "estimate": found.estimate, "se": found.se, "ci.lb": found.ci_lb, "ci.ub": found.ci_ub,
        "statistic": found.statistic, "pval": found.pval, "k": found.k, "p": 1, "tau2": 0,
        "QE": found.qe, "QEp": found.qe_p, "I2": found.i2, "H2": found.h2,
    }  # fmt: skip
    chi_squares = {
        "MH": found.cmh, "CO": found.cochran, "BD": found.breslow_day, "TA": found.tarone,
    }  # fmt: skip
    for key, chi_square in chi_squares.items():
        if chi_square is not None and found.measure == "OR":
            ours |= {key: chi_square.statistic, f"{key}p": chi_square.pval}
    return ours


@pytest.mark.parametrize("name", reference_ids())
def test_effects_straight_from_counts_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    columns = reference(name).columns
    results = reference(name).results
    for measure, expected in results.get("MH", {}).items():
        if measure in ("IRR", "IRD"):
            rows = [columns[c] for c in ("x1i", "t1i", "x2i", "t2i")]
            found = mantel_haenszel_rates(*rows, measure=measure)
        else:
            rows = [columns[c] for c in ("ai", "n1i", "ci", "n2i")]
            found = mantel_haenszel(*rows, measure=measure)
        diff.compare(counted(found), expected, f"MH/{measure}")
    if "PETO_ONESTEP" in results:
        rows = [columns[c] for c in ("ai", "n1i", "ci", "n2i")]
        diff.compare(counted(peto(*rows)), results["PETO_ONESTEP"], "PETO_ONESTEP")
    assert not diff.found, "\n".join(diff.found)


# lme4 stops short of the maximum: where its default optimiser left estimates by up to 4e-4 and,
# with Laplace's approximation, standard errors by up to 1e-2, tighter settings lead to our digits
# (see test_glmm.py). p values multiply that.
GLMM = {
    "UM.FS": {"estimate": 4e-4, "se": 2e-4, "ci": 5e-4, "tau2": 5e-4},
    "UM.RS": {
        "estimate": 4e-4, "se": 1e-2, "ci": 2e-2, "tau2": 8e-4, "I2": 4e-4, "QE.Wld": 6e-3,
    },
    "ML_laplace_nAGQ1": {"se": 6e-4, "ci": 1e-3},
}  # fmt: skip


@pytest.mark.parametrize("name", reference_ids())
def test_models_of_counts_are_those_of_metafor(name: str) -> None:
    diff = Differences()
    columns = reference(name).columns

    def rows(*names: str) -> list[Any]:
        return [columns[c] for c in names]

    model: Any

    for key, held in measures(name):
        if key == "GLMM_PLO":
            for kind, expected in held.items():
                found = glmm_proportions(
                    *rows("xi", "ni"),
                    method="EE" if kind == "EE" else "ML",
                    test="t" if kind.endswith("_t") else "z",
                    points=1 if kind.endswith("nAGQ1") else 7,
                )
                of_counts(diff, found, expected, f"{key}/{kind}", kind)
        elif key == "GLMM_OR":
            for model, expected in held.items():
                found = glmm_odds_ratios(*rows("ai", "n1i", "ci", "n2i"), model=model)
                of_counts(diff, found, expected, f"{key}/{model}", model)
        elif key == "GLMM_IRR":
            for model, expected in held.items():
                found = glmm_rate_ratios(*rows("x1i", "t1i", "x2i", "t2i"), model=model)
                of_counts(diff, found, expected, f"{key}/{model}", model)
        elif key.endswith("_GLMM_IRLN"):
            i = key.removeprefix("arm").removesuffix("_GLMM_IRLN")
            of_counts(diff, glmm_rates(*rows(f"x{i}i", f"t{i}i")), held, key, "IRLN")
    assert not diff.found, "\n".join(diff.found)


def of_counts(
    diff: Differences, found: GlmmFit, expected: Mapping[str, Any], where: str, kind: str
) -> None:
    ours: dict[str, Any] = {
        "estimate": found.estimate, "se": found.se, "ci.lb": found.ci_lb, "ci.ub": found.ci_ub,
        "tau2": found.tau2, "I2": found.i2, "H2": found.h2, "QE.Wld": found.qe_wald,
        "QE.LRT": found.qe_lrt, "QEp.Wld": found.qe_wald_p, "QEp.LRT": found.qe_lrt_p,
        "logLik": found.conditional_log_likelihood, "pval": found.pval,
    }  # fmt: skip
    if "proportion" in expected:
        ours["proportion"] = {"pred": expit(found.estimate)}
        for bound in ("ci_lb", "ci_ub", "pi_lb", "pi_ub"):
            value = getattr(found, bound)
            if value is not None:
                ours["proportion"][bound.replace("_", ".")] = expit(value)
    assert set(expected) <= set(ours)
    for key, value in expected.items():
        rel = GLMM.get(kind, {}).get(key, 1e-4)
        if key == "pval":
            rel = 0.15 if kind == "UM.RS" else 0.06
        elif key.startswith(("ci", "prop")):
            rel = GLMM.get(kind, {}).get("ci", 1e-4)
        diff.compare(ours[key], value, f"{where}/{key}", rel, near_zero=1e-8)


def test_no_number_of_the_sets_is_left_uncompared() -> None:
    fits = {"z", "knha", "knha_adhoc_REML", "tau2_ci_QP_REML"}
    bias_and_single = {
        "egger_lm", "egger_lm_classic", "egger_mixed_REML", "begg_rank", "fsn_rosenthal",
        "cumulative_order_1based",
        *(f"trimfill_{e}_{m}" for e in ("L0", "R0") for m in ("EE", "DL", "REML")),
        *(f"{kind}_{m}" for kind in ("leave1out", "cumul", "influence", "weights_pct")
          for m in ("EE", "DL", "REML")),
    }  # fmt: skip
    of_models = {"pooled", "subgroup", "meta_regression"}
    for name in reference_ids():
        for measure, held in measures(name):
            if measure in ("MH", "PETO_ONESTEP", "study_ci") or "GLMM" in measure:
                continue
            assert set(held) <= of_models | OF_EFFECTS, (name, measure)
            assert set(held.get("pooled", ())) <= fits | bias_and_single, (name, measure)
