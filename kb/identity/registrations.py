"""Trial registration numbers: recognising them, and their normal forms."""

from __future__ import annotations

import re

# Number pattern per registry, over text whose dashes have been made hyphens.
_REGISTRIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ClinicalTrials.gov", re.compile(r"\bNCT\s?(?P<n>\d{8})\b", re.I)),
    ("CTIS", re.compile(r"\b(?P<n>20[2-9]\d-5\d{5}-\d{2}-\d{2})\b")),
    (
        "EudraCT",
        re.compile(
            r"\b(?:EUCTR|EudraCT[\s:#]*(?:number|no\.?)?[\s:]*)?(?P<n>(?:19|20)\d{2}-\d{6}-\d{2})(?:-[A-Z]{2})?\b",
            re.I,
        ),
    ),
    ("ISRCTN", re.compile(r"\bISRCTN\s?(?P<n>\d{8})\b", re.I)),
    ("IRCT", re.compile(r"\b(?P<n>IRCT\d{6,20}N\d{1,3})\b", re.I)),
    ("ChiCTR", re.compile(r"\b(?P<n>ChiCTR-?[A-Z]{0,4}-?\d{8,10})\b", re.I)),
    ("CTRI", re.compile(r"\b(?P<n>CTRI/\d{4}/\d{2,3}/\d{6})\b", re.I)),
    ("UMIN", re.compile(r"\b(?:JPRN-)?(?P<n>UMIN\d{9})\b", re.I)),
    ("jRCT", re.compile(r"\b(?:JPRN-)?(?P<n>jRCTs?\d{9,10})\b", re.I)),
    ("ANZCTR", re.compile(r"\bACTRN\s?(?P<n>\d{14})\b", re.I)),
    ("DRKS", re.compile(r"\b(?P<n>DRKS\d{8})\b", re.I)),
    ("NTR", re.compile(r"\b(?P<n>NTR\d{3,4})\b")),
    ("ReBEC", re.compile(r"\b(?P<n>RBR-[0-9a-z]{6,8})\b", re.I)),
    ("KCT", re.compile(r"\b(?P<n>KCT\d{7})\b", re.I)),
)
_PREFIX = {"ClinicalTrials.gov": "NCT", "ISRCTN": "ISRCTN", "ANZCTR": "ACTRN"}
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))


def find_registrations(text: str | None) -> list[tuple[str, str]]:
    """(registry, number in normal form) for every registration number in the text, in order,
    each once. Dashes of any kind are read as hyphens."""
    plain = (text or "").translate(_DASHES)
    found: list[tuple[int, str, str]] = []
    taken: list[range] = []
    for registry, pattern in _REGISTRIES:
        for match in pattern.finditer(plain):
            if any(match.start("n") in span for span in taken):
                continue  # the head of a CTIS number looks like nothing else, but stay safe
            taken.append(range(match.start("n"), match.end("n")))
            found.append((match.start(), registry, _normal(registry, match["n"])))
    seen: dict[tuple[str, str], None] = {}
    for _, registry, number in sorted(found):
        seen.setdefault((registry, number))
    return list(seen)


def normalize_registration(raw: str | None) -> tuple[str, str] | None:
    """(registry, number) where the whole text is one registration number, else None."""
    text = (raw or "").strip().translate(_DASHES)
    found = find_registrations(text)
    if len(found) != 1:
        return None
    pattern = dict(_REGISTRIES)[found[0][0]]
    return found[0] if pattern.fullmatch(text) else None


def _normal(registry: str, number: str) -> str:
    if registry == "ChiCTR":
        return "ChiCTR" + number[len("ChiCTR") :].upper()
    if registry == "jRCT":
        return "jRCT" + number[len("jRCT") :].lower()  # "jRCTs031234567"
    if registry == "ReBEC":
        return number.lower().replace("rbr", "RBR")
    return _PREFIX.get(registry, "") + number.upper()
