"""Forest and funnel plots of an analysis, with the numbers that its table holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from kb.errors import InvalidInput
from kb.pictures.forest import (
    Columns,
    Estimate,
    Forest,
    Group,
    Heterogeneity,
    Number,
    Pooled,
    Row,
)
from kb.pictures.funnel import Funnel, Point
from kb.pictures.scales import MINUS, number, p_value
from kb.synthesis.analysis import Analysis, Effect, StudyRow, in_order_of_r
from kb.synthesis.counts import CommonEffect
from kb.synthesis.effects import Measure
from kb.synthesis.glmm import GlmmFit
from kb.synthesis.pooling import Fit
from kb.synthesis.table import Table, measure_data

_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "proportion": (0.0, 1.0),
    "correlation": (-1.0, 1.0),
    "incidence rate": (0.0, math.inf),
}
_ONE_GROUP: Final = ("proportion", "incidence rate", "mean")

# Columns of each arm by metafor's names, as a plot heads them.
_NAMES: Final[Mapping[str, str]] = {
    "ai": "Events", "n1i": "Total", "ci": "Events", "n2i": "Total", "x1i": "Events",
    "t1i": "Time", "x2i": "Events", "t2i": "Time", "m1i": "Mean", "sd1i": "SD", "m2i": "Mean",
    "sd2i": "SD", "xi": "Events", "ni": "Total", "ti": "Time", "mi": "Mean", "sdi": "SD", "ri": "r",
}  # fmt: skip
_ARMS: Final[Sequence[tuple[str, ...]]] = (
    ("ai", "n1i"), ("ci", "n2i"), ("x1i", "t1i"), ("x2i", "t2i"), ("m1i", "sd1i", "n1i"),
    ("m2i", "sd2i", "n2i"),
)  # fmt: skip
_SUMMED: Final = ("ai", "n1i", "ci", "n2i", "x1i", "t1i", "x2i", "t2i", "xi", "ni", "ti")

_Shown = list[tuple[str | None, tuple[str, ...]]]  # heading of an arm and its columns


def forest_of(
    analysis: Analysis,
    table: Table,
    *,
    title: str,
    arms: tuple[str, str] = ("Experimental", "Control"),
    favours: tuple[str, str] | None = None,
    ratio: str | None = None,
    limits: tuple[float, float] | None = None,
) -> Forest:
    """The plot of an analysis of this table.

    Parameters
    ----------
    arms : what the two groups are called.
    favours : who is favoured left and right of no effect, where that is known.
    ratio : of measure GEN: the estimates are logarithms of this, "Hazard ratio", which is printed.
    limits : of the axis, on the scale that is printed.
    """
    measure, choices = analysis.measure, analysis.choices
    if ratio is not None and measure.code != "GEN":
        raise InvalidInput(
            f"{measure.code} is printed as {measure.natural or measure.name} already"
        )
    # Ratios have a logarithmic axis; proportions and rates are printed on a plain one.
    is_ratio = measure.scale == "log" and measure.natural not in _ONE_GROUP
    is_log = ratio is not None or is_ratio
    columns = _columns(analysis, arms)
    rows = [_row(row, columns, is_exponent=ratio is not None) for row in analysis.studies]
    by_place = {row.place: shown for row, shown in zip(analysis.studies, rows)}
    by_place |= _left_out(analysis, table, columns)
    wanted = [(place, by_place[place]) for place in table.places if place in by_place]
    return Forest(
        title=title,
        measure=ratio or _sentence(measure.natural or measure.name),
        groups=_groups(analysis, table, wanted, columns, ratio),
        pooled=_pooled(analysis, columns, ratio),
        columns=tuple(
            Columns(heading=heading, names=tuple(_NAMES[n] for n in names))
            for heading, names in columns
        ),
        method=method_text(analysis),
        level=choices.level,
        is_log=is_log,
        null=_null(measure, is_log=is_log),
        bounds=_BOUNDS.get(measure.natural or ""),
        favours=favours,
        limits=limits,
        subgroup_test=_between(analysis),
        notes=_notes(analysis),
    )


def funnel_of(
    analysis: Analysis, *, title: str, ratio: str | None = None, is_contoured: bool = False
) -> Funnel:
    """The plot of an analysis, with what its trim and fill and its test of asymmetry say."""
    measure, fit = analysis.measure, analysis.pooled
    if analysis.choices.mods:
        raise InvalidInput("with moderators there is no one effect for a funnel to stand around")
    is_log = ratio is not None or measure.scale == "log"
    if is_contoured and _null(measure, is_log=is_log) is None:
        raise InvalidInput(
            f"contours stand around no effect, which a {measure.natural} does not have"
        )
    points = [
        Point(label=row.label, estimate=row.yi, se=row.sei)
        for row in analysis.studies
        if row.yi is not None and row.sei is not None
    ]
    filled = analysis.trimfill
    if filled is not None:
        points += [
            Point(label=f"filled {n + 1}", estimate=yi, se=math.sqrt(vi), is_filled=True)
            for n, (yi, vi) in enumerate(zip(filled.filled_yi, filled.filled_vi))
        ]
    name = ratio or (measure.natural if is_log else None) or measure.name
    asymmetry = None
    if analysis.bias is not None:
        found = analysis.bias.egger
        asymmetry = (
            f"Egger's test of asymmetry: t = {number(found.statistic)}, df = {found.df}, "
            f"{p_value(found.pval)}"
        )
    return Funnel(
        title=title,
        measure=_sentence(name),
        points=tuple(points),
        centre=fit.estimate,
        adjusted=filled.fit.estimate if filled is not None and filled.k0 else None,
        is_log=is_log,
        level=analysis.choices.level,
        is_contoured=is_contoured,
        asymmetry=asymmetry,
    )


def method_text(analysis: Analysis) -> str:
    """How the studies were pooled, for a reader."""
    fit, choices = analysis.pooled, analysis.choices
    if isinstance(fit, CommonEffect):
        name = "Mantel-Haenszel" if fit.method == "MH" else "Peto"
        return f"Common effect, {name}"
    if isinstance(fit, GlmmFit):
        model = f" {fit.model}" if fit.model else ""
        return f"Generalised linear mixed model{model}"
    said = (
        "Common effect, inverse variance"
        if fit.method == "EE"
        else f"Random effects, inverse variance, τ² by {fit.method}"
    )
    if choices.test != "z":
        said += ", Hartung-Knapp interval" + (" (ad hoc)" if choices.test == "adhoc" else "")
    return said + (f"; moderators: {', '.join(choices.mods)}" if choices.mods else "")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _null(measure: Measure, *, is_log: bool) -> float | None:
    if measure.natural in _ONE_GROUP:
        return None
    return 1.0 if is_log else 0.0


# -- studies -------------------------------------------------------------------------------------


def _columns(analysis: Analysis, arms: tuple[str, str]) -> _Shown:
    """The columns that the studies have numbers in, by arm."""
    if analysis.is_given or analysis.measure.code == "GEN":
        return []
    held = {name for row in analysis.studies for name in row.data}
    if "ri" in held and "m1i" in held:  # one group measured twice: metafor's m1i - m2i
        own = (("First", ("m1i", "sd1i")), ("Second", ("m2i", "sd2i")), (None, ("ni", "ri")))
        return [(h, tuple(n for n in names if n in held)) for h, names in own]
    found: _Shown = []
    for names in _ARMS:
        if all(name in held for name in names):
            found.append((arms[len(found)], names))
    if found:
        return found
    single = tuple(n for n in ("xi", "mi", "sdi", "ri", "ni", "ti") if n in held)
    # Of a proportion `mi` are those without the event, whom the total tells of.
    if "xi" in single:
        single = tuple(n for n in single if n in ("xi", "ni", "ti"))
    return [(None, single)] if single else []


def _row(row: StudyRow, columns: _Shown, *, is_exponent: bool) -> Row:
    own = Effect(estimate=row.yi, ci_lb=row.ci_lb, ci_ub=row.ci_ub)
    effect = _estimate(row.natural or own, is_exponent=is_exponent)
    reason = None if effect else "no estimate of its own; its counts are pooled"
    if row.is_uninformative and not row.weight:
        # Only a correction gives it an estimate, and methods by counts use none.
        effect, reason = None, "no events, or nothing but events, in both groups"
    given = {row.origins.get(name, "reported") for name in ("yi", "vi", "sei")} - {"reported"}
    return Row(
        label=row.label,
        numbers=tuple(
            _number(row.data.get(name), row.origins.get(name))
            for _, names in columns
            for name in names
        ),
        effect=effect,
        weight=row.weight,
        is_corrected=row.is_corrected and effect is not None,
        # One sign for the effect as a whole, the one that asks for most care.
        origin=next(
            (o for o in ("imputed", "digitised", *sorted(given)) if o in given), "reported"
        ),
        reason=reason,
    )


def _estimate(effect: Effect, *, is_exponent: bool) -> Estimate | None:
    values = (effect.estimate, effect.ci_lb, effect.ci_ub)
    if any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    if is_exponent:
        known = [_exp(value) for value in known]
    # Limits taken back may pass their estimate by the last digit.
    return Estimate(estimate=known[0], low=min(known[1], known[0]), high=max(known[2], known[0]))


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


def _number(value: float | None, origin: str | None) -> Number:
    if value is None or math.isnan(value):
        return Number(text=None)
    return Number(text=_data_text(value), origin=origin or "reported")


def _data_text(value: float) -> str:
    """A number of the table: counts whole, others as they were given."""
    said = f"{value:,.0f}" if value == round(value) else f"{value:.6g}"
    return said.replace("-", MINUS)


def _left_out(analysis: Analysis, table: Table, columns: _Shown) -> dict[str, Row]:
    """Rows of the table that were not pooled, by place, with what they hold."""
    data = measure_data(table, analysis.measure.code) if columns else None
    at = {place: n for n, place in enumerate(table.places)}
    rows: dict[str, Row] = {}
    for gone in analysis.left_out:
        numbers = []
        for name in (name for _, names in columns for name in names):
            held = data.columns.get(name) if data else None
            origins = table.origins(data.names[name]) if data and name in data.names else None
            n = at[gone.place]
            numbers.append(
                _number(None if held is None else float(held[n]), origins[n] if origins else None)
            )
        rows[gone.place] = Row(
            label=gone.label, numbers=tuple(numbers), effect=None, reason=gone.reason
        )
    return rows


def _groups(
    analysis: Analysis,
    table: Table,
    rows: Sequence[tuple[str, Row]],
    columns: _Shown,
    ratio: str | None,
) -> tuple[Group, ...]:
    found = analysis.subgroups
    if found is None:
        return (Group(name=None, rows=tuple(row for _, row in rows)),)
    texts = dict(zip(table.places, table.texts(found.column)))
    fits = {group.label: group for group in found.groups}
    groups = []
    for name in in_order_of_r([t for place, _ in rows if (t := texts[place]) is not None]):
        held = [row for place, row in rows if texts[place] == name]
        places = {place for place, _ in rows if texts[place] == name}
        studies = [row for row in analysis.studies if row.place in places]
        fit = fits.get(name)
        pooled = (
            (_pooled_of("Subtotal", fit.fit, fit.natural, studies, columns, ratio),) if fit else ()
        )
        groups.append(Group(name=name, rows=tuple(held), pooled=pooled))
    if rest := [row for place, row in rows if texts[place] is None]:
        groups.append(Group(name=f"{_sentence(found.column)} not given", rows=tuple(rest)))
    return tuple(groups)


# -- what they come to ---------------------------------------------------------------------------


def _pooled(analysis: Analysis, columns: _Shown, ratio: str | None) -> tuple[Pooled, ...]:
    if analysis.choices.mods:
        return ()
    label = "All studies" if len(analysis.studies) > 1 else "The one study"
    pair = analysis.hts_natural or analysis.hts
    prediction = None
    if pair is not None:
        prediction = (_exp(pair[0]), _exp(pair[1])) if ratio else pair
    return (
        _pooled_of(
            label,
            analysis.pooled,
            analysis.natural,
            analysis.studies,
            columns,
            ratio,
            prediction=prediction,
            has_null=analysis.measure.natural not in _ONE_GROUP,
        ),
    )


def _pooled_of(
    label: str,
    fit: Fit | CommonEffect | GlmmFit,
    natural: Effect | None,
    studies: Sequence[StudyRow],
    columns: _Shown,
    ratio: str | None,
    *,
    prediction: tuple[float, float] | None = None,
    has_null: bool = False,
) -> Pooled:
    own = Effect(estimate=fit.estimate, ci_lb=fit.ci_lb, ci_ub=fit.ci_ub)
    effect = _estimate(natural or own, is_exponent=ratio is not None)
    if effect is None:
        raise InvalidInput(f"{label}: the pooled effect cannot be printed on the natural scale")
    weights = [row.weight for row in studies]
    known = [weight for weight in weights if weight is not None]
    return Pooled(
        label=label,
        k=fit.k,
        effect=effect,
        numbers=_sums(studies, columns),
        weight=sum(known) if known and len(known) == len(weights) else None,
        prediction=prediction,
        test=_test(fit) if has_null else None,
        heterogeneity=_heterogeneity(fit),
    )


def _sums(studies: Sequence[StudyRow], columns: _Shown) -> tuple[Number, ...]:
    """Under each column of counts its sum, nothing under means."""
    sums = []
    for name in (name for _, names in columns for name in names):
        held = [row.data.get(name) for row in studies]
        known = [value for value in held if value is not None]
        is_summed = name in _SUMMED and len(known) == len(held)
        sums.append(Number(text=_data_text(sum(known)) if is_summed else ""))
    return tuple(sums)


def _test(fit: Fit | CommonEffect | GlmmFit) -> str:
    df = None if isinstance(fit, CommonEffect) else fit.ddf
    said = f"z = {number(fit.statistic)}" if df is None else f"t({df}) = {number(fit.statistic)}"
    return f"{said}, {p_value(fit.pval)}"


def _heterogeneity(fit: Fit | CommonEffect | GlmmFit) -> Heterogeneity | None:
    if fit.k < 2:
        return None
    if isinstance(fit, CommonEffect):
        if fit.qe_df < 1:
            return None
        return Heterogeneity(q=fit.qe, df=fit.qe_df, p=fit.qe_p, i2=fit.i2)
    if isinstance(fit, GlmmFit):
        return Heterogeneity(
            q=fit.qe_wald,
            df=fit.qe_df,
            p=fit.qe_wald_p,
            tau2=fit.tau2 if fit.method != "EE" else None,
            i2=fit.i2,
        )
    tau2 = fit.tau2 if fit.method != "EE" else None
    return Heterogeneity(q=fit.qe, df=fit.k - fit.p, p=fit.qe_p, tau2=tau2, i2=fit.i2)


def _between(analysis: Analysis) -> str | None:
    found = analysis.subgroups
    if found is None:
        return None
    q = number(found.between_q)
    return f"Q = {q}, df = {found.between_df} ({p_value(found.between_p)})"


def _notes(analysis: Analysis) -> tuple[str, ...]:
    notes = []
    if analysis.hts is not None and not analysis.choices.mods:
        notes.append("Prediction interval by t with k − 2 degrees of freedom.")
    if analysis.choices.mods:
        notes.append("With moderators there is no one pooled effect.")
    if analysis.is_given:
        notes.append("Estimates and variances as given in the table.")
    return tuple(notes)
