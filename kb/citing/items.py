"""What is cited: a CSL-JSON item read leniently into names, dates, numbers and text.

The corrections made before rendering live here, each with its reason: providers deliver "1815–22",
DOIs as addresses, initials run together and dates as text, and every style expects the CSL form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from kb.citing.text import Text, read_marked
from kb.errors import InvalidInput

# CSL 1.0.2, Appendix IV "Variables".
NAME_VARIABLES = frozenset(
    {
        "author", "chair", "collection-editor", "compiler", "composer", "container-author",
        "contributor", "curator", "director", "editor", "editorial-director",
        "executive-producer", "guest", "host", "illustrator", "interviewer", "narrator",
        "organizer", "original-author", "performer", "producer", "recipient",
        "reviewed-author", "script-writer", "series-creator", "translator",
        "editor-translator", "editortranslator",
    }
)  # fmt: skip
DATE_VARIABLES = frozenset(
    {
        "accessed", "available-date", "event-date", "issued", "original-date", "submitted",
        "container",
    }
)  # fmt: skip
NUMBER_VARIABLES = frozenset(
    {
        "chapter-number", "citation-number", "collection-number", "edition",
        "first-reference-note-number", "issue", "locator", "number", "number-of-pages",
        "number-of-volumes", "page", "page-first", "part-number", "printing-number",
        "section", "supplement-number", "version", "volume",
    }
)  # fmt: skip
_VERBATIM = frozenset(
    {
        "DOI", "URL", "PMID", "PMCID", "ISBN", "ISSN", "language", "id", "type",
    }
)  # fmt: skip
# Hangul, kana and Han, with their extensions and compatibility forms (Unicode block names).
_EAST_ASIAN = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U00020000-\U0003ffff]"
)
# A value longer than this is no field of a reference; 100,000 characters hold 5,000 authors' names.
_LONGEST = 100_000


@dataclass(frozen=True)
class Name:
    """A person by the parts of the name, or anything else that is named by `literal`."""

    family: str = ""
    given: str = ""
    dropping: str = ""
    non_dropping: str = ""
    suffix: str = ""
    literal: str = ""
    comma_suffix: bool = False
    static: bool = False  # in the order it is written in, whatever the style

    @cached_property
    def is_inverted(self) -> bool:
        """Family and given name can change places, unlike in Chinese, Japanese and Korean."""
        letters = [c for c in self.family + self.given if c.isalpha()]
        return not self.static and (not letters or any(not _EAST_ASIAN.match(c) for c in letters))


@dataclass(frozen=True)
class Day:
    """A date as far as it is known; `season` is 1 (spring) to 4, a year before Christ is
    negative."""

    year: int
    month: int | None = None
    day: int | None = None
    season: int | None = None


@dataclass(frozen=True)
class Date:
    """A day, or from `start` to `end`, or `literal` where it could not be understood.

    `is_open`: a range that has not ended.
    """

    start: Day | None = None
    end: Day | None = None
    is_open: bool = False
    circa: bool = False
    literal: str = ""


@dataclass(eq=False)
class Item:
    """One thing cited; `values` holds text, numbers as written."""

    id: str
    type: str
    values: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[Name, ...]] = field(default_factory=dict)
    dates: dict[str, Date] = field(default_factory=dict)
    is_retracted: bool = False
    _marked: dict[str, Text] = field(default_factory=dict, repr=False)

    def has(self, variable: str) -> bool:
        return variable in self.values or variable in self.names or variable in self.dates

    def marked(self, variable: str) -> Text:
        """The value as formatted text; empty where there is none."""
        if variable not in self._marked:
            value = self.values.get(variable, "")
            if not value:
                self._marked[variable] = []
            elif variable in _VERBATIM:
                self._marked[variable] = [value]
            else:
                self._marked[variable] = read_marked(value)
        return self._marked[variable]


def item_from_csl(raw: object) -> Item:
    """One element of a CSL-JSON list.

    Unknown fields are ignored, unknown types rendered as documents are. Raises InvalidInput where
    it is no item at all, or a field holds something that cannot be printed.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"not a CSL-JSON item: {_shown(raw)} (expected an object with a type)")
    kind = raw.get("type") or "document"
    if not isinstance(kind, str):
        raise InvalidInput(f"not a type of item: {_shown(kind)} (expected e.g. article-journal)")
    item = Item(str(raw.get("id", "")), kind)
    for key, value in raw.items():
        if key in ("id", "type") or value is None:
            continue
        if key in NAME_VARIABLES:
            if names := _names(key, value):
                item.names[key] = names
        elif key in DATE_VARIABLES:
            if date := _date(key, value):
                item.dates[key] = date
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            if text := _cleaned(str(value)):
                item.values[key] = text if key == "note" else _in_one_line(text)
        elif key in _MUST_BE_TEXT:
            raise InvalidInput(f"{key} is not text: {_shown(value)}")
    _normalise(item)
    return item


