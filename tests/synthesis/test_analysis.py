"""A synthesis from table to JSON: metafor's numbers, what is left out and why, and what is said
beside the numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.analysis import COUNT_METHODS, POOLED_BY, Choices, analyse, in_order_of_r
from kb.synthesis.effects import MEASURES
from kb.synthesis.report import as_json
from kb.synthesis.table import Table, read_csv, read_rows
from kb.synthesis.tau2 import METHODS
from tests.synthesis.reference import Reference, reference, reference_ids

# Iterated estimators stop where metafor's steps become small, ours where they end.
ITERATED = 1e-4
CLOSED = 1e-8
METAFOR_NAMES = (
    "estimate", "se", "ci.lb", "ci.ub", "statistic", "pval", "k", "tau2", "QE", "QEp", "I2", "H2",
    "pi.lb", "pi.ub", "ddf", "QM", "QMp", "R2",
)  # fmt: skip

# Keys of the reference sets that are not measures alone.
VARIANTS: dict[str, dict[str, Any]] = {
    "SMD_vtype_UB": {"measure": "SMD", "vtype": "UB"},
    "SMD_vtype_LS2": {"measure": "SMD", "vtype": "LS2"},
    "SMD_revman": {"measure": "SMD", "vtype": "RevMan"},
    "MD_vtype_HO": {"measure": "MD", "vtype": "HO"},
    "ROM_metafor5": {"measure": "ROM", "vtype": "metafor5"},
    "SMDH_metafor5": {"measure": "SMDH", "vtype": "metafor5"},
    "generic": {"measure": "GEN"},
    **{
        f"{measure}_{name}": {"measure": measure, **options}
        for measure in ("OR", "RR", "RD")
        for name, options in (
            ("to_all", {"to": "all"}),
            ("to_if0all", {"to": "if0all"}),
            ("drop00", {"drop00": True}),
            ("no_correction", {"to": "none"}),
        )
    },
    **{f"arm1_{code}": {"measure": code} for code in ("IR", "IRLN", "IRS", "IRFT")},
}


def as_csv(held: Reference, **renamed: str) -> bytes:
    """The set as a file, NA where nothing is given; some columns under other names."""
    names = list(dict.fromkeys(name for row in held.rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([renamed.get(name, name) for name in names])
    for row in held.rows:
        writer.writerow(["NA" if row.get(name) is None else row[name] for name in names])
    return text.getvalue().encode()


def result_of(table: Table, **choices: Any) -> dict[str, Any]:
    return as_json(analyse(table, Choices(**choices)))


def rows_of(*rows: dict[str, Any], **choices: Any) -> dict[str, Any]:
    return result_of(read_rows(rows), **choices)


def cases(name: str) -> Iterator[tuple[str, Table, dict[str, Any], dict[str, Any]]]:
    """Key, table, choices and metafor's result of everything pooled by inverse variances."""
    held = reference(name)
    table = read_csv(as_csv(held))
    for key, result in held.results.items():
        if not isinstance(result, dict) or "pooled" not in result:
            continue
        given = read_csv(as_csv(held, x1i="xi", t1i="ti")) if key.startswith("arm1_") else table
        yield key, given, VARIANTS.get(key, {"measure": key}), result


def assert_alike(found: dict[str, Any], expected: dict[str, Any], said: str) -> None:
    for name in METAFOR_NAMES:
        if expected.get(name) is None:
            continue
        # The share of a tau² that is 0 to the last digits is noise.
        if name == "R2" and expected["tau2"] < 1e-8 and found["tau2"] < 1e-8:
            continue
        # A tau² or I² of 0 comes out of metafor's iterations as 1e-10 or so.
        np.testing.assert_allclose(
            found[name], expected[name], rtol=ITERATED, atol=1e-6, err_msg=f"{said} {name}"
        )


@pytest.mark.parametrize("name", reference_ids())
def test_tables_are_pooled_as_in_metafor(name: str) -> None:
    for key, table, choices, result in cases(name):
        for test, by_method in (("z", result["pooled"]["z"]), ("knha", result["pooled"]["knha"])):
            for method, expected in by_method.items():
                # There metafor looked for tau² in steps that end at 1e-4; for z it went on.
                if (method, test) == ("PM", "knha"):
                    continue
                found = result_of(table, method=method, test=test, **choices)
                assert_alike(found, expected, f"{name} {key} {method} {test}")


