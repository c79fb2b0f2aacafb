"""An R script that repeats a synthesis with metafor, from the table written beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kb.errors import InvalidInput
from kb.synthesis.analysis import Choices
from kb.synthesis.effects import measure_of

# Where R's function takes the columns under our names.
_BACK: Final[Mapping[str, str]] = {
    **dict.fromkeys(("OR", "RR", "PETO", "IRR", "ROM", "HR", "IRLN", "PLN"), "exp"),
    "PLO": "transf.ilogit",
    "ZCOR": "transf.ztor",
    "PAS": "transf.iarcsin",
}
# Tight enough that iterated estimates agree to the digits that are compared.
_CONTROL: Final = "control = list(threshold = 1e-10, maxiter = 10000)"
_ITERATED: Final = ("ML", "REML", "EB", "PM")
_NOT_IN_R: Final = ("RevMan", "metafor5")


def analysis_script(choices: Choices, *, snapshot: str, about: str, is_given: bool) -> str:
    """The script's text, of `choices` with their defaults filled in.

    It reads `data/analysis.csv` and writes `results/metafor.csv` and a forest plot.

    `is_given`: the table holds estimates and variances, not the numbers they are made from.
    Raises InvalidInput for choices that the script does not repeat.
    """
    if choices.method == "GLMM" and choices.measure in ("IRLN", "IRR"):
        raise InvalidInput("the script repeats GLMM of proportions and odds ratios, not of rates")
    if choices.vtype in _NOT_IN_R:
        raise InvalidInput(f"metafor has no vtype {choices.vtype}, so no script repeats it")
    lines = [
        # On one line whatever it holds: the next would be code.
        f"# Snapshot {snapshot}. {' '.join(about.split())}",
        "# Run in this folder:  Rscript analysis.R",
        "",
        "library(metafor)",
        "",
        'dat <- read.csv("data/analysis.csv", na.strings = "", encoding = "UTF-8",',
        "                check.names = FALSE, stringsAsFactors = FALSE)",
        "# Rows that lack a number an effect needs stay in the table and out of the analysis.",
        "dat <- dat[dat$is_usable, ]",
    ]
    if choices.without_origins:
        listed = ", ".join(_quoted(o) for o in choices.without_origins)
        lines.append(f"dat <- dat[!(dat$origin %in% c({listed})), ]")
    lines += ["", *_effects(choices, is_given), *_model(choices, is_given), "", "print(res)"]
    if (back := _BACK.get(choices.measure)) is not None and not choices.mods:
        lines.append(f"print(predict(res, transf = {back}))")
    lines += ["", *_TAIL]
    if not choices.mods:
        lines += _PLOT
    return "\n".join(lines) + "\n"


def _effects(choices: Choices, is_given: bool) -> list[str]:
    if is_given or choices.method in ("MH", "PETO", "GLMM"):
        return []
    measure = measure_of(choices.measure)
    # Of columns that stand for each other the table holds both; R takes one.
    taken = [need.rpartition("|")[2] for need in measure.needs]
    given = ", ".join(f"{name} = {name}" for name in taken)
    more = [] if choices.vtype == measure.variances[0] else [f'vtype = "{choices.vtype}"']
    if measure.counts_zero_cells:
        more.append(f"add = {choices.add:g}")
        more += [f'to = "{choices.to}"', f"drop00 = {'TRUE' if choices.drop00 else 'FALSE'}"]
    options = "".join(f", {option}" for option in more)
    return [
        f'dat <- escalc(measure = "{choices.measure}", {given}, data = dat, slab = slab{options})'
    ]


def _model(choices: Choices, is_given: bool) -> list[str]:
    level = f"level = {choices.level:g}"
    if choices.method == "MH":
        counts = (
            "x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i"
            if choices.measure in ("IRR", "IRD")
            else "ai = ai, n1i = n1i, ci = ci, n2i = n2i"
        )
        return [
            f'res <- rma.mh(measure = "{choices.measure}", {counts}, data = dat, slab = slab, '
            f"{level})"
        ]
    if choices.method == "PETO":
        return [
            f"res <- rma.peto(ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat, slab = slab, "
            f"{level})"
        ]
    if choices.method == "GLMM":
        test = "z" if choices.test == "z" else "t"
        counts = (
            "xi = xi, ni = ni"
            if choices.measure == "PLO"
            else f'ai = ai, n1i = n1i, ci = ci, n2i = n2i, model = "{choices.model}"'
        )
        return [
            f'res <- rma.glmm(measure = "{choices.measure}", {counts}, data = dat, slab = slab, '
            f'test = "{test}", {level})'
        ]
    mods = f"mods = ~ {' + '.join(_term(mod) for mod in choices.mods)}, " if choices.mods else ""
    control = f", {_CONTROL}" if choices.method in _ITERATED else ""
    return [
        f'res <- rma(yi, vi, {mods}data = dat, slab = slab, method = "{choices.method}", '
        f'test = "{choices.test}", {level}{control})'
    ]


def _term(mod: str) -> str:
    """A column in a formula, with backticks: names need not be R's."""
    inner = mod.removeprefix("factor(").removesuffix(")").strip()
    name = "`" + inner.replace("\\", "\\\\").replace("`", "\\`") + "`"
    return f"factor({name})" if mod.startswith("factor(") else name


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TAIL: Final = (
    'dir.create("results", showWarnings = FALSE)',
    "kept <- list()",
    "keep <- function(name, value) {",
    "  if (length(value) > 0 && is.numeric(value)) kept[[name]] <<- value",
    "}",
    'for (name in c("k", "tau2", "QE", "QEp", "I2", "H2", "pval")) keep(name, res[[name]])',
    'keep("estimate", as.vector(coef(res)))',
    'keep("se", res$se)',
    'keep("ci.lb", res$ci.lb)',
    'keep("ci.ub", res$ci.ub)',
    "written <- do.call(rbind, lapply(names(kept), function(name) data.frame(",
    "  name = name, position = seq_along(kept[[name]]),",
    "  value = format(kept[[name]], digits = 17, trim = TRUE))))",
    'write.csv(written, "results/metafor.csv", row.names = FALSE, quote = FALSE)',
)
_PLOT: Final = (
    "",
    'pdf("results/metafor-forest.pdf", width = 9, height = 3 + 0.25 * res$k)',
    "forest(res)",
    "invisible(dev.off())",
)
