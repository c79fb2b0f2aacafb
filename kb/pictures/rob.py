"""Risk of bias: the traffic-light plot, study by study, and the summary of all studies.

Each judgement has a sign besides its colour. The colours are those of Okabe and Ito (2008, Color
Universal Design), which people with any kind of colour vision tell apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from kb.appraisal.tool import Item, Tool
from kb.errors import InvalidInput
from kb.pictures.drawing import (
    FAINT,
    INK,
    MUTED,
    WHITE,
    Drawing,
    Sheet,
    centred,
    leading,
    plain,
)
from kb.pictures.lettering import text_width, wrapped
from kb.synthesis.table import read_csv

_GOOD, _MIDDLE, _BAD, _WORST = "#009e73", "#f0e442", "#d55e00", "#5b2333"
_NONE, _ASIDE = "#c3cad0", "#eef0f1"


@dataclass(frozen=True, slots=True)
class Look:
    """How a judgement is shown. `rank` orders judgements from the best."""

    word: str
    sign: str
    colour: str
    rank: int
    legend: str | None = None  # where the word alone does not say what is meant


# Judgements of RoB 2, RoB 1, ROBINS-I, QUADAS-2; answers and ratings of the JBI and NIH checklists;
# scores of MINORS items. Keys are in small letters.
LOOKS: Final[dict[str, Look]] = {
    look.word.lower(): look
    for look in (
        Look("Low", "+", _GOOD, 0),
        Look("Yes", "+", _GOOD, 0),
        Look("2", "2", _GOOD, 0, "reported and adequate"),
        Look("Good", "+", _GOOD, 0),
        Look("Include", "+", _GOOD, 0),
        Look("Reported", "+", _GOOD, 0),
        Look("Some concerns", "–", _MIDDLE, 1),
        Look("Moderate", "–", _MIDDLE, 1),
        Look("1", "1", _MIDDLE, 1, "reported but inadequate"),
        Look("Fair", "–", _MIDDLE, 1),
        Look("Serious", "×", _BAD, 3),
        Look("High", "×", _BAD, 3),
        Look("No", "×", _BAD, 3),
        Look("0", "0", _BAD, 3, "not reported"),
        Look("Poor", "×", _BAD, 3),
        Look("Exclude", "×", _BAD, 3),
        Look("Absent", "×", _BAD, 3),
        Look("Critical", "!", _WORST, 4),
        Look("Unclear", "?", _NONE, 5),
        Look("No information", "?", _NONE, 5),
        Look("Seek further information", "?", _NONE, 5),
        Look("Cannot determine", "?", _NONE, 5),
        Look("Not reported", "NR", _NONE, 6),
        Look("Not applicable", "NA", _ASIDE, 7),
    )
}
NOT_JUDGED: Final = Look("Not judged", "", WHITE, 8)
# How the same judgements are also written in tables.
_ALSO: Final = {
    "no info": "no information", "ni": "no information", "n/a": "not applicable",
    "na": "not applicable", "cd": "cannot determine", "nr": "not reported",
    "not clear": "unclear", "some concern": "some concerns",
    "seek further info": "seek further information",
}  # fmt: skip
_SUFFIX: Final = re.compile(r"\s+risk(?:\s+of\s+bias)?$|\s+quality$")

_SIZE: Final = 8.0
_SMALL: Final = 7.0
_MARGIN: Final = 12.0
_LABEL_WIDTH: Final = 180.0
_CELL: Final = 25.0
_ROW: Final = 21.0
_RADIUS: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One study: a judgement per domain, None where there is none. `overall` may be a score."""

    study: str
    judgements: tuple[str | None, ...]
    overall: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskOfBias:
    """`domains` in full, in the order of the judgements. `keys` head the columns: D1, D2 ..."""

    tool: str
    domains: tuple[str, ...]
    studies: tuple[Judged, ...]
    title: str | None = None
    keys: tuple[str, ...] | None = None