@pytest.mark.parametrize("name", reference_ids())
def test_subgroups_and_moderators_come_out_as_in_metafor(name: str) -> None:
    for key, table, choices, result in cases(name):
        subgroup = result.get("subgroup", {})
        for method in (m for m in METHODS if m in subgroup):
            expected = subgroup[method]
            found = result_of(table, method=method, subgroup=subgroup["by"], **choices)["subgroups"]
            said = f"{name} {key} {method} subgroup"
            assert list(found["groups"]) == sorted(expected["subgroups"])
            for group, numbers in expected["subgroups"].items():
                assert_alike(found["groups"][group], numbers, f"{said} {group}")
            between = expected["between_test_separate_tau2"]
            assert found["between"]["Q"] == pytest.approx(between["Q"], rel=ITERATED), said
            assert found["between"]["p"] == pytest.approx(between["p"], rel=1e-3), said
            common = expected["common_tau2_meta_regression"]
            assert_alike(found["common_tau2"], common, f"{said} common")
        regression = result.get("meta_regression", {})
        for fitted in (key for key in regression if key != "moderators"):
            method, _, test = fitted.partition("_")
            expected = regression[fitted]
            mods = tuple(regression["moderators"])
            found = result_of(table, method=method, test=test or "z", mods=mods, **choices)
            said = f"{name} {key} {fitted}"
            assert_alike(found, expected, said)
            assert list(found["coef"]) == list(expected["coef"])
            for coefficient, value in expected["coef"].items():
                assert found["coef"][coefficient] == pytest.approx(value, rel=ITERATED), said


@pytest.mark.parametrize("name", [n for n in reference_ids() if n.startswith(("bin_", "rate_"))])
def test_counts_are_pooled_as_in_metafor(name: str) -> None:
    held = reference(name)
    table = read_csv(as_csv(held))
    for measure, expected in held.results["MH"].items():
        found = result_of(table, measure=measure, method="MH")
        for number, value in expected.items():
            assert found[number] == pytest.approx(value, rel=CLOSED, abs=1e-12), (measure, number)
    if "PETO_ONESTEP" in held.results:
        found = result_of(table, measure="OR", method="PETO")
        assert found["measure"] == "PETO"
        for number, value in held.results["PETO_ONESTEP"].items():
            assert found[number] == pytest.approx(value, rel=CLOSED, abs=1e-12), number


@pytest.mark.parametrize(
    ("name", "key", "choices"),
    [
        pytest.param("bin_hine1989", "UM.FS", {"measure": "OR"}, id="odds ratios, fixed levels"),
        pytest.param(
            "bin_hine1989", "CM.AL", {"measure": "OR", "model": "CM.AL"}, id="given totals"
        ),
        pytest.param("rate_hart1999", "UM.FS", {"measure": "IRR"}, id="rate ratios"),
        pytest.param("prop_debruin2009", "ML_nAGQ7", {"measure": "PLO"}, id="proportions"),
        pytest.param(
            "prop_debruin2009", "ML_nAGQ7_knha_t", {"measure": "PLO", "test": "knha"}, id="by t"
        ),
        pytest.param(
            "prop_debruin2009", "EE", {"measure": "PLO", "glmm_method": "EE"}, id="one effect"
        ),
        pytest.param(
            "prop_debruin2009", "ML_laplace_nAGQ1", {"measure": "PLO", "nagq": 1}, id="Laplace"
        ),
    ],
)
def test_counts_can_have_random_effects(name: str, key: str, choices: dict[str, Any]) -> None:
    held = reference(name)
    expected = held.results[f"GLMM_{choices['measure']}"][key]
    found = result_of(read_csv(as_csv(held)), method="GLMM", **choices)
    for number in ("estimate", "se", "ci.lb", "ci.ub", "tau2", "QE.Wld", "QE.LRT", "logLik"):
        if number in expected:
            # Likelihoods are flat at their top; metafor's own optimisers differ as much.
            assert found[number] == pytest.approx(expected[number], rel=1e-3, abs=1e-4), number
    if "proportion" in expected:
        natural = found["natural"]
        assert natural["estimate"] == pytest.approx(expected["proportion"]["pred"], rel=1e-4)
        lower = expected["proportion"].get("pi.lb")  # none with one effect for all
        assert natural["pi.lb"] == (lower and pytest.approx(lower, rel=1e-3))
    assert [study["weight"] for study in found["studies"]] == [None] * found["k"]