_MUST_BE_TEXT = frozenset(
    {
        "title",
        "container-title",
        "volume",
        "issue",
        "page",
        "number",
        "edition",
        "publisher",
        "DOI",
        "URL",
    }
)  # fmt: skip | {"publisher-place", "collection-title", "genre", "status"}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _cleaned(text: str) -> str:
    text = _CONTROL.sub("", text).strip(" \t\r\n")
    if len(text) > _LONGEST:
        raise InvalidInput(f"a field has {len(text):,} characters; {_LONGEST:,} are the limit")
    return text


def _in_one_line(text: str) -> str:
    return _BREAKS.sub(" ", text)


_BREAKS = re.compile(r"[ \t\r\n\u2028\u2029\x85]+")


# --- corrections before rendering ---


def _normalise(item: Item) -> None:
    values = item.values
    for key, wanted in (
        ("shortTitle", "title-short"),
        ("journalAbbreviation", "container-title-short"),
    ):
        if key in values:
            values.setdefault(wanted, values[key])
    # CSL 1.0.2 renamed the variable; styles of both ages are about.
    if "event" in values:
        values.setdefault("event-title", values["event"])
    elif "event-title" in values:
        values["event"] = values["event-title"]
    if "DOI" in values:
        values["DOI"] = _DOI_LABEL.sub("", values["DOI"])
    if "PMCID" in values and values["PMCID"].isdigit():
        values["PMCID"] = "PMC" + values["PMCID"]
    if "page" in values and "page-first" not in values:
        values["page-first"] = re.split(r"\s*[-–,&]", values["page"], maxsplit=1)[0]
    # Fields that CSL 1.0.1 processors could not take were written into the note, one per line.
    if "note" in values:
        _from_note(item)


_DOI_LABEL = re.compile(r"^(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*)+", re.IGNORECASE)
_NOTE_LINE = re.compile(r"^(?:\{:)?([A-Za-z][A-Za-z-]+)\s*:\s*(.+?)\}?$")


_IN_NOTES = NUMBER_VARIABLES | {
    "DOI", "PMCID", "PMID", "URL", "archive", "authority", "collection-title",
    "collection-title-short", "container-title", "container-title-short", "event-place",
    "event-title", "genre", "medium", "original-publisher", "original-publisher-place",
    "original-title", "part-title", "publisher", "publisher-place", "references", "scale", "status",
    "title-short", "volume-title",
}  # fmt: skip


def _from_note(item: Item) -> None:
    left = []
    for line in item.values["note"].splitlines():
        found = _NOTE_LINE.match(line.strip())
        key, value = (found[1], found[2]) if found else ("", "")
        if key in NAME_VARIABLES and "||" in value and key not in item.names:
            family, _, given = (part.strip() for part in value.partition("||"))
            item.names[key] = (_with_particles(Name(family=family, given=given)),)
        elif key in DATE_VARIABLES and key not in item.dates and (date := _date_in_text(value)):
            item.dates[key] = date
        elif key in _IN_NOTES and key not in item.values:
            item.values[key] = value
        else:
            left.append(line)
    if left:
        item.values["note"] = _in_one_line("\n".join(left))
    else:
        del item.values["note"]


