"""What of a study held already stands in a template, so that extraction starts from known arms."""

from __future__ import annotations

import re
from typing import Any

from sqlmodel import Session, select

from kb.formats.tables import MAX_CELL
from kb.models.ids import parse_public_id
from kb.models.tables import WorkIdentifier
from kb.outcomes.timepoints import timepoint
from kb.store.studies import ArmOut, ReportOut, StudyDetail, read_study

_SOURCE = "report"
_KEY = re.compile(r"[\w.-]{1,40}")


def template_rows(session: Session, study_id: int) -> dict[str, list[dict[str, str]]]:
    """Rows by table: the study, its reports, registrations and arms, and one row for each outcome
    that a registration planned, in each arm.

    Places in sources, and what was found of an outcome, are left to be filled in: nobody has read
    them yet. Of arms that several records lay out, those of people come before a registry's.
    """
    study = read_study(session, study_id)
    key = _study_key(study)
    reports = [_report(session, report, n) for n, report in enumerate(study.reports, start=1)]
    arms = _arms(study)
    source = {"source": reports[0]["source"]} if reports else {}
    return {
        "sources": [
            _filled(key=r["source"], document=r["document"], standing="primary", work=r["work"])
            for r in reports
        ],
        "works": [
            _filled(work=r["work"], **{c: r[c] for c in ("title", "published", "doi", "pmid")})
            for r in reports
        ],
        "studies": [
            _filled(
                study=key,
                label=study.label,
                acronym=study.acronym,
                title=study.title,
                conditions="; ".join(study.conditions),
                phenotype=study.phenotype,
                year=study.year,
                **source,
            )
        ],
        "reports": [_filled(study=key, work=r["work"]) for r in reports],
        "registrations": [
            _filled(number=r.number, title=r.title, status=r.status) for r in study.registrations
        ],
        "study_registrations": [
            _filled(study=key, registration=r.number, basis=r.basis or "held in the base")
            for r in study.registrations
        ],
        "arms": [
            _filled(study=key, arm=name, label=arm.label, role=arm.role, **source)
            for name, arm in arms.items()
        ],
        "results": [
            _planned(key, name, outcome, source)
            for registration in study.registrations
            for outcome in registration.planned_outcomes
            for name in arms
        ],
    }


def _study_key(study: StudyDetail) -> str:
    """That of a record made by people, before a registry's."""
    keys = [record.key for record in study.records]
    return next((key for key in keys if not re.match(r"NCT\d", key)), keys[0] if keys else study.id)


def _arms(study: StudyDetail) -> dict[str, ArmOut]:
    """The arms of one record, by a key that may stand in a table."""
    keys = {arm.key for arm in study.arms}
    chosen = [
        arm for arm in study.arms if not arm.is_whole_study and not _are_several(arm.key, keys)
    ]
    records = dict.fromkeys((arm.record.source, arm.record.key) for arm in chosen)
    own = [record for record in records if not re.match(r"NCT\d", record[1])]
    first = next(iter(own or records), None)
    arms: dict[str, ArmOut] = {}
    for arm in chosen:
        if (arm.record.source, arm.record.key) == first:
            name = arm.key if _KEY.fullmatch(arm.key) else _slug(arm.key)
            while name in arms:
                name = f"{name}-2"
            arms[name] = arm
    return arms


def _are_several(key: str, keys: set[str]) -> bool:
    """Whether the key joins those of other arms, told of together."""
    return "+" in key and all(part.strip() in keys for part in key.split("+"))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "arm"


def _report(session: Session, report: ReportOut, number: int) -> dict[str, str]:
    _, work_id = parse_public_id(report.work.id)
    held = session.exec(
        select(WorkIdentifier.scheme, WorkIdentifier.value).where(WorkIdentifier.work_id == work_id)
    ).all()
    names = {str(scheme): value for scheme, value in held}
    name = _SOURCE if number == 1 else f"{_SOURCE}-{number}"
    return {
        "source": name,
        "work": name,
        "document": names.get("doi")
        or ("pmid" in names and f"PMID {names['pmid']}")
        or report.work.title
        or report.work.id,
        "title": report.work.title or "",
        "published": str(report.work.year or ""),
        "doi": names.get("doi", ""),
        "pmid": names.get("pmid", ""),
    }


def _planned(
    study: str, arm: str, outcome: dict[str, Any], source: dict[str, str]
) -> dict[str, str]:
    """An outcome as it was planned. Its state is not known until somebody has looked."""
    frame = str(outcome.get("time_frame") or "")
    time = timepoint(frame)
    is_one = time is not None and time.value is not None
    return _filled(
        study=study,
        arm=arm,
        what=outcome.get("measure"),
        time=f"{time.value:g}" if time and is_one else None,
        time_unit=time.unit if time and is_one else None,
        time_text=frame,
        is_primary="yes" if outcome.get("rank") == "primary" else "no",
        **source,
    )


def _filled(**cells: Any) -> dict[str, str]:
    """Cells as text; what is not known or too long for one is left out."""
    texts = {column: str(value) for column, value in cells.items() if value not in (None, "")}
    return {column: text for column, text in texts.items() if len(text) <= MAX_CELL}
