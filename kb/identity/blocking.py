"""Keys of records: what is one work shares at least one of them."""

from __future__ import annotations

from typing import Final

from kb.identity.descriptions import Description
from kb.identity.titles import is_generic

_HEAD: Final = 20


def blocking_keys(d: Description) -> tuple[str, ...]:
    """The keys of a record: stable text, comparable between versions of this module only. Two
    records of one work share at least one of them unless both are poor or badly damaged.

    `d:` DOI without version, `p:` PMID, `c:` PMCID; `t:` and `e:` head and end of the title, with
    first author and year where the title is a common one; `l:` volume, page, year; `a:` first
    author, year, longest word of the title; `s:` first author, page, volume; `b:` beginning of the
    abstract.
    """
    keys: list[str] = []
    if d.doi:
        keys.append("d:" + d.doi)
    if d.pmid:
        keys.append("p:" + d.pmid)
    if d.pmcid:
        keys.append("c:" + d.pmcid)
    place = d.pages
    year = d.year
    family = d.first_family
    letters = d.letters
    if letters:
        if len(letters) < _HEAD and is_generic(d.titles[0]):
            keys.append(f"t:{letters}|{family}|{year}")
            if place is not None:
                keys.append(f"t:{letters}|{place.first}|{year}")
        else:
            keys.append("t:" + letters[:_HEAD])
            if len(letters) > _HEAD:
                keys.append("e:" + letters[-_HEAD:])
        if family and year:
            keys.append(f"a:{family}|{year}|{max(d.titles[0].split(), key=len)}")
        for other in d.titles[1:]:
            closed = other.replace(" ", "")
            keys.append("t:" + closed[:_HEAD])
            keys.append("e:" + closed[-_HEAD:])
    if place is not None:
        if d.volume and year:
            keys.append(f"l:{d.volume[0]}|{place.first}|{year}")
        if family and place.first > 1:
            keys.append(f"s:{family}|{place.first}|{d.volume[0] if d.volume else year}")
    if d.abstract:
        keys.append("b:" + d.abstract[:60])
    return tuple(keys)
