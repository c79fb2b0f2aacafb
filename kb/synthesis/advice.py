"""What a synthesis cannot say: sentences to stand beside its numbers, each with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

HANDBOOK: Final = "Cochrane Handbook for Systematic Reviews of Interventions, v6.4"

# Below ten studies tests of funnel asymmetry and meta-regression mislead more than they tell.
FEW_STUDIES: Final = 10


class Advice(NamedTuple):
    """`code` stays the same from release to release; `text` is for people."""

    code: str
    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What advice depends on. `k` studies were pooled; counts of studies are among these.

    `n_parameters` counts coefficients of a meta-regression without the intercept. `i2` is in
    percent. `smallest_group` is None without subgroups. `is_narrower_than_z`: whether the
    Knapp-Hartung standard error is smaller than the usual one.
    """

    measure: str
    method: str
    has_random_effects: bool
    test: str
    k: int
    tau2: float
    i2: float
    is_log: bool
    n_corrected: int
    n_uninformative: int
    n_imputed: int
    n_fractional: int
    n_of_a_study_above: int
    n_sharing_participants: int
    n_parameters: int = 0
    smallest_group: int | None = None
    asks_for_bias: bool = False
    is_narrower_than_z: bool = False


def advice(facts: Facts) -> tuple[Advice, ...]:
    return tuple(_said(facts))


def _said(f: Facts) -> Iterator[Advice]:
    if f.k == 1:
        yield Advice(
            "one_study",
            "One study: its own result is shown, nothing was pooled.",
            f"{HANDBOOK}, 10.1: a meta-analysis combines two or more studies",
        )
    elif f.k < 3:
        yield Advice(
            "fewer_than_three",
            f"With {f.k} studies I², tau² and a prediction interval tell next to nothing; do not "
            "report them as findings.",
            "von Hippel (2015) BMC Med Res Methodol 15:35; Higgins, Thompson & Spiegelhalter "
            "(2009) J R Stat Soc A 172:137-159",
        )
    if 2 <= f.k < FEW_STUDIES and f.has_random_effects:
        zero = " An estimate of 0 does not say that the studies agree." if f.tau2 == 0 else ""
        yield Advice(
            "tau2_imprecise",
            f"tau² from {f.k} studies is imprecise; show its interval beside it.{zero}",
            "Veroniki et al. (2016) Res Synth Methods 7:55-79",
        )
    if 2 <= f.k < FEW_STUDIES and f.has_random_effects and f.test == "z":
        yield Advice(
            "z_with_few_studies",
            f"With {f.k} studies intervals by z are too narrow where the studies differ; compare "
            "with the Knapp-Hartung test (knha, or adhoc).",
            "IntHout, Ioannidis & Borm (2014) BMC Med Res Methodol 14:25",
        )
    if f.is_narrower_than_z:
        yield Advice(
            "knha_narrower",
            "Here the Knapp-Hartung standard error is smaller than the usual one; adhoc keeps it "
            "from that.",
            "Jackson et al. (2017) Stat Med 36:3923-3934",
        )
    if f.k >= 3 and f.i2 > 0 and f.method != "GLMM":
        yield Advice(
            "i2_is_a_share",
            f"I² of {f.i2:.0f} % is the share of the spread that sampling error does not explain, "
            "not how far the effects lie apart; the prediction interval shows that.",
            "Borenstein et al. (2017) Res Synth Methods 8:5-18",
        )
    if f.asks_for_bias and f.k < FEW_STUDIES:
        yield Advice(
            "few_for_asymmetry",
            f"With {f.k} studies tests of funnel asymmetry cannot tell chance from real asymmetry; "
            f"use them from {FEW_STUDIES} studies on.",
            f"{HANDBOOK}, 13.3.5.4; Sterne et al. (2011) BMJ 343:d4002",
        )
    if f.asks_for_bias and f.k > 1 and f.measure in ("OR", "PETO", "RR", "PLO", "SMD"):
        yield Advice(
            "asymmetry_by_construction",
            f"The variance of {f.measure} depends on the estimate, so a funnel can be asymmetric "
            "without any study missing.",
            "Sterne et al. (2011) BMJ 343:d4002",
        )
    if f.n_parameters and f.k < FEW_STUDIES * f.n_parameters:
        yield Advice(
            "few_for_regression",
            f"{f.k} studies for {f.n_parameters} coefficients: a meta-regression wants at least "
            f"{FEW_STUDIES} studies for each.",
            f"{HANDBOOK}, 10.11.5.1",
        )
    if f.smallest_group is not None:
        few = f" The smallest group has {f.smallest_group}." if f.smallest_group < 5 else ""
        yield Advice(
            "subgroups_are_observed",
            "A difference between subgroups is an observation across studies, not a randomised "
            f"comparison; judge it by the test between groups, not by each group's own P.{few}",
            f"{HANDBOOK}, 10.11.3 and 10.11.5",
        )
    yield from _of_counts(f)
    if f.n_imputed:
        yield Advice(
            "imputed_values",
            f"{f.n_imputed} of {f.k} studies hold imputed values, whose uncertainty the variances "
            "leave out; show the result without them too (without_origins: imputed).",
            f"{HANDBOOK}, 6.5.2 and 10.12",
        )
    if f.n_of_a_study_above:
        rows = "1 row is" if f.n_of_a_study_above == 1 else f"{f.n_of_a_study_above} rows are"
        yield Advice(
            "rows_of_one_study",
            f"{rows} of a study that has another row; rows that share participants, as those of "
            "one control do, count them twice.",
            f"{HANDBOOK}, 6.2 and 23.3.4",
        )
    if f.n_sharing_participants:
        rows = "1 row names" if f.n_sharing_participants == 1 else (
            f"{f.n_sharing_participants} rows name"
        )  # fmt: skip
        yield Advice(
            "participants_in_two_studies",
            f"{rows} another study that may hold the same participants; pooled together they "
            "count twice.",
            f"{HANDBOOK}, 4.6.2",
        )
    if f.is_log:
        yield Advice(
            "log_scale",
            "estimate and its limits are natural logarithms; the ratios stand under natural.",
            f"{HANDBOOK}, 6.3.2",
        )


