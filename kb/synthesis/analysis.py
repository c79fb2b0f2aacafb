"""One synthesis from a table and choices: effects, pooled effect, and whatever else is asked.

Pure: the same table and choices give the same `Analysis`. Everything stands on the measure's own
scale (logarithms for ratios); `Natural` beside it is taken back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar, cast

import numpy as np
from scipy.special import chdtrc

from kb.errors import InvalidInput, NotEstimable
from kb.synthesis.advice import Advice, Facts, advice
from kb.synthesis.bias import Egger, RankTest, TrimAndFill, begg, egger, fail_safe_n, trim_and_fill
from kb.synthesis.counts import CommonEffect, mantel_haenszel, mantel_haenszel_rates, peto
from kb.synthesis.effects import Floats, Measure, measure_of, natural_values
from kb.synthesis.glmm import (
    GlmmFit,
    glmm_odds_ratios,
    glmm_proportions,
    glmm_rate_ratios,
    glmm_rates,
)
from kb.synthesis.pooling import (
    TESTS,
    Fit,
    HeterogeneityInterval,
    critical,
    heterogeneity_interval,
    pool,
    predict,
    subgroups,
)
from kb.synthesis.proportions import clopper_pearson, wilson
from kb.synthesis.sensitivity import Influence, Refits, cumulative, influence, leave_one_out
from kb.synthesis.studies import LeftOut, Studies, select_studies
from kb.synthesis.table import ORIGINS, Table
from kb.synthesis.tau2 import METHODS

T = TypeVar("T")

COUNT_METHODS: Final = ("MH", "PETO", "GLMM")
ALL_METHODS: Final = (*METHODS, *COUNT_METHODS)
GLMM_MODELS: Final = ("UM.FS", "UM.RS", "CM.EL", "CM.AL")
GLMM_METHODS: Final = ("ML", "EE")
# More points change no digit that is shown.
MOST_POINTS: Final = 100
TRIMFILL: Final = ("L0", "R0", "Q0")
AS_GIVEN: Final = "rows"
# More is a column of numbers mistaken for categories, and would take hours.
MAX_GROUPS: Final = 100
# Sixteen digits are what a float has; matrices of weights need some of them for themselves.
MOST_BETWEEN_VARIANCES: Final = 1e12
# Other names of the model with one effect for all studies.
_SAME_METHOD: Final = {"FE": "EE", "CE": "EE"}

Pooled = Fit | CommonEffect | GlmmFit

# What each method by counts can pool.
POOLED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "MH": ("OR", "RR", "RD", "IRR", "IRD"),
    "PETO": ("OR", "PETO"),
    "GLMM": ("PLO", "IRLN", "OR", "IRR"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What to compute. `level` is a percentage.

    `test`: z, knha or adhoc; knha means t with k - 1 degrees of freedom for GLMM, and MH and PETO
    know only z. `vtype`, `add`, `to` and `drop00` are those of `effect_sizes`. `model` is the GLMM
    of two groups, `glmm_method` ML or, with one effect for all studies, EE; `nagq` is the number
    of its quadrature points, 1 for Laplace's approximation. `mods`: columns of numbers or
    categories; `factor(name)` takes numbers as categories. `cumulative`: a column to sort by, or
    "rows" for the order given.
    `without_origins`: rows holding a value of such an origin are left out.
    """

    measure: str
    method: str = "REML"
    test: str = "z"
    level: float = 95.0
    vtype: str | None = None
    add: float | None = None
    to: str = "only0"
    drop00: bool = False
    model: str = "UM.FS"
    glmm_method: str = "ML"
    nagq: int = 7
    subgroup: str | None = None
    mods: tuple[str, ...] = ()
    cumulative: str | None = None
    leave_one_out: bool = False
    bias: bool = False
    trimfill: str | None = None
    influence: bool = False
    without_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An estimate with its limits, None where there is none."""

    estimate: float | None
    ci_lb: float | None
    ci_ub: float | None
    pi_lb: float | None = None
    pi_ub: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleArcsine:
    """How far a proportion from PFT depends on the sample size that it is taken back by.

    Beside Miller's harmonic mean, which `Analysis.natural` takes: the inverse of the pooled
    variance (Barendregt et al. 2013, J Epidemiol Community Health 67:974-978), and the sine
    squared, which takes none.
    """

    harmonic_mean_n: float
    inverse_variance_n: float
    by_inverse_variance: Effect
    sine_squared: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One pooled study. `weight` in percent, None where the model gives no weights.

    `yi` and what follows from it is None for a study that only a method by counts can use.
    `data` are the measure's columns, `origins` those of them that say where they come from.
    `exact` and `wilson` are intervals of a single proportion; None for other measures, and the
    exact one for counts that are not whole.
    """

    label: str
    place: str
    yi: float | None
    vi: float | None
    sei: float | None
    ci_lb: float | None
    ci_ub: float | None
    weight: float | None
    natural: Effect | None
    is_corrected: bool
    is_uninformative: bool
    data: Mapping[str, float]
    origins: Mapping[str, str]
    exact: tuple[float, float] | None = None
    wilson: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """The pooled effect of all studies but `label`, or of all up to it; `i2` in percent."""

    label: str
    k: int
    estimate: float
    se: float
    statistic: float
    pval: float
    ci_lb: float
    ci_ub: float
    q: float | None
    q_p: float | None
    tau2: float
    i2: float
    h2: float
    natural: Effect | None