@pytest.mark.parametrize("name", [n for n in reference_ids() if n.startswith("prop_")])
def test_pooled_proportions_come_back_as_in_metafor(name: str) -> None:
    for key, table, choices, result in cases(name):
        for method, expected in result["backtransformed"].items():
            if method == "PM":  # see above
                continue
            natural = result_of(table, method=method, **choices)["natural"]
            for number in ("pred", "ci.lb", "ci.ub", "pi.lb", "pi.ub"):
                found = natural["estimate" if number == "pred" else number]
                if number not in expected:  # one effect for all has no prediction interval
                    assert found is None
                    continue
                value = pytest.approx(expected[number], rel=ITERATED, abs=1e-6)
                assert found == value, (key, method, number)
            if key == "PFT":
                ways = {
                    "harmonic_mean_n": natural["harmonic_mean_n"],
                    "simple_sin2": natural["sine_squared"],
                }
                assert ways == pytest.approx({name: expected[name] for name in ways}, rel=ITERATED)
                other = natural["inverse_variance"]
                for number, value in expected["alt_inverse_variance_n"].items():
                    found = other["estimate" if number == "pred" else number]
                    assert found == pytest.approx(value, rel=ITERATED, abs=1e-6), (method, number)


@pytest.mark.parametrize("name", reference_ids())
def test_single_studies_and_asymmetry_come_out_as_in_metafor(name: str) -> None:
    for key, table, choices, result in cases(name):
        pooled = result["pooled"]
        for method in ("EE", "DL"):  # in closed form
            if f"leave1out_{method}" not in pooled:
                continue
            found = result_of(
                table,
                method=method,
                leave_one_out=True,
                bias=True,
                trimfill="L0",
                influence=True,
                **choices,
            )
            said = f"{name} {key} {method}"
            for names in ("estimate", "se", "ci.lb", "ci.ub", "pval", "Q", "tau2", "I2"):
                expected = pooled[f"leave1out_{method}"].get(names)
                if expected is not None:
                    values = [row[names] for row in found["leave_one_out"]]
                    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6, err_msg=said)
            weights = [study["weight"] for study in found["studies"]]
            np.testing.assert_allclose(weights, pooled[f"weights_pct_{method}"], rtol=1e-4)
            trimmed = pooled[f"trimfill_L0_{method}"]
            assert found["trimfill"]["k0"] == trimmed["k0"], said
            assert found["trimfill"]["estimate"] == pytest.approx(trimmed["estimate"], rel=1e-4)
            egger = found["bias"]["egger"]
            assert egger["statistic"] == pytest.approx(pooled["egger_lm"]["statistic_t"], rel=1e-6)
            begg = found["bias"]["begg"]
            assert begg["pval"] == pytest.approx(pooled["begg_rank"]["pval"], rel=1e-6)
            if method == "DL" and "influence_DL" in pooled:
                for names in ("cook.d", "hat"):
                    values = [row[names] for row in found["influence"]]
                    np.testing.assert_allclose(values, pooled["influence_DL"][names], rtol=1e-4)


@pytest.mark.parametrize("name", ["bin_bcg", "bin_lau1992"])
def test_studies_are_added_in_the_order_of_a_column(name: str) -> None:
    held = reference(name)
    found = result_of(read_csv(as_csv(held)), measure="OR", method="DL", cumulative="year")
    expected = held.results["OR"]["pooled"]
    order = [i - 1 for i in expected["cumulative_order_1based"]]
    assert [row["added"] for row in found["cumulative"]] == [held.rows[i]["study"] for i in order]
    values = [row["estimate"] for row in found["cumulative"]]
    np.testing.assert_allclose(values, expected["cumul_DL"]["estimate"], rtol=1e-8)
    assert found["cumulative"][-1]["estimate"] == pytest.approx(found["estimate"])


