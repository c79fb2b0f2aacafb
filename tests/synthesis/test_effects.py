"""Effect sizes: metafor's numbers, its rules for zero cells, and the way back."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import numpy as np
import orjson
import pytest

from kb.synthesis.effects import MEASURES, Columns, effect_sizes
from tests.synthesis.reference import reference, reference_ids

# What the keys of the reference sets mean.
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{code: (code, {}) for code in MEASURES if code != "GEN"},
    **{
        f"{code}_{name}": (code, options)
        for code in ("OR", "RR", "RD")
        for name, options in (
            ("to_all", {"to": "all"}),
            ("to_if0all", {"to": "if0all"}),
            ("drop00", {"drop00": True}),
        )
    },
    **{f"arm1_{code}": (code, {}) for code in ("IR", "IRLN", "IRS", "IRFT")},
    "SMD_vtype_UB": ("SMD", {"vtype": "UB"}),
    "SMD_vtype_LS2": ("SMD", {"vtype": "LS2"}),
    "SMD_revman": ("SMD", {"vtype": "RevMan"}),
    "MD_vtype_HO": ("MD", {"vtype": "HO"}),
    "ROM_metafor5": ("ROM", {"vtype": "metafor5"}),
    "SMDH_metafor5": ("SMDH", {"vtype": "metafor5"}),
}


def columns(**given: Any) -> Columns:
    return {
        name: np.array([np.nan if v is None else v for v in values], dtype=float)
        for name, values in given.items()
    }


def table(ai: Any, n1i: Any, ci: Any, n2i: Any) -> Columns:
    return columns(ai=[ai], n1i=[n1i], ci=[ci], n2i=[n2i])


@pytest.mark.parametrize("name", reference_ids())
def test_the_studies_of_the_reference_sets_come_out_as_in_metafor(name: str) -> None:
    held = reference(name)
    for key, result in held.results.items():
        if not isinstance(result, dict) or "studies" not in result:
            continue
        measure, options = OPTIONS[key]
        given = dict(held.columns)
        if key.startswith("arm1_"):
            given |= {"xi": given["x1i"], "ti": given["t1i"]}
        found = effect_sizes(measure, given, **options)
        for found_values, side in ((found.yi, "yi"), (found.vi, "vi")):
            expected = np.array(result["studies"][side], dtype=float)
            # Closed forms: nothing but rounding in the last digits may differ.
            np.testing.assert_allclose(
                found_values, expected, rtol=1e-11, atol=1e-12, err_msg=f"{key} {side}"
            )


ESCALC = """
suppressMessages({library(metafor); library(jsonlite)})
asked <- fromJSON(file("stdin"), simplifyDataFrame = FALSE)
answers <- lapply(asked, function(a) {
  given <- lapply(a$columns, function(v) as.numeric(v))
  e <- suppressWarnings(do.call(escalc, c(list(measure = a$measure), given, a$options)))
  list(yi = as.numeric(e$yi), vi = as.numeric(e$vi))
})
cat(toJSON(answers, digits = I(17), na = "null", auto_unbox = FALSE))
"""


def metafor_effects(asked: list[dict[str, Any]]) -> list[dict[str, list[float | None]]]:
    """What escalc makes of them, in one run of R; skips where R or metafor is absent."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("Rscript is not installed (R with the packages metafor and jsonlite)")
    done = subprocess.run(
        [rscript, "-e", ESCALC], input=orjson.dumps(asked), capture_output=True, check=False
    )
    if b"there is no package" in done.stderr:
        pytest.skip("R lacks the package metafor or jsonlite")
    assert done.returncode == 0, done.stderr.decode()
    answers: list[dict[str, list[float | None]]] = orjson.loads(done.stdout)
    return answers


def random_columns(seed: int) -> dict[str, list[float]]:
    """25 studies reporting everything, with zeros among the counts and empty groups of events."""
    draw = np.random.default_rng(seed)
    k = 25
    n1, n2 = draw.integers(4, 60, k), draw.integers(4, 60, k)
    rare = draw.choice([0.0, 0.05, 0.4, 0.95, 1.0], k)
    made: dict[str, Any] = {
        "n1i": n1,
        "n2i": n2,
        "ai": draw.binomial(n1, rare),
        "ci": draw.binomial(n2, np.clip(rare * 1.1, 0, 1)),
        "m1i": draw.normal(10, 2, k),
        "m2i": draw.normal(9, 2, k),
        "sd1i": draw.gamma(4, 0.7, k),
        "sd2i": draw.gamma(4, 0.7, k),
        "ri": draw.uniform(-0.95, 0.95, k),
        "ni": n1,
        "t1i": draw.gamma(3, 20, k),
        "t2i": draw.gamma(3, 20, k),
    }
    made |= {
        "bi": n1 - made["ai"],
        "di": n2 - made["ci"],
        "xi": made["ai"],
        "x1i": made["ai"],
        "x2i": made["ci"],
        "ti": made["t1i"],
        "mi": made["m1i"],
        "sdi": made["sd1i"],
        "yi": made["m1i"],
        "sei": made["sd1i"],
    }
    return {name: np.asarray(values, dtype=float).tolist() for name, values in made.items()}


def test_effects_of_random_studies_are_those_of_escalc() -> None:
    asked: list[dict[str, Any]] = []
    for measure in MEASURES.values():
        if measure.code == "HR":  # not one of metafor's
            continue
        given = {need.split("|")[-1] for need in measure.needs}
        choices: list[dict[str, Any]] = [{}]
        choices += [{"vtype": v} for v in measure.variances if v not in ("RevMan", "metafor5")]
        if measure.counts_zero_cells:
            choices += [{"to": to, "add": 0.25} for to in ("only0", "all", "if0all", "none")]
            choices += [{"drop00": True}]
        for i, options in enumerate(choices):
            made = random_columns(i)
            chosen = {name: made[name] for name in given}
            if measure.code in ("SMCR",):
                chosen["sd2i"] = made["sd2i"]
            asked.append({"measure": measure.code, "columns": chosen, "options": options})
    for question, answer in zip(asked, metafor_effects(asked)):
        found = effect_sizes(
            question["measure"], columns(**question["columns"]), **question["options"]
        )
        yi, vi = np.array(answer["yi"], dtype=float), np.array(answer["vi"], dtype=float)
        # Of a study dropped for having no event metafor keeps the variance, which nothing uses.
        vi[np.isnan(yi)] = np.nan
        for values, expected, side in ((found.yi, yi, "yi"), (found.vi, vi, "vi")):
            said = f"{question['measure']} {question['options']} {side}"
            np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-12, err_msg=said)
