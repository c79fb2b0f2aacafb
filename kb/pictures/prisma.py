"""PRISMA 2020 flow diagrams (Page et al 2021, BMJ 372:n71), of new and of updated reviews.

Counts go by the names of the PRISMA 2020 flow diagram tables. Records, reports and studies are
three different things that are counted. A count that is not given is printed as not reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from kb.errors import InvalidInput
from kb.pictures.drawing import INK, WHITE, Drawing, Sheet, plain
from kb.pictures.lettering import text_width, wrapped
from kb.synthesis.table import Table, read_csv

NOT_REPORTED: Final = "not reported"

# What each count is called in its box, in the order in which they are told.
LABELS: Final[Mapping[str, str]] = {
    "previous_studies": "Studies included in previous version of review",
    "previous_reports": "Reports of studies included in previous version of review",
    "database_results": "Databases",
    "database_specific_results": "Databases",
    "register_results": "Registers",
    "register_specific_results": "Registers",
    "website_results": "Websites",
    "organisation_results": "Organisations",
    "citations_results": "Citation searching",
    "duplicates": "Duplicate records removed",
    "excluded_automatic": "Records marked as ineligible by automation tools",
    "excluded_other": "Records removed for other reasons",
    "records_screened": "Records screened",
    "records_excluded": "Records excluded",
    "dbr_sought_reports": "Reports sought for retrieval",
    "dbr_notretrieved_reports": "Reports not retrieved",
    "other_sought_reports": "Reports sought for retrieval",
    "other_notretrieved_reports": "Reports not retrieved",
    "dbr_assessed": "Reports assessed for eligibility",
    "dbr_excluded": "Reports excluded",
    "other_assessed": "Reports assessed for eligibility",
    "other_excluded": "Reports excluded",
    "new_studies": "New studies included in review",
    "new_reports": "Reports of new included studies",
    "total_studies": "Total studies included in review",
    "total_reports": "Reports of total included studies",
    "total_studies_ma": "Studies included in meta-analysis",
    "total_reports_ma": "Reports of studies included in meta-analysis",
}
# Headings and the bars at the side; the tables name them in their column `box`.
HEADINGS: Final[Mapping[str, str]] = {
    "prevstud": "Previous studies",
    "newstud": "Identification of new studies via databases and registers",
    "othstud": "Identification of new studies via other methods",
    "identification": "Identification",
    "screening": "Screening",
    "included": "Included",
}
# Counts that may come as a list: "Wrong population, 3; No comparator, 5".
LISTED: Final = (
    "database_specific_results", "register_specific_results", "dbr_excluded", "other_excluded",
)  # fmt: skip
_PREVIOUS: Final = ("previous_studies", "previous_reports")
_TOTAL: Final = ("total_studies", "total_reports")
_POOLED: Final = ("total_studies_ma", "total_reports_ma")
_OTHER_SOURCES: Final = ("website_results", "organisation_results", "citations_results")
_OTHER: Final = (
    *_OTHER_SOURCES, "other_sought_reports", "other_notretrieved_reports", "other_assessed",
    "other_excluded",
)  # fmt: skip
_NOT_GIVEN: Final = ("", "na", "n/a", "nr", "xxx", "xx", "x", "nan", "null", "none", NOT_REPORTED)

Part = tuple[str, int | None]

_SIZE: Final = 7.5
_LEAD: Final = 10.0
_BOX: Final = 172.0
_GAP: Final = 24.0
_ROW_GAP: Final = 20.0
_BAR: Final = 17.0
_MARGIN: Final = 12.0
_BLUE, _GOLD, _GREY = "#b9d4e8", "#f3c95f", "#e3e6e8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Counts by name, None or absent for not reported; `lists` of those that are told apart, by
    database or reason. `labels` of the boxes, where others than the usual ones are wanted.

    `has_previous`, `has_other`: whether the column of previous studies and that of other methods
    are drawn; None: where one of their counts is given.
    """

    counts: Mapping[str, int | None]
    lists: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str = "PRISMA 2020 flow diagram"
    has_previous: bool | None = None
    has_other: bool | None = None

    def count(self, key: str) -> int | None:
        """The count, or the sum of its list where all of that is given."""
        given = self.counts.get(key)
        if given is not None:
            return given
        specific = key.replace("_results", "_specific_results")
        parts = self.lists.get(key) or self.lists.get(specific, ())
        numbers = [n for _, n in parts]
        return sum(n for n in numbers if n is not None) if parts and None not in numbers else None

    def label(self, key: str) -> str:
        return self.labels.get(key) or LABELS.get(key) or HEADINGS[key]


