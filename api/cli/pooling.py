"""`kb pool`: a meta-analysis of a table, without any database."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli._context import AsJson, console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from kb.synthesis.analysis import Analysis, Effect, Pooled, Refit, StudyRow

_MOST_DIGITS = 4


def pool(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV table, or - for stdin.")],
    measure: Annotated[
        str | None,
        typer.Option(help="OR, RR, RD, PETO, MD, SMD, ROM, PLO, PR, IRR, ZCOR, MC ..., or GEN."),
    ] = None,
    method: Annotated[
        str, typer.Option(help="REML, DL, PM, ML, EB, HE, HS, SJ, EE, MH, PETO or GLMM.")
    ] = "REML",
    test: Annotated[str, typer.Option(help="z, knha, or adhoc (knha, never narrower).")] = "z",
    level: Annotated[float, typer.Option(help="Of intervals, in percent.")] = 95.0,
    vtype: Annotated[
        str | None, typer.Option(help="Kind of variance: LS, UB, LS2, HO, AV, RevMan ...")
    ] = None,
    add: Annotated[
        float | None, typer.Option(help="Added to zero cells (default: 0.5 where needed).")
    ] = None,
    to: Annotated[str, typer.Option(help="Where: only0, all, if0all or none.")] = "only0",
    drop00: Annotated[
        bool, typer.Option("--drop00", help="Leave out studies with no events in both groups.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="GLMM of two groups: UM.FS, UM.RS, CM.EL or CM.AL.")
    ] = "UM.FS",
    glmm_method: Annotated[
        str, typer.Option(help="GLMM: ML, or EE with one effect for all studies.", metavar="NAME")
    ] = "ML",
    nagq: Annotated[
        int, typer.Option("--nagq", help="GLMM: quadrature points; 1 is Laplace's approximation.")
    ] = 7,
    subgroup: Annotated[
        str | None, typer.Option(help="Pool the groups of this column too.", metavar="COLUMN")
    ] = None,
    mods: Annotated[
        list[str] | None,
        typer.Option(
            help="Meta-regression on these columns; factor(COLUMN) makes categories of numbers.",
            metavar="COLUMN,...",
        ),
    ] = None,
    cumulative: Annotated[
        str | None,
        typer.Option(help="Add studies one by one, sorted by it, or `rows`.", metavar="COLUMN"),
    ] = None,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Pool all studies but one, for each.")
    ] = False,
    bias: Annotated[
        bool, typer.Option("--bias", help="Tests of funnel asymmetry, and fail-safe N.")
    ] = False,
    trimfill: Annotated[bool, typer.Option("--trimfill", help="Trim and fill.")] = False,
    trimfill_estimator: Annotated[
        str, typer.Option(help="Of the number of missing studies: L0, R0 or Q0.", metavar="NAME")
    ] = "L0",
    influence: Annotated[
        bool, typer.Option("--influence", help="What each study does to the result.")
    ] = False,
    without_origin: Annotated[
        list[str] | None,
        typer.Option(help="Leave out rows with such values, e.g. imputed.", metavar="ORIGIN"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pool the studies of a table: effect sizes, pooled effect, heterogeneity, and what it cannot
    say.

        kb pool bcg.csv --measure OR
        kb pool bcg.csv --measure RR --method DL --test knha --subgroup alloc
        kb pool prepost.csv --measure MC --without-origin imputed --json
        kb pool edss.csv --measure SMD --leave-one-out --bias --trimfill

    Columns go by metafor's names (ai, n1i, ci, n2i; m1i, sd1i, n1i ...; xi, ni; yi, vi or sei) or
    those of the package meta (event.e, n.e ...). An empty cell or NA is not given, never 0: its
    row is left out, and named. docs/synthesis.md lists measures, columns and output.
    """
    from kb.errors import InvalidInput
    from kb.synthesis.analysis import Choices, analyse
    from kb.synthesis.report import as_json as json_of
    from kb.synthesis.table import permitted_measures, read_csv

    table = read_csv(_body(file))
    if measure is None:
        permitted = permitted_measures(table)
        raise InvalidInput(
            f"say --measure; these columns permit {', '.join(permitted)}"
            if permitted
            else f"no measure can be had of the columns {', '.join(table.columns)[:300]} "
            "(docs/synthesis.md says which each needs)"
        )
    choices = Choices(
        measure=measure,
        method=method,
        test=test,
        level=level,
        vtype=vtype,
        add=add,
        to=to,
        drop00=drop00,
        model=model,
        glmm_method=glmm_method,
        nagq=nagq,
        subgroup=subgroup,
        mods=_split(mods),
        cumulative=cumulative,
        leave_one_out=leave_one_out,
        bias=bias,
        trimfill=trimfill_estimator if trimfill else None,
        influence=influence,
        without_origins=_split(without_origin),
    )
    analysis = analyse(table, choices)
    if as_json:
        print_json(json_of(analysis))
        return
    _show(console(), analysis)