@pytest.mark.parametrize("name", [n for n in reference_ids() if n.startswith("bin_")])
def test_without_correction_the_same_studies_remain_as_in_metafor(name: str) -> None:
    for key, table, choices, result in cases(name):
        if "kept_1based" in result:
            found = analyse(table, Choices(**choices))
            kept = [int(row.place.removeprefix("line ")) - 1 for row in found.studies]
            assert kept == result["kept_1based"], key


# -- what is left out, and why -------------------------------------------------------------------

BOTH = {"n1i": 10, "n2i": 12}


def test_a_row_that_lacks_a_number_is_left_out_and_named() -> None:
    found = rows_of(
        {"study": "A", "ai": 1, "ci": 3, **BOTH},
        {"study": "B", "ai": 2, "ci": None, **BOTH},
        {"study": "C", "ai": 0, "ci": None, **BOTH, "ci_state": "not_reported"},
        measure="OR",
        method="DL",
    )
    assert [study["slab"] for study in found["studies"]] == ["A"]
    assert found["left_out"] == [
        {"label": "B", "place": "row 2", "reason": "ci is not given"},
        {"label": "C", "place": "row 3", "reason": "ci is not reported"},
    ]


@pytest.mark.parametrize(
    ("row", "choices", "reason"),
    [
        pytest.param(
            {"ai": 0, "ci": 0, **BOTH},
            {"measure": "OR", "drop00": True},
            "no events, or nothing but events, in both groups (drop00)",
            id="dropped",
        ),
        pytest.param(
            {"ai": 0, "ci": 3, **BOTH},
            {"measure": "RR", "to": "none"},
            "RR cannot be had of zero cells to which nothing is added",
            id="zero cell",
        ),
        pytest.param(
            {"ai": 0, "ci": 0, **BOTH},
            {"measure": "RD", "to": "none"},
            "its sampling variance is 0, which would outweigh all other studies",
            id="no variance",
        ),
        pytest.param(
            {"ai": 0, "n1i": 0, "ci": 0, "n2i": 5},
            {"measure": "RD", "to": "none"},
            "a group without participants",
            id="nobody",
        ),
        pytest.param(
            {"m1i": -1, "sd1i": 1, "n1i": 9, "m2i": 2, "sd2i": 1, "n2i": 9},
            {"measure": "ROM"},
            "a ratio of means needs two means of the same sign, neither 0",
            id="means of opposite sign",
        ),
        pytest.param(
            {"ri": 0.5, "ni": 3},
            {"measure": "ZCOR"},
            "needs a correlation between -1 and 1 and more than 3 participants",
            id="three participants",
        ),
        pytest.param(
            {"m1i": 1, "sd1i": 0, "n1i": 9, "m2i": 2, "sd2i": 0, "n2i": 9},
            {"measure": "SMD"},
            "too few participants, or no spread, for SMD",
            id="no spread",
        ),
    ],
)
def test_a_row_that_gives_no_effect_is_left_out_with_the_reason(row, choices, reason) -> None:
    with pytest.raises(NotEstimable) as raised:
        rows_of(row, **choices)
    assert str(raised.value) == f"no row gives an effect: {reason} (1 rows)"


def test_imputed_values_can_be_left_out_and_are_counted_otherwise() -> None:
    rows: list[dict[str, Any]] = [
        {"study": "A", "yi": 0.1, "vi": 0.1, "vi_origin": "imputed"},
        {"study": "B", "yi": 0.2, "vi": 0.1, "vi_origin": "reported"},
        {"study": "C", "yi": None, "vi": None, "vi_origin": "imputed"},
    ]
    held = rows_of(*rows, measure="GEN")
    assert [study["origins"] for study in held["studies"]] == [
        {"vi": "imputed"},
        {"vi": "reported"},
    ]
    assert "1 of 2 studies hold imputed values" in said(held)["imputed_values"]
    left = rows_of(*rows, measure="GEN", without_origins=("imputed",))
    assert [(row["label"], row["reason"]) for row in left["left_out"]] == [
        ("A", "vi is imputed"),
        ("C", "yi is not given, vi is not given"),
    ]