def counts_of(value: Flow) -> dict[str, int | dict[str, int | None] | None]:
    """Every count of the diagram by its name, None for not reported; lists as mappings."""
    told: dict[str, int | dict[str, int | None] | None] = {}
    for key in LABELS:
        if key in LISTED:
            if key in value.lists:
                told[key] = dict(value.lists[key])
            elif "specific" not in key:
                told[key] = value.count(key)
        else:
            told[key] = value.count(key)
    return told


# -- do the numbers agree ------------------------------------------------------------------------


def problems(value: Flow) -> list[str]:
    """Where the counts contradict each other, each as a sentence with its numbers. What is not
    reported is taken for unknown, not for 0."""
    n = value.count
    found: list[str] = []
    found += _balance(
        value,
        ("database_results", "register_results"),
        ("duplicates", "excluded_automatic", "excluded_other"),
        "records_screened",
    )
    found += _balance(value, ("records_screened",), ("records_excluded",), "dbr_sought_reports")
    for way in ("dbr", "other"):
        sought, lost = f"{way}_sought_reports", f"{way}_notretrieved_reports"
        found += _balance(value, (sought,), (lost,), f"{way}_assessed")
    has_other = layers(value)[1]
    assessed = ("dbr_assessed", "other_assessed") if has_other else ("dbr_assessed",)
    excluded = ("dbr_excluded", "other_excluded") if has_other else ("dbr_excluded",)
    found += _balance(value, assessed, excluded, "new_reports")
    if layers(value)[0]:
        found += _balance(value, ("previous_studies", "new_studies"), (), "total_studies")
        found += _balance(value, ("previous_reports", "new_reports"), (), "total_reports")
    for studies, reports in (
        ("new_studies", "new_reports"),
        ("previous_studies", "previous_reports"),
        _TOTAL,
        _POOLED,
    ):
        found += _at_most(value, studies, reports)
    whole = "total_studies" if n("total_studies") is not None else "new_studies"
    found += _at_most(value, "total_studies_ma", whole)
    found += _sums(value)
    identified = [n(key) for key in _OTHER_SOURCES]
    most = n("other_sought_reports")
    known = [count for count in identified if count is not None]
    if most is not None and len(known) == len(identified) and most > sum(known):
        found.append(
            f"other methods: {most} reports sought, but only {sum(known)} records identified"
        )
    return found


def _balance(value: Flow, begin: Sequence[str], minus: Sequence[str], end: str) -> list[str]:
    begun = [value.count(key) for key in begin]
    gone = [value.count(key) for key in minus]
    left = value.count(end)
    if left is None or None in begun:
        return []
    total = sum(n for n in begun if n is not None)
    known = sum(n for n in gone if n is not None)
    if (None in gone and left <= total - known) or total - known == left:
        return []
    told = " + ".join(f"{n} {_name(value, key)}" for key, n in zip(begin, begun))
    taken = "".join(f" − {n} {_name(value, key)}" for key, n in zip(minus, gone) if n is not None)
    least = "at most " if None in gone else ""
    return [f"{told}{taken} = {least}{total - known}, not {left} {_name(value, end)}"]


def _at_most(value: Flow, less: str, more: str) -> list[str]:
    few, many = value.count(less), value.count(more)
    if few is None or many is None or few <= many:
        return []
    return [f"{few} {_name(value, less)}, but only {many} {_name(value, more)}"]


