"""Registrations as nodes, and which works report the studies registered under them.

A work whose record names a registration reports the study registered there; a work that the
registry merely lists for reading does not, and neither does a review or a notice.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, select

from kb.models.records import WorkType
from kb.models.tables import (
    Registration,
    RegistrationAlias,
    Report,
    StoredRecord,
    StudyOverlap,
    StudyRegistration,
    Work,
    WorkRegistration,
)

NAMED = "named by the work"
_BASIS = "registration named by "

# These name trials without reporting them.
_ABOUT = (WorkType.REVIEW, WorkType.EDITORIAL, WorkType.LETTER, WorkType.NOTICE)
# How the basis of a link begins that is too weak to join anything by.
_WEAK = ("probable", "possible")
# Studies that draw on another study's participants: a registration's own study is the other one.
_DEPENDENT = ("follow-up of", "substudy of", "extension of")


def find_registration(session: Session, number: str) -> Registration | None:
    """The registration with this number, or with this number as an alias."""
    found = session.exec(select(Registration).where(Registration.number == number)).first()
    if found is None:
        alias = session.get(RegistrationAlias, number)
        found = session.get(Registration, alias.registration_id) if alias else None
    return found


def find_or_make_registration(session: Session, number: str, registry: str | None) -> Registration:
    found = find_registration(session, number)
    if found is None:
        found = Registration(number=number, registry_name=registry)
        session.add(found)
        session.flush()
    return found


def main_study(session: Session, registration_id: int, *, firmly: bool = False) -> int | None:
    """The study registered under the entry; of several, the one that is nobody's follow-up.

    A link that is only probable or possible counts where there is no firm one, and not at all if
    asked for what is `firmly` known.
    """
    links = session.exec(
        select(StudyRegistration.study_id, StudyRegistration.basis).where(
            StudyRegistration.registration_id == registration_id
        )
    ).all()
    firm = {study_id for study_id, basis in links if is_firm(basis)}
    ids = sorted(firm if firm or firmly else {study_id for study_id, _ in links})
    dependent = set(
        session.exec(
            select(StudyOverlap.study_id).where(
                col(StudyOverlap.study_id).in_(ids), col(StudyOverlap.kind).in_(_DEPENDENT)
            )
        )
    )
    own = [study_id for study_id in ids if study_id not in dependent]
    return min(own or ids, default=None)


def is_firm(basis: str | None) -> bool:
    """Whether a study's link to a registration may join things; others are only shown."""
    return not (basis or "").startswith(_WEAK)


def works_naming(session: Session, registration_ids: Iterable[int]) -> set[int]:
    query = select(WorkRegistration.work_id).where(
        col(WorkRegistration.registration_id).in_(sorted(set(registration_ids))),
        WorkRegistration.kind == NAMED,
    )
    return set(session.exec(query))


def link_reports(session: Session, work_ids: Iterable[int]) -> None:
    """Make the reports that follow from registrations these works name what they should be."""
    for work_id in sorted(set(work_ids)):
        held = session.exec(select(Report).where(Report.work_id == work_id)).all()
        said = {row.study_id for row in held if not row.basis.startswith(_BASIS)}
        wanted = _following(session, work_id, said)
        for row in held:
            if row.basis.startswith(_BASIS):
                if wanted.get((row.study_id, row.record_id)) == row.basis:
                    del wanted[row.study_id, row.record_id]
                else:
                    session.delete(row)
        session.flush()
        for (study_id, record_id), basis in wanted.items():
            session.add(
                Report(work_id=work_id, study_id=study_id, record_id=record_id, basis=basis)
            )
        session.flush()


def _following(session: Session, work_id: int, said: set[int]) -> dict[tuple[int, int], str]:
    """(study, record) and basis of what the work reports, besides the studies `said` already."""
    work = session.get(Work, work_id)
    if work is None or work.type in _ABOUT:
        return {}
    named = session.exec(
        select(WorkRegistration.registration_id, WorkRegistration.record_id, StoredRecord.source)
        .join(StoredRecord, col(StoredRecord.id) == col(WorkRegistration.record_id))
        .join(Registration, col(Registration.id) == col(WorkRegistration.registration_id))
        .where(WorkRegistration.work_id == work_id, WorkRegistration.kind == NAMED)
        .order_by(Registration.number, StoredRecord.source, StoredRecord.key, StoredRecord.view)
    ).all()
    found: dict[tuple[int, int], str] = {}
    for registration_id, record_id, source in named:
        study_id = main_study(session, registration_id, firmly=True)
        registered = set(
            session.exec(
                select(StudyRegistration.study_id).where(
                    StudyRegistration.registration_id == registration_id
                )
            )
        )
        if study_id is not None and not registered & said:
            found[study_id, record_id] = _BASIS + source
            said.add(study_id)
    return found
