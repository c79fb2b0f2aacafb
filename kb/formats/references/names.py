"""Names of authors as reference files write them: "Family, Given, Suffix", or a group's name."""

from __future__ import annotations

import re
from typing import Final

from kb.formats.references.values import is_suffix
from kb.models.records import AuthorClaim

# Words that the names of groups have and those of people do not.
_GROUP = re.compile(
    r"\b(?:organi[sz]ations?|groups?|consorti(?:um|a)|committees?|institut\w*|universi\w+"
    r"|investigators|societ\w+|associat\w+|departments?|ministr\w+|agency|agencies|teams?"
    r"|networks?|collaborat\w+|foundation|council|compan(?:y|ies)|inc|ltd|llc|gmbh|corporation"
    r"|cent(?:er|re)s?|hospitals?|clinics?|school|college|laborator\w+|academy|federation|union"
    r"|alliance|initiative|projects?|program(?:me)?|office|bureau|services?|board|commission"
    r"|registr(?:y|ies)|study|trial|press|library|museum|government|national|international"
    r"|task\s+force|nations|panel|authors|members|of|for|the|and)\b|[&0-9]",
    re.I,
)
# Longer than any name, if not than a list of members that stands in one's place.
_LONGEST: Final = 1000
_INITIALS: Final = r"(?:[A-ZÀ-ÖØ-Þ]\.?[-‐ ]?){1,4}"
_FAMILY_INITIALS = re.compile(
    rf"(?P<family>\S.*?[^\W\d_A-Z].*?|\S.+?(?= \S\.)) (?P<given>{_INITIALS})"
    r"(?P<suffix>(?<= )(?:Jr|Sr|2nd|3rd|II|III|IV)\b\.?)?"
)
# As IEEE prints them: "J. A. Smith", "L. van der Berg".
_INITIALS_FAMILY = re.compile(r"(?P<given>(?:[A-ZÀ-ÖØ-Þ]\.[ -]?)+)(?P<family>(?:[a-z]+ )*\S{2,})")
# Chinese, Japanese and Korean names are written without a space.
CJK_NAME = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,4}")
_LISTED = re.compile(
    rf"[^\W\d_][\w'’‐-]*(?: [\w'’‐-]+){{0,3}} {_INITIALS}(?:(?<= )(?:Jr|Sr|2nd|3rd|II|III|IV)\.?)?"
)


def people(text: str) -> list[AuthorClaim]:
    """Everybody in one field: one name, or several separated by semicolons, or as PubMed prints
    them ("Smith JA, Jones B, Lee C")."""
    if ";" in text:
        return [claim for part in text.split(";") if (claim := person(part))]
    parts = text.split(",")
    # Of two parts, the second may be given names: "De La O, Maria J".
    if len(parts) > 2 and all(_LISTED.fullmatch(part.strip()) for part in parts):
        return [claim for part in parts if (claim := person(part))]
    claim = person(text)
    return [claim] if claim else []


def person(text: str) -> AuthorClaim | None:
    """Who one name means; None for none.

    "Family, Given, Suffix" and "Family, Suffix, Given" are taken apart, and "Family JA" is. A name
    without a comma is a group's where its words say so, where it is one word or more than three,
    or where a comma ends it (so EndNote marks groups); else it stays a name as printed.
    """
    text = text.strip().lstrip(", ")
    if not text:
        return None
    if len(text) > _LONGEST:
        return AuthorClaim(collective=text)
    family, comma, rest = text.partition(",")
    family, rest = family.strip(), rest.strip()
    if comma and rest:
        if " " in family and _GROUP.search(family):
            return AuthorClaim(collective=text)
        given, _, suffix = (part.strip() for part in rest.partition(","))
        if suffix and is_suffix(given) and not is_suffix(suffix):
            given, suffix = suffix, given
        return AuthorClaim(family=family, given=given or None, suffix=suffix or None)
    if comma:
        return AuthorClaim(collective=family)
    if CJK_NAME.fullmatch(family):
        return AuthorClaim(name=family)
    words = family.count(" ") + 1
    if words == 1 or _GROUP.search(family):
        return AuthorClaim(collective=family)
    if match := _FAMILY_INITIALS.fullmatch(family):
        return AuthorClaim(
            family=match["family"], given=match["given"].strip(), suffix=match["suffix"]
        )
    if match := _INITIALS_FAMILY.fullmatch(family):
        return AuthorClaim(family=match["family"], given=match["given"].strip())
    return AuthorClaim(collective=family) if words > 3 else AuthorClaim(name=family)


def written(claim: AuthorClaim) -> str:
    """ "Family, Given, Suffix", the name of a group, or the name as printed.

    A group that would be read as a person ends with a comma, as in EndNote.
    """
    if claim.collective:
        is_plain = person(claim.collective) == AuthorClaim(collective=claim.collective)
        return claim.collective if is_plain or "," in claim.collective else f"{claim.collective},"
    if claim.family is None:
        return claim.name or claim.given or ""
    parts = [claim.family, claim.given or "", claim.suffix or ""]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return ", ".join(parts)