def test_a_wrong_number_is_an_error_even_in_a_row_that_would_be_left_out() -> None:
    rows: list[dict[str, Any]] = [
        {"ai": 1, "ci": 3, **BOTH},
        {"ai": 11, "ci": 3, **BOTH, "ai_origin": "imputed"},
    ]
    with pytest.raises(InvalidInput, match="row 2, ai: 11 is more events than participants"):
        rows_of(*rows, measure="OR", without_origins=("imputed",))


def test_a_table_without_rows_is_not_estimable() -> None:
    with pytest.raises(NotEstimable, match="the table has no rows"):
        result_of(read_csv(b"yi,vi\n"), measure="GEN")


def test_studies_without_a_moderator_or_a_group_are_named() -> None:
    rows: list[dict[str, Any]] = [
        {"study": "A", "yi": 0.1, "vi": 0.1, "dose": 1, "route": "IV"},
        {"study": "B", "yi": 0.3, "vi": 0.1, "dose": 2, "route": "IT"},
        {"study": "C", "yi": 0.2, "vi": 0.1, "dose": 3, "route": "IV"},
        {"study": "D", "yi": 0.2, "vi": 0.1, "dose": None, "route": None},
    ]
    found = rows_of(*rows, measure="GEN", mods=("dose",))
    assert found["left_out"][0]["reason"] == "no value of the moderator dose"
    groups = rows_of(*rows, measure="GEN", subgroup="route")["subgroups"]
    assert list(groups["groups"]) == ["IT", "IV"]
    assert groups["in_no_group"] == ["D"]


def test_groups_are_pooled_alone_where_they_are_too_many_for_one_tau2() -> None:
    rows: list[dict[str, Any]] = [
        {"yi": y, "vi": 0.1, "route": route} for y, route in ((0.1, "IT"), (0.4, "IV"))
    ]
    found = rows_of(*rows, measure="GEN", subgroup="route")["subgroups"]
    assert found["groups"]["IV"]["estimate"] == pytest.approx(0.4)
    assert found["between"]["Q"] == pytest.approx(0.3**2 / 0.2)
    assert found["common_tau2"] is None


# -- scales --------------------------------------------------------------------------------------


def test_ratios_stand_on_the_log_scale_with_the_ratio_beside_them() -> None:
    found = rows_of({"ai": 4, "ci": 2, **BOTH}, measure="RR")
    assert found["scale"] == "log"
    assert found["estimate"] == pytest.approx(np.log(2.4))
    assert found["natural"]["scale"] == "risk ratio"
    assert found["natural"]["estimate"] == pytest.approx(2.4)
    assert found["studies"][0]["natural"]["estimate"] == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("row", "measure"),
    [
        pytest.param({"ai": 4, "ci": 2, **BOTH}, "AS", id="AS"),
        pytest.param({"x1i": 4, "t1i": 9, "x2i": 2, "t2i": 8}, "IRSD", id="IRSD"),
        pytest.param({"yi": 1, "vi": 1}, "GEN", id="GEN"),
        pytest.param({"yi": 1, "vi": 1}, "PFT", id="PFT of unknown sizes"),
    ],
)
def test_there_is_no_natural_value_where_there_is_no_way_back(row, measure) -> None:
    found = rows_of(row, measure=measure)
    assert found["natural"] is None
    assert found["studies"][0]["natural"] is None


def test_estimates_as_given_are_taken_on_the_scale_of_their_measure() -> None:
    # OR 0.64 (0.33 to 1.22) as its logarithm.
    found = rows_of({"yi": -0.4463, "vi": 0.1113}, measure="OR")
    assert found["options"]["effects_as_given"]
    assert found["natural"]["estimate"] == pytest.approx(0.64, abs=5e-4)
    assert found["natural"]["ci.lb"] == pytest.approx(0.33, abs=5e-3)
    hazard = rows_of({"TE": -0.4463, "seTE": 0.3336}, measure="HR")
    assert hazard["natural"]["scale"] == "hazard ratio"


