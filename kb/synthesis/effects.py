"""Effect sizes and their sampling variances from what studies report.

Measures and columns go by the names of the R package metafor (Viechtbauer 2010, J Stat Softw
36(3):1-48), and so do the rules for zero cells. Logarithms are natural ones. Formulas are cited
where they are; "Handbook" is the Cochrane Handbook for Systematic Reviews of Interventions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Columns = Mapping[str, Floats]

TO: Final = ("only0", "all", "if0all", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one measure needs and means.

    `needs`: columns that a row must fill; of columns joined by `|` any one will do.
    `scale`: of estimates and variances. `natural`: what the back-transformed estimate is called,
    None where estimates of this scale cannot be taken back.
    `variances`: the choices of `vtype`, the default first.
    `adds`: whether zero cells are corrected unless the caller says how much to add.
    """

    code: str
    name: str
    needs: tuple[str, ...]
    scale: str
    natural: str | None
    variances: tuple[str, ...] = ("LS",)
    adds: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that may hold a number for this measure."""
        return tuple(name for need in self.needs for name in need.split("|"))

    @property
    def counts_zero_cells(self) -> bool:
        return any(name in _COUNTED for name in self.columns)


@dataclass(frozen=True, slots=True)
class Effects:
    """k effects, in the order of the rows. NaN in `yi` and `vi` where a row gives none.

    `is_corrected`: rows to whose counts something was added because of zeros.
    `is_uninformative`: rows of two groups with no event, or nothing but events, in both.
    """

    yi: Floats
    vi: Floats
    is_corrected: Flags
    is_uninformative: Flags


_TABLE: Final = ("ai", "bi|n1i", "ci", "di|n2i")
_TWO_MEANS: Final = ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
_RATES: Final = ("x1i", "t1i", "x2i", "t2i")
_PAIRED: Final = ("m1i", "m2i", "sd1i", "sd2i", "ri", "ni")
_PROPORTION: Final = ("xi", "mi|ni")
_COUNTED: Final = frozenset({"ai", "x1i", "xi"})


def _measure(
    code: str,
    name: str,
    needs: tuple[str, ...],
    scale: str,
    natural: str | None,
    *variances: str,
    adds: bool = True,
) -> Measure:
    return Measure(
        code=code,
        name=name,
        needs=needs,
        scale=scale,
        natural=natural,
        variances=variances or ("LS",),
        adds=adds,
    )


MEASURES: Final[Mapping[str, Measure]] = {
    measure.code: measure
    for measure in (
        _measure("OR", "log odds ratio", _TABLE, "log", "odds ratio"),
        _measure("RR", "log risk ratio", _TABLE, "log", "risk ratio"),
        _measure("RD", "risk difference", _TABLE, "natural", "risk difference"),
        _measure(
            "AS", "arcsine risk difference", _TABLE, "arcsine square root", None, adds=False
        ),
        _measure("PETO", "log odds ratio (Peto)", _TABLE, "log", "odds ratio"),
        _measure("MD", "mean difference", _TWO_MEANS, "natural", "mean difference", "LS", "HO"),
        _measure(
            "SMD", "standardised mean difference", _TWO_MEANS, "natural",
            "standardised mean difference", "LS", "UB", "LS2", "AV", "RevMan",
        ),
        _measure(
            "SMDH", "standardised mean difference, unequal variances", _TWO_MEANS, "natural",
            "standardised mean difference", "LS", "LS5",
        ),
        _measure("ROM", "log ratio of means", _TWO_MEANS, "log", "ratio of means", "LS", "HO", "LS5"),
        _measure("COR", "correlation", ("ri", "ni"), "natural", "correlation", "LS", "UB", "AV"),
        _measure("ZCOR", "Fisher's z of a correlation", ("ri", "ni"), "Fisher's z", "correlation"),
        _measure("PR", "proportion", _PROPORTION, "natural", "proportion"),
        _measure("PLN", "log proportion", _PROPORTION, "log", "proportion"),
        _measure("PLO", "logit proportion", _PROPORTION, "logit", "proportion"),
        _measure(
            "PAS", "arcsine proportion", _PROPORTION, "arcsine square root", "proportion",
            adds=False,
        ),
        _measure(
            "PFT", "double arcsine proportion", _PROPORTION, "double arcsine", "proportion",
            adds=False,
        ),
        _measure("IR", "incidence rate", ("xi", "ti"), "natural", "incidence rate"),
        _measure("IRLN", "log incidence rate", ("xi", "ti"), "log", "incidence rate"),
        _measure(
            "IRS", "square root incidence rate", ("xi", "ti"), "square root", "incidence rate",
            adds=False,
        ),
        _measure(
            "IRFT", "Freeman-Tukey incidence rate", ("xi", "ti"), "Freeman-Tukey",
            "incidence rate", adds=False,
        ),
        _measure("IRR", "log incidence rate ratio", _RATES, "log", "incidence rate ratio"),
        _measure("IRD", "incidence rate difference", _RATES, "natural", "incidence rate difference"),
        _measure(
            "IRSD", "difference of square root rates", _RATES, "square root", None, adds=False
        ),
        _measure("MN", "mean", ("mi", "sdi", "ni"), "natural", "mean"),
        _measure("MC", "mean change", _PAIRED, "natural", "mean change"),
        _measure(
            "SMCC", "standardised mean change, by the change's SD", _PAIRED, "natural",
            "standardised mean change",
        ),
        _measure(
            "SMCR", "standardised mean change, by the first SD",
            ("m1i", "m2i", "sd1i", "ri", "ni"), "natural", "standardised mean change",
        ),
        _measure("GEN", "estimate as given", ("yi", "vi|sei"), "as given", None),
    )
}  # fmt: skip


def effect_sizes(
    measure: str,
    columns: Columns,
    *,
    vtype: str | None = None,
    add: float | None = None,
    to: str = "only0",
    drop00: bool = False,
    rows: Sequence[str] | None = None,
) -> Effects:
    """Estimates and variances of one measure from columns of equal length, NaN for not given.

    Parameters
    ----------
    add : added to the counts of the rows that `to` names; None is 1/2, and 0 for AS, IRSD, PAS,
        PFT, IRS and IRFT, which need no correction.
    to : "only0" rows with a zero cell, "all" rows, "if0all" all rows if any has a zero cell,
        "none".
    drop00 : whether two-group rows without any event, or without any non-event, give no effect.
    rows : what to call each row in error messages.

    Raises
    ------
    InvalidInput
        For a measure, option or number that cannot be; says which row and column.
    """
    raise NotImplementedError


def natural_values(measure: str, values: Floats, *, harmonic_n: float | None = None) -> Floats:
    """Estimates or limits of a measure taken back to where they can be read: log odds ratios to
    odds ratios, logits to proportions.

    harmonic_n : for PFT the harmonic mean of the sample sizes (Miller 1978, Am Stat 32:138), for
        IRFT of the person-times.
    """
    raise NotImplementedError
