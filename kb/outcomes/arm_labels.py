"""What the label of a group says of the group: whether it is a control, a sequence of treatments,
several groups together, or one cohort of several.

Labels are titles of trials' arms, not sentences. Each answer is yes only where the label leaves no
doubt: a control taken for a treatment turns an effect round.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_NO_CELLS: Final = re.compile(
    r"\b(?:no|without|minus|instead of|in place of|free of|lacking|not receiv\w+|for)\s+"
    r"(?:\w+[\s-]+){0,4}?(?:cells?|mscs?|stem|stromal|infusion|injection|transplant\w*)\b"
    r"(?:[\s-]+(?:cells?|stem|stromal|therap(?:y|ies)|infusions?|injections?|transplant\w*)\b)*"
    r"|\b(?:cell|msc)s?[\s-]free\b|\bnon[\s-]?(?:cell|msc|stem)\w*",
    re.I,
)
_CELLS: Final = re.compile(
    r"\b(?:stem|stromal|progenitor|precursor)\b|\bcells?\b|\b[a-z]{0,6}-?mscs?\b|\b\w{0,3}adscs?\b"
    r"|\b\w*-?ascs?\b|\bmononuclear\b|\bexosomes?\b|\bvesicles?\b|\b\w{4,}cel(?:-\w+)?\b",
    re.I,
)
# Given in the place of a treatment, or nothing given: a control wherever it stands alone.
_DUMMY: Final = re.compile(
    r"\bplacebos?\b|\bsham\b|\bvehicle\b|\bsaline\b|\bringer(?:['’]?s)?\b|\bplasma-?lyte\b"
    r"|\bphosphate[\s-]buffered\b|\bexcipients?\b|\bdummy\b",
    re.I,
)
_NOTHING: Final = re.compile(
    r"\b(?:no|without)\s+(?:\w+\s+)?(?:treatment|therapy|intervention|drug|medication)\b"
    r"|\b(?:un|non[\s-]?)treated\b|\bwait(?:ing)?[\s-]?list(?:ed)?\b|\bno\s+cells?\b",
    re.I,
)
_USUAL: Final = re.compile(
    r"\b(?:standard|usual|routine)(?:\s+(?:of|medical|clinical|supportive|drug))*\s+"
    r"(?:care|therap(?:y|ies)|treatments?|management|medication)\b"
    r"|\bstandard\s+of\s+care\b|\btreatment\s+as\s+usual\b|^soc$|^tau$"
    r"|\b(?:best|optimal|maximal)\s+(?:\w+\s+)?(?:care|therapy|treatment|management)\b"
    r"|\bconventional\b(?!\s+(?:dos|fraction))|\bobservation(?:al)?\b",
    re.I,
)
_CONTROL: Final = re.compile(r"\bcontrols?\b|\bcomparators?\b", re.I)
_NO_CONTROL: Final = re.compile(
    r"\b(?:glyc(?:a?e)mic|glucose|pain|disease|tumou?r|symptom|pressure|quality|rate|asthma|birth"
    r"|weight|bladder|bowel|postural|motor|infection|seizure|lesion|local)\s+control\b"
    r"|\b(?:healthy|normal|historical|external|population)\s+(?:\w+\s+)?controls?\b"
    r"|\bcontrolled\b",
    re.I,
)
_JOINED: Final = re.compile(
    r"\s*(?:\+|&|/|;|\bplus\b|\band\b|\bwith\b|\bin addition to\b|\badded to\b|\bcombined\b)\s*",
    re.I,
)
_SEQUENCE: Final = re.compile(
    r"\bthen\b|\bfollowed\s+by\b|\bcross(?:ed|ing)?[\s-]?over\b|\bsequence\b|\bbefore\b|\bafter\b"
    r"|\bswitch\w*\b|\bfirst\b|\bsecond\b|\blater\b|\bdelayed\b|\bdeferred\b|→|->|=>|»"
    # "Randomised to placebo" is no sequence.
    r"|(?<!ized )(?<!ised )(?<!gned )(?<!ated )\bto\s+(?:msc|placebo|treatment|active|cells?)\w*",
    re.I,
)
_POOLED: Final = re.compile(
    r"\b(?:all|any|total|overall|combined|pooled|together|either|both|entire|whole)\b", re.I
)
_COHORT: Final = re.compile(
    r"\b(cohort|part|stage|stratum|panel|substudy|sub-study|phase)\s*#?\s*"
    r"(\d{1,2}[a-z]?|[ivx]{1,4}|[a-h])\b",
    re.I,
)
_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


@lru_cache(maxsize=4096)
def names_control(label: str) -> bool:
    """Whether the label is that of a group without the treatment that is tried.

    Placebo, sham, vehicle, saline; control; no treatment; standard or usual care, conventional
    treatment, observation. No for a label that also names cells ("MSC + saline", "usual care plus
    MSC"), joins something else ("drug A + placebo", the dummy of drug B), names a sequence
    ("placebo then MSC"), or has the word in another sense ("glycaemic control").
    """
    text = _plain(label)
    if names_sequence(text):
        return False
    text = _NO_CELLS.sub(" no cells ", text)
    if _CELLS.search(text.replace(" no cells ", " ")):
        return False
    # What stands in brackets explains: "Control (hyaluronic acid)".
    bare = _BRACKETS.sub(" ", text).strip() or text
    pieces = [piece for piece in _JOINED.split(bare) if piece.strip()]
    return bool(pieces) and all(map(_is_control, pieces))


def _is_control(piece: str) -> bool:
    if any(words.search(piece) for words in (_DUMMY, _NOTHING, _USUAL)) or "no cells" in piece:
        return True
    return bool(_CONTROL.search(piece)) and not _NO_CONTROL.search(piece)


@lru_cache(maxsize=4096)
def names_cells(label: str) -> bool:
    """Whether the label names cells, or what is made of cells, as what was given."""
    return bool(_CELLS.search(_NO_CELLS.sub(" ", _plain(label))))


def names_sequence(label: str) -> bool:
    """Whether participants of the group received one thing after another: "placebo, then MSC"."""
    return bool(_SEQUENCE.search(_plain(label)))


def names_several_groups(label: str) -> bool:
    """Whether the label is of groups taken together: "all doses", "pooled placebo"."""
    return bool(_POOLED.search(_plain(label)))


def cohort_of(label: str) -> str | None:
    """The one cohort, part or stage the label names, in one spelling: "cohort 1"; None for none
    and for several."""
    found = {f"{m[1].lower()} {m[2].lower()}" for m in _COHORT.finditer(_plain(label))}
    return found.pop() if len(found) == 1 else None


def _plain(label: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", label).replace("_", " ").split())
