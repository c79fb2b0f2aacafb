"""Public ids: a letter for the kind and the row's number, "W1"."""

from __future__ import annotations

import re
from enum import StrEnum

from kb.errors import InvalidInput


class Kind(StrEnum):
    """The nodes of the graph, by the letter of their public ids."""

    WORK = "W"
    AUTHOR = "A"
    VENUE = "J"
    CONCEPT = "C"
    FUNDER = "F"
    NOTICE = "K"
    STUDY = "S"
    REGISTRATION = "G"
    ARM = "M"
    PRODUCT = "P"
    DOSE = "D"
    OUTCOME = "O"
    TIMEPOINT = "T"
    POPULATION = "N"
    RESULT = "R"
    ADVERSE_EVENT = "X"
    EVIDENCE = "E"
    DERIVATION = "V"


# Row ids are 64-bit at most; a longer number is no id and must not reach the database.
_PUBLIC_ID = re.compile(r"([A-Z])([1-9][0-9]{0,17})")


def public_id(kind: Kind, number: int) -> str:
    return f"{kind}{number}"


def parse_public_id(text: str) -> tuple[Kind, int]:
    """Kind and row number of "S12". Raises InvalidInput for anything else."""
    match = _PUBLIC_ID.fullmatch(text.strip())
    if match is None or match[1] not in set(Kind):
        shown = text.strip()[:60]
        raise InvalidInput(f"not an id of this base: {shown!r} (expected e.g. W1, S3 or R12)")
    return Kind(match[1]), int(match[2])
