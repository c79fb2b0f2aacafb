"""Single values of reference files that several formats write alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from kb.formats.nlm import language as of_nlm
from kb.identity.names import fold
from kb.models.dates import PartialDate, partial_date
from kb.models.identifiers import Identifier
from kb.models.records import AbstractSection, AuthorClaim, ConceptClaim

T = TypeVar("T")

# No text holds control characters (line ends and tabs apart), and half of a surrogate pair cannot
# be written in UTF-8.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\r\n]+")


def clean(text: str) -> str:
    """The text without space around it and without control characters; lines stay lines."""
    return _NO_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def one_line(text: str) -> str:
    """The text in one line, space of every length made one; non-breaking spaces stay inside."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACES.sub(" ", _NO_TEXT.sub("", text)).strip()


# -- dates ---------------------------------------------------------------------------------------

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero gennaio",
            "feb february februar février fevrier febrero febbraio",
            "mar march märz maerz mrz mars marzo",
            "apr april avril abril aprile",
            "may mai mayo maggio",
            "jun june juni juin junio giugno",
            "jul july juli juillet julio luglio",
            "aug august août aout agosto",
            "sep sept september septembre septiembre settembre",
            "oct october oktober okt octobre octubre ottobre",
            "nov november novembre noviembre",
            "dec december dezember dez décembre decembre diciembre dicembre",
        ),
        1,
    )
    for name in names.split()
}
_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?:[T ]\d{1,2}:.*|Z)?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.?[\s-]+([^\W\d]+)\.?,?[\s-]+(\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d]+)\.?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[\s,-]+([^\W\d]+)\.?(?:[\s-]+(\d{1,2}))?")


def month_number(text: str) -> int | None:
    """1 to 12 for a month by number or by name ("jan", "Sept.", "März"), else None."""
    plain = text.strip().rstrip(".").lower()
    if plain.isascii() and plain.isdigit():
        return int(plain) if 1 <= int(plain) <= 12 else None
    return _MONTHS.get(plain)


def date_of(text: str) -> PartialDate | None:
    """The date where the whole text is one: "2019-12-05", "2019/12", "5 Dec 2019", "December 5,
    2019", "2019 Dec 5". None for ranges, seasons, and days and months by number alone in an order
    that cannot be known ("03/04/2019")."""
    plain = one_line(text)
    if match := _ISO.fullmatch(plain):
        return _exact(match[1], match[2], match[3])
    if match := _DAY_FIRST.fullmatch(plain):
        return _exact(match[3], match[2], match[1])
    if match := _MONTH_FIRST.fullmatch(plain):
        return _exact(match[3], match[1], match[2])
    if match := _YEAR_FIRST.fullmatch(plain):
        return _exact(match[1], match[2], match[3])
    return None


def _exact(year: str, month: str | None, day: str | None) -> PartialDate | None:
    number = month_number(month) if month else None
    made = partial_date(year, number, day)
    given = 1 + (month is not None) + (day is not None)
    return made if made is not None and made.count("-") + 1 == given else None


# -- language ------------------------------------------------------------------------------------