def test_single_proportions_carry_their_own_intervals() -> None:
    found = rows_of({"study": "seed", "xi": 0, "ni": 6}, measure="PLO")
    (study,) = found["studies"]
    assert (study["yi"], study["vi"]) == (
        pytest.approx(-2.5649, abs=5e-5),
        pytest.approx(2.1538, abs=5e-5),
    )
    assert study["is_corrected"]
    assert study["clopper_pearson"] == [0, pytest.approx(0.459, abs=5e-4)]
    assert study["wilson"] == [0, pytest.approx(0.390, abs=5e-4)]


def test_prediction_by_t_needs_three_studies() -> None:
    rows = [{"yi": y, "vi": 0.1} for y in (0.1, 0.9, 2.0)]
    assert rows_of(*rows[:2], measure="GEN")["pi.hts"] is None
    lower, upper = rows_of(*rows, measure="GEN")["pi.hts"]
    found = rows_of(*rows, measure="GEN")
    half = 12.7062047 * (found["tau2"] + found["se"] ** 2) ** 0.5  # t of 1 degree of freedom
    assert (upper - lower) / 2 == pytest.approx(half, rel=1e-6)


# -- what is said beside the numbers -------------------------------------------------------------


def said(found: dict[str, Any]) -> dict[str, str]:
    assert all(advice["source"] for advice in found["advice"])
    return {advice["code"]: advice["text"] for advice in found["advice"]}


def some(k: int, **more: Any) -> list[dict[str, Any]]:
    return [{"yi": 0.1 * i, "vi": 0.1, "x": i % 3, **more} for i in range(k)]


@pytest.mark.parametrize(
    ("k", "choices", "code"),
    [
        pytest.param(1, {}, "one_study", id="one study"),
        pytest.param(2, {}, "fewer_than_three", id="two studies"),
        pytest.param(5, {}, "tau2_imprecise", id="five studies"),
        pytest.param(5, {}, "z_with_few_studies", id="z with five studies"),
        pytest.param(9, {"mods": ("x",)}, "few_for_regression", id="moderators"),
        pytest.param(9, {"subgroup": "x"}, "subgroups_are_observed", id="subgroups"),
        pytest.param(9, {"test": "knha"}, "knha_narrower", id="narrower by Knapp-Hartung"),
    ],
)
def test_few_studies_are_said_to_be_few(k: int, choices: dict[str, Any], code: str) -> None:
    assert code in said(rows_of(*some(k), measure="GEN", **choices))


def test_many_studies_go_without_such_advice() -> None:
    assert said(rows_of(*some(10), measure="GEN")) == {}


def test_counts_are_advised_upon() -> None:
    zero = {"ai": 0, "ci": 0, **BOTH}
    other = {"ai": 0, "ci": 3, **BOTH}
    found = rows_of(zero, other, measure="OR")
    assert found["corrected"] == ["1", "2"]
    assert found["no_information"] == ["1"]
    assert {"zero_cells", "no_information", "log_scale"} <= set(said(found))
    assert "double_arcsine" in said(rows_of({"xi": 1, "ni": 6}, measure="PFT"))
    assert "peto" in said(rows_of(other, measure="OR", method="PETO"))
    assert "fractional_counts" not in said(found)
    assert "fractional_counts" in said(rows_of({"xi": 0.12, "ni": 100}, measure="PLO"))
    both = ({"xi": 3, "ni": 9}, {"xi": 2, "ni": 8})
    assert "tau2_imprecise" in said(rows_of(*both, measure="PLO", method="GLMM"))
    alike = rows_of(*both, measure="PLO", method="GLMM", glmm_method="ee")
    assert "tau2_imprecise" not in said(alike)


def test_rows_of_one_study_are_said_to_be_so() -> None:
    assert "rows_of_one_study" in said(rows_of(*some(3, study="A"), measure="GEN"))
    assert "rows_of_one_study" not in said(rows_of(*some(3), measure="GEN"))
    arms = [{"slab": f"A, arm {n}", "study": "A", "yi": n, "vi": 1} for n in (1, 2)]
    other = {"slab": "B", "study": "B", "yi": 1, "vi": 1}
    assert "1 row is" in said(rows_of(*arms, other, measure="GEN"))["rows_of_one_study"]
    assert "rows_of_one_study" not in said(rows_of(arms[0], other, measure="GEN"))