def _sums(value: Flow) -> list[str]:
    """Lists whose parts do not make their whole."""
    found = []
    for key, parts in value.lists.items():
        whole = value.counts.get(key.replace("_specific", ""))
        known = sum(n for _, n in parts if n is not None)
        is_whole = all(n is not None for _, n in parts)
        if whole is not None and (known > whole or (is_whole and known != whole)):
            found.append(f"{_name(value, key)}: the parts make {known}, not {whole}")
    return found


def _name(value: Flow, key: str) -> str:
    said = value.label(key)
    return f"{said[0].lower()}{said[1:]}" if not said[:2].isupper() else said


# -- reading -------------------------------------------------------------------------------------


def read_flow(body: bytes) -> Flow:
    """Counts from a table or from JSON.

    A table has the columns of the PRISMA 2020 flow diagram tables (`data`, `box`, `boxtext`, `n`),
    or just `key` and `n`. JSON is an object of counts by name. "xxx", NA and nothing are not
    reported. Raises InvalidInput for names that are no count and for what is no number.
    """
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _from_json(body)
    return _from_table(read_csv(body))


def _from_table(table: Table) -> Flow:
    key_column = next((c for c in ("data", "key") if table.name_of(c)), None)
    if key_column is None or table.name_of("n") is None:
        raise InvalidInput(
            f"no columns data (or key) and n (the table has {', '.join(table.columns)})"
        )

    def cells(column: str) -> list[str]:
        name = table.name_of(column)
        return [str(c or "").strip() for c in table.columns[name]] if name else [""] * table.k

    boxes = cells("box")
    boxtexts = cells("boxtext") if table.name_of("boxtext") else cells("label")
    given: dict[str, object] = {}
    labels: dict[str, str] = {}
    for place, key, box, text, n in zip(
        table.places, cells(key_column), boxes, boxtexts, cells("n")
    ):
        if key.lower() in _NOT_GIVEN:
            key = box
        if key in HEADINGS:
            labels |= {key: text} if text else {}
            continue
        if not key:
            continue
        if key in given:
            raise InvalidInput(f"{place}: {key} stands there twice; keep one")
        given[_known(key, f"{place}: ")] = n
        labels |= {key: text} if text and text.lower() not in _NOT_GIVEN else {}
    return _flow(given, labels)


def _from_json(body: bytes) -> Flow:
    try:
        held = json.loads(body)
    except ValueError as error:
        raise InvalidInput(f"not JSON: {error}") from error
    labels = held.pop("labels", {})
    given = held.pop("counts", held)
    if not isinstance(given, dict) or not isinstance(labels, dict):
        raise InvalidInput('expected counts by name: {"records_screened": 120, ...}')
    for key in (*given, *labels):
        if key not in HEADINGS:
            _known(key, "")
    return _flow(given, {key: str(label) for key, label in labels.items()})


def _known(key: str, place: str) -> str:
    if key not in LABELS:
        raise InvalidInput(f"{place}{key[:60]!r} is no count (known: {', '.join(LABELS)})")
    return key


def _flow(given: Mapping[str, object], labels: Mapping[str, str]) -> Flow:
    counts: dict[str, int | None] = {}
    lists: dict[str, tuple[Part, ...]] = {}
    for key, value in given.items():
        if isinstance(value, Mapping):
            value = [[label, n] for label, n in value.items()]
        if isinstance(value, list):
            _may_be_listed(key)
            lists[key] = tuple(_pair(key, pair) for pair in value)
        elif key in LISTED and isinstance(value, str) and not _is_count(value):
            lists[key] = tuple(_parts(value))
        else:
            counts[key] = _count(key, value)
    lists = {key: parts for key, parts in lists.items() if parts}
    if not any(n is not None for n in counts.values()) and not lists:
        raise InvalidInput("no count is given, so there is no flow to draw")
    return Flow(counts=counts, lists=lists, labels=labels)


def _may_be_listed(key: str) -> None:
    if key not in LISTED:
        raise InvalidInput(f"{key} is one number, not a list (lists: {', '.join(LISTED)})")