def look_of(judgement: str | None) -> Look | None:
    """How it is shown; None for words that are no judgement of any tool."""
    if judgement is None or not judgement.strip():
        return NOT_JUDGED
    word = _SUFFIX.sub("", " ".join(judgement.lower().split()))
    return LOOKS.get(_ALSO.get(word, word))


def traffic_lights(value: RiskOfBias) -> Drawing:
    """Studies by domains. Raises InvalidInput where there is no study, and for unknown words."""
    _check(value)
    sheet = Sheet()
    keys = _keys(value)
    has_overall = any(s.overall for s in value.studies)
    labels = [wrapped(plain(s.study), _LABEL_WIDTH, _SIZE) or [""] for s in value.studies]
    label_end = _MARGIN + max(
        [text_width(line, _SIZE) for line in chain.from_iterable(labels)] + [30.0]
    )
    cell = max([_CELL, *(text_width(key, _SIZE, is_bold=True) + 6 for key in keys)])
    first = label_end + 10 + cell / 2
    overall_x = first + cell * len(keys) + 12
    grid_end = overall_x + 26 if has_overall else first + cell * (len(keys) - 0.5)
    width = max(grid_end + _MARGIN, 330.0)

    y = _title(sheet, value, "traffic light plot", width)
    sheet.text(_MARGIN, y, "Study", is_bold=True)
    for place, key in enumerate(keys):
        sheet.text(first + place * cell, y, key, anchor="middle", is_bold=True)
    if has_overall:
        sheet.text(overall_x, y, "Overall", anchor="middle", is_bold=True)
    y += 5
    sheet.line((_MARGIN, y), (grid_end, y), width=0.6)
    for study, lines in zip(value.studies, labels):
        height = max(_ROW, len(lines) * 10.0 + 6)
        middle = y + height / 2
        start = middle - (len(lines) - 1) * 5.0
        for place, line in enumerate(lines):
            sheet.text(_MARGIN, centred(start + place * 10.0, _SIZE), line)
        for place, judgement in enumerate(study.judgements):
            _light(sheet, first + place * cell, middle, judgement)
        if has_overall:
            _overall(sheet, overall_x, middle, study.overall, is_scored=_is_scored(value))
        y += height
        sheet.line((_MARGIN, y), (grid_end, y), width=0.4, colour=FAINT)
    y = _judgement_legend(sheet, _used(value), y + 16, width)
    y = _domain_legend(sheet, value, keys, y + 2, width)
    return sheet.drawn(width, y + 2, title=_titled(value), description=_lights_in_words(value))


def summary(value: RiskOfBias) -> Drawing:
    """The share of each judgement in each domain: of the studies' weights where every study has
    one, else of their number."""
    _check(value)
    weights = _weights(value)
    shares = _shares(value, weights)
    sheet = Sheet()
    wrapped_names = [wrapped(name, _LABEL_WIDTH, _SIZE) for name, _ in shares]
    widest = max(text_width(line, _SIZE) for lines in wrapped_names for line in lines)
    left = _MARGIN + widest + 10
    bar = 270.0
    width = left + bar + _MARGIN + 12
    y = _title(sheet, value, "summary", width)
    for (name, parts), lines in zip(shares, wrapped_names):
        height = max(18.0, len(lines) * 10.0 + 4)
        middle = y + height / 2
        start = middle - (len(lines) - 1) * 5.0
        for place, line in enumerate(lines):
            is_bold = name == "Overall"
            sheet.text(
                left - 8, centred(start + place * 10.0, _SIZE), line, anchor="end", is_bold=is_bold
            )
        x = left
        for look, share in parts:
            part = bar * share
            sheet.box(x, middle - 7, part, 14, fill=look.colour, stroke=INK, line_width=0.5)
            said = f"{_percent(share)}%"
            whole = f"{look.sign} {said}".strip()
            colour = _on(look.colour)
            for text in (whole, said):
                if text_width(text, _SMALL) < part - 3:
                    sheet.text(
                        x + part / 2,
                        centred(middle, _SMALL),
                        text,
                        size=_SMALL,
                        anchor="middle",
                        colour=colour,
                    )
                    break
            x += part
        y += height + 3
    y += 1
    sheet.line((left, y), (left + bar, y))
    for percent in (0, 25, 50, 75, 100):
        x = left + bar * percent / 100
        sheet.line((x, y), (x, y + 3))
        sheet.text(x, y + 11, f"{percent}%", size=_SMALL, anchor="middle")
    of = "weight of the studies" if weights else "studies, each counted alike"
    sheet.text(left + bar / 2, y + 23, f"Share of the {of}", size=_SMALL, anchor="middle")
    y = _judgement_legend(sheet, _used(value), y + 40, width)
    return sheet.drawn(
        width,
        y,
        title=_titled(value),
        description=_summary_in_words(value, shares, is_weighted=bool(weights)),
    )