_NAMES_OF_LANGUAGES: Final = {
    "ar": "arabic",
    "bg": "bulgarian bulgarisch",
    "ca": "catalan",
    "cs": "czech ces tschechisch",
    "da": "danish dansk dänisch",
    "de": "german ngerman deutsch deu allemand alemán tedesco austrian naustrian swissgerman",
    "el": "greek ell griechisch",
    "en": "english american british usenglish ukenglish englisch anglais inglés inglese "
    "canadian australian newzealand",
    "es": "spanish español castellano spanisch espagnol spagnolo",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian farsi fas",
    "fi": "finnish suomi finnisch",
    "fr": "french français francais französisch fra francés francese acadian canadien",
    "he": "hebrew hebräisch",
    "hi": "hindi",
    "hr": "croatian",
    "hu": "hungarian magyar ungarisch",
    "id": "indonesian",
    "is": "icelandic isl",
    "it": "italian italiano italienisch italien",
    "ja": "japanese japanisch japonais 日本語",
    "ko": "korean",
    "la": "latin",
    "lt": "lithuanian",
    "lv": "latvian",
    "mk": "macedonian mkd",
    "nb": "bokmål",
    "nl": "dutch nederlands nld niederländisch flemish",
    "nn": "nynorsk",
    "no": "norwegian norsk norwegisch",
    "pl": "polish polski polnisch",
    "pt": "portuguese português portuguesa portugiesisch brazilian brazil portuges",
    "ro": "romanian ron rumänisch",
    "ru": "russian русский russisch russe ruso russo",
    "sk": "slovak slk",
    "sl": "slovenian slovene",
    "sq": "albanian sqi",
    "sr": "serbian",
    "sv": "swedish svenska schwedisch",
    "th": "thai",
    "tr": "turkish türkçe türkisch",
    "uk": "ukrainian",
    "vi": "vietnamese",
    "zh": "chinese chinesisch chinois zho 中文",
}
_LANGUAGE_NAMES: Final = {
    name: code for code, names in _NAMES_OF_LANGUAGES.items() for name in names.split()
}
_LANGUAGE_TAG = re.compile(r"([a-z]{2})(?:[-_][A-Za-z0-9]{2,8})*", re.I)


def language_of(text: str) -> str | None:
    """ISO 639-1 of a code or name ("eng", "en-GB", "English", "ngerman"); others as given, None
    for nothing and for "und"."""
    given = one_line(text)
    plain = given.lower()
    if match := _LANGUAGE_TAG.fullmatch(plain):
        return match[1]
    if plain in _LANGUAGE_NAMES:
        return _LANGUAGE_NAMES[plain]
    code = of_nlm(plain)
    return code if code is None or len(code) == 2 else given


def language_name(code: str) -> str | None:
    """The English name of a language by its two letters, as babel knows it: "german"."""
    return _NAMES_OF_LANGUAGES.get(code, "").partition(" ")[0] or None


# -- where in a journal, and numbers -------------------------------------------------------------

_E_LOCATOR = re.compile(
    r"e(?:L|-)?\d[\w.]*|(?:article|artikel|art\.?)\s*(?:no\.?|number|id|nr\.?)?\s*:?\s*\w[\w.-]*"
    r"|CD\d{6}(?:\.\w+)?|\d{6,}",
    re.I,
)


_DASH = re.compile(r"(?<=[\w.)*])\s*(?:--+|[–—‐‑−])\s*(?=[\w(])")


def with_hyphens(pages: str) -> str:
    """Pages with a hyphen for whatever dash stands between them: "476–481" gives "476-481"."""
    return _DASH.sub("-", pages)


def pages_or_number(text: str) -> tuple[str | None, str | None]:
    """(pages, article number) of what stands where pages do: an electronic locator ("e12345",
    "Article 7", "CD001234", a number no page has) is an article number."""
    plain = with_hyphens(one_line(text))
    if not plain:
        return None, None
    return (None, plain) if _E_LOCATOR.fullmatch(plain) else (plain, None)


_ISSN = re.compile(r"(?<![\dXx-])\d{4}-?\d{3}[\dXx](?![\dXx-])")
_ISBN = re.compile(r"(?<![\dXx-])(?:97[89][-\s]?)?\d(?:[-\s]?\d){8}[-\s]?[\dXx](?![\dXx-])")


def issns_of(text: str) -> tuple[str, ...]:
    """Every ISSN with a right check digit in the text, each once, as "2077-0383"."""
    from kb.identity.identifiers import normalize_issn

    found = (normalize_issn(match[0]) for match in _ISSN.finditer(text))
    return tuple(dict.fromkeys(issn for issn in found if issn))


def isbns_of(text: str) -> tuple[str, ...]:
    """Every ISBN of ten or thirteen digits in the text, each once, as printed."""
    return tuple(dict.fromkeys(match[0] for match in _ISBN.finditer(text)))


# -- texts made of parts -------------------------------------------------------------------------