def _pair(key: str, pair: object) -> Part:
    if isinstance(pair, Mapping):
        pair = [pair.get("label", pair.get("reason")), pair.get("n")]
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise InvalidInput(
            f'{key}: {str(pair)[:60]!r} is no pair of text and number ["MEDLINE", 9]'
        )
    return pair[0], _count(f"{key}, {pair[0]}", pair[1])


_COUNT: Final = re.compile(r"\d{1,3}(?:[, \u00a0\u202f]\d{3})+|\d{1,15}", re.ASCII)
_PART: Final = re.compile(
    r"(?P<label>.*?\S)\s*(?:[,:]|\(\s*n\s*=)\s*(?P<n>[\d\u00a0\u202f ]+|xxx|NA)\s*\)?",
    re.DOTALL | re.IGNORECASE,
)


def _is_count(text: str) -> bool:
    return text.strip().lower() in _NOT_GIVEN or _COUNT.fullmatch(text.strip()) is not None


def _count(key: str, value: object) -> int | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOT_GIVEN):
        return None
    if isinstance(value, bool):
        raise InvalidInput(f"{key}: {value!r} is no count (expected a whole number)")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        value = int(re.sub(r"\D", "", value))
    if not isinstance(value, int) or not 0 <= value < 10**15:
        raise InvalidInput(
            f"{key}: {str(value)[:60]!r} is no count (expected a whole number of 0 or more, or "
            "nothing where it is not reported)"
        )
    return value


def _parts(text: str) -> Iterable[Part]:
    for piece in re.split(r"[;\n]", text):
        if not piece.strip():
            continue
        found = _PART.fullmatch(piece.strip())
        if found is None:
            yield piece.strip(), None
        else:
            n = re.sub(r"\D", "", found["n"])
            yield found["label"], int(n) if n else None


# -- drawing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[tuple[str, float], ...]  # text and indent
    x: float
    fill: str = WHITE

    @property
    def height(self) -> float:
        return len(self.lines) * _LEAD + 9


def layers(value: Flow) -> tuple[bool, bool]:
    """Whether the columns of previous studies and of other methods are drawn."""

    def given(keys: Iterable[str]) -> bool:
        return any(value.count(key) is not None for key in keys)

    has_previous = given(_PREVIOUS) if value.has_previous is None else value.has_previous
    has_other = given(_OTHER) if value.has_other is None else value.has_other
    return has_previous, has_other