# --- names ---


def _names(key: str, value: object) -> tuple[Name, ...]:
    if isinstance(value, str | Mapping):
        value = [value]
    if not isinstance(value, list):
        raise InvalidInput(f"{key} is no list of names: {_shown(value)}")
    return tuple(name for one in value if (name := _name(key, one)))


def _name(key: str, value: object) -> Name | None:
    if isinstance(value, str):
        value = {"literal": value}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{key} holds what is no name: {_shown(value)}")

    def part(name: str) -> str:
        found = value.get(name)
        # Typographic apostrophes in names, as every style prints them.
        if found in (None, False):
            return ""
        return _in_one_line(_cleaned(str(found)).replace("'", "’"))

    if literal := part("literal"):
        return Name(literal=literal)
    name = Name(
        family=part("family"),
        given=part("given"),
        dropping=part("dropping-particle"),
        non_dropping=part("non-dropping-particle"),
        suffix=part("suffix"),
        comma_suffix=bool(value.get("comma-suffix")),
        static=bool(value.get("static-ordering")),
    )
    if not name.family:
        return Name(literal=name.given) if name.given else None
    return _with_particles(_with_suffix(name))


_SUFFIX = re.compile(r"^(.*\S)\s*,\s*(!?)\s*((?:Jr|Sr|[IVX]+|Esq|MD|PhD|2nd|3rd)\b\.?.*|!.+)$")


def _with_suffix(name: Name) -> Name:
    """ "John, III" as a given name holds the suffix; "!" asks for a comma before it."""
    if name.suffix or "," not in name.given:
        return name
    given, _, rest = name.given.partition(",")
    rest = rest.strip()
    if not rest:
        return name
    forced = rest.startswith("!")
    if not forced and rest[0].islower():  # "Givenname, de": a particle that was put behind
        return replace(name, given=given.strip(), dropping=name.dropping or rest)
    return replace(name, given=given.strip(), suffix=rest.lstrip("! ").strip(), comma_suffix=forced)


_ATTACHED_PARTICLE = re.compile(r"^([^\W\d_]{1,2}’|al-|el-)(\S.*)$")


def _with_particles(name: Name) -> Name:
    """Particles taken off the family and the given name where no one has done it before.

    Lower-case words before a family name are non-dropping particles, those after a given name
    dropping ones (citeproc-js, "parsed" names): "van der Beek" sorts and shortens as the style
    wants only then. A family name in quotation marks is left whole, and so is one all in lower
    case: "bell hooks".
    """
    family, given = name.family, name.given
    if len(family) > 1 and family[0] in '"“' and family[-1] in '"”':
        return replace(name, family=family[1:-1])
    if not name.non_dropping:
        words = family.split(" ")
        count = _lower_case_words(words)
        rest = " ".join(words[count:])
        attached = _ATTACHED_PARTICLE.match(rest)
        particles = words[:count]
        if attached and attached[1].islower() and attached[2][0].isupper():
            particles, rest = [*particles, attached[1]], attached[2]
        if particles and rest:
            name = replace(name, non_dropping=" ".join(particles), family=rest)
    if not name.dropping and " " in given:
        words = given.split(" ")
        count = _lower_case_words(words[:0:-1])
        if count and words[-count - 1]:
            name = replace(name, given=" ".join(words[:-count]), dropping=" ".join(words[-count:]))
    return name


def _lower_case_words(words: list[str]) -> int:
    """How many of them are all in lower case, from the first on."""
    return next((count for count, word in enumerate(words) if not word.islower()), len(words))


# --- dates ---


