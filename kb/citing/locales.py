"""Terms, dates and habits of a language, put together from locale files and what a style overrides.

citeproc-py looks each term up anew by XPath, misses the fallbacks between forms (CSL 1.0.2,
"Terms": verb-short to verb, symbol to short, both to long) and lets the ordinals of two locales
mix. Here the locales are read once, in the order citeproc-py found them, into plain tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from kb.citing.text import Quotes

CSL = "{http://purl.org/net/xbiblio/csl}"
_LESS_SPECIFIC = {"verb-short": "verb", "symbol": "short", "verb": "long", "short": "long"}


class Term(NamedTuple):
    single: str
    multiple: str


class DatePart(NamedTuple):
    name: str  # year, month or day
    attributes: dict[str, str]


class Ordinal(NamedTuple):
    suffix: str
    match: str  # last-digit, last-two-digits or whole-number


class Locale:
    """A language as a style uses it."""

    def __init__(self, elements: Sequence[Any]) -> None:
        """From locale elements, the most specific first."""
        self.terms: dict[tuple[str, str, str], Term] = {}
        self.genders: dict[str, str] = {}
        self.dates: dict[str, tuple[list[DatePart], str]] = {}
        self.ordinals: dict[tuple[str, str], Ordinal] = {}
        options = {"limit-day-ordinals-to-day-1": "false", "punctuation-in-quote": "false"}
        for element in reversed(elements):
            self._read(element, options)
        self.limits_day_ordinals = options["limit-day-ordinals-to-day-1"] == "true"
        self.quotes = Quotes(
            (self.term("open-quote"), self.term("close-quote")),
            (self.term("open-inner-quote"), self.term("close-inner-quote")),
            options["punctuation-in-quote"] == "true",
        )

    def _read(self, element: Any, options: dict[str, str]) -> None:
        found = element.findall(f"{CSL}terms/{CSL}term")
        # A locale that says how its ordinals go says all of it.
        if any(term.get("name", "") == "ordinal" for term in found):
            self.ordinals.clear()
        for term in found:
            name, form = term.get("name", ""), term.get("form", "long")
            single, multiple = term.find(f"{CSL}single"), term.find(f"{CSL}multiple")
            if single is None:
                one = many = term.text or ""
            else:
                one = single.text or ""
                many = (multiple.text or "") if multiple is not None else one
            gender = term.get("gender-form", "")
            if re.fullmatch(r"ordinal(-\d\d)?", name):
                digits = name[8:]
                whole = "last-two-digits" if digits >= "10" else "last-digit"
                self.ordinals[name, gender] = Ordinal(one, term.get("match", whole))
            self.terms[name, form, gender] = Term(one, many)
            if term.get("gender"):
                self.genders[name] = term.get("gender")
        for date in element.findall(f"{CSL}date"):
            parts = [
                DatePart(part.get("name"), dict(part.attrib))
                for part in date.findall(f"{CSL}date-part")
            ]
            self.dates[date.get("form")] = parts, date.get("delimiter", "")
        for given in element.findall(f"{CSL}style-options"):
            options.update(given.attrib)

    def find(self, name: str, form: str = "long", gender: str = "") -> Term | None:
        """The term in the form asked for, or in the next less specific form there is."""
        while True:
            found = self.terms.get((name, form, gender)) or self.terms.get((name, form, ""))
            if found is not None or form not in _LESS_SPECIFIC:
                return found
            form = _LESS_SPECIFIC[form]

    def term(self, name: str, form: str = "long", plural: bool = False, gender: str = "") -> str:
        """Empty where the language has no such term."""
        found = self.find(name, form, gender)
        if found is None:
            return ""
        return found.multiple if plural else found.single

    def ordinal(self, number: int, gender: str = "") -> str:
        """The number with its ordinal suffix: 1st, 112th, 2. (CSL 1.0.2, "Ordinal Suffixes").

        Terms of two digits come before those of one, and `match` says how much of the number must
        agree.
        """
        for digits in (2, 1):
            last = number % 10**digits
            key = f"ordinal-{last:02d}"
            for wanted in dict.fromkeys((gender, "")):
                found = self.ordinals.get((key, wanted))
                if found is None:
                    continue
                agrees = (
                    number == last
                    if found.match == "whole-number"
                    else digits == 2 or last == number or found.match == "last-digit"
                )
                if digits == 2 and found.match == "last-digit" and number > 9 and last > 9:
                    agrees = False
                if agrees:
                    return f"{number}{found.suffix}"
        for wanted in dict.fromkeys((gender, "")):
            if found := self.ordinals.get(("ordinal", wanted)):
                return f"{number}{found.suffix}"
        return str(number)

    def long_ordinal(self, number: int, gender: str = "") -> str:
        """In words up to ten, else with its suffix."""
        if 1 <= number <= 10 and (word := self.term(f"long-ordinal-{number:02d}", gender=gender)):
            return word
        return self.ordinal(number, gender)