def prisma(value: Flow) -> Drawing:
    """The diagram. What its numbers contradict is told by `problems`, not by the drawing."""
    has_previous, has_other = layers(value)
    has_total = has_previous or any(value.count(key) is not None for key in _TOTAL)
    has_pooled = any(value.count(key) is not None for key in _POOLED)
    sheet = Sheet()
    x_previous = _MARGIN + _BAR + 10
    x_main = x_previous + (_BOX + _GAP if has_previous else 0.0)
    x_side = x_main + _BOX + _GAP
    x_other = x_side + _BOX + _GAP
    x_lost = x_other + _BOX + _GAP
    right = (x_lost if has_other else x_side) + _BOX
    width = right + _MARGIN

    y = sheet.paragraph(_MARGIN, 20, value.title, width=width - 2 * _MARGIN, size=10, is_bold=True)
    y += 2
    headings = [(x_main, x_side + _BOX, "newstud", _GOLD)]
    headings += [(x_previous, x_previous + _BOX, "prevstud", _GREY)] if has_previous else []
    headings += [(x_other, x_lost + _BOX, "othstud", _GREY)] if has_other else []
    y = _headings(sheet, value, headings, y)

    def box(x: float, keys: Sequence[str], first: str | None = None, fill: str = WHITE) -> _Box:
        lines: list[tuple[str, float]] = [(first, 0.0)] if first else []
        for key in keys:
            lines += _lines_of(value, key, 8.0 if first else 0.0)
        return _Box(tuple(lines), x, fill)

    grey = "#f4f5f5"
    identified = ("database_results", "register_results")
    removed = ("duplicates", "excluded_automatic", "excluded_other")
    rows: list[dict[str, _Box]] = [
        {
            "main": box(x_main, identified, "Records identified from:"),
            "side": box(x_side, removed, "Records removed before screening:"),
        },
        {
            "main": box(x_main, ("records_screened",)),
            "side": box(x_side, ("records_excluded",)),
        },
        {
            "main": box(x_main, ("dbr_sought_reports",)),
            "side": box(x_side, ("dbr_notretrieved_reports",)),
        },
        {"main": box(x_main, ("dbr_assessed",)), "side": box(x_side, ("dbr_excluded",))},
        {"main": box(x_main, ("new_studies", "new_reports"))},
    ]
    if has_previous:
        rows[0]["previous"] = box(x_previous, _PREVIOUS, fill=grey)
    if has_other:
        rows[0]["other"] = box(x_other, _OTHER_SOURCES, "Records identified from:", grey)
        rows[2]["other"] = box(x_other, ("other_sought_reports",), fill=grey)
        rows[2]["lost"] = box(x_lost, ("other_notretrieved_reports",), fill=grey)
        rows[3]["other"] = box(x_other, ("other_assessed",), fill=grey)
        rows[3]["lost"] = box(x_lost, ("other_excluded",), fill=grey)
    rows += [{"main": box(x_main, _TOTAL)}] if has_total else []
    rows += [{"main": box(x_main, _POOLED)}] if has_pooled else []

    spans: list[tuple[float, float]] = []
    places: list[dict[str, tuple[float, float]]] = []
    for row in rows:
        height = max(found.height for found in row.values())
        spans.append((y, y + height))
        placed = {}
        for name, found in row.items():
            top = y + (height - found.height) / 2
            placed[name] = (top, top + found.height)
            _put(sheet, found, top)
        places.append(placed)
        y += height + _ROW_GAP
    for key, first, last in (
        ("identification", 0, 0),
        ("screening", 1, 3),
        ("included", 4, len(rows) - 1),
    ):
        _bar(sheet, value.label(key), spans[first][0], spans[last][1])
    _arrows(sheet, rows, places, is_update=has_previous and has_total)
    return sheet.drawn(
        width, y - _ROW_GAP + _MARGIN, title=value.title, description=in_words(value)
    )


def _arrows(
    sheet: Sheet,
    rows: Sequence[Mapping[str, _Box]],
    places: Sequence[Mapping[str, tuple[float, float]]],
    *,
    is_update: bool,
) -> None:
    for row, placed in zip(rows, places):
        for begin, end in (("main", "side"), ("other", "lost")):
            if begin in row and end in row:
                y = sum(placed[begin]) / 2
                sheet.arrow((row[begin].x + _BOX, y), (row[end].x, y))
    centre = rows[0]["main"].x + _BOX / 2
    for above, below in pairwise(places):
        sheet.arrow((centre, above["main"][1]), (centre, below["main"][0]))
    if "other" in rows[0]:
        x = rows[0]["other"].x + _BOX / 2
        sheet.arrow((x, places[0]["other"][1]), (x, places[2]["other"][0]))
        sheet.arrow((x, places[2]["other"][1]), (x, places[3]["other"][0]))
        y = sum(places[4]["main"]) / 2
        sheet.line((x, places[3]["other"][1]), (x, y), width=0.8)
        sheet.arrow((x, y), (rows[4]["main"].x + _BOX, y))
    if is_update:
        x = rows[0]["previous"].x + _BOX / 2
        y = sum(places[5]["main"]) / 2
        sheet.line((x, places[0]["previous"][1]), (x, y), width=0.8)
        sheet.arrow((x, y), (rows[5]["main"].x, y))


def _headings(
    sheet: Sheet, value: Flow, headings: Sequence[tuple[float, float, str, str]], y: float
) -> float:
    wrapped_at = [
        (begin, end, wrapped(plain(value.label(key)), end - begin - 12, 8, is_bold=True), colour)
        for begin, end, key, colour in headings
    ]
    height = max(len(lines) for *_, lines, _ in wrapped_at) * 10.5 + 8
    for begin, end, lines, colour in wrapped_at:
        sheet.box(begin, y, end - begin, height, fill=colour, stroke=INK, line_width=0.5)
        first = y + height / 2 - (len(lines) - 1) * 5.25 + 2.9
        for place, line in enumerate(lines):
            sheet.text((begin + end) / 2, first + place * 10.5, line, anchor="middle", is_bold=True)
    return y + height + 12


