"""Published tables, as files, give the numbers that metafor gives: those of the R package metadat.

R pools every table in every way below; the files go through `analyse` as `kb pool` sends them.
Closed forms are held to 1e-8 of their size. What is iterated is compared with metafor at tight
thresholds, and held to 1e-6.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any, NamedTuple

from kb.synthesis.analysis import Choices, analyse
from kb.synthesis.report import as_json
from kb.synthesis.table import Table, read_csv
from kb.synthesis.tau2 import METHODS
from tests.synthesis.r import in_r


class Set(NamedTuple):
    """A table of metadat: `r` gives its data frame, with columns by metafor's names.

    `escalc` are options of effect sizes, `mods` sets of moderators, `order` the column that
    studies are cumulated by.
    """

    name: str
    r: str
    measure: str
    escalc: Mapping[str, Any] = {}
    mods: Sequence[Sequence[str]] = ()
    groups: str | None = None
    order: str | None = None


BCG = "named(dat.colditz1994, tpos = 'ai', tneg = 'bi', cpos = 'ci', cneg = 'di')"
BLEEDING = "named(dat.collins1985a, b.xti = 'ai', nti = 'n1i', b.xci = 'ci', nci = 'n2i')"
DEATHS = "named(dat.collins1985a, d.xti = 'ai', nti = 'n1i', d.xci = 'ci', nci = 'n2i')"
CATHETERS = "data.frame(authors = dat.nielweise2008$authors, xi = dat.nielweise2008$x1i, ti = dat.nielweise2008$t1i)"  # noqa: E501
ASTHMA = "subset(dat.gibson2002, select = c(author, year, m1i, sd1i, n1i, m2i, sd2i, n2i, type))"
CHANGES = (
    "with(dat.gibson2002, data.frame(author, m1i, sd1i, m2i, sd2i, ni = n1i, ri = 0.1 + type / 8))"
)

SETS = (
    Set("bcg", BCG, "OR", mods=(["ablat"], ["alloc", "year"]), groups="alloc", order="year"),
    Set("bleeding", BLEEDING, "RR", groups="ctrl"),
    Set("bleeding_all", BLEEDING, "RR", {"to": "if0all"}),
    Set("deaths", DEATHS, "OR", {"drop00": True}, order="year"),
    Set("deaths_as_they_are", DEATHS, "RD", {"to": "none"}),
    Set("infections", "dat.nielweise2007", "OR", {"to": "all", "add": 0.25}, order="year"),
    Set("hypericum", "dat.linde2005", "RR", mods=(["year"], ["group"]), groups="group"),
    Set("beta_blockers", "subset(dat.yusuf1985, table == '6')", "PETO"),
    Set("circumcision",
        "named(dat.vanhowe1999, non.pos = 'ai', non.neg = 'bi', cir.pos = 'ci', cir.neg = 'di')",
        "AS", groups="category"),
    Set("carbon_dioxide", "head(dat.curtis1998, 50)", "ROM",
        mods=(["time", "method"],), groups="fungrp"),
    Set("asthma", ASTHMA, "SMD", mods=(["factor(type)"],), order="year"),
    Set("asthma_unbiased", ASTHMA, "SMD", {"vtype": "UB"}),
    Set("stroke", "dat.normand1999", "SMDH"),
    Set("stroke_alike", "dat.normand1999", "MD", {"vtype": "HO"}),
    Set("changes", CHANGES, "SMCC"),
    Set("changes_by_first", CHANGES, "SMCR"),
    Set("adherence", "dat.molloy2014", "ZCOR", mods=(["meanage", "design"],), groups="controls"),
    Set("interviews", "head(dat.mcdaniel1994, 60)", "COR",
        mods=(["type", "struct"],), groups="struct"),
    Set("bleeds", "dat.pagliaro1992", "PLO", groups="trt"),
    Set("bleeds_twice_arcsine", "dat.pagliaro1992", "PFT"),
    Set("anxiety", "dat.pritz1997", "PAS"),
    Set("care", "dat.debruin2009", "PR", mods=(["scq", "ethnicity"],), order="year"),
    Set("catheters", "dat.nielweise2008", "IRR", {"drop00": True}),
    Set("catheters_apart", "dat.nielweise2008", "IRD", {"to": "none"}),
    Set("catheter_rates", CATHETERS, "IRLN"),
    Set("catheter_rates_freely", CATHETERS, "IRFT"),
    Set("glucose", "dat.senn2013", "MN", groups="treatment"),
    Set("writing", "dat.bangertdrowns2004", "GEN",
        mods=(["length"], ["wic", "feedback"], ["factor(grade)"]), groups="subject", order="year"),
    Set("smoke", "dat.hackshaw1998", "GEN", mods=(["design"],), groups="country", order="year"),
    Set("transplants", "subset(dat.begg1989, select = -vi)", "GEN", groups="trt"),
)  # fmt: skip

# Parts of the answer go by the names that they have in our JSON.
IN_R = r"""
data(list = data(package = "metadat")$results[, "Item"], package = "metadat")
named <- function(d, ...) { to <- c(...); i <- match(names(to), names(d)); names(d)[i] <- to; d }
tight <- list(threshold = 1e-11, maxiter = 1000, tol = 1e-14)
# Smaller steps than 1e-13 some tables never make.
fitted <- function(yi, vi, method, test = "z") {
  tightest <- modifyList(tight, list(threshold = 1e-13, maxiter = 200))
  tryCatch(rma(yi, vi, method = method, test = test, control = tightest),
           error = function(e) rma(yi, vi, method = method, test = test, control = tight))
}
numbers <- function(r) {
  said <- list(se = r$se, statistic = r$zval, pval = r$pval, ci.lb = r$ci.lb, ci.ub = r$ci.ub,
    k = r$k, tau2 = r$tau2, QE = r$QE, QEp = r$QEp, I2 = r$I2, H2 = r$H2)
  if (r$method != "EE") said$se.tau2 <- r$se.tau2
  if (r$p > 1) {
    said <- c(said, list(coef = as.list(coef(r)), QM = r$QM, QMp = r$QMp))
    if (is.null(r$R2) || r$tau2 > 1e-6 || r$method == "EE") said$R2 <- r$R2
  } else {
    said$estimate <- c(r$beta)
    if (r$method != "EE") said[c("pi.lb", "pi.ub")] <- predict(r)[c("pi.lb", "pi.ub")]
  }
  said
}
columns <- c("ai", "bi", "n1i", "ci", "di", "n2i", "m1i", "sd1i", "m2i", "sd2i", "x1i", "t1i",
  "x2i", "t2i", "xi", "mi", "ni", "ti", "ri", "sdi")
