"""When something was measured, read from text, and days for comparing.

Only what a text says outright becomes a number: one time, counted forward. Several times, ages
("36 weeks post-menstrual age"), treatment cycles, averages and times before the start stay text,
and so does what is longer than any label or time frame.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kb.models.evidence import TimepointClaim

# A month is a twelfth of the Julian year of 365.25 days, as survival tables count it.
DAYS_PER_UNIT: Final = {
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 30.4375,
    "year": 365.25,
}


def days(value: float | None, unit: str | None) -> float | None:
    """Days in `value` units of "minute", "hour", "day", "week", "month" or "year" (also "months",
    "wks", "h"); None where either is missing or the unit is none of these."""
    name = _unit(unit or "")
    if value is None or name is None:
        return None
    return value * DAYS_PER_UNIT[name]


def timepoint(text: str | None, *, is_change: bool = False) -> TimepointClaim | None:
    """The time a text names, with the text; value and unit are None unless it names exactly one.

    "up to 24 months" is 24 months: `text` keeps that it is a window. With `is_change` the text
    belongs to a change from baseline, so "Baseline to Week 16" names week 16. None for no text.
    """
    plain = " ".join((text or "").split())
    if not plain:
        return None
    found = _distinct(_times(plain) or ())
    if is_change and len(found) > 1:
        found = [time for time in found if time.value != 0]
    return _claim(found[0], plain) if len(found) == 1 else TimepointClaim(text=plain)


def whole_timepoint(text: str | None) -> TimepointClaim | None:
    """The time if naming it is all the text does: "Week 48", "12 months after surgery".

    None for "2 hour glucose", "Baseline EDSS", "Weeks 4 and 8".
    """
    plain = " ".join((text or "").split())
    found = _times(plain) or []
    if len(_distinct(found)) != 1:
        return None
    rest = plain
    for time in reversed(found):
        rest = rest[: time.start] + " " + rest[time.end :]
    rest = _FIRST_OR_LAST.sub(" ", _TOLERANCE.sub(" ", rest))
    if set(re.findall(r"[^\W_]+", rest.lower())) - _FILLERS or re.search(r"[<>=%]", rest):
        return None
    return _claim(_distinct(found)[0], plain)


def split_timepoint(text: str) -> tuple[str, TimepointClaim | None]:
    """A label without the time it ends or begins with, and that time.

    "Pain. 12 months" is ("Pain", 12 months), "Week 48" is ("", week 48). Where the label names no
    time, or more than one, it comes back whole with None.
    """
    plain = " ".join(text.split())
    whole = whole_timepoint(plain)
    if whole:
        return "", whole
    separators = _SEPARATOR.finditer(plain) if len(plain) <= _LONGEST else ()
    for separator in separators:
        head, tail = plain[: separator.start()], plain[separator.end() :]
        tail = tail.removesuffix(")") if "(" in separator[0] else tail
        if separator["word"] and not head:
            continue
        for rest, candidate in ((head, tail), (tail, head)):
            time = whole_timepoint(candidate)
            is_leading = candidate is head
            if time is None or (is_leading and separator["word"]):
                continue
            if not names_a_time(rest) or (not is_leading and _CHANGE_FROM_BASELINE.fullmatch(rest)):
                return rest.strip(), time
    return plain, None


def split_listed_timepoint(text: str, listed: str) -> tuple[str, TimepointClaim | None]:
    """A label without the one time it names anywhere, if `listed` names that time among its own.

    "KOOS outcome 3 months" beside "3 and 18 months" is ("KOOS outcome", 3 months). Otherwise the
    label comes back whole with None.
    """
    plain = " ".join(text.split())
    found = _distinct(_times(plain) or ())
    known = {days(time.value, time.unit) for time in _times(listed) or ()}
    if len(found) != 1 or days(found[0].value, found[0].unit) not in known:
        return plain, None
    if _CHANGE_FROM_BASELINE.search(plain):
        return plain, None
    (time,) = found
    rest = " ".join((plain[: time.start] + " " + plain[time.end :]).split())
    # "6 months after surgery", "at 3 months": words of the time that go with it.
    rest = re.sub(r"^(?:at|after|post|in)\b\s*|\s*\b(?:at|after|post|in)$", "", rest, flags=re.I)
    return rest.strip(" ,;:-–—()"), _claim(time, plain)


def names_a_time(text: str | None, *, of_the_clock: bool = True) -> bool:
    """Whether the text names any time, also one without a number ("4th follow-up", "pre-dose").

    Without `of_the_clock`, hours and minutes do not count: "2 hour glucose" is a measurement
    during one visit.
    """
    plain = text or ""
    return bool(_UNNUMBERED.search(plain)) or any(
        of_the_clock or time.unit not in _CLOCK for time in _raw_times(plain)
    )


def names_a_clock_time(text: str) -> bool:
    """Whether any of the times the text names is in hours or minutes."""
    return any(time.unit in _CLOCK for time in _raw_times(text))


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Time:
    value: float
    unit: str
    start: int
    end: int
    is_baseline: bool = False


_UNITS: Final = {
    "minute": r"minutes?|mins?",
    "hour": r"hours?|hrs?|h",
    "day": r"days?|d",
    "week": r"weeks?|wks?|w",
    "month": r"months?|mths?|mos?",
    "year": r"years?|yrs?|y",
}
_CLOCK: Final = ("minute", "hour")
# ClinicalTrials.gov takes 255 characters for a title and a time frame, 999 for a description.
_LONGEST: Final = 1000
_ANY_UNIT = "|".join(_UNITS.values())
_LONG_UNIT = r"minutes?|hours?|hrs?|days?|weeks?|wks?|months?|years?|yrs?"
_WORDS: Final = {
    word: value
    for value, word in enumerate(
        re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven twelve")
    )
}
# Not a part of a larger number ("1/2", "1.5.2") or name ("SF-36"), nor the end of "twenty-four".
_NUMBER_WORD = rf"(?<!ty[ -])\b(?:{'|'.join(_WORDS)})\b"
_DIGITS = r"\d{1,6}(?:\.\d{1,6})?(?![\d/])"
_NUMBER = rf"(?:(?<![\w.,/])(?<![a-z][-‐‑]){_DIGITS}|{_NUMBER_WORD})"
# Possessive, and no two alternatives take the same text: else "1 , , , ," is tried in 2^n ways.
_JOINT = r"\s*+(?:(?:,|;|&|-|–|—|\band\b|\bor\b|\bto\b|\bthrough\b)\s*+)++"
_LISTED = rf"{_NUMBER}(?:{_JOINT}(?:{_DIGITS}|{_NUMBER_WORD}))*+"
_TIME = re.compile(
    r"(?P<baseline>\bbaseline\b(?:\s*\(\s*(?:study\s+)?day\s*-?\d+\s*\))?"
    r"|\bday\s*-?\d+\s*\(\s*baseline\s*\))"
    rf"|\b(?P<before>{_LONG_UNIT})\s*#?\s*(?P<after>-?{_LISTED})"
    rf"|(?P<numbers>{_LISTED})\s*[-‐‑]?\s*(?P<unit>{_ANY_UNIT})\b"
    rf"(?!\s*/\s*(?:{_LONG_UNIT}|d|wk)\b)",
    re.I,
)
_PLUS_MINUS = r"(?:±|\+\s*/\s*[-−]|plus or minus)"
# "12 ± 2 weeks" and "12 weeks (± 3 days)": the tolerance is no time of its own.
_INNER_TOLERANCE = re.compile(
    rf"(?<=\d)\s*\(?\s*{_PLUS_MINUS}\s*\d+(?:\.\d+)?\s*\)?(?=\s*(?:{_ANY_UNIT})\b)", re.I
)
_TOLERANCE = re.compile(rf"\(?\s*{_PLUS_MINUS}\s*\d+(?:\.\d+)?\s*(?:{_ANY_UNIT})\b\s*\)?", re.I)
_AFTER_BASELINE = re.compile(
    r"(?<=[a-z\d])\s+(?:after|following|from|post|since)[\s-]+(?:the\s+)?baseline\b(?!\s+to\b)",
    re.I,
)
_FREQUENCY = re.compile(
    rf"\b(?:every|each|per)\s+(?:other\s+)?(?:{_LISTED}\s*[-‐‑]?\s*)?(?:{_LONG_UNIT})\b", re.I
)
# Counted from birth, within a cycle, backwards, not the same for all, or beside an unnumbered time.
_NOT_SINCE_START = re.compile(
    r"menstrual|gestation|corrected age|\bof age\b|\bold\b|\bcycle\b|\bbefore\b|\bprior\b"
    r"|\bpreceding\b|\baverage\b|\bmean\b|\bmedian\b"
    r"|\bat\s+(?:the\s+)?(?:first|second|third|fourth|last|final|\d(?:st|nd|rd|th))\b",
    re.I,
)
_FIRST_OR_LAST = re.compile(
    r"\b(?:first|last|final)\s+(?:\w+\s+)?"
    r"(?:dose|infusion|injection|administration|treatment|transplantation)\b",
    re.I,
)
# A time all the same, so that the time of something else must not stand in for it.
_UNNUMBERED = re.compile(
    r"\bbasal\b|\bbefore\b|\bafter\b|\bfollow[\s-]?up\b|\bscreening\b|\bvisit\b|\bend of\b"
    r"|\bdischarge\b|\b(?:pre|post)[\s-]?(?:dos|graft|infus|inject|interven|op|surg|transplant|treat)"
    r"|(?:\dst|\dnd|\drd|\dth|\b(?:first|second|third|fourth|fifth|last|final))\s+"
    r"(?:dose|infusion|injection|transplantation|treatment)",
    re.I,
)
_FILLERS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        a after an at by cell cells day end following follow followup from msc mscs of on point post
        since start stem study the through time timepoint to until up visit within assessment
        measurement administration dose dosing graft implantation infusion injection intervention
        operation operative postoperative surgery transplant transplantation treatment enrollment
        enrolment randomisation randomization
        """,
    )
)
_SEPARATOR = re.compile(r"\s*[.,;:|]\s+|\s+[-–—]\s+|\s*\(|\s+(?P<word>at|to|by|after)\s+", re.I)
_CHANGE_FROM_BASELINE = re.compile(r".*\bchanges?\b.*\bfrom\s+(?:the\s+)?baseline", re.I)
_EVENT = r"(?:infusion|injection|administration|treatment|transplant(?:ation)?|implantation|dose)s?"
_SINCE = r"\b(?:after|following|post|since|from)[\s-]*(?:the\s+)?"
_ANCHORS: Final = tuple(
    (name, re.compile(pattern, re.I))
    for name, pattern in (
        (
            "baseline",
            rf"\b(?:{_LONG_UNIT})\s+(?:after|following|from|post|since)[\s-]+(?:the\s+)?baseline",
        ),
        ("last dose", rf"{_SINCE}(?:last|final)\s+(?:\w+\s+)?{_EVENT}\b"),
        ("first dose", rf"{_SINCE}(?:first|initial)\s+(?:\w+\s+)?{_EVENT}\b"),
        ("treatment", rf"{_SINCE}(?:MSC\s+|cell\s+|stem cell\s+)?{_EVENT}\b"),
        ("surgery", rf"{_SINCE}(?:surgery|operation|op\b|operative)|\bpostoperative"),
        ("randomisation", rf"{_SINCE}randomi[sz]ation"),
        ("enrolment", rf"{_SINCE}(?:study\s+)?enroll?ment"),
    )
)


