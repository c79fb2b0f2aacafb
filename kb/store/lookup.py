"""Finding the row a person means, by any of its names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound
from kb.identity.identifiers import normalize_openalex, parse_identifier
from kb.identity.registrations import normalize_registration
from kb.models.identifiers import Identifier, Scheme
from kb.models.ids import Kind, parse_public_id, public_id
from kb.models.records import View
from kb.models.tables import (
    OutcomeDefinition,
    Registration,
    StoredRecord,
    Study,
    Work,
    WorkIdentifier,
)
from kb.store.reports import find_registration, main_study

# Keys are INTEGER columns: four bytes on PostgreSQL, which refuses to compare them with more.
LARGEST_ID = 2**31 - 1

_RECORD_KEY = re.compile(r"[\w./:+-]{2,200}")
_CODE = re.compile(r"[\w.+-]{1,100}")

_NAMES = {
    Kind.WORK: "work",
    Kind.STUDY: "study",
    Kind.RESULT: "result",
    Kind.ADVERSE_EVENT: "adverse event",
    Kind.ARM: "arm",
    Kind.REGISTRATION: "registration",
    Kind.OUTCOME: "outcome",
}


def plain_text(text: str) -> str:
    """The text, if a database can hold it. Raises InvalidInput for NUL and lone surrogates."""
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InvalidInput(f"not plain text: {text[:60]!a} (NUL or half a character in it)")
    return text


def row_number(text: str, kind: Kind) -> int:
    """The row number of "R12". Raises InvalidInput if it is an id of something else or none, and
    NotFound if no table is that long."""
    found, number = parse_public_id(plain_text(text).strip().upper())
    if found is not kind:
        raise InvalidInput(f"not the id of a {_name(kind)}: {text.strip()!r} (expected {kind}1)")
    if number > LARGEST_ID:
        raise NotFound(f"no {_name(kind)} {kind}{number} in this base")
    return number


def resolve_work(session: Session, text: str) -> int:
    """The row number of the work named by W1, a DOI, PMID, PMCID or OpenAlex id in any spelling.

    A merged work gives the one it was merged into. Raises InvalidInput for text that names no
    work in any scheme, NotFound for one this base does not hold.
    """
    text = plain_text(text).strip()
    if re.fullmatch(r"W[0-9]+", text, re.I):
        number = _work_number(session, text)
        if number is not None:
            return number
        raise NotFound(f"no work {text.upper()} in this base")
    wanted = parse_identifier(text)
    held = _holder(session, wanted)
    if held is None:
        raise NotFound(f"no work in this base has {wanted}")
    return held


def _work_number(session: Session, text: str) -> int | None:
    """By our own id; a long number that is none of ours may be an OpenAlex id without its label."""
    openalex = normalize_openalex(text)
    try:
        number = row_number(text, Kind.WORK)
    except NotFound:
        number = 0
    if session.get(Work, number) is not None:
        return _survivor(session, Work, number)
    return _holder(session, Identifier(Scheme.OPENALEX, openalex)) if openalex else None


def _holder(session: Session, wanted: Identifier) -> int | None:
    held = session.get(WorkIdentifier, (wanted.scheme.value, wanted.value))
    return None if held is None else _survivor(session, Work, held.work_id)


def resolve_study(session: Session, text: str) -> int:
    """The row number of the study named by S1, a record key ("MS_IACOBAEUS_2019") or one of its
    registration numbers. Raises Conflict where records of several studies share the key."""
    text = plain_text(text).strip()
    if re.fullmatch(r"S[0-9]+", text, re.I):
        number = row_number(text, Kind.STUDY)
        if session.get(Study, number) is None:
            raise NotFound(f"no study S{number} in this base")
        return _survivor(session, Study, number)
    registration = normalize_registration(text)
    if registration is None and not _RECORD_KEY.fullmatch(text):
        raise InvalidInput(
            f"not a name of a study: {text[:80]!r} (expected e.g. S1, NCT03778333 or "
            "MS_IACOBAEUS_2019)"
        )
    named = select(StoredRecord.study_id).where(
        StoredRecord.key == text, StoredRecord.view == View.STUDY
    )
    studies = _survivors(session, session.exec(named).all())
    if not studies:
        studies = _registered(session, registration[1] if registration else text)
    if not studies:
        raise NotFound(f"no study in this base goes by {text!r}")
    if len(studies) > 1:
        ids = ", ".join(public_id(Kind.STUDY, number) for number in studies)
        raise Conflict(f"{text} names several studies: {ids}; ask for one of them")
    return studies[0]


def _registered(session: Session, number: str) -> list[int]:
    """The study an entry stands for; of several under one entry, nobody's follow-up."""
    entry = find_registration(session, number)
    if entry is None or entry.id is None:
        return []
    return _survivors(session, [main_study(session, entry.id)])


def _survivors(session: Session, numbers: Sequence[int | None]) -> list[int]:
    return sorted({_survivor(session, Study, n) for n in numbers if n is not None})


def resolve_registration(session: Session, text: str) -> int:
    """The row number of the registry entry with this number, one of its other numbers, or G1."""
    text = plain_text(text).strip()
    if re.fullmatch(r"G[0-9]+", text, re.I):
        number = row_number(text, Kind.REGISTRATION)
        if session.get(Registration, number) is None:
            raise NotFound(f"no registration G{number} in this base")
        return number
    normal = normalize_registration(text)
    found = find_registration(session, normal[1] if normal else text)
    if found is not None and found.id is not None:
        return found.id
    if normal is None:
        raise InvalidInput(
            f"not a registration number: {text[:80]!r} (expected e.g. NCT03778333 or "
            "2012-000518-13)"
        )
    raise NotFound(f"no registration {normal[1]} in this base")


def resolve_outcome(session: Session, text: str) -> int:
    """The row number of the outcome with this code ("EDSS") or O1."""
    text = plain_text(text).strip()
    coded = select(OutcomeDefinition.id).where(
        sa.func.lower(col(OutcomeDefinition.code)) == sa.func.lower(text)
    )
    found = session.exec(coded).first()
    if found is not None:
        return found
    if re.fullmatch(r"O[0-9]+", text, re.I):
        number = row_number(text, Kind.OUTCOME)
        if session.get(OutcomeDefinition, number) is not None:
            return number
    elif not _CODE.fullmatch(text):
        raise InvalidInput(f"not an outcome: {text[:80]!r} (expected e.g. EDSS or O1)")
    raise NotFound(f"no outcome {text} in this base")


def _survivor(session: Session, table: type[Work] | type[Study], number: int) -> int:
    """The end of the chain of merges. Merges are written flat or in chains, never in rings."""
    while True:
        merged_into = session.execute(
            sa.select(col(table.merged_into_id)).where(col(table.id) == number)
        ).scalar()
        if merged_into is None:
            return number
        number = merged_into


def _name(kind: Kind) -> str:
    return _NAMES.get(kind, kind.name.lower())