def _bar(sheet: Sheet, label: str, top: float, bottom: float) -> None:
    length = bottom - top
    sheet.box(_MARGIN, top, _BAR, length, fill=_BLUE, stroke=INK, line_width=0.5)
    size = min(8.0, 8.0 * (length - 4) / max(text_width(plain(label), 8, is_bold=True), 1.0))
    sheet.text(
        _MARGIN + _BAR / 2 + size * 0.36,
        (top + bottom) / 2,
        label,
        size=size,
        anchor="middle",
        is_bold=True,
        angle=90,
    )


def _put(sheet: Sheet, found: _Box, top: float) -> None:
    sheet.box(found.x, top, _BOX, found.height, fill=found.fill, stroke=INK, line_width=0.7)
    y = top + 4.5 + _SIZE
    for line, indent in found.lines:
        sheet.text(found.x + 6 + indent, y, line, size=_SIZE)
        y += _LEAD


def _lines_of(value: Flow, key: str, indent: float) -> list[tuple[str, float]]:
    parts = value.lists.get(key) or value.lists.get(key.replace("_results", "_specific_results"))
    n = value.count(key)
    if key in LISTED and parts:
        whole = f"{value.label(key)} ({_n(n)}):" if n is not None else f"{value.label(key)}:"
    else:
        whole = f"{value.label(key)} ({_n(n)})"
    lines = _broken(whole, indent)
    for label, count in parts or ():
        lines += _broken(f"{label} ({_n(count)})", indent + 8)
    return lines


def _broken(text: str, indent: float) -> list[tuple[str, float]]:
    lines = wrapped(plain(text), _BOX - 12 - indent, _SIZE)
    return [(lines[0], indent), *((line, indent + 6) for line in lines[1:])]


def _n(count: int | None) -> str:
    # With no-break spaces: "n = 3" stays on one line.
    said = f"n {NOT_REPORTED}" if count is None else f"n = {count:,}"
    return said.replace(" ", "\u00a0")


# -- words ---------------------------------------------------------------------------------------


def in_words(value: Flow) -> str:
    """What the diagram says, for who cannot see it."""
    has_previous, has_other = layers(value)
    parts = ["PRISMA 2020 flow diagram."]
    if has_previous:
        parts.append(_told(value, "Previous review", _PREVIOUS))
    parts.append(_told(value, "Records identified", ("database_results", "register_results")))
    parts.append(
        _told(
            value,
            "Removed before screening",
            ("duplicates", "excluded_automatic", "excluded_other"),
        )
    )
    parts.append(_told(value, "Screening", ("records_screened", "records_excluded")))
    dbr = ("dbr_sought_reports", "dbr_notretrieved_reports", "dbr_assessed", "dbr_excluded")
    parts.append(_told(value, "Retrieval and eligibility", dbr))
    if has_other:
        parts.append(_told(value, "Other methods", _OTHER))
    included = ["new_studies", "new_reports"]
    for keys in (_TOTAL, _POOLED):
        included += [key for key in keys if value.count(key) is not None]
    parts.append(_told(value, "Included", included))
    return " ".join(parts)


def _told(value: Flow, heading: str, keys: Sequence[str]) -> str:
    said = []
    for key in keys:
        n = value.count(key)
        told = f"{_name(value, key)} {NOT_REPORTED if n is None else f'{n:,}'}"
        specific = key.replace("_results", "_specific_results")
        if listed := value.lists.get(key) or value.lists.get(specific, ()):
            parts = (f"{label} {NOT_REPORTED if m is None else m}" for label, m in listed)
            told += f" ({', '.join(parts)})"
        said.append(told)
    return f"{heading}: {'; '.join(said)}."
