"""Effect sizes and their sampling variances from what studies report.

Measures and columns go by the names of the R package metafor (Viechtbauer 2010, J Stat Softw
36(3):1-48), and so do the rules for zero cells; HR is our own. Logarithms are natural ones.
Formulas are cited where they are; "Handbook" is the Cochrane Handbook for Systematic Reviews of
Interventions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

from kb.errors import InvalidInput

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
        return any(name in _CELLS for name in self.columns)


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
# Counts to which something is added where one is zero; of a proportion also `mi`, which is a mean
# elsewhere.
_CELLS: Final[tuple[str, ...]] = ("ai", "bi", "ci", "di", "x1i", "x2i", "xi")


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
            "standardised mean difference", "LS", "metafor5",
        ),
        _measure(
            "ROM", "log ratio of means", _TWO_MEANS, "log", "ratio of means",
            "LS", "HO", "metafor5",
        ),
        _measure("COR", "correlation", ("ri", "ni"), "natural", "correlation", "LS", "AV"),
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
        _measure(
            "IRD", "incidence rate difference", _RATES, "natural", "incidence rate difference"
        ),
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
        _measure("HR", "log hazard ratio, as given", ("yi", "vi|sei"), "log", "hazard ratio"),
        _measure("GEN", "estimate, as given", ("yi", "vi|sei"), "as given", None),
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
    columns : by name; those that the measure does not need are left alone.
    vtype : one of the measure's `variances`, the first where None.
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
    known = measure_of(measure)
    if to not in TO:
        raise InvalidInput(f"unknown to: {to!r} (expected {', '.join(TO)})")
    if add is not None and not (math.isfinite(add) and add >= 0):
        raise InvalidInput(f"add is {add}, but must be 0 or more")
    vtype = vtype or known.variances[0]
    if vtype not in known.variances:
        raise InvalidInput(
            f"unknown vtype {vtype!r} for {measure} (expected {', '.join(known.variances)})"
        )
    c = complete_columns(measure, columns, rows=rows)
    k = len(next(iter(c.values())))
    added = (0.5 if known.adds else 0.0) if add is None else add
    counted = [name for name in _CELLS if name in c]
    if known.needs == _PROPORTION:
        counted.append("mi")
    counts = np.array([c[name] for name in counted]).reshape(len(counted), k)
    is_given = ~np.isnan(counts).any(axis=0)
    has_zero = is_given & (counts == 0).any(axis=0)
    is_corrected = np.zeros(k, dtype=bool)
    if counted and added > 0 and to != "none":
        is_corrected = has_zero if to == "only0" else is_given & (to == "all" or has_zero.any())
    is_uninformative = _uninformative(c, k)
    used = {**c, **{name: c[name] + added * is_corrected for name in counted}}
    with np.errstate(all="ignore"):
        yi, vi = _FORMULAS[measure](used, vtype)
    is_out = ~(np.isfinite(yi) & np.isfinite(vi)) | (is_uninformative & drop00)
    # A correction would make an effect of a group of nobody.
    for size in ("n1i", "n2i", "ni"):
        is_out |= c[size] == 0 if size in c else False
    return Effects(
        yi=np.where(is_out, np.nan, yi),
        vi=np.where(is_out, np.nan, vi),
        is_corrected=is_corrected & ~is_out,
        is_uninformative=is_uninformative,
    )


def measure_of(code: str) -> Measure:
    """The measure of this code; raises InvalidInput for one that is not offered."""
    if code not in MEASURES:
        raise InvalidInput(f"unknown measure {code!r} (expected {', '.join(MEASURES)})")
    return MEASURES[code]


def _uninformative(c: Columns, k: int) -> Flags:
    if "ai" in c:
        a, b, c_, d = (c[name] == 0 for name in ("ai", "bi", "ci", "di"))
        return np.asarray((a & c_) | (b & d))
    if "x1i" in c:
        return np.asarray((c["x1i"] == 0) & (c["x2i"] == 0))
    return np.zeros(k, dtype=bool)


# -- what comes in -------------------------------------------------------------------------------


def complete_columns(
    measure: str, columns: Columns, *, rows: Sequence[str] | None = None
) -> dict[str, Floats]:
    """The columns of a measure, checked, with complements filled in: bi from n1i, n1i from bi.

    NaN stays where a row does not say. Raises InvalidInput for a number that cannot be, naming
    row and column, and for columns that are missing altogether or of different lengths.
    """
    known = measure_of(measure)
    given = {n: np.asarray(columns[n], dtype=float) for n in known.columns if n in columns}
    missing = [need for need in known.needs if not any(n in given for n in need.split("|"))]
    if missing:
        raise InvalidInput(
            f"{measure} needs {', '.join(n.replace('|', ' or ') for n in missing)} as well"
        )
    lengths = {len(values) for values in given.values()}
    if len(lengths) > 1:
        raise InvalidInput(f"columns of different lengths: {sorted(lengths)}")
    k = lengths.pop()
    named = list(rows) if rows is not None else [f"row {i + 1}" for i in range(k)]
    c = {name: given.get(name, np.full(k, np.nan)) for name in known.columns}
    for name, values in c.items():
        _refuse(np.isinf(values), named, name, values, "not a finite number")
        size = np.abs(values)
        is_beyond = (size > _LARGEST) | ((size < _SMALLEST) & (size > 0))
        _refuse(is_beyond, named, name, values, "beyond what any study measures")
        limits = _LIMITS.get(name) if known.needs != ("mi", "sdi", "ni") or name != "mi" else None
        if limits is not None:
            is_wrong, message = limits
            with np.errstate(invalid="ignore"):
                _refuse(is_wrong(values), named, name, values, message)
    for part, rest, total in _PARTS:
        if part in c and rest in c and total in c:
            _fill(c, part, rest, total, named)
    if "sei" in c:
        c["vi"] = np.where(np.isnan(c["vi"]), c["sei"] ** 2, c["vi"])
    return c


def _fill(c: dict[str, Floats], part: str, rest: str, total: str, named: Sequence[str]) -> None:
    """Fill in what follows from two of events, non-events and participants."""
    with np.errstate(invalid="ignore"):
        # Shares of a control group split over several comparisons are fractions; their sums are
        # equal but for rounding.
        differs = np.abs(c[part] + c[rest] - c[total]) > 1e-6
        _refuse(differs, named, total, c[total], f"not the sum of {part} and {rest}")
        _refuse(
            c[part] > c[total], named, part, c[part], f"more events than participants ({total})"
        )
    c[rest] = np.where(np.isnan(c[rest]), c[total] - c[part], c[rest])
    c[total] = np.where(np.isnan(c[total]), c[part] + c[rest], c[total])


def _refuse(
    is_wrong: Flags, named: Sequence[str], column: str, values: Floats, message: str
) -> None:
    if is_wrong.any():
        i = int(np.flatnonzero(is_wrong)[0])
        raise InvalidInput(f"{named[i]}, {column}: {values[i]:g} is {message}")


_PARTS: Final = (("ai", "bi", "n1i"), ("ci", "di", "n2i"), ("xi", "mi", "ni"))

# Far beyond any unit in use, and far from where products of such numbers overflow.
_LARGEST: Final = 1e30
_SMALLEST: Final = 1e-30
_MOST_COUNTED: Final = 1e12

_Limit = tuple[Callable[[Floats], Flags], str]
_COUNT: Final[_Limit] = (
    lambda v: (v < 0) | (v > _MOST_COUNTED),
    f"not a count of persons or events (expected 0 to {_MOST_COUNTED:g})",
)
_SPREAD: Final[_Limit] = (lambda v: v < 0, "negative, but a spread never is")
_TIME: Final[_Limit] = (lambda v: v <= 0, "no person-time; it must be more than 0")
_LIMITS: Final[Mapping[str, _Limit]] = {
    **dict.fromkeys((*_CELLS, "mi", "n1i", "n2i", "ni"), _COUNT),
    **dict.fromkeys(("sd1i", "sd2i", "sdi", "vi", "sei"), _SPREAD),
    **dict.fromkeys(("t1i", "t2i", "ti"), _TIME),
    "ri": (lambda v: np.abs(v) > 1, "no correlation; it must lie from -1 to 1"),
}


# -- formulas ------------------------------------------------------------------------------------

Pair = tuple[Floats, Floats]


def small_sample_factor(df: Floats) -> Floats:
    """J, by which a standardised mean difference exceeds its population value on average.

    Exact, by gamma functions: Hedges (1981), J Educ Stat 6:107-128, eq. 6e.
    """
    return np.asarray(np.exp(gammaln(df / 2) - np.log(df / 2) / 2 - gammaln((df - 1) / 2)))


def _odds_ratio(c: Columns, vtype: str) -> Pair:
    """Handbook 10.4.1 (Woolf)."""
    a, b, c_, d = c["ai"], c["bi"], c["ci"], c["di"]
    return np.log(a * d / (b * c_)), 1 / a + 1 / b + 1 / c_ + 1 / d


def _risk_ratio(c: Columns, vtype: str) -> Pair:
    a, c_ = c["ai"], c["ci"]
    n1, n2 = a + c["bi"], c_ + c["di"]
    return np.log(a / n1) - np.log(c_ / n2), 1 / a - 1 / n1 + 1 / c_ - 1 / n2


def _risk_difference(c: Columns, vtype: str) -> Pair:
    a, b, c_, d = c["ai"], c["bi"], c["ci"], c["di"]
    n1, n2 = a + b, c_ + d
    return a / n1 - c_ / n2, a * b / n1**3 + c_ * d / n2**3


def _arcsine_difference(c: Columns, vtype: str) -> Pair:
    """Rücker et al. (2009), Stat Med 28:721-738."""
    n1, n2 = c["ai"] + c["bi"], c["ci"] + c["di"]
    difference = np.arcsin(np.sqrt(c["ai"] / n1)) - np.arcsin(np.sqrt(c["ci"] / n2))
    return difference, 1 / (4 * n1) + 1 / (4 * n2)


def _peto(c: Columns, vtype: str) -> Pair:
    """(O - E) / V with the hypergeometric variance: Yusuf et al. (1985), Prog Cardiovasc Dis
    27:335-371."""
    n1, n2 = c["ai"] + c["bi"], c["ci"] + c["di"]
    events, others, n = c["ai"] + c["ci"], c["bi"] + c["di"], n1 + n2
    expected = n1 * events / n
    variance = n1 * n2 * events * others / (n**2 * (n - 1))
    return (c["ai"] - expected) / variance, 1 / variance


def _mean_difference(c: Columns, vtype: str) -> Pair:
    """Borenstein (2009), in The Handbook of Research Synthesis, 2nd ed.: eq. 12.5, and 12.3 (HO)
    where both groups are taken to vary alike."""
    n1, n2 = c["n1i"], c["n2i"]
    if vtype == "HO":
        variance = _pooled_variance(c) * (1 / n1 + 1 / n2)
    else:
        variance = c["sd1i"] ** 2 / n1 + c["sd2i"] ** 2 / n2
    return c["m1i"] - c["m2i"], variance


def _pooled_variance(c: Columns) -> Floats:
    n1, n2 = c["n1i"], c["n2i"]
    return ((n1 - 1) * c["sd1i"] ** 2 + (n2 - 1) * c["sd2i"] ** 2) / (n1 + n2 - 2)


def _standardised_difference(c: Columns, vtype: str) -> Pair:
    """Hedges' g. LS: Hedges (1982), Psychol Bull 92:490-499, eq. 8. UB: Hedges (1983), Psychol
    Bull 93:388-395, eq. 9. LS2: Borenstein (2009), eq. 12.17. AV: as LS, at the mean of g.
    RevMan: Handbook, statistical methods of RevMan 5 (Deeks & Higgins 2010), with J approximated.
    """
    n1, n2 = c["n1i"], c["n2i"]
    n, df = n1 + n2, n1 + n2 - 2
    d = (c["m1i"] - c["m2i"]) / np.sqrt(_pooled_variance(c))
    if vtype == "RevMan":
        g = d * (1 - 3 / (4 * n - 9))
        return g, n / (n1 * n2) + g**2 / (2 * (n - 3.94))
    j = small_sample_factor(df)
    g = j * d
    scale = 1 / n1 + 1 / n2
    if vtype == "UB":
        variance = scale + (1 - (df - 2) / (df * j**2)) * g**2
    elif vtype == "LS2":
        variance = j**2 * (scale + d**2 / (2 * n))
    elif vtype == "AV":
        variance = scale + _mean_by_size(g, n) ** 2 / (2 * n)
    else:
        variance = scale + g**2 / (2 * n)
    return g, variance


def _mean_by_size(values: Floats, n: Floats) -> float:
    is_held = np.isfinite(values) & np.isfinite(n)
    return float(np.sum(values[is_held] * n[is_held]) / np.sum(n[is_held]))


def _unequal_standardised_difference(c: Columns, vtype: str) -> Pair:
    """Bonett (2009), Psychol Methods 14:225-238, by the root of the mean variance. metafor 3
    multiplies the variance by J² once more; metafor 5 does not."""
    df1, df2 = c["n1i"] - 1, c["n2i"] - 1
    v1, v2 = c["sd1i"] ** 2, c["sd2i"] ** 2
    mean_variance = (v1 + v2) / 2
    j = small_sample_factor(df1 + df2)
    g = j * (c["m1i"] - c["m2i"]) / np.sqrt(mean_variance)
    variance = (
        g**2 * (v1**2 / df1 + v2**2 / df2) / (8 * mean_variance**2)
        + (v1 / df1 + v2 / df2) / mean_variance
    )
    return g, variance if vtype == "metafor5" else variance * j**2


def _ratio_of_means(c: Columns, vtype: str) -> Pair:
    """Hedges et al. (1999), Ecology 80:1150-1156, eq. 1, and the equation after it (HO). metafor5
    corrects the bias of the logarithm of a mean: Lajeunesse (2015), Ecology 96:2056-2063."""
    part1 = c["sd1i"] ** 2 / (c["n1i"] * c["m1i"] ** 2)
    part2 = c["sd2i"] ** 2 / (c["n2i"] * c["m2i"] ** 2)
    estimate = np.log(c["m1i"] / c["m2i"])
    if vtype == "HO":
        sizes = 1 / (c["n1i"] * c["m1i"] ** 2) + 1 / (c["n2i"] * c["m2i"] ** 2)
        return estimate, _pooled_variance(c) * sizes
    if vtype == "metafor5":
        estimate = estimate + (part1 - part2) / 2
    return estimate, part1 + part2


def _correlation(c: Columns, vtype: str) -> Pair:
    """LS: Borenstein (2009), eq. 12.27. AV: the same at the mean correlation."""
    r, n = c["ri"], c["ni"]
    rest = 1 - r**2
    if vtype == "AV":
        rest = np.full_like(r, 1 - _mean_by_size(r, n) ** 2)
    return r, rest**2 / (n - 1)


def _fisher_z(c: Columns, vtype: str) -> Pair:
    """Fisher (1921), Metron 1:3-32."""
    return np.arctanh(c["ri"]), 1 / _positive(c["ni"] - 3)


def _positive(values: Floats) -> Floats:
    """NaN where not above zero."""
    return np.where(values > 0, values, np.nan)


def _proportion(c: Columns, vtype: str) -> Pair:
    x, n = c["xi"], c["xi"] + c["mi"]
    return x / n, x * c["mi"] / n**3


def _log_proportion(c: Columns, vtype: str) -> Pair:
    x, n = c["xi"], c["xi"] + c["mi"]
    return np.log(x / n), 1 / x - 1 / n


def _logit_proportion(c: Columns, vtype: str) -> Pair:
    return np.log(c["xi"] / c["mi"]), 1 / c["xi"] + 1 / c["mi"]


def _arcsine_proportion(c: Columns, vtype: str) -> Pair:
    n = c["xi"] + c["mi"]
    return np.arcsin(np.sqrt(c["xi"] / n)), 1 / (4 * n)


def _double_arcsine_proportion(c: Columns, vtype: str) -> Pair:
    """Freeman & Tukey (1950), Ann Math Stat 21:607-611; half their sum of two angles."""
    x, n = c["xi"], c["xi"] + c["mi"]
    return double_arcsine(x, n), 1 / (4 * n + 2)


def double_arcsine(x: Floats, n: Floats) -> Floats:
    return (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2


def _rate(c: Columns, vtype: str) -> Pair:
    return c["xi"] / c["ti"], c["xi"] / c["ti"] ** 2


def _log_rate(c: Columns, vtype: str) -> Pair:
    return np.log(c["xi"] / c["ti"]), 1 / c["xi"]


def _root_rate(c: Columns, vtype: str) -> Pair:
    return np.sqrt(c["xi"] / c["ti"]), 1 / (4 * c["ti"])


def _freeman_tukey_rate(c: Columns, vtype: str) -> Pair:
    """Freeman & Tukey (1950), for Poisson counts."""
    x, t = c["xi"], c["ti"]
    return (np.sqrt(x / t) + np.sqrt((x + 1) / t)) / 2, 1 / (4 * t)


def _rate_ratio(c: Columns, vtype: str) -> Pair:
    """Rothman, Greenland & Lash (2008), Modern Epidemiology, 3rd ed., ch. 14; so the two below."""
    estimate = np.log(c["x1i"] / c["t1i"]) - np.log(c["x2i"] / c["t2i"])
    return estimate, 1 / c["x1i"] + 1 / c["x2i"]


def _rate_difference(c: Columns, vtype: str) -> Pair:
    t1, t2 = c["t1i"], c["t2i"]
    return c["x1i"] / t1 - c["x2i"] / t2, c["x1i"] / t1**2 + c["x2i"] / t2**2


def _root_rate_difference(c: Columns, vtype: str) -> Pair:
    t1, t2 = c["t1i"], c["t2i"]
    estimate = np.sqrt(c["x1i"] / t1) - np.sqrt(c["x2i"] / t2)
    return estimate, 1 / (4 * t1) + 1 / (4 * t2)


def _mean(c: Columns, vtype: str) -> Pair:
    return c["mi"], c["sdi"] ** 2 / c["ni"]


def _mean_change(c: Columns, vtype: str) -> Pair:
    return c["m1i"] - c["m2i"], _change_variance(c) / c["ni"]


def _change_variance(c: Columns) -> Floats:
    """Handbook 6.5.2.8."""
    return c["sd1i"] ** 2 + c["sd2i"] ** 2 - 2 * c["ri"] * c["sd1i"] * c["sd2i"]


def _change_by_its_sd(c: Columns, vtype: str) -> Pair:
    """Gibbons et al. (1993), J Educ Stat 18:271-279."""
    n = c["ni"]
    g = small_sample_factor(n - 1) * (c["m1i"] - c["m2i"]) / np.sqrt(_change_variance(c))
    return g, 1 / n + g**2 / (2 * n)


def _change_by_first_sd(c: Columns, vtype: str) -> Pair:
    """Becker (1988), Br J Math Stat Psychol 41:257-278."""
    n = c["ni"]
    g = small_sample_factor(n - 1) * (c["m1i"] - c["m2i"]) / c["sd1i"]
    return g, 2 * (1 - c["ri"]) / n + g**2 / (2 * n)


def _as_given(c: Columns, vtype: str) -> Pair:
    return c["yi"], c["vi"]


_FORMULAS: Final[Mapping[str, Callable[[Columns, str], Pair]]] = {
    "OR": _odds_ratio,
    "RR": _risk_ratio,
    "RD": _risk_difference,
    "AS": _arcsine_difference,
    "PETO": _peto,
    "MD": _mean_difference,
    "SMD": _standardised_difference,
    "SMDH": _unequal_standardised_difference,
    "ROM": _ratio_of_means,
    "COR": _correlation,
    "ZCOR": _fisher_z,
    "PR": _proportion,
    "PLN": _log_proportion,
    "PLO": _logit_proportion,
    "PAS": _arcsine_proportion,
    "PFT": _double_arcsine_proportion,
    "IR": _rate,
    "IRLN": _log_rate,
    "IRS": _root_rate,
    "IRFT": _freeman_tukey_rate,
    "IRR": _rate_ratio,
    "IRD": _rate_difference,
    "IRSD": _root_rate_difference,
    "MN": _mean,
    "MC": _mean_change,
    "SMCC": _change_by_its_sd,
    "SMCR": _change_by_first_sd,
    "HR": _as_given,
    "GEN": _as_given,
}


# -- the way back --------------------------------------------------------------------------------


def natural_values(measure: str, values: Floats, *, harmonic_n: float | None = None) -> Floats:
    """Estimates or limits of a measure taken back to where they can be read: log odds ratios to
    odds ratios, logits to proportions. The values as they are where the scale is natural already.

    Parameters
    ----------
    harmonic_n : for PFT the harmonic mean of the sample sizes (Miller 1978, Am Stat 32:138), for
        IRFT of the person-times; the others do without.

    Raises
    ------
    InvalidInput
        For a measure that has no way back (AS, IRSD, GEN), or without the mean it needs.
    """
    known = measure_of(measure)
    if known.natural is None:
        raise InvalidInput(f"there is no way back from the scale of {measure}")
    values = np.asarray(values, dtype=float)
    if known.scale in ("double arcsine", "Freeman-Tukey"):
        if harmonic_n is None:
            raise InvalidInput(f"{measure} goes back by the harmonic mean of the sample sizes")
        mean = np.float64(harmonic_n)
        if measure == "PFT":
            return _from_double_arcsine(values, mean)
        return _from_freeman_tukey_rate(values, mean)
    with np.errstate(over="ignore"):
        return np.asarray(_BACK[known.scale](values))


# Beyond the scale's ends, where limits of intervals can lie, stands the end.
_BACK: Final[Mapping[str, Callable[[Floats], Any]]] = {
    "natural": lambda v: v,
    "log": np.exp,
    "logit": expit,
    "Fisher's z": np.tanh,
    "arcsine square root": lambda v: np.sin(np.clip(v, 0, np.pi / 2)) ** 2,
    "square root": lambda v: np.clip(v, 0, None) ** 2,
}


def _from_double_arcsine(values: Floats, n: np.float64) -> Floats:
    """Miller (1978)."""
    ends = double_arcsine(np.array([0.0, n]), np.array([n, n]))
    inside = np.clip(values, *ends)
    sine = np.sin(2 * inside)
    root = np.sqrt(np.clip(1 - (sine + (sine - 1 / sine) / n) ** 2, 0, None))
    back = (1 - np.sign(np.cos(2 * inside)) * root) / 2
    return np.where(values <= ends[0], 0.0, np.where(values >= ends[1], 1.0, back))


def _from_freeman_tukey_rate(values: Floats, t: np.float64) -> Floats:
    """x / t for which (√(x/t) + √((x+1)/t)) / 2 is the value."""
    least = np.sqrt(1 / t) / 2
    inside = np.maximum(values, least)
    back = (1 / t - 4 * inside**2) ** 2 / (16 * inside**2)
    return np.where(values <= least, 0.0, back)
