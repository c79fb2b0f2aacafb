"""Effect sizes: metafor's numbers, its rules for zero cells, and the way back."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import numpy as np
import orjson
import pytest

from kb.errors import InvalidInput
from kb.synthesis.effects import MEASURES, Columns, effect_sizes, natural_values
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


# -- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "given", "message"),
    [
        pytest.param("OR", {"ai": 7, "n1i": 6, "ci": 1, "n2i": 6}, "row 1, ai: 7 is more", id="a"),
        pytest.param("RR", {"ai": 1, "n1i": 6, "ci": 7, "n2i": 6}, "row 1, ci: 7 is more", id="c"),
        pytest.param(
            "OR",
            {"ai": 1, "bi": 4, "n1i": 6, "ci": 1, "n2i": 6},
            "row 1, n1i: 6 is not the sum of ai and bi",
            id="three that do not add up",
        ),
        pytest.param("PLO", {"xi": 7, "ni": 6}, "row 1, xi: 7 is more events", id="proportion"),
        pytest.param(
            "PR", {"xi": -1, "ni": 6}, "row 1, xi: -1 is not a count", id="negative count"
        ),
        pytest.param("IR", {"xi": 1, "ti": 0}, "row 1, ti: 0 is no person-time", id="no time"),
        pytest.param(
            "MN", {"mi": 1, "sdi": -1, "ni": 6}, "row 1, sdi: -1 is negative", id="negative SD"
        ),
        pytest.param("ZCOR", {"ri": 1.2, "ni": 6}, "row 1, ri: 1.2 is no correlation", id="r"),
        pytest.param("GEN", {"yi": np.inf, "vi": 1}, "row 1, yi: inf is not a finite", id="inf"),
        pytest.param("GEN", {"yi": 1e40, "vi": 1}, "row 1, yi: 1e.40 is beyond", id="too large"),
        pytest.param("GEN", {"yi": 1, "vi": 1e-40}, "row 1, vi: 1e-40 is beyond", id="too small"),
        pytest.param("GEN", {"yi": 1, "vi": -1}, "row 1, vi: -1 is negative", id="variance"),
        pytest.param("MD", {"m1i": 1, "m2i": 2}, "MD needs sd1i, n1i, sd2i, n2i", id="columns"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_row_and_column(measure, given, message) -> None:
    with pytest.raises(InvalidInput, match=message):
        effect_sizes(measure, columns(**{name: [value] for name, value in given.items()}))


def test_rows_are_called_as_the_caller_calls_them() -> None:
    with pytest.raises(InvalidInput, match="line 7, vi: -1"):
        effect_sizes("GEN", columns(yi=[0, 1], vi=[1, -1]), rows=["line 6", "line 7"])


def test_a_mean_may_be_negative_although_the_column_counts_elsewhere() -> None:
    found = effect_sizes("MN", columns(mi=[-1.5], sdi=[2], ni=[16]))
    assert (found.yi[0], found.vi[0]) == (-1.5, 0.25)


def test_what_is_not_given_gives_no_effect_and_is_never_zero() -> None:
    found = effect_sizes("RD", columns(ai=[0, None], n1i=[5, 5], ci=[2, 2], n2i=[5, 5]))
    assert np.isnan(found.yi).tolist() == [False, True]
    assert found.is_corrected.tolist() == [True, False]


def test_either_total_or_complement_may_be_given_row_by_row() -> None:
    found = effect_sizes(
        "OR", columns(ai=[3, 3], bi=[5, None], n1i=[None, 8], ci=[2, 2], di=[6, 6])
    )
    assert found.yi[0] == found.yi[1]


def test_studies_without_information_on_a_ratio_are_marked() -> None:
    both = columns(ai=[0, 5, 0, 2], n1i=[5, 5, 5, 5], ci=[0, 6, 2, 1], n2i=[6, 6, 6, 6])
    assert effect_sizes("OR", both).is_uninformative.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("measure", "given"),
    [
        pytest.param("OR", {"ai": 0, "n1i": 0, "ci": 1, "n2i": 5}, id="OR"),
        pytest.param("PFT", {"xi": 0, "ni": 0}, id="PFT"),
    ],
)
def test_a_group_of_nobody_has_no_effect_however_zeros_are_corrected(measure, given) -> None:
    found = effect_sizes(measure, columns(**{name: [value] for name, value in given.items()}))
    assert np.isnan([found.yi[0], found.vi[0]]).all()


def test_hazard_ratios_are_taken_as_given() -> None:
    found = effect_sizes("HR", columns(yi=[-0.5], sei=[0.2]))
    assert (found.yi[0], found.vi[0]) == (-0.5, pytest.approx(0.04))


def test_worked_examples_of_the_literature_come_out() -> None:
    # 23 of 194 against 38 of 201: metafor's page on conv.wald.
    odds = effect_sizes("OR", table(23, 194, 38, 201))
    assert (odds.yi[0], odds.vi[0]) == (
        pytest.approx(-0.5500, abs=5e-5),
        pytest.approx(0.0818, abs=5e-5),
    )


# -- the way back --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "given", "natural"),
    [
        pytest.param("OR", {"ai": 4, "bi": 6, "ci": 2, "di": 8}, 16 / 6, id="OR"),
        pytest.param("RR", {"ai": 4, "n1i": 10, "ci": 2, "n2i": 10}, 2, id="RR"),
        pytest.param("RD", {"ai": 4, "n1i": 10, "ci": 2, "n2i": 10}, 0.2, id="RD"),
        pytest.param("IRR", {"x1i": 4, "t1i": 10, "x2i": 2, "t2i": 20}, 4, id="IRR"),
        pytest.param(
            "ROM", {"m1i": 4, "sd1i": 1, "n1i": 9, "m2i": 2, "sd2i": 1, "n2i": 9}, 2, id="ROM"
        ),
        *(
            pytest.param(code, {"xi": 3, "ni": 8}, 0.375, id=code)
            for code in ("PR", "PLN", "PLO", "PAS", "PFT")
        ),
        *(
            pytest.param(code, {"xi": 3, "ti": 8}, 0.375, id=code)
            for code in ("IR", "IRLN", "IRS", "IRFT")
        ),
        pytest.param("COR", {"ri": 0.3, "ni": 20}, 0.3, id="COR"),
        pytest.param("ZCOR", {"ri": 0.3, "ni": 20}, 0.3, id="ZCOR"),
    ],
)
def test_an_effect_taken_back_is_what_was_reported(measure, given, natural) -> None:
    found = effect_sizes(measure, columns(**{name: [value] for name, value in given.items()}))
    back = natural_values(measure, found.yi, harmonic_n=8)
    assert back[0] == pytest.approx(natural, rel=1e-12)


@pytest.mark.parametrize(
    ("measure", "beyond", "ends"),
    [
        pytest.param("PAS", [-0.1, 2], [0, 1], id="PAS"),
        pytest.param("PFT", [-0.1, 0.05, 1.55, 2], [0, 0, 1, 1], id="PFT"),
        pytest.param("IRS", [-0.1], [0], id="IRS"),
        pytest.param("IRFT", [-0.1, 0.01], [0, 0], id="IRFT"),
    ],
)
def test_limits_beyond_the_end_of_a_scale_stand_at_its_end(measure, beyond, ends) -> None:
    back = natural_values(measure, np.array(beyond, dtype=float), harmonic_n=8)
    assert back.tolist() == ends


@pytest.mark.parametrize("measure", ["AS", "IRSD", "GEN"])
def test_some_scales_have_no_way_back(measure) -> None:
    with pytest.raises(InvalidInput, match="no way back"):
        natural_values(measure, np.array([0.1]))


def test_the_way_back_from_freeman_and_tukey_needs_a_sample_size() -> None:
    with pytest.raises(InvalidInput, match="harmonic mean"):
        natural_values("PFT", np.array([0.1]))