taken <- list(
  OR = 1:6, RR = 1:6, RD = 1:6, PETO = 1:6, AS = 1:6, SMD = c(7:10, 3, 6), SMDH = c(7:10, 3, 6),
  MD = c(7:10, 3, 6), ROM = c(7:10, 3, 6), IRR = 11:14, IRD = 11:14, PLO = c(15, 17),
  PFT = c(15, 17), PAS = c(15, 17), PR = c(15, 17), IRLN = c(15, 18), IRFT = c(15, 18),
  ZCOR = c(19, 17), COR = c(19, 17), MN = c(16, 20, 17), SMCC = c(7:10, 19, 17),
  SMCR = c(7, 8, 9, 19, 17))
one <- function(set) {
  d <- as.data.frame(eval(parse(text = set$r)))
  rownames(d) <- NULL
  if (set$measure == "GEN") {
    es <- data.frame(yi = d$yi, vi = if (is.null(d$vi)) d$sei^2 else d$vi)
  } else {
    own <- intersect(columns[taken[[set$measure]]], names(d))
    es <- do.call(escalc, c(list(measure = set$measure), as.list(d[own]), set$escalc))
  }
  kept <- which(!is.na(es$yi) & !is.na(es$vi) & es$vi > 0)
  yi <- c(es$yi)[kept]; vi <- c(es$vi)[kept]; rows <- d[kept, , drop = FALSE]
  limits <- summary(escalc(yi = yi, vi = vi))
  said <- list(data = d, kept = kept, yi = yi, vi = vi, limits.lb = limits$ci.lb)
  methods <- given$methods
  said$z <- sapply(methods, function(m) numbers(fitted(yi, vi, m)), simplify = FALSE)
  others <- setdiff(methods, "EE")
  for (test in c("knha", "adhoc"))
    said[[test]] <- sapply(others, function(m) numbers(fitted(yi, vi, m, test)), simplify = FALSE)
  dl <- fitted(yi, vi, "DL")
  interval <- confint(dl, control = list(tol = 1e-14, maxiter = 10000, tau2.max = 1e6))$random
  said$tau2 <- unname(interval[1, ])
  lm <- regtest(yi, vi, model = "lm"); mixed <- regtest(dl)
  said$egger <- list(statistic = lm$zval, df = lm$dfs, pval = lm$pval, limit_estimate = lm$est,
                     limit_ci.lb = lm$ci.lb, limit_ci.ub = lm$ci.ub)
  said$egger_mixed <- list(statistic = mixed$zval, pval = mixed$pval, limit_estimate = mixed$est,
                           limit_ci.lb = mixed$ci.lb, limit_ci.ub = mixed$ci.ub)
  said$begg <- lapply(unclass(ranktest(yi, vi))[c("tau", "pval")], unname)
  said$fail_safe_n <- fsn(yi, vi)$fsnum
  said$trimfill <- sapply(c("L0", "R0"), simplify = FALSE, function(e) {
    t <- trimfill(dl, estimator = e)
    list(k0 = t$k0, k0.se = t$se.k0, side = t$side, estimate = c(t$beta), se = t$se,
         tau2 = t$tau2, QE = t$QE, I2 = t$I2)
  })
  if (length(yi) <= 40) {
    said$leave_one_out <- unclass(leave1out(dl))[
      c("estimate", "se", "pval", "ci.lb", "ci.ub", "Q", "Qp", "tau2", "I2", "H2")]
    by <- if (is.null(set$order)) seq_along(yi) else rows[[set$order]]
    said$cumulative <- unclass(do.call(cumul, list(dl, order = by)))[
      c("estimate", "se", "ci.lb", "ci.ub", "tau2", "I2", "H2")]
    each <- influence(dl)
    said$influence <- c(
      unclass(each$inf)[c("rstudent", "dffits", "cook.d", "cov.r", "tau2.del", "QE.del", "hat",
                          "weight")],
      list(dfbs = each$dfbs[[1]]))
  }
  said$mods <- lapply(set$mods, function(mods) {
    model <- as.formula(paste("~", mods))
    whole <- complete.cases(rows[all.vars(model)])
    x <- rows[whole, setdiff(names(rows), c("yi", "vi")), drop = FALSE]
    y <- yi[whole]; v <- vi[whole]
    sapply(c("EE", "DL", "SJ", "REML"), simplify = FALSE, function(m)
      list(z = numbers(do.call(rma, list(y, v, mods = model, data = x, method = m,
                                         control = tight))),
           knha = numbers(do.call(rma, list(y, v, mods = model, data = x, method = m,
                                            test = "knha", control = tight)))))
  })
  if (!is.null(set$groups)) {
    g <- as.character(rows[[set$groups]])
    of <- sapply(unique(g[!is.na(g)]), simplify = FALSE, function(l)
      fitted(yi[which(g == l)], vi[which(g == l)], "DL"))
    between <- rma(sapply(of, function(f) c(f$beta)), sei = sapply(of, function(f) f$se),
                   method = "FE")
    said$groups <- list(groups = lapply(of, numbers),
                        between = list(Q = between$QE, df = between$k - 1, p = between$QEp))
  }
  back <- switch(set$measure, OR = exp, RR = exp, PETO = exp, ROM = exp, IRR = exp, IRLN = exp,
    PLO = transf.ilogit, PAS = transf.iarcsin, ZCOR = transf.ztor,
    PFT = function(y) transf.ipft.hm(y, targs = list(ni = rows$ni)),
    IRFT = function(y) transf.iirft(y, 1 / mean(1 / rows$ti)), NULL)
  if (!is.null(back)) said$natural <- list(estimate = back(c(dl$beta)), ci.lb = back(dl$ci.lb),
                                           ci.ub = back(dl$ci.ub))
  counts <- switch(set$measure, OR = 1:6, RR = 1:6, RD = 1:6, IRR = 11:14, IRD = 11:14, NULL)
  if (!is.null(counts)) {
    own <- intersect(columns[counts], names(d))
    mh <- do.call(rma.mh, c(list(measure = set$measure), as.list(d[own])))
    said$MH <- list(estimate = c(mh$beta), se = mh$se, pval = mh$pval, k = mh$k)
    if (set$measure == "OR") {
      said$MH <- c(said$MH, list(MH = mh$MH, COp = mh$COp, BD = mh$BD, TAp = mh$TAp))
      peto <- do.call(rma.peto, as.list(d[own]))
      said$PETO <- list(estimate = c(peto$beta), se = peto$se, k = peto$k, QE = peto$QE)
    }
  }
  lapply(said, function(x) if (is.null(x)) NULL else x)
}
answer <- suppressWarnings(lapply(given$sets, one))
"""

ITERATED = ("ML", "REML", "EB", "PM")


def _as_file(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([["NA" if (v := row.get(n)) is None else v for n in names] for row in rows])
    return read_csv(text.getvalue().encode())


def _differences(
    found: Any, expected: Any, where: str, rel: float, near: float = 1e-11
) -> Iterator[str]:
    """Where numbers or what holds them differ; what is not expected is left alone."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            if not isinstance(found, dict) or key not in found:
                yield f"{where}/{key}: missing"
            elif value is not None:
                yield from _differences(found[key], value, f"{where}/{key}", rel, near)
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            yield f"{where}: {found} for {expected}"
        else:
            for i, (ours, theirs) in enumerate(zip(found, expected)):
                yield from _differences(ours, theirs, f"{where}[{i}]", rel, near)
    elif found is None or isinstance(expected, str):
        if found != expected:
            yield f"{where}: {found} for {expected}"
    elif not isclose(found, expected, rel_tol=rel, abs_tol=near):
        yield f"{where}: {found!r} for {expected!r}"


