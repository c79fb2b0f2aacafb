"""What the fields of EndNote's XML are in RIS: both say the same, in other words."""

from __future__ import annotations

from typing import Final

FORM: Final = "endnote-xml"

# Paths below a record, and the tags of RIS that mean the same.
TAGS: Final = {
    "ref-type": "TY",
    "contributors/authors/author": "AU",
    "contributors/secondary-authors/author": "A2",
    "contributors/tertiary-authors/author": "A3",
    "contributors/subsidiary-authors/author": "A4",
    "contributors/translated-authors/author": "TA",
    "titles/title": "TI",
    "titles/secondary-title": "T2",
    "titles/tertiary-title": "T3",
    "titles/short-title": "ST",
    "titles/alt-title": "J2",
    "titles/translated-title": "TT",
    "periodical/full-title": "JF",
    "periodical/abbr-1": "JA",
    "pages": "SP",
    "volume": "VL",
    "number": "IS",
    "num-vols": "NV",
    "edition": "ET",
    "section": "SE",
    "reprint-edition": "RP",
    "keywords/keyword": "KW",
    "dates/year": "PY",
    "dates/pub-dates/date": "DA",
    "pub-location": "CY",
    "publisher": "PB",
    "orig-pub": "OP",
    "isbn": "SN",
    "accession-num": "AN",
    "call-num": "CN",
    "electronic-resource-num": "DO",
    "abstract": "AB",
    # What its user called it, else the number EndNote gave it.
    "label": "ID",
    "rec-number": "LB",
    "caption": "CA",
    "notes": "N1",
    "research-notes": "RN",
    "work-type": "M3",
    "reviewed-item": "RI",
    "remote-database-name": "DB",
    "remote-database-provider": "DP",
    "language": "LA",
    "urls/related-urls/url": "UR",
    "urls/web-urls/url": "UR",
    "urls/pdf-urls/url": "L1",
    "urls/text-urls/url": "L2",
    "urls/image-urls/url": "L4",
    "access-date": "Y2",
    "auth-address": "AD",
    **{f"custom{n}": f"C{n}" for n in range(1, 8)},
}
# Of two paths that mean one tag, web-urls is the rarer.
PATHS: Final = {tag: path for path, tag in TAGS.items() if path != "urls/web-urls/url"}