@dataclass(frozen=True, slots=True)
class Group:
    """The pooled effect of the studies of one group."""

    label: str
    fit: Pooled
    natural: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupAnalysis:
    """Each group alone, in R's order of names, and the test between them.

    `common` is the meta-regression with one tau² for all, None for methods by counts. `without`
    are the labels of studies that no group is given for.
    """

    column: str
    groups: tuple[Group, ...]
    between_q: float
    between_df: int
    between_p: float
    common: Fit | None
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasTests:
    egger: Egger
    egger_mixed: Egger
    begg: RankTest
    fail_safe_n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The result. `pooled` has one coefficient unless `choices.mods` asks for more.

    `choices` are those that were used, defaults filled in. `natural` is None where there is no
    way back from the scale, or no single effect. `hts` is the prediction interval by t with k - 2
    degrees of freedom (Higgins, Thompson & Spiegelhalter 2009). What was asked for but cannot be
    had of these studies is None, and `notes` say why.
    """

    choices: Choices
    measure: Measure
    is_given: bool
    pooled: Pooled
    natural: Effect | None
    double_arcsine: DoubleArcsine | None
    hts: tuple[float, float] | None
    hts_natural: tuple[float, float] | None
    heterogeneity: HeterogeneityInterval | None
    studies: tuple[StudyRow, ...]
    left_out: tuple[LeftOut, ...]
    subgroups: SubgroupAnalysis | None
    cumulative: tuple[Refit, ...] | None
    leave_one_out: tuple[Refit, ...] | None
    bias: BiasTests | None
    trimfill: TrimAndFill | None
    trimfill_natural: Effect | None
    influence: Influence | None
    advice: tuple[Advice, ...]
    notes: tuple[str, ...]


def analyse(table: Table, choices: Choices) -> Analysis:
    """Effects of the rows of a table, pooled, with whatever else the choices ask for.

    Raises InvalidInput for choices that do not go together and for cells that cannot be, naming
    row and column, and NotEstimable where no row gives an effect.
    """
    choices = _settled(table, choices)
    studies = select_studies(
        table,
        measure_of(choices.measure),
        by_counts=choices.method in COUNT_METHODS,
        without_origins=choices.without_origins,
        vtype=choices.vtype,
        add=choices.add,
        to=choices.to,
        drop00=choices.drop00,
    )
    if choices.method in COUNT_METHODS and studies.is_given:
        raise InvalidInput(f"{choices.method} needs the counts themselves, not yi and vi")
    studies, mods = _with_moderators(table, studies, choices.mods)
    if not studies.k:
        reasons = Counter(row.reason for row in studies.left_out)
        said = "; ".join(f"{reason} ({n} rows)" for reason, n in reasons.most_common(3))
        raise NotEstimable(f"no row gives an effect: {said or 'the table has no rows'}")
    if choices.method not in COUNT_METHODS:
        _check_variances(studies)
    pooled = _pooled(studies, choices, mods)
    single = pooled if isinstance(pooled, Fit) and not mods else None
    notes = list(table.notes)

    def asked(is_asked: object, part: Callable[[], T], name: str) -> T | None:
        if not is_asked:
            return None
        try:
            return part()
        except NotEstimable as error:
            notes.append(f"no {name}: {error}")
            return None

    has_spread = single is not None and single.method != "EE" and single.k > 1
    hts = _hts(single) if single is not None and has_spread else None
    trimfill = asked(choices.trimfill, lambda: _trimfill(studies, choices), "trim and fill")
    groups = asked(choices.subgroup, lambda: _subgroups(table, studies, choices), "subgroups")
    return Analysis(
        choices=choices,
        measure=studies.measure,
        is_given=studies.is_given,
        pooled=pooled,
        natural=None if mods else _natural_of(studies, pooled),
        double_arcsine=None if mods else _double_arcsine(studies, pooled),
        hts=hts,
        hts_natural=_natural_pair(studies, hts),
        heterogeneity=asked(
            has_spread, lambda: heterogeneity_interval(cast(Fit, single)), "interval of tau²"
        ),
        studies=tuple(_study_rows(studies, pooled, choices.level)),
        left_out=studies.left_out,
        subgroups=groups,
        cumulative=asked(
            choices.cumulative, lambda: _cumulative(table, studies, choices), "cumulative effects"
        ),
        leave_one_out=asked(
            choices.leave_one_out, lambda: _leave_one_out(studies, choices), "leave-one-out"
        ),
        bias=asked(choices.bias, lambda: _bias(studies, choices), "tests of asymmetry"),
        trimfill=trimfill,
        trimfill_natural=_natural_of(studies, trimfill.fit) if trimfill else None,
        influence=asked(
            choices.influence,
            lambda: influence(
                studies.effects.yi,
                studies.effects.vi,
                method=_checked(choices.method),
                test=_checked(choices.test),
            ),
            "influence",
        ),
        advice=advice(_facts(table, studies, choices, pooled, len(mods), groups)),
        notes=tuple(notes),
    )


# -- choices -------------------------------------------------------------------------------------


def _settled(table: Table, given: Choices) -> Choices:
    """The choices with defaults filled in and names as they are written here; refuses what does
    not go together."""
    method = given.method.upper()
    method = _SAME_METHOD.get(method, method)
    if method not in ALL_METHODS:
        raise InvalidInput(
            f"unknown method {given.method[:40]!r} (expected {', '.join(ALL_METHODS)})"
        )
    measure = measure_of(given.measure.upper())
    if method == "PETO" and measure.code == "OR":
        measure = measure_of("PETO")
    if method in COUNT_METHODS and measure.code not in POOLED_BY[method]:
        raise InvalidInput(
            f"{method} pools {', '.join(POOLED_BY[method])}, not {measure.code}; for others take "
            "e.g. REML"
        )
    given = replace(
        given,
        test=given.test.lower(),
        model=given.model.upper(),
        glmm_method=given.glmm_method.upper(),
        trimfill=given.trimfill and given.trimfill.upper(),
    )
    _check_one_of("test", given.test, TESTS)
    if given.test != "z" and method in ("MH", "PETO"):
        raise InvalidInput(f"{method} tests by z only, not by {given.test}")
    if given.test == "adhoc" and method == "GLMM":
        raise InvalidInput("GLMM tests by z, or by t with knha")
    _check_one_of("model", given.model, GLMM_MODELS)
    _check_one_of("glmm_method", given.glmm_method, GLMM_METHODS)
    if not 1 <= given.nagq <= MOST_POINTS:
        raise InvalidInput(f"nagq is {given.nagq}, but counts points (expected 1 to {MOST_POINTS})")
    if given.trimfill is not None:
        _check_one_of("trimfill", given.trimfill, TRIMFILL)
    for origin in given.without_origins:
        _check_one_of("origin", origin, ORIGINS)
    if not 1 < given.level < 100:
        raise InvalidInput(f"level is {given.level:g}, but is a percentage (expected e.g. 95)")
    if given.mods and (extra := _extras(given)):
        raise InvalidInput(f"with moderators there is no {extra[0]}; ask for one of them")
    if method in COUNT_METHODS:
        for name in ("mods", "bias", "trimfill", "influence"):
            if getattr(given, name):
                raise InvalidInput(f"{name} needs a method by inverse variances, not {method}")
    for column in (given.subgroup, given.cumulative):
        if column is not None and column != AS_GIVEN:
            table.texts(column)
    return replace(
        given,
        measure=measure.code,
        method=method,
        vtype=given.vtype or measure.variances[0],
        add=(0.5 if measure.adds else 0.0) if given.add is None else given.add,
    )


def _check_one_of(name: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise InvalidInput(f"unknown {name} {given[:40]!r} (expected {', '.join(known)})")


def _extras(given: Choices) -> list[str]:
    names = ("subgroup", "cumulative", "leave_one_out", "bias", "trimfill", "influence")
    return [name.replace("_", "-") for name in names if getattr(given, name)]


def _check_variances(studies: Studies) -> None:
    """Refuses variances beside which others vanish in rounding: one of them is a mistake."""
    vi = studies.effects.vi
    low, high = int(np.argmin(vi)), int(np.argmax(vi))
    if vi[high] / vi[low] > MOST_BETWEEN_VARIANCES:
        raise InvalidInput(
            f"the sampling variances of {studies.labels[low]} ({studies.places[low]}) and "
            f"{studies.labels[high]} ({studies.places[high]}) are {vi[low]:.3g} and "
            f"{vi[high]:.3g}; check their numbers"
        )


# -- models --------------------------------------------------------------------------------------


def _pooled(studies: Studies, choices: Choices, mods: Mapping[str, Floats] | None = None) -> Pooled:
    c, level = studies.columns, choices.level
    if choices.method == "MH" and "x1i" in c:
        return mantel_haenszel_rates(
            c["x1i"], c["t1i"], c["x2i"], c["t2i"], measure=_checked(choices.measure), level=level
        )
    if choices.method == "MH":
        return mantel_haenszel(
            c["ai"], c["n1i"], c["ci"], c["n2i"], measure=_checked(choices.measure), level=level
        )
    if choices.method == "PETO":
        return peto(c["ai"], c["n1i"], c["ci"], c["n2i"], level=level)
    if choices.method == "GLMM":
        return _glmm(studies, choices)
    return pool(studies.effects.yi, studies.effects.vi, mods=mods or None, **_model(choices))


def _checked(name: str) -> Any:
    """A name that `_settled` has compared with the known ones, which the type does not show."""
    return name


def _model(choices: Choices) -> dict[str, Any]:
    return {"method": choices.method, "test": choices.test, "level": choices.level}


def _glmm(studies: Studies, choices: Choices) -> GlmmFit:
    c, model = studies.columns, _checked(choices.model)
    asked: dict[str, Any] = {
        "method": choices.glmm_method,
        "test": "z" if choices.test == "z" else "t",
        "level": choices.level,
        "points": choices.nagq,
    }
    if choices.measure == "PLO":
        return glmm_proportions(c["xi"], c["ni"], **asked)
    if choices.measure == "IRLN":
        return glmm_rates(c["xi"], c["ti"], **asked)
    if choices.measure == "OR":
        return glmm_odds_ratios(c["ai"], c["n1i"], c["ci"], c["n2i"], model=model, **asked)
    if model == "CM.AL":
        raise InvalidInput("CM.AL is a model of odds ratios (rate ratios: UM.FS, UM.RS, CM.EL)")
    return glmm_rate_ratios(c["x1i"], c["t1i"], c["x2i"], c["t2i"], model=model, **asked)


_FACTOR: Final = re.compile(r"factor\((.+)\)")


def _with_moderators(
    table: Table, studies: Studies, mods: Sequence[str]
) -> tuple[Studies, dict[str, Floats]]:
    """The studies that have a value of every moderator, and the columns of the design but the
    intercept, categories as indicators against the first, under the names that R gives them."""
    is_factor = {mod: bool(_FACTOR.fullmatch(mod)) for mod in mods}
    columns = {mod: (m[1].strip() if (m := _FACTOR.fullmatch(mod)) else mod) for mod in mods}
    texts = {mod: table.texts(column) for mod, column in columns.items()}
    studies = studies.without(
        {
            n: f"no value of the moderator {', '.join(lacking)}"
            for n, row in enumerate(studies.rows)
            if (lacking := [columns[mod] for mod in mods if texts[mod][row] is None])
        }
    )
    design: dict[str, Floats] = {}
    for mod, column in columns.items():
        if table.is_numeric(column) and not is_factor[mod]:
            design[mod] = table.numbers(column)[list(studies.rows)]
            continue
        values = [str(texts[mod][row]) for row in studies.rows]
        levels = in_order_of_r(values)
        if studies.k and len(levels) < 2:
            raise InvalidInput(f"moderator {column!r} is {levels[0]!r} in every study")
        _check_number_of_groups(column, levels)
        for level in levels[1:]:
            design[f"{mod}{level}"] = np.array([value == level for value in values], dtype=float)
    return studies, design


def _check_number_of_groups(column: str, names: Sequence[str]) -> None:
    if len(names) > MAX_GROUPS:
        raise InvalidInput(
            f"{column!r} has {len(names)} categories; at most {MAX_GROUPS} are taken"
        )


def in_order_of_r(names: Sequence[str]) -> list[str]:
    """Distinct names as R sorts the levels of a factor: numbers by size, words whatever their
    case, small letters first."""
    distinct = set(names)
    try:
        return sorted(distinct, key=float)
    except ValueError:
        return sorted(distinct, key=lambda name: (name.casefold(), name.swapcase()))


def _hts(fit: Fit) -> tuple[float, float] | None:
    predicted = predict(fit, pi="hts")[0]
    if predicted.pi_lb is None or predicted.pi_ub is None:
        return None
    return predicted.pi_lb, predicted.pi_ub


# -- natural scale -------------------------------------------------------------------------------


def _natural_of(studies: Studies, fit: Pooled | Refit) -> Effect | None:
    limits = (getattr(fit, "pi_lb", None), getattr(fit, "pi_ub", None))
    back = studies.natural((fit.estimate, fit.ci_lb, fit.ci_ub, *limits))
    if back is None:
        return None
    estimate, ci_lb, ci_ub, pi_lb, pi_ub = back
    return Effect(estimate=estimate, ci_lb=ci_lb, ci_ub=ci_ub, pi_lb=pi_lb, pi_ub=pi_ub)


def _double_arcsine(studies: Studies, fit: Pooled) -> DoubleArcsine | None:
    mean = studies.harmonic_mean
    if studies.measure.code != "PFT" or mean is None:
        return None
    # A proportion of n has the variance 1 / (4 n + 2) on this scale.
    n = 1 / (4 * fit.se**2)
    values = np.array([fit.estimate, fit.ci_lb, fit.ci_ub])
    estimate, ci_lb, ci_ub = natural_values("PFT", values, harmonic_n=n).tolist()
    return DoubleArcsine(
        harmonic_mean_n=mean,
        inverse_variance_n=n,
        by_inverse_variance=Effect(estimate=estimate, ci_lb=ci_lb, ci_ub=ci_ub),
        sine_squared=float(np.sin(fit.estimate) ** 2),
    )


def _natural_pair(studies: Studies, pair: tuple[float, float] | None) -> tuple[float, float] | None:
    back = None if pair is None else studies.natural(pair)
    return None if back is None else cast(tuple[float, float], tuple(back))


def _study_rows(studies: Studies, pooled: Pooled, level: float) -> list[StudyRow]:
    weights: list[float | None] = [None] * studies.k
    if not isinstance(pooled, GlmmFit):
        given = np.asarray(pooled.weights, dtype=float)
        weights = (100 * given / given.sum()).tolist()
    z = critical(level, None)
    rows: list[StudyRow] = []
    for n in range(studies.k):
        yi, vi = float(studies.effects.yi[n]), float(studies.effects.vi[n])
        numbers: list[float | None] = [None] * 5
        natural = None
        if not np.isnan(yi):
            sei = vi**0.5
            numbers = [yi, vi, sei, yi - z * sei, yi + z * sei]
            back = studies.at([n]).natural((yi, yi - z * sei, yi + z * sei))
            natural = Effect(estimate=back[0], ci_lb=back[1], ci_ub=back[2]) if back else None
        c = {name: float(values[n]) for name, values in studies.columns.items()}
        is_proportion = studies.measure.natural == "proportion" and not studies.is_given
        is_whole = is_proportion and c["xi"] % 1 == c["ni"] % 1 == 0
        exact = clopper_pearson(c["xi"], c["ni"], level=level) if is_whole else None
        score = wilson(c["xi"], c["ni"], level=level) if is_proportion else None
        rows.append(
            StudyRow(
                label=studies.labels[n],
                place=studies.places[n],
                yi=numbers[0],
                vi=numbers[1],
                sei=numbers[2],
                ci_lb=numbers[3],
                ci_ub=numbers[4],
                weight=weights[n],
                natural=natural,
                is_corrected=bool(studies.effects.is_corrected[n]),
                is_uninformative=bool(studies.effects.is_uninformative[n]),
                data={name: value for name, value in c.items() if not np.isnan(value)},
                origins={
                    name: origin
                    for name, values in studies.origins.items()
                    if (origin := values[n]) is not None
                },
                exact=None if exact is None else (float(exact.lb), float(exact.ub)),
                wilson=None if score is None else (float(score.lb), float(score.ub)),
            )
        )
    return rows


# -- more than one pooled effect -----------------------------------------------------------------


def _subgroups(table: Table, studies: Studies, choices: Choices) -> SubgroupAnalysis:
    column = str(choices.subgroup)
    cells = table.texts(column)
    without = tuple(label for label, row in zip(studies.labels, studies.rows) if cells[row] is None)
    studies = studies.at([n for n, row in enumerate(studies.rows) if cells[row] is not None])
    values = [str(cells[row]) for row in studies.rows]
    names = in_order_of_r(values)
    if len(names) < 2:
        raise NotEstimable(f"all studies are of one {column}")
    _check_number_of_groups(column, names)
    parts = {
        name: studies.at([n for n, value in enumerate(values) if value == name]) for name in names
    }
    common = None
    fits: Mapping[str, Pooled]
    # One tau² for all needs more studies than groups; each can be pooled alone in any case.
    if choices.method not in COUNT_METHODS and studies.k > len(names):
        yi, vi = studies.effects.yi, studies.effects.vi
        found = subgroups(yi, vi, values, **_model(choices))
        fits, common, between_q = found.groups, found.common, found.between_q
    else:
        fits = {name: _pooled(part, choices) for name, part in parts.items()}
        between_q = _between([(fit.estimate, fit.se) for fit in fits.values()])
    df = len(names) - 1
    return SubgroupAnalysis(
        column=column,
        groups=tuple(
            Group(name, fits[name], _natural_of(parts[name], fits[name])) for name in names
        ),
        between_q=between_q,
        between_df=df,
        between_p=float(chdtrc(df, between_q)),
        common=common,
        without=without,
    )


def _between(effects: Sequence[tuple[float, float]]) -> float:
    """Cochran's Q of the groups' own pooled effects."""
    estimates = np.array([estimate for estimate, _ in effects])
    weights = np.array([1 / se**2 for _, se in effects])
    mean = np.sum(weights * estimates) / np.sum(weights)
    return float(np.sum(weights * (estimates - mean) ** 2))


def _leave_one_out(studies: Studies, choices: Choices) -> tuple[Refit, ...]:
    if studies.k < 2:
        raise NotEstimable("one study cannot be left out of one")
    everyone = range(studies.k)
    parts = [studies.at([i for i in everyone if i != n]) for n in everyone]
    refits = None
    if choices.method not in COUNT_METHODS:
        refits = leave_one_out(studies.effects.yi, studies.effects.vi, **_model(choices))
    return _refits(parts, studies.labels, refits, choices)


def _cumulative(table: Table, studies: Studies, choices: Choices) -> tuple[Refit, ...]:
    order = list(range(studies.k))
    column = str(choices.cumulative)
    if column != AS_GIVEN:
        texts = table.texts(column)
        numbers = table.numbers(column) if table.is_numeric(column) else None

        def key(n: int) -> tuple[bool, float, str]:
            row = studies.rows[n]
            text = texts[row]
            # Studies without a value come last.
            return (
                text is None,
                0.0 if numbers is None or text is None else numbers[row],
                text or "",
            )

        order.sort(key=key)
    parts = [studies.at(order[: n + 1]) for n in range(studies.k)]
    labels = [studies.labels[n] for n in order]
    refits = None
    if choices.method not in COUNT_METHODS:
        refits = cumulative(studies.effects.yi, studies.effects.vi, order=order, **_model(choices))
    return _refits(parts, labels, refits, choices)


def _refits(
    parts: Sequence[Studies], labels: Sequence[str], found: Refits | None, choices: Choices
) -> tuple[Refit, ...]:
    rows: list[Refit] = []
    for n, (part, label) in enumerate(zip(parts, labels)):
        if found is not None:
            names = [f.name for f in fields(found)]
            values = {name: float(getattr(found, name)[n]) for name in names}
        else:
            fit = _pooled(part, choices)
            values = _common_numbers(fit)
        row = Refit(label=label, k=part.k, natural=None, **values)
        rows.append(replace(row, natural=_natural_of(part, row)))
    return tuple(rows)


def _common_numbers(fit: Pooled) -> dict[str, Any]:
    """What a refit tells of a model by counts; of a GLMM Q is Wald's."""
    q, q_p = (fit.qe_wald, fit.qe_wald_p) if isinstance(fit, GlmmFit) else (fit.qe, fit.qe_p)
    tau2 = 0.0 if isinstance(fit, CommonEffect) else fit.tau2
    names = ("estimate", "se", "statistic", "pval", "ci_lb", "ci_ub", "i2", "h2")
    return {name: getattr(fit, name) for name in names} | {"q": q, "q_p": q_p, "tau2": tau2}