def test_participants_that_may_stand_in_two_studies_are_said_to() -> None:
    one, other = some(2, shares_participants_with=None)
    shares = one | {"shares_participants_with": "S25 B: may share participants (probable)"}
    told = said(rows_of(shares, other, measure="GEN"))
    assert "1 row names another study" in told["participants_in_two_studies"]
    assert "participants_in_two_studies" not in said(rows_of(one, other, measure="GEN"))


# -- choices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        pytest.param({"measure": "XX"}, "unknown measure 'XX'", id="measure"),
        pytest.param({"method": "XX"}, "unknown method 'XX' .expected EE, DL", id="method"),
        pytest.param({"method": "MH"}, "MH pools OR, RR, RD, IRR, IRD, not GEN", id="MH"),
        pytest.param({"test": "t"}, "unknown test 't'", id="test"),
        pytest.param({"level": 0.95}, "is a percentage", id="level"),
        pytest.param({"vtype": "UB"}, "unknown vtype 'UB' for GEN", id="vtype"),
        pytest.param({"add": -1}, "add is -1", id="add"),
        pytest.param({"to": "some"}, "unknown to: 'some'", id="to"),
        pytest.param({"model": "UM"}, "unknown model 'UM'", id="model"),
        pytest.param({"glmm_method": "DL"}, "unknown glmm_method 'DL'", id="GLMM's method"),
        pytest.param({"nagq": 0}, "nagq is 0", id="points"),
        pytest.param({"method": "PETO"}, "PETO pools OR, PETO, not GEN", id="Peto"),
        pytest.param({"trimfill": "L1"}, "unknown trimfill 'L1'", id="trimfill"),
        pytest.param({"subgroup": "z"}, "no column 'z'", id="subgroup"),
        pytest.param({"cumulative": "z"}, "no column 'z'", id="cumulative"),
        pytest.param({"mods": ("z",)}, "no column 'z'", id="moderator"),
        pytest.param({"without_origins": ("z",)}, "unknown origin 'z'", id="origin"),
        pytest.param({"mods": ("x",), "subgroup": "x"}, "no subgroup", id="both"),
    ],
)
def test_choices_that_cannot_be_are_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        rows_of(*some(3), **({"measure": "GEN"} | choices))


def test_variances_of_different_worlds_are_refused() -> None:
    rows = [{"study": "A", "yi": 0, "vi": 1e-10}, {"study": "B", "yi": 1, "vi": 1e10}]
    with pytest.raises(InvalidInput, match=r"of A \(row 1\) and B \(row 2\) are 1e-10 and 1e.10"):
        rows_of(*rows, measure="GEN")


def test_a_column_of_numbers_is_not_taken_for_categories_without_end() -> None:
    rows = [{"yi": i, "vi": 1, "dose": i} for i in range(101)]
    for choices in ({"subgroup": "dose"}, {"mods": ("factor(dose)",)}):
        with pytest.raises(InvalidInput, match="'dose' has 101 categories"):
            rows_of(*rows, measure="GEN", **choices)


@pytest.mark.parametrize("extra", ["mods", "bias", "trimfill", "influence"])
def test_methods_by_counts_refuse_what_they_do_not_offer(extra: str) -> None:
    value = {"mods": ("x",), "trimfill": "L0"}.get(extra, True)
    row = {"ai": 1, "ci": 3, "x": 1, **BOTH}
    with pytest.raises(InvalidInput, match=f"{extra} needs a method by inverse variances"):
        rows_of(row, measure="OR", method="MH", **{extra: value})


def test_methods_by_counts_do_not_take_estimates() -> None:
    with pytest.raises(InvalidInput, match="MH needs the counts themselves"):
        rows_of({"yi": 1, "vi": 1}, measure="OR", method="MH")


def test_names_are_taken_whatever_their_case_and_by_their_other_names() -> None:
    found = rows_of(*some(3), measure="gen", method="fe")
    assert (found["measure"], found["method"]) == ("GEN", "EE")


