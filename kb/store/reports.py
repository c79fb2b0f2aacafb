"""Registrations as nodes, and which works report the studies registered under them.

A work whose record names a registration reports the study registered there; a work that the
registry merely lists for reading does not, and neither does a review or a notice.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
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


def main_study(session: Session, registration_id: int) -> int | None:
    """The study registered under the entry; of several, the one that is nobody's follow-up."""
    ids = sorted(
        set(
            session.exec(
                select(StudyRegistration.study_id).where(
                    StudyRegistration.registration_id == registration_id
                )
            )
        )
    )
    dependent = set(
        session.exec(
            select(StudyOverlap.study_id).where(
                col(StudyOverlap.study_id).in_(ids), col(StudyOverlap.kind).in_(_DEPENDENT)
            )
        )
    )
    own = [study_id for study_id in ids if study_id not in dependent]
    return min(own or ids, default=None)


def link_reports(session: Session, registration_id: int) -> None:
    """Recompute the reports that follow from works naming this registration."""
    study_id = main_study(session, registration_id)
    rows = session.exec(
        select(WorkRegistration.work_id, WorkRegistration.record_id, StoredRecord.source)
        .join(StoredRecord, col(StoredRecord.id) == col(WorkRegistration.record_id))
        .join(Work, col(Work.id) == col(WorkRegistration.work_id))
        .where(WorkRegistration.registration_id == registration_id)
        .where(WorkRegistration.kind == NAMED)
        .where(sa.or_(col(Work.type).is_(None), col(Work.type).not_in(_ABOUT)))
    ).all()
    for work_id, record_id, source in rows:
        said = session.exec(select(Report).where(Report.work_id == work_id)).all()
        if study_id is None or _reported(session, said, registration_id):
            continue
        session.add(
            Report(work_id=work_id, study_id=study_id, record_id=record_id, basis=_BASIS + source)
        )
        session.flush()


def forget_reports(session: Session, record_id: int) -> None:
    """Drop the reports that follow from what this record names."""
    session.execute(sa.delete(Report).where(col(Report.record_id) == record_id))


def _reported(session: Session, said: Sequence[Report], registration_id: int) -> bool:
    """Whether the work is already said to report a study of this registration."""
    studies = {row.study_id for row in said}
    registered = session.exec(
        select(StudyRegistration.study_id).where(
            StudyRegistration.registration_id == registration_id,
            col(StudyRegistration.study_id).in_(studies),
        )
    ).first()
    return registered is not None