# -- bias ----------------------------------------------------------------------------------------


def _bias(studies: Studies, choices: Choices) -> BiasTests:
    yi, vi = studies.effects.yi, studies.effects.vi
    return BiasTests(
        egger=egger(yi, vi, model="lm", level=choices.level),
        egger_mixed=egger(yi, vi, model="mixed", **_model(choices)),
        begg=begg(yi, vi),
        fail_safe_n=fail_safe_n(yi, vi),
    )


def _trimfill(studies: Studies, choices: Choices) -> TrimAndFill:
    return trim_and_fill(
        studies.effects.yi,
        studies.effects.vi,
        estimator=_checked(str(choices.trimfill)),
        **_model(choices),
    )


# -- advice --------------------------------------------------------------------------------------


def _n_with_fractions(studies: Studies) -> int:
    """How many studies have a count of persons or events that is no whole number."""
    found = np.zeros(studies.k, dtype=bool)
    for name in ("ai", "bi", "ci", "di", "n1i", "n2i", "x1i", "x2i", "xi", "ni"):
        # A complement, n1i less ai, is whole but for rounding.
        values = np.nan_to_num(studies.columns.get(name, found))
        found |= np.abs(values - np.rint(values)) > 1e-6
    return int(found.sum())


def _study_names(table: Table, studies: Studies) -> list[str]:
    """Which study each row is of: several rows of one may have labels of their own."""
    name = next((n for n in ("study_id", "study", "trial") if table.name_of(n) is not None), None)
    told = table.texts(name) if name is not None else [None] * table.k
    return [told[row] or label for row, label in zip(studies.rows, studies.labels)]