def judgement_shares(value: RiskOfBias) -> dict[str, dict[str, float]]:
    """What the summary shows: for each domain and overall, the share (0 to 1) of each judgement."""
    _check(value)
    shares = _shares(value, _weights(value))
    return {name: {look.word: share for look, share in parts} for name, parts in shares}


# -- what is asked -------------------------------------------------------------------------------


def read_robvis(body: bytes, *, tool: Tool | str) -> RiskOfBias:
    """A table as robvis takes it: Study, a column per domain, Overall and perhaps Weight.

    tool : one of kb.appraisal, whose domains and judgements these must be; or the name of another,
        for which any judgements that are known will do and the headings name the domains.
    Raises InvalidInput for a table of another shape, naming the line.
    """
    table = read_csv(body)
    names = list(table.columns)
    weight = next((name for name in names if name.lower().startswith("weight")), None)
    overall = next((name for name in names if name.lower().startswith("overall")), None)
    headings = [name for name in names[1:] if name not in (weight, overall)]
    if not headings or not table.k:
        raise InvalidInput(
            f"{'no domains' if table.k else 'no studies'} in a table of {', '.join(names)} "
            "(expected Study, D1, D2, ..., Overall and a row per study)"
        )
    items = [] if isinstance(tool, str) else _items(tool, headings)
    weights = [None if math.isnan(w) else float(w) for w in table.numbers(weight)] if weight else []
    if any(w is not None and w < 0 for w in weights):
        raise InvalidInput(f"{weight}: a weight is 0 or more")

    def cell(name: str, row: int) -> str | None:
        # Not Table.texts: NA is an answer here, "not applicable".
        said = str(table.columns[name][row] or "").strip()
        if not said or isinstance(tool, str):
            return said or None
        try:
            if name != overall:
                return tool.answer(said)
            return tool.overall_judgement(said) if tool.overall else said
        except InvalidInput as error:
            raise InvalidInput(f"{table.places[row]}, {name}: {error}") from error

    studies = tuple(
        Judged(
            study=str(table.columns[names[0]][row] or "").strip() or table.places[row],
            judgements=tuple(cell(heading, row) for heading in headings),
            overall=cell(overall, row) if overall else None,
            weight=weights[row] if weights else None,
        )
        for row in range(table.k)
    )
    return RiskOfBias(
        tool=tool if isinstance(tool, str) else f"{tool.name} ({tool.version})",
        domains=tuple(item.title for item in items) or tuple(headings),
        studies=studies,
        keys=tuple(item.key for item in items) or tuple(headings),
    )


def _items(tool: Tool, headings: Sequence[str]) -> Sequence[Item]:
    """The items that the columns stand for, all of the tool's: by key or title, else in order."""
    for is_comparative in (True, False):
        items = tool.items_for(is_comparative=is_comparative)
        if len(items) != len(headings):
            continue
        try:
            named = [tool.item(heading) for heading in headings]
        except InvalidInput:
            return items
        return named if set(named) == set(items) else items
    counts = sorted({len(tool.items_for(is_comparative=c)) for c in (True, False)})
    raise InvalidInput(
        f"{tool.name} {tool.version} has {' or '.join(map(str, counts))} domains, "
        f"and the table {len(headings)}: {', '.join(headings)}"
    )