def _date(key: str, value: object) -> Date | None:
    if isinstance(value, str | int):
        return _date_in_text(str(value))
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{key} is no date: {_shown(value)}")
    circa = value.get("circa", False) not in (False, 0, "0", "", None, "false")
    season = _season(value.get("season"))
    parts = value.get("date-parts")
    days: list[Day | None] = []
    if isinstance(parts, list) and parts:
        if not isinstance(parts[0], list):
            parts = [parts]
        days = [_day(one, season) for one in parts[:2] if one and isinstance(one, list)]
    if days and days[0]:
        is_open = len(days) > 1 and days[1] is None
        end = days[1] if len(days) > 1 and days[1] != days[0] else None
        return Date(days[0], end, is_open=is_open, circa=circa)
    if text := value.get("raw") or value.get("literal"):
        text = _in_one_line(_cleaned(str(text)))
        found = _date_in_text(text) if value.get("raw") else None
        found = found or Date(literal=text)
        return replace(found, circa=circa or found.circa)
    return None


def _day(parts: list[Any], season: int | None) -> Day | None:
    numbers: list[int | None] = []
    for part in parts[:3]:
        try:
            numbers.append(int(str(part).strip()))
        except ValueError:
            break
    if not numbers or not numbers[0]:
        return None
    year, month, day = (*numbers, None, None)[:3]
    assert year is not None
    if month and 13 <= month <= 16:  # a season as a month, in the two ways there are
        return Day(year, season=month - 12)
    if month and 21 <= month <= 24:
        return Day(year, season=month - 20)
    if not month or not 1 <= month <= 12:
        return Day(year, season=season)
    return Day(year, month, day if day and 1 <= day <= 31 else None)


_SEASONS = {"spring": 1, "summer": 2, "autumn": 3, "fall": 3, "winter": 4}


def _season(value: object) -> int | None:
    if value is None:
        return None
    text = str(value).strip().lower()
    if text.isdigit() and 1 <= int(text) <= 4:
        return int(text)
    return _SEASONS.get(text)


_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        start=1,
    )
}
_ISO = r"(-?\d{1,4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:T[\d:.]+Z?)?"
_ISO_DATE = re.compile(rf"^{_ISO}(?:/(?:{_ISO})?)?$")
_WORDED = re.compile(
    r"^(?:(?P<m1>[A-Za-z]{3,9})\.?\s+(?:(?P<d1>\d{1,2})(?:st|nd|rd|th)?,?\s+)?|"
    r"(?P<d2>\d{1,2})\.?\s+(?P<m2>[A-Za-z]{3,9})\.?,?\s+)(?P<y>\d{3,4})$"
)
_SLASHED = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})$")


def _date_in_text(text: str) -> Date | None:
    """A date in ISO form or in English words; None where it is neither."""
    text = text.strip()
    circa = False
    if re.match(r"^(?:ca?\.|circa)\s+", text, re.IGNORECASE) or text.endswith("?"):
        circa, text = (
            True,
            re.sub(r"^(?:ca?\.|circa)\s+", "", text.rstrip("?"), flags=re.IGNORECASE),
        )
    if found := _ISO_DATE.match(text):
        start = _day([p for p in found.groups()[:3] if p], None)
        end = _day([p for p in found.groups()[3:] if p], None)
        return Date(start, end, is_open="/" in text and not end, circa=circa) if start else None
    if found := re.match(r"^(-?\d{3,4})\s*[-–]\s*(\d{4})$", text):
        return Date(Day(int(found[1])), Day(int(found[2])), circa=circa)
    if found := _SLASHED.match(text):
        return Date(_day([found[3], found[1], found[2]], None), circa=circa)
    if found := _WORDED.match(text):
        word = (found["m1"] or found["m2"]).lower()
        year, day = int(found["y"]), found["d1"] or found["d2"]
        if word in _SEASONS:
            return Date(Day(year, season=_SEASONS[word]), circa=circa)
        if month := _MONTHS.get(word[:3]):
            return Date(Day(year, month, int(day) if day else None), circa=circa)
    return None