_TWO_GROUPS: Final = ("OR", "RR", "PETO", "IRR")


def _of_counts(f: Facts) -> Iterator[Advice]:
    is_by_count = f.method in ("MH", "PETO", "GLMM")
    if f.n_corrected and not is_by_count:
        better = (
            "; Mantel-Haenszel, Peto or a GLMM do without" if f.measure in _TWO_GROUPS else
            "; a GLMM does without" if f.measure in ("PLO", "IRLN") else ""
        )  # fmt: skip
        yield Advice(
            "zero_cells",
            f"Something was added to the counts of {f.n_corrected} of {f.k} studies because of "
            f"zeros, and the result depends on what{better}.",
            f"{HANDBOOK}, 10.4.4; Sweeting, Sutton & Lambert (2004) Stat Med 23:1351-1375",
        )
    if f.n_uninformative and f.measure in _TWO_GROUPS:
        counted = "" if is_by_count else "; they count here only by what was added (drop00)"
        yield Advice(
            "no_information",
            f"{f.n_uninformative} studies had no event, or only events, in both groups and say "
            f"nothing about a ratio{counted}.",
            f"{HANDBOOK}, 10.4.4",
        )
    if f.n_fractional:
        yield Advice(
            "fractional_counts",
            f"{f.n_fractional} of {f.k} studies hold counts that are no whole numbers: right where "
            "a control group is shared out over comparisons, else a proportion or a percentage "
            "stands where a count belongs.",
            f"{HANDBOOK}, 23.3.4",
        )
    if f.measure == "PFT":
        yield Advice(
            "double_arcsine",
            "The way back from the double arcsine scale hangs on one sample size standing for all "
            "and can mislead; prefer PLO, best with method GLMM.",
            "Schwarzer et al. (2019) Res Synth Methods 10:476-483",
        )
    if f.measure == "PR":
        yield Advice(
            "raw_proportions",
            "Raw proportions near 0 or 1 have skewed intervals that can leave 0 to 1; prefer PLO.",
            "Stijnen, Hamza & Özdemir (2010) Stat Med 29:3046-3067",
        )
    if f.method == "PETO" or f.measure == "PETO":
        yield Advice(
            "peto",
            "Peto's odds ratio is biased for large effects and for groups of unlike size; it is "
            "meant for rare events in balanced trials.",
            f"{HANDBOOK}, 10.4.2; Greenland & Salvan (1990) Stat Med 9:247-252",
        )