def _check(value: RiskOfBias) -> None:
    if not value.studies:
        raise InvalidInput("no study was judged, so there is nothing to plot")
    expected = ", ".join(look.word for look in LOOKS.values())
    keys = _keys(value)
    is_scored = _is_scored(value)
    for study in value.studies:
        if len(study.judgements) != len(value.domains):
            raise InvalidInput(
                f"{study.study}: {len(study.judgements)} judgements for "
                f"{len(value.domains)} domains of {value.tool}"
            )
        for key, judgement in zip(keys, study.judgements):
            if look_of(judgement) is None:
                raise InvalidInput(
                    f"{study.study}, {key}: {judgement!r} is no judgement of {value.tool} "
                    f"(expected one of: {expected})"
                )
        if not is_scored and look_of(study.overall) is None:
            raise InvalidInput(
                f"{study.study}, overall: {study.overall!r} is no judgement of {value.tool} "
                f"(expected one of: {expected}; or scores throughout)"
            )


def _is_score(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?(\s*/\s*\d+)?\s*%?", text.strip()) is not None


def _keys(value: RiskOfBias) -> tuple[str, ...]:
    return value.keys or tuple(f"D{n}" for n in range(1, len(value.domains) + 1))


def _is_scored(value: RiskOfBias) -> bool:
    """Whether overall is a total of points, which is printed and not counted."""
    given = [study.overall for study in value.studies if study.overall]
    return bool(given) and all(map(_is_score, given))


def _weights(value: RiskOfBias) -> list[float]:
    """One per study, or none at all."""
    given = [study.weight for study in value.studies]
    if all(weight is None for weight in given):
        return []
    without = [study.study for study in value.studies if study.weight is None]
    if without:
        raise InvalidInput(
            f"no weight for {', '.join(without[:5])} (give all studies a weight, or none)"
        )
    weights = [weight for weight in given if weight is not None]
    if sum(weights) <= 0:
        raise InvalidInput("all weights are 0")
    return weights


def _shares(
    value: RiskOfBias, weights: Sequence[float]
) -> list[tuple[str, list[tuple[Look, float]]]]:
    used = weights or [1.0] * len(value.studies)
    named: list[tuple[str, list[str | None]]] = [
        (plain(name), [s.judgements[place] for s in value.studies])
        for place, name in enumerate(value.domains)
    ]
    if any(s.overall for s in value.studies) and not _is_scored(value):
        named.append(("Overall", [s.overall for s in value.studies]))
    shares = []
    for name, judgements in named:
        total: dict[Look, float] = {}
        for judgement, weight in zip(judgements, used):
            look = look_of(judgement) or NOT_JUDGED
            total[look] = total.get(look, 0.0) + weight / sum(used)
        ordered = sorted(total.items(), key=lambda part: part[0].rank)
        shares.append((name, [(look, share) for look, share in ordered if share > 0]))
    return shares


def _used(value: RiskOfBias) -> list[Look]:
    words = list(chain.from_iterable(study.judgements for study in value.studies))
    if not _is_scored(value):
        words += [s.overall for s in value.studies if any(t.overall for t in value.studies)]
    looks = {look for word in words if (look := look_of(word)) is not None}
    return sorted(looks, key=lambda look: (look.rank, look.word))


def _percent(share: float) -> int:
    """Half a percent is rounded up, as people do."""
    return math.floor(100 * share + 0.5 + 1e-9)


# -- marks ---------------------------------------------------------------------------------------


def _light(sheet: Sheet, x: float, y: float, judgement: str | None) -> None:
    _circle(sheet, x, y, look_of(judgement) or NOT_JUDGED, _RADIUS)


def _overall(sheet: Sheet, x: float, y: float, judgement: str | None, *, is_scored: bool) -> None:
    if is_scored and judgement:
        sheet.text(x, centred(y, _SIZE), judgement, anchor="middle", is_bold=True)
    else:
        _light(sheet, x, y, judgement)


def _circle(sheet: Sheet, x: float, y: float, look: Look, radius: float) -> None:
    dash = (1.6, 1.6) if look is NOT_JUDGED else None
    sheet.disc(x, y, radius, fill=look.colour, stroke=INK, width=0.6, dash=dash)
    size = radius * (1.35 if len(look.sign) == 1 else 0.85)
    sheet.text(
        x,
        centred(y, size),
        look.sign,
        size=size,
        anchor="middle",
        is_bold=True,
        colour=_on(look.colour),
    )


def _on(colour: str) -> str:
    """Dark lettering on light colours, light on dark ones."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return INK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.35 else WHITE


def _titled(value: RiskOfBias) -> str:
    return value.title or f"Risk of bias, {value.tool}"


def _title(sheet: Sheet, value: RiskOfBias, what: str, width: float) -> float:
    y = sheet.paragraph(
        _MARGIN, 20, _titled(value), width=width - 2 * _MARGIN, size=10, is_bold=True
    )
    k = len(value.studies)
    count = f"{value.tool}, {what} of {k} {'study' if k == 1 else 'studies'}"
    y = sheet.paragraph(_MARGIN, y - 1, count, width=width - 2 * _MARGIN, size=_SMALL, colour=MUTED)
    return y + 8


def _judgement_legend(sheet: Sheet, looks: Iterable[Look], y: float, width: float) -> float:
    x = _MARGIN
    for look in looks:
        meant = look.legend or look.word
        needed = 17 + text_width(meant, _SMALL) + 14
        if x + needed > width and x > _MARGIN:
            x, y = _MARGIN, y + 16
        _circle(sheet, x + 6, y - 2.5, look, 6.0)
        sheet.text(x + 16, y, meant, size=_SMALL)
        x += needed
    return y + 16


def _domain_legend(
    sheet: Sheet, value: RiskOfBias, keys: Sequence[str], y: float, width: float
) -> float:
    if tuple(keys) == tuple(value.domains):
        return y
    indent = max(text_width(plain(key), _SMALL, is_bold=True) for key in keys) + 6
    for key, name in zip(keys, value.domains):
        sheet.text(_MARGIN, y, key, size=_SMALL, is_bold=True)
        y = sheet.paragraph(
            _MARGIN + indent, y, name, width=width - 2 * _MARGIN - indent, size=_SMALL
        )
        y += leading(_SMALL) * 0.12
    return y


# -- words ---------------------------------------------------------------------------------------


def _lights_in_words(value: RiskOfBias) -> str:
    k = len(value.studies)
    parts = [
        f"Traffic light plot of {k} {'study' if k == 1 else 'studies'} judged with {value.tool}.",
        *_overall_in_words(value),
    ]
    for study in value.studies:
        said = ", ".join(
            f"{key} {_word(judgement)}" for key, judgement in zip(_keys(value), study.judgements)
        )
        overall = f", overall {_word(study.overall)}" if study.overall else ""
        parts.append(f"{study.study}: {said}{overall}.")
    return " ".join(parts)


def _overall_in_words(value: RiskOfBias) -> list[str]:
    if _is_scored(value) or not any(s.overall for s in value.studies):
        return []
    counted = [
        (look.word, sum(look_of(s.overall) is look for s in value.studies)) for look in _used(value)
    ]
    return [f"Overall: {', '.join(f'{word.lower()} in {n}' for word, n in counted if n)}."]


def _summary_in_words(
    value: RiskOfBias,
    shares: Sequence[tuple[str, Sequence[tuple[Look, float]]]],
    *,
    is_weighted: bool,
) -> str:
    k = len(value.studies)
    counted = "weighted" if is_weighted else "each counted alike"
    said = [
        f"{name}: {', '.join(f'{look.word.lower()} {_percent(share)}%' for look, share in parts)}."
        for name, parts in shares
    ]
    return (
        f"Risk of bias of {k} {'study' if k == 1 else 'studies'} judged with {value.tool}, "
        f"{counted}. {' '.join(said)}"
    )


def _word(judgement: str | None) -> str:
    look = look_of(judgement)
    return (look.word if look else str(judgement)).lower()