_SECTIONS: Final = (
    "Background, Introduction, Context, Importance, Rationale, Objective, Objectives, Aim, Aims, "
    "Purpose, Purposes, Hypothesis, Question, Design, Study Design, Setting, Settings, "
    "Participants, Patients, Population, Subjects, Interventions, Intervention, Exposure, "
    "Exposures, Main Outcome Measures, Main Outcomes and Measures, Outcomes, Measurements, "
    "Materials and Methods, Methods, Method, Patients and Methods, Methods and Results, "
    "Methods and Findings, Results, Findings, Main Results, Discussion, Conclusion, "
    "Conclusions, Conclusions and Relevance, Interpretation, Limitations, Significance, "
    "Trial Registration, Registration, Clinical Trial Registration, Data Sources, Funding, "
    "Data Collection and Analysis, Search Methods, Selection Criteria, Study Selection, "
    "Data Extraction, Data Synthesis, Authors' Conclusions, Background and Purpose, "
    "Background and Aims, Background & Aims, Aims and Objectives, Level of Evidence"
)
_SECTION_NAMES: Final = frozenset(fold(name) for name in _SECTIONS.split(","))
_LABELLED = re.compile(r"([^\W\d_][^:\n]{0,79}): +(\S.*)", re.S)


def abstract_of(text: str) -> tuple[AbstractSection, ...]:
    """The sections of an abstract, where each of its lines begins with a label ("METHODS: ...") in
    capitals or one that abstracts have; else one section with the whole text."""
    whole = clean(text)
    if not whole:
        return ()
    lines = [line.strip() for line in whole.split("\n") if line.strip()]
    found = [_LABELLED.fullmatch(line) for line in lines]
    sections = [
        AbstractSection(label=match[1], text=match[2])
        for match in found
        if match and (match[1].isupper() or fold(match[1]) in _SECTION_NAMES)
    ]
    if len(lines) > 1 and len(sections) == len(lines):
        return tuple(sections)
    return (AbstractSection(text=whole),)


def abstract_text(sections: Iterable[AbstractSection]) -> str:
    """An abstract as one text, a line for each section with its label before it."""
    return "\n".join(f"{s.label}: {s.text}" if s.label else s.text for s in sections)


def keywords_of(text: str) -> tuple[ConceptClaim, ...]:
    """The keywords of a list in one text, separated by semicolons, else by commas or lines."""
    mark = ";" if ";" in text else "\n" if "\n" in text.strip() else ","
    words = (one_line(word) for word in text.split(mark))
    return tuple(ConceptClaim(scheme="keyword", label=word) for word in words if word)


def keywords_text(concepts: Iterable[ConceptClaim]) -> str:
    """The keywords in one text, which `keywords_of` takes apart again."""
    words = [concept.label for concept in concepts if concept.scheme == "keyword"]
    if not any("," in word for word in words):
        return ", ".join(words)
    # A single one that holds a comma needs a semicolon after it to stay one.
    return "; ".join(words) + (";" if len(words) == 1 else "")


def first_identifier(identifiers: Sequence[Identifier], scheme: str) -> str | None:
    return next((i.value for i in identifiers if i.scheme == scheme), None)


# -- names ---------------------------------------------------------------------------------------

_SUFFIX = re.compile(r"(?:jr|sr|[js]unior|senior|II|III|IV|[23]rd|2nd)\.?", re.I)


def is_suffix(text: str) -> bool:
    """Whether a part of a name says which of its bearers: "Jr.", "III"."""
    return _SUFFIX.fullmatch(text.strip()) is not None


def person_text(person: AuthorClaim) -> str:
    """ "Family, Given, Suffix", or the name of the group."""
    if person.collective or person.name:
        return person.collective or person.name or ""
    return ", ".join(part for part in (person.family, person.given, person.suffix) if part)


def with_kept(
    fields: dict[str, T], kept: Mapping[str, T], read: Callable[[dict[str, T]], object]
) -> dict[str, T]:
    """The fields of a record with what once stood in their place, as far as `read` makes the same
    of it: what has been edited since is not undone."""
    if not kept:
        return fields
    plain = read(fields)
    whole = {**fields, **kept}
    if read(whole) == plain:
        return whole
    for name, value in kept.items():
        if read({**fields, name: value}) == plain:
            fields[name] = value
    return fields