def _n_sharing_participants(table: Table, studies: Studies) -> int:
    """How many rows name another study as one that may hold their participants."""
    column = "shares_participants_with"
    if table.name_of(column) is None:
        return 0
    named = table.texts(column)
    return sum(named[row] is not None for row in studies.rows)


def _facts(
    table: Table,
    studies: Studies,
    choices: Choices,
    pooled: Pooled,
    n_moderators: int,
    groups: SubgroupAnalysis | None,
) -> Facts:
    is_narrower = False
    if isinstance(pooled, Fit) and choices.test == "knha" and pooled.p == 1 and pooled.k > 1:
        by_z = _pooled(studies, replace(choices, test="z"))
        is_narrower = pooled.se < by_z.se
    return Facts(
        measure=choices.measure,
        method=choices.method,
        has_random_effects=not isinstance(pooled, CommonEffect) and pooled.method != "EE",
        test=choices.test,
        k=studies.k,
        tau2=0.0 if isinstance(pooled, CommonEffect) else pooled.tau2,
        i2=pooled.i2,
        is_log=studies.measure.scale == "log",
        n_corrected=int(studies.effects.is_corrected.sum()),
        n_uninformative=int(studies.effects.is_uninformative.sum()),
        n_imputed=int(studies.is_imputed.sum()),
        n_fractional=_n_with_fractions(studies),
        n_of_a_study_above=studies.k - len(set(_study_names(table, studies))),
        n_sharing_participants=_n_sharing_participants(table, studies),
        n_parameters=n_moderators,
        smallest_group=min((group.fit.k for group in groups.groups), default=None)
        if groups
        else None,
        asks_for_bias=choices.bias or choices.trimfill is not None,
        is_narrower_than_z=is_narrower,
    )
