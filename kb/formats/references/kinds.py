"""Kinds of references as RIS and EndNote have them, and what their shared fields mean in each.

RIS and EndNote's XML call fields by rank: secondary and tertiary title, secondary, tertiary and
subsidiary authors. What rank means what, EndNote's table of reference types says: the secondary
title of a journal article is the journal, that of a book its series.

References
----------
RIS, as of 2011: https://web.archive.org/web/20120526103719/http://refman.com/support/risformat_intro.asp
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kb.models.records import WorkType


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of reference. `titles` say what T2 and T3 are ("venue", "series", "event"; None for
    what a record has no place for), `roles` who A2, A3 and A4 are."""

    tag: str  # the RIS type, "JOUR"
    name: str  # EndNote's
    number: int | None  # EndNote's
    type: WorkType | None
    titles: tuple[str | None, str | None]
    roles: tuple[str | None, str | None, str | None]
    is_periodical: bool
    counts_pages: bool  # SP is how many pages there are, not where they are


# RIS type | EndNote's number and names | our type | T2, T3 | A2, A3, A4 | j: in a periodical, p: SP
# counts pages
_TABLE: Final = """
JOUR|17 Journal Article|article|venue series|editor,series editor,translator|j
EJOUR|43 Electronic Article|article|venue series|editor,series editor,translator|j
MGZN|19 Magazine Article|article|venue series|editor,series editor,translator|j
NEWS|23 Newspaper Article|article|venue series|editor,series editor,translator|j
INPR|In Press|article|venue series|editor,series editor,translator|j
ABST|Abstract|conference abstract|venue series|editor,series editor,translator|j
JFULL|Journal|other|venue series|editor,series editor,translator|j
GEN|13 Generic||venue series|editor,series editor,translator|j
GRANT|54 Grant|other|venue series|editor,series editor,translator|j
UNPB|34 Unpublished Work|other|series -|editor,series editor,translator|j
BOOK|6 Book|book|series -|series editor,editor,translator|p
EDBOOK|28 Edited Book|book|series -|series editor,-,translator|p
EBOOK|44 Electronic Book|book|series -|editor,series editor,translator|p
CLSWK|49 Classical Work|book|series -|series editor,editor,translator|p
SER|57 Serial|book|series -|editor,series editor,translator|p
CHAP|5 Book Section|book chapter|venue series|editor,series editor,translator|
ECHAP|60 Electronic Book Section|book chapter|venue series|editor,series editor,translator|
DICT|52 Dictionary|book chapter|venue series|editor,series editor,translator|
ENCYC|53 Encyclopedia|book chapter|venue series|editor,series editor,translator|
CPAPER|47 Conference Paper|conference paper|event series|editor,series editor,sponsor|
CONF|10 Conference Proceedings|conference paper|event series|editor,series editor,sponsor|
THES|32 Thesis|thesis|- -|contributor,advisor,translator|p
RPRT|27 Report|report|series -|series editor,publisher,department|
GOVDOC|46 Government Document|report|- series|department,series editor,translator|
STAND|58 Standard|report|venue -|editor,series editor,translator|
DATA|59 Dataset|dataset|venue series|producer,series editor,funder|
AGGR|55 Aggregated Database|dataset|venue series|editor,series editor,translator|
DBASE|45 Online Database|dataset|venue series|editor,series editor,translator|
COMP|9 Computer Program|software|series -|series editor,editor,translator|
PAT|25 Patent|patent|venue -|issuing authority,author,translator|
WEB|12 Web Page|web page|venue series|series editor,editor,translator|
ELEC|Electronic Source|web page|venue series|editor,series editor,translator|
BLOG|56 Blog|web page|venue -|editor,illustrator,translator|
ICOMM|Internet Communication|web page|venue -|recipient,editor,translator|
MANSCPT|36 Manuscript|other|venue -|editor,series editor,translator|p
PAMP|24 Pamphlet|other|venue -|institution,editor,translator|p
CTLG|8 Catalog|other|series -|institution,editor,translator|p
ANCIENT|51 Ancient Text|other|venue -|editor,series editor,translator|
ART|2 Artwork|other|- -|contributor,editor,translator|
ADVS|3 Audiovisual Material|other|venue series|performer,series editor,translator|
MUSIC|61 Music|other|venue series|editor,series editor,producer|
SOUND|Sound Recording|other|series -|performer,series editor,producer|
VIDEO|Video Recording|other|series -|performer,series editor,producer|
MPCT|21 Film or Broadcast|other|series -|series director,producer,performer|
MULTI|48 Online Multimedia|other|series -|series editor,editor,translator|
SLIDE|Slide|other|venue -|performer,series editor,translator|
MAP|20 Map|other|series -|series editor,editor,translator|
CHART|38 Chart or Table|other|- -|-,editor,translator|
EQUA|39 Equation|other|- -|-,editor,translator|
FIGURE|37 Figure|other|- -|-,editor,translator|
BILL|4 Bill|other|venue -|sponsor,editor,translator|
UNBILL|Unenacted Bill|other|venue -|sponsor,editor,translator|
CASE|7 Case|other|- -|reporter,higher court,counsel|
HEAR|14 Hearing|other|venue -|editor,series editor,translator|
STAT|31 Statute|other|venue -|editor,series editor,translator|
LEGAL|50 Legal Rule or Regulation|other|- -|issuing authority,editor,translator|
PCOMM|26 Personal Communication|other|venue -|recipient,editor,translator|
"""


