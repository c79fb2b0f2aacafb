"""Small figures, drawn on the server as SVG. They show printed counts and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from api.pages.words import time
from kb.store.results import ResultOut

_MOST_ROWS = 30
_MOST_PERSONS = 60
_ROW, _STEP, _LEFT = 26, 13, 350


def persons(results: Sequence[ResultOut]) -> Markup | None:
    """One row per count of persons that a source prints with its denominator: a dot for each
    person, filled for those counted. None where there is no such count."""
    rows = [found for result in results if (found := _row(result)) is not None][:_MOST_ROWS]
    if not rows:
        return None
    width = _LEFT + _STEP * max(n for _, _, n in rows) + 80
    height = _ROW * len(rows) + 6
    drawn = Markup("").join(
        _drawn(label, events, n, _ROW * place + 16) for place, (label, events, n) in enumerate(rows)
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        'height="{height}" role="img" aria-label="Persons counted, of those analysed">{drawn}</svg>'
    ).format(width=width, height=height, drawn=drawn)


def _row(result: ResultOut) -> tuple[str, int, int] | None:
    events, n = result.cells["events"].value, result.cells["n_analysed"].value
    if result.statistic != "person_count" or result.unit_of_analysis is not None:
        return None
    if result.origin != "reported" or not isinstance(events, int) or not isinstance(n, int):
        return None
    if not 0 <= events <= n <= _MOST_PERSONS or n == 0:
        return None
    return f"{result.outcome_title}, {time(result.timepoint)}", events, n


def _drawn(label: str, events: int, n: int, y: int) -> Markup:
    shown = label if len(label) <= 48 else label[:47] + "…"
    dots = Markup("").join(
        Markup('<circle cx="{x}" cy="{y}" r="4.5" class="{kind}"/>').format(
            x=_LEFT + 10 + _STEP * i, y=y - 4, kind="counted" if i < events else "other"
        )
        for i in range(n)
    )
    return Markup(
        '<g><title>{label}: {events} of {n}</title><text x="{edge}" y="{y}" text-anchor="end">'
        '{shown}</text>{dots}<text x="{after}" y="{y}" class="count">{events} of {n}</text></g>'
    ).format(
        label=escape(label),
        shown=escape(shown),
        events=events,
        n=n,
        y=y,
        edge=_LEFT - 6,
        dots=dots,
        after=_LEFT + 14 + _STEP * n,
    )