def _unit(name: str) -> str | None:
    text = name.strip().lower()
    return next((unit for unit, forms in _UNITS.items() if re.fullmatch(forms, text)), None)


def _times(text: str) -> list[_Time] | None:
    """All times named, in order; None where one of them is not counted forward from a start."""
    return None if _NOT_SINCE_START.search(text) else _raw_times(text)


def _raw_times(text: str) -> list[_Time]:
    if len(text) > _LONGEST:
        return []
    # Blanked, not cut, so that positions stay those of the text.
    plain = text
    for pattern in (_FREQUENCY, _INNER_TOLERANCE, _TOLERANCE, _AFTER_BASELINE):
        plain = pattern.sub(_blank, plain)
    found: list[_Time] = []
    for match in _TIME.finditer(plain):
        start, end = match.span()
        if match["baseline"]:
            found.append(_Time(0.0, "day", start, end, is_baseline=True))
            continue
        unit = _unit(match["before"] or match["unit"])
        listed = match["after"] or match["numbers"]
        sign = -1 if listed.startswith("-") else 1
        if unit:
            found += [
                _Time(sign * _value(number), unit, start, end)
                for number in re.findall(r"\d+(?:\.\d+)?|[a-z]{3,}", listed.lower())
                if number not in ("and", "through")
            ]
    return found


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _value(number: str) -> float:
    return float(_WORDS[number]) if number in _WORDS else float(number)


def _distinct(times: Sequence[_Time]) -> list[_Time]:
    """Each once: "Week 16 (Day 112)" is one time, and day 0 beside baseline is baseline."""
    by_days: dict[float | None, _Time] = {}
    for time in sorted(times, key=lambda time: not time.is_baseline):
        by_days.setdefault(days(time.value, time.unit), time)
    return list(by_days.values())


def _claim(time: _Time, text: str) -> TimepointClaim:
    anchor = "baseline" if time.is_baseline else _anchor(text)
    return TimepointClaim(value=time.value, unit=time.unit, text=text, anchor=anchor)


def _anchor(text: str) -> str | None:
    return next((name for name, pattern in _ANCHORS if pattern.search(text)), None)