def _all_differences(held: Set, said: Mapping[str, Any]) -> Iterator[str]:
    table = _as_file(said["data"])

    def result(**choices: Any) -> dict[str, Any]:
        made = Choices(**({"measure": held.measure, "method": "DL", **held.escalc} | choices))
        return as_json(analyse(table, made))

    found = result(
        bias=True,
        leave_one_out=True,
        influence=True,
        cumulative=held.order or "rows",
        subgroup=held.groups,
    )
    studies = found["studies"]
    # Line 1 is the header.
    yield from _differences(
        [study["place"] for study in studies], [f"line {i + 1}" for i in said["kept"]], "kept", 0
    )
    for number, name in (("yi", "yi"), ("vi", "vi"), ("ci.lb", "limits.lb")):
        yield from _differences([study[number] for study in studies], said[name], name, 1e-8)
    for test in ("z", "knha", "adhoc"):
        for method, expected in said[test].items():
            fit = result(method=method, test=test)
            if method in ITERATED:
                yield from _differences(fit, expected, f"{test}/{method}", 1e-6, 1e-7)
            else:
                yield from _differences(fit, expected, f"{test}/{method}", 1e-8)
    tau2 = list(found["heterogeneity"]["tau2"].values())
    yield from _differences(tau2, said["tau2"], "interval of tau2", 1e-6)
    for part in ("egger", "egger_mixed", "begg", "fail_safe_n"):
        yield from _differences(found["bias"][part], said[part], part, 1e-8)
    for estimator, expected in said["trimfill"].items():
        filled = result(trimfill=estimator)["trimfill"]
        yield from _differences(filled, expected, f"trimfill/{estimator}", 1e-8)
    for part in ("leave_one_out", "cumulative", "influence"):
        for name, expected in (said.get(part) or {}).items():
            rows = [row[name] for row in found[part]]
            yield from _differences(rows, expected, f"{part}/{name}", 1e-8)
    for mods, expected in zip(held.mods, said["mods"]):
        for method, by_test in expected.items():
            for test, numbers in by_test.items():
                fit = result(mods=tuple(mods), method=method, test=test)
                rel = 1e-5 if method in ITERATED else 1e-7
                where = f"{'+'.join(mods)}/{method}/{test}"
                yield from _differences(fit, numbers, where, rel, 1e-9)
    if held.groups:
        yield from _differences(found["subgroups"], said["groups"], held.groups, 1e-8)
    for part in ("natural", "MH", "PETO"):
        if part in said:
            ours = found["natural"] if part == "natural" else result(method=part)
            yield from _differences(ours, said[part], part, 1e-8)


# One test, since the numbers of all tables come from one run of R.
def test_published_tables_give_the_numbers_of_metafor() -> None:
    sets = [
        held._asdict() | {"escalc": dict(held.escalc), "mods": ["+".join(m) for m in held.mods]}
        for held in SETS
    ]
    answers = in_r(IN_R, "metafor", "metadat", sets=sets, methods=list(METHODS))
    assert len(answers) == len(SETS)
    differences = [
        f"{held.name}: {difference}"
        for held, said in zip(SETS, answers)
        for difference in _all_differences(held, said)
    ]
    assert not differences, "\n".join([f"{len(differences)} differences", *differences[:60]])