@pytest.mark.parametrize(
    ("names", "order"),
    [
        pytest.param(["b", "a", "B"], ["a", "b", "B"], id="words"),
        pytest.param(["10", "9", "9"], ["9", "10"], id="numbers"),
    ],
)
def test_categories_are_ordered_as_r_orders_them(names: list[str], order: list[str]) -> None:
    assert in_order_of_r(names) == order


def test_numbers_can_be_taken_as_categories() -> None:
    rows = some(6)
    assert list(rows_of(*rows, measure="GEN", mods=("x",))["coef"]) == ["intrcpt", "x"]
    as_factor = rows_of(*rows, measure="GEN", mods=("factor(x)",))
    assert list(as_factor["coef"]) == ["intrcpt", "factor(x)1", "factor(x)2"]


# -- any table -----------------------------------------------------------------------------------

_VALUES: dict[str, tuple[float | None, ...]] = {
    **dict.fromkeys(("ai", "ci", "x1i", "x2i", "xi"), (0, 0, 1, 2, 5)),
    **dict.fromkeys(("n1i", "n2i", "ni", "bi", "di"), (8, 9, 12, 30)),
    **dict.fromkeys(("t1i", "t2i", "ti"), (1, 10.5, 100)),
    **dict.fromkeys(("sd1i", "sd2i", "sdi"), (0, 1, 2, 0.5)),
    **dict.fromkeys(("vi", "sei"), (0, 0.1, 0.2, 1)),
    "ri": (0, 0.5, 0.9, 1),
}
_SELDOM = (None, None, 0, -1, 1e12, 1e-12, 0.5)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_table_and_choice_give_numbers_or_an_error_that_says_why(data: st.DataObject) -> None:
    def one_of(values: Sequence[Any]) -> Any:
        return data.draw(st.sampled_from(values))

    measure = MEASURES[one_of(list(MEASURES))]
    columns = [one_of(need.split("|")) for need in measure.needs]
    cell = {c: st.sampled_from((*_VALUES.get(c, (0, 1, -1, 2.5)) * 4, *_SELDOM)) for c in columns}
    more = {"g": st.sampled_from(["a", "b", None]), "x": st.sampled_from([1, 2, 3.5, None])}
    rows = data.draw(st.lists(st.fixed_dictionaries(cell | more), max_size=8))
    methods = [m for m in COUNT_METHODS if measure.code in POOLED_BY[m]]
    method = one_of([*METHODS, *methods])
    by_counts = method in COUNT_METHODS
    choices = {
        "test": one_of(["z"] if by_counts else ["z", "knha", "adhoc"]),
        "to": one_of(["only0", "all", "if0all", "none"]),
        "drop00": one_of([True, False]),
        "subgroup": one_of([None, "g"]),
        "cumulative": one_of([None, "x", "rows"]),
        "leave_one_out": one_of([True, False]),
        "bias": not by_counts and one_of([True, False]),
        "trimfill": None if by_counts else one_of([None, "L0", "R0"]),
        "influence": not by_counts and one_of([True, False]),
    }
    try:
        found = rows_of(*rows, measure=measure.code, method=method, **choices)
    except (InvalidInput, NotEstimable):
        return
    assert found["k"] >= 1
    assert found["ci.lb"] <= found["estimate"] <= found["ci.ub"]
    assert len(found["studies"]) + len(found["left_out"]) == len(rows)
    assert orjson.loads(orjson.dumps(found)) == found


def test_a_computed_complement_costs_no_row() -> None:
    rows = [
        {"study": "A", "ai": 1, "bi": 9, "n1i": 10, "ci": 2, "di": 8, "n2i": 10,
         "bi_origin": "computed", "di_origin": "computed"},
        {"study": "B", "ai": 3, "bi": 9, "n1i": 12, "ci": 2, "di": 10, "n2i": 12,
         "ai_origin": "computed"},
    ]  # fmt: skip
    found = rows_of(*rows, measure="OR", without_origins=("computed",))
    assert [study["slab"] for study in found["studies"]] == ["A"]
    assert found["left_out"][0]["reason"] == "ai is computed"