def _kinds() -> tuple[Kind, ...]:
    kinds = []
    for line in _TABLE.strip().splitlines():
        tag, called, type_, titles, roles, marks = line.split("|")
        number, _, rest = called.partition(" ")
        t2, t3 = (None if title == "-" else title for title in titles.split())
        a2, a3, a4 = (None if role == "-" else role for role in roles.split(","))
        kinds.append(
            Kind(
                tag=tag,
                name=rest if number.isdigit() else called,
                number=int(number) if number.isdigit() else None,
                type=WorkType(type_) if type_ else None,
                titles=(t2, t3),
                roles=(a2, a3, a4),
                is_periodical="j" in marks,
                counts_pages="p" in marks,
            )
        )
    return tuple(kinds)


KINDS: Final = _kinds()
_BY_NAME: Final = {key: kind for kind in KINDS for key in (kind.tag, kind.name.upper())} | {
    # Other spellings seen in files: reference managers' own and CSL's names.
    other: next(kind for kind in KINDS if kind.tag == tag)
    for other, tag in {
        "ARTICLE": "JOUR",
        "ARTICLE-JOURNAL": "JOUR",
        "JOURNAL": "JOUR",
        "REVIEW": "JOUR",
        "BOOK CHAPTER": "CHAP",
        "BOOKSECTION": "CHAP",
        "INBOOK": "CHAP",
        "CHAPTER": "CHAP",
        "CONFERENCE": "CONF",
        "INPROCEEDINGS": "CPAPER",
        "DISSERTATION": "THES",
        "WEBPAGE": "WEB",
        "WEBSITE": "WEB",
        "INTERNET": "WEB",
        "PREPRINT": "UNPB",
        "CHART": "CHART",
        "CONFERENCE PROCEEDING": "CONF",
        "MISC": "GEN",
        "DATASET": "DATA",
        "SOFTWARE": "COMP",
    }.items()
}
GENERIC: Final = _BY_NAME["GEN"]
_FOR_TYPE: Final = {
    WorkType.BOOK: "BOOK",
    WorkType.BOOK_CHAPTER: "CHAP",
    WorkType.CONFERENCE_PAPER: "CPAPER",
    WorkType.THESIS: "THES",
    WorkType.REPORT: "RPRT",
    WorkType.DATASET: "DATA",
    WorkType.SOFTWARE: "COMP",
    WorkType.PATENT: "PAT",
    WorkType.WEB_PAGE: "WEB",
    WorkType.PREPRINT: "UNPB",
    WorkType.OTHER: "GEN",
}


def kind_named(text: str) -> Kind | None:
    """The kind by its RIS type or EndNote's name of it, in any case; None for others."""
    return _BY_NAME.get(text.strip().upper())


def kind_for(type_: WorkType | None, *, in_periodical: bool) -> Kind:
    """As what to write a work of a type. JOUR is what programs expect of everything in a periodical
    (letters, reviews, abstracts in a supplement), GEN is a work that may be anything."""
    if type_ is WorkType.CONFERENCE_ABSTRACT and not in_periodical:
        return _BY_NAME["CPAPER"]
    if type_ is None:
        return _BY_NAME["JOUR"] if in_periodical else GENERIC
    return _BY_NAME[_FOR_TYPE.get(type_, "JOUR")]