def _body(file: str) -> bytes:
    """The bytes of the file, one more than are read at most."""
    from kb.errors import InvalidInput
    from kb.synthesis.table import MAX_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {file!r}: {error.strerror}") from error


def _split(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(part.strip() for text in given or () for part in text.split(",") if part.strip())


# -- for people ----------------------------------------------------------------------------------


def _show(out: Console, a: Analysis) -> None:
    from kb.synthesis.pooling import Fit

    name = a.measure.natural or a.measure.name
    interval = f"{a.choices.level:g}% CI"
    # Of proportions the counts themselves, with the interval that no correction for zeros made.
    are_counted = any(row.wilson is not None for row in a.studies)
    counted = ("Persons ", "Exact CI ") if are_counted else ()
    _table(
        out,
        ("Study", *counted, f"{name} ", f"{interval} ", "Weight % ", "Remarks"),
        (
            (
                row.label,
                *(_counts(row) if are_counted else ()),
                *_with_limits(row.natural or _own(row)),
                _number(row.weight),
                ", ".join(_remarks(row)),
            )
            for row in a.studies
        ),
        f"{a.measure.code}: {a.measure.name}, {len(a.studies)} studies",
    )
    if isinstance(a.pooled, Fit) and a.pooled.p > 1:
        _table(
            out,
            ("Coefficient", "Estimate ", "SE ", "Statistic ", "P ", f"{interval} "),
            (
                (c.name, *map(_number, (c.estimate, c.se, c.statistic)), _p(c.pval), _pair(c))
                for c in a.pooled.coefficients
            ),
            f"Meta-regression ({a.choices.method}, {a.choices.test}), scale: {a.measure.scale}",
        )
    for line in _lines(a):
        out.print(line)
    _show_more(out, a, name, interval)
    if a.left_out:
        _table(
            out,
            ("Left out", "Where ", "Why"),
            ((row.label, row.place, row.reason) for row in a.left_out),
            "",
        )
    for note in a.notes:
        out.print(f"Note: {note}")
    for said in a.advice:
        if said.code == "log_scale":  # both scales are named above
            continue
        out.print(f"- {said.text} [{said.source}]")


def _show_more(out: Console, a: Analysis, name: str, interval: str) -> None:
    heads = (f"{name} ", f"{interval} ")
    if a.subgroups is not None:
        _table(
            out,
            (a.subgroups.column, "k ", *heads, "P ", "tau² ", "I² % "),
            (
                (
                    group.label,
                    group.fit.k,
                    *_with_limits(group.natural or group.fit),
                    _p(group.fit.pval),
                    _number(getattr(group.fit, "tau2", 0.0)),
                    _number(group.fit.i2),
                )
                for group in a.subgroups.groups
            ),
            f"Subgroups; between them Q = {_number(a.subgroups.between_q)}, "
            f"df = {a.subgroups.between_df}, {_says_p(a.subgroups.between_p)}",
        )
    for rows, title, first in (
        (a.cumulative, "Cumulative", "Added"),
        (a.leave_one_out, "Leave one out", "Left out"),
    ):
        if rows is not None:
            _table(
                out,
                (first, "k ", *heads, "P ", "tau² ", "I² % "),
                (
                    (
                        row.label,
                        row.k,
                        *_with_limits(row.natural or row),
                        _p(row.pval),
                        _number(row.tau2),
                        _number(row.i2),
                    )
                    for row in rows
                ),
                title,
            )
    if a.bias is not None:
        egger, mixed, begg = a.bias.egger, a.bias.egger_mixed, a.bias.begg
        out.print(
            f"Egger: t = {_number(egger.statistic)}, df = {egger.df}, {_says_p(egger.pval)}; "
            f"with random effects: {_number(mixed.statistic)}, {_says_p(mixed.pval)}; "
            f"Begg: tau = {_number(begg.tau)}, {_says_p(begg.pval)}; "
            f"fail-safe N (Rosenthal): {a.bias.fail_safe_n}"
        )
    if a.trimfill is not None:
        value, limits = _with_limits(a.trimfill_natural or a.trimfill.fit)
        out.print(
            f"Trim and fill ({a.trimfill.estimator}): {a.trimfill.k0} studies missing on the "
            f"{a.trimfill.side}; with them {name} {value}, {interval} {limits}"
        )
    if a.influence is not None:
        i = a.influence
        _table(
            out,
            ("Study", "rstudent ", "Cook's d ", "dffits ", "cov.r ", "hat ", "tau² without ", ""),
            (
                (
                    row.label,
                    *map(
                        _number,
                        (
                            float(i.rstudent[n]),
                            float(i.cook_d[n]),
                            float(i.dffits[n]),
                            float(i.cov_r[n]),
                            float(i.hat[n]),
                            float(i.tau2_del[n]),
                        ),
                    ),
                    "influential" if i.is_influential[n] else "",
                )
                for n, row in enumerate(a.studies)
            ),
            "Influence",
        )


def _lines(a: Analysis) -> Iterator[str]:
    from kb.synthesis.counts import CommonEffect
    from kb.synthesis.glmm import GlmmFit
    from kb.synthesis.pooling import Fit

    fit = a.pooled
    interval = f"{a.choices.level:g}% CI"
    is_regression = isinstance(fit, Fit) and fit.p > 1
    if not is_regression:
        if a.natural is not None and a.measure.scale != "natural":
            value, limits = _with_limits(a.natural)
            yield f"Pooled {a.measure.natural}: {value}, {interval} {limits}"
        value, limits = _with_limits(fit)
        scale = "" if a.measure.scale == "natural" else f" (scale: {a.measure.scale})"
        yield (
            f"Pooled {a.measure.name}{scale}: {value}, SE {_number(fit.se)}, {interval} {limits}, "
            f"{_statistic(fit)}, {_says_p(fit.pval)} [{a.choices.method}, {a.choices.test}]"
        )
        limits = _limits(getattr(fit, "pi_lb", None), getattr(fit, "pi_ub", None))
        if limits:
            back = a.natural and _limits(a.natural.pi_lb, a.natural.pi_ub)
            if back and a.measure.scale != "natural":
                limits = f"{back} ({a.measure.scale}: {limits})"
            yield f"Prediction interval: {limits}"
        if a.hts is not None:
            limits = _limits(*(a.hts_natural or a.hts))
            yield f"Prediction interval by t with {fit.k - 2} df: {limits}"
    if isinstance(fit, GlmmFit):
        yield (
            f"tau² = {_number(fit.tau2)}, I² = {_number(fit.i2)} %; studies share one effect: "
            f"Wald Q = {_number(fit.qe_wald)}, {_says_p(fit.qe_wald_p)}; "
            f"LRT Q = {_number(fit.qe_lrt)}, {_says_p(fit.qe_lrt_p)}"
        )
        return
    tau2 = "" if isinstance(fit, CommonEffect) else f"tau² = {_number(fit.tau2)}"
    if a.heterogeneity is not None:
        tau2 += f" ({interval} {_limits(*a.heterogeneity.tau2[1:])})"
    # Below three studies I² says nothing (von Hippel 2015, BMC Med Res Methodol 15:35).
    i2 = f"I² = {_number(fit.i2)} %, H² = {_number(fit.h2)}, " if fit.k >= 3 else ""
    yield f"{tau2}{', ' if tau2 else ''}{i2}Q = {_number(fit.qe)}, {_says_p(fit.qe_p)}"
    if isinstance(fit, Fit) and fit.qm_df is not None:
        df = ", ".join(str(n) for n in fit.qm_df if n is not None)
        r2 = "" if fit.r2 is None else f", R² = {_number(fit.r2)} %"
        yield f"Moderators: QM = {_number(fit.qm)}, df = {df}, {_says_p(fit.qm_p)}{r2}"


def _counts(row: StudyRow) -> tuple[str, str]:
    """ "3 of 5" and its exact interval, empty where the counts are not whole."""
    x, n = row.data.get("xi"), row.data.get("ni")
    counted = "" if x is None or n is None else f"{x:g} of {n:g}"
    return counted, "" if row.exact is None else _limits(*row.exact)


def _statistic(fit: Pooled) -> str:
    ddf = getattr(fit, "ddf", None)
    shown = _number(fit.statistic)
    return f"z = {shown}" if ddf is None else f"t = {shown}, df = {ddf}"


def _own(row: Any) -> Effect:
    from kb.synthesis.analysis import Effect

    return Effect(estimate=row.yi, ci_lb=row.ci_lb, ci_ub=row.ci_ub)


def _remarks(row: Any) -> Iterator[str]:
    if row.is_corrected:
        yield "zero cells corrected"
    if row.is_uninformative:
        yield "no information"
    for name, origin in row.origins.items():
        if origin != "reported":
            yield f"{name} {origin.replace('_', ' ')}"


def _with_limits(effect: Effect | Pooled | Refit) -> tuple[str, str]:
    return _number(effect.estimate), _limits(effect.ci_lb, effect.ci_ub)


def _pair(found: Any) -> str:
    return _limits(found.ci_lb, found.ci_ub)


def _limits(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f"{_number(lower)} to {_number(upper)}"


def _number(value: float | None) -> str:
    """Four significant digits; --json has them all."""
    if value is None or value != value:
        return "-"
    return f"{value:.{_MOST_DIGITS}g}"


def _p(value: float | None) -> str:
    if value is None or value != value:
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _says_p(value: float | None) -> str:
    shown = _p(value)
    return f"P {shown}" if shown.startswith("<") else f"P = {shown}"


def _table(out: Console, columns: Sequence[str], rows: Any, title: str) -> None:
    from api.cli.show import table

    out.print(table(columns, rows, title))
