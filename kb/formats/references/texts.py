"""Text of reference files: without what programs left in it, on one line, abstracts in sections,
dates that say more than a date, ISSNs and ISBNs in one field."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kb.formats.markup import plain_text
from kb.formats.references.values import date_of, isbns_of, issns_of, month_number
from kb.models.dates import PartialDate, partial_date
from kb.models.records import AbstractSection

# -- text ----------------------------------------------------------------------------------------

# The tags that databases and publishers leave in, whole; "a <b" and "<A:" are text.
_MARKUP = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
    r"|</?(?:(?:jats|mml):[\w-]+|sub|sup|inf|i|b|u|p|em|strong|italic|bold|br|sc|span|div|math"
    r"|h\d|li|ul|ol|ext-link|underline)(?:\s[^<>]*)?/?>",
    re.I,
)
_BREAKS = re.compile(
    r"[ \t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]*[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]\s*"
)
_NO_TEXT = dict.fromkeys((*range(32), *range(127, 160), *range(55296, 57344)))


def prose(text: str) -> str:
    """Text for people: entities and markup that databases leave in ("&amp;", "<sup>") resolved."""
    if ("&" in text or "<" in text) and _MARKUP.search(text):
        return plain_text(text) or ""
    return text


def flat(text: str) -> str:
    """On one line: a line break or tab becomes one space, control characters go. Other space, such
    as non-breaking and double spaces, stays inside."""
    if not text.isprintable():
        text = _BREAKS.sub(" ", text).translate(_NO_TEXT)
    return text.strip()


# -- abstracts -----------------------------------------------------------------------------------

# As PubMed prints sections: the label in capitals at the beginning and after a sentence.
_LABEL = re.compile(r"(?:^|(?<=[.?!)\]\"”’;] ))(?P<label>[A-Z][A-Z0-9 ,/&()'’–-]{1,98}[A-Z)]): ")


def sections(text: str | None) -> tuple[AbstractSection, ...]:
    """The sections of an abstract printed in one: "BACKGROUND: ... METHODS: ..." where it begins
    with such a label, else the whole as one section."""
    if not text:
        return ()
    found = [m for m in _LABEL.finditer(text) if len(m["label"]) > 3 or m["label"] == "AIM"]
    if not found or found[0].start() != 0:
        return (AbstractSection(text=text),)
    ends = [*(m.start() for m in found[1:]), len(text)]
    parts = [(m["label"], text[m.end() : end].strip()) for m, end in zip(found, ends, strict=True)]
    if not all(part for _, part in parts):
        return (AbstractSection(text=text),)
    return tuple(
        AbstractSection(text=part, label=None if label == "UNLABELLED" else label)
        for label, part in parts
    )


def abstract_text(abstract: Iterable[AbstractSection]) -> str:
    """The abstract in one, each section after its label."""
    return " ".join(f"{s.label}: {s.text}" if s.label else s.text for s in abstract)


# -- dates ---------------------------------------------------------------------------------------

_SLASHES = re.compile(r"(\d{4})/(\d{0,2})(?:/(\d{0,2})(?:/(.*))?)?")
_COMPACT = re.compile(r"([12]\d{3})(\d\d)(\d\d)()")
_MONTH_DAY = re.compile(r"([^\W\d]+)\.?(?:[ /-]+(\d{1,2}))?|(\d{1,2})/(\d{1,2})/?")
_A_YEAR = re.compile(r"(?<!\d)[12]\d{3}(?!\d)")


def date_in(text: str, year: str | None = None) -> tuple[PartialDate | None, bool]:
    """(date, whether that is all the text says).

    Reads what `date_of` does, "2012/03/05/", "2010///", "20190305", and "DEC 5" or "03/05" where
    `year` is known from elsewhere. Of other texts that name a year ("2010///Summer", "2019
    Dec-2020 Jan", "c2015") the first year is taken, and there is more to say.
    """
    if match := _SLASHES.fullmatch(text) or _COMPACT.fullmatch(text):
        month, day = ((part or "").strip("0") and part for part in match.group(2, 3))
        date = partial_date(match[1], month, day)
        given = 4 + 3 * bool(month) + 3 * bool(day)
        return date, date is not None and len(date) >= given and not match[4]
    if date := date_of(text):
        return date, True
    if year and (match := _MONTH_DAY.fullmatch(text)):
        number = month_number(match[1] or match[3])
        if number:
            return partial_date(year, number, match[2] or match[4]), True
    if match := _A_YEAR.search(text):
        return partial_date(match[0]), False
    return None, False


# -- numbers -------------------------------------------------------------------------------------

_BESIDE = re.compile(
    r"[\s,;:/|()\[\].-]|e?is[sb]n(?:-?1[03])?|print(?:ed)?|electronic|online|linking|web|hardcover"
    r"|paperback|ebook|pbk|hbk|[pe](?=-)",
    re.I,
)


def serial_numbers(text: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """(ISSNs in normal form, ISBNs as printed, whether that is all the text says).

    Takes both from one text with what is printed around them: "1234-5679 (Print) 2077-0383".
    """
    isbns = isbns_of(text)
    rest = text
    for isbn in isbns:
        rest = rest.replace(isbn, " ")
    issns = issns_of(rest)
    if (rest,) == issns:
        return issns, isbns, True
    rest = rest.upper()
    for issn in issns:
        rest = rest.replace(issn, " ").replace(issn.replace("-", ""), " ")
    return issns, isbns, not _BESIDE.sub("", rest)
