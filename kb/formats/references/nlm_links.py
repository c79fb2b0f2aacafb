"""How PubMed links works: the names of the links in its formats, and those a record has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kb.models.identifiers import Identifier, Scheme
from kb.models.records import NoticeKind, WorkRecord

# The tags of NBIB, and the names of PubMed's XML.
LINKS: Final = {
    "CIN": "CommentIn",
    "CON": "CommentOn",
    "EIN": "ErratumIn",
    "EFR": "ErratumFor",
    "CRI": "CorrectedandRepublishedIn",
    "CRF": "CorrectedandRepublishedFrom",
    "RRI": "RetractedandRepublishedIn",
    "RRF": "RetractedandRepublishedFrom",
    "PRIN": "PartialRetractionIn",
    "PROF": "PartialRetractionOf",
    "RIN": "RetractionIn",
    "ROF": "RetractionOf",
    "RPI": "RepublishedIn",
    "RPF": "RepublishedFrom",
    "ECI": "ExpressionOfConcernIn",
    "ECF": "ExpressionOfConcernFor",
    "UIN": "UpdateIn",
    "UOF": "UpdateOf",
}

_NOTICES: Final = {
    (NoticeKind.RETRACTION, True): "RIN",
    (NoticeKind.RETRACTION, False): "ROF",
    (NoticeKind.WITHDRAWAL, True): "RIN",
    (NoticeKind.WITHDRAWAL, False): "ROF",
    (NoticeKind.REMOVAL, True): "RIN",
    (NoticeKind.REMOVAL, False): "ROF",
    (NoticeKind.PARTIAL_RETRACTION, True): "PRIN",
    (NoticeKind.PARTIAL_RETRACTION, False): "PROF",
    (NoticeKind.CONCERN, True): "ECI",
    (NoticeKind.CONCERN, False): "ECF",
    (NoticeKind.CORRECTION, True): "EIN",
    (NoticeKind.CORRECTION, False): "EFR",
}
_RELATIONS: Final = {
    "comment on": "CON",
    "commented by": "CIN",
    "update of": "UOF",
    "has preprint": "UOF",
    "updated by": "UIN",
    "preprint of": "UIN",
    "republished from": "RPF",
    "republished in": "RPI",
}


def links_of(record: WorkRecord) -> Iterator[tuple[str, str | None, tuple[Identifier, ...]]]:
    """(name as in PubMed's XML, where the other appeared, its identifiers) of each notice and
    relation that PubMed has a link for, each once."""
    told: set[tuple[str, Identifier]] = set()
    for notice in record.notices:
        link = notice.label if notice.label in LINKS.values() else None
        if link is None:
            tag = _NOTICES.get((notice.kind, notice.is_about_self))
            link = LINKS[tag] if tag else None
        if link is None:
            continue
        other = notice.other
        if link in ("CorrectedandRepublishedIn", "RetractedandRepublishedIn") and not other:
            # What replaced the work stands among the relations.
            other = next((r.other for r in record.relations if r.kind == "republished in"), ())
            told |= {("RepublishedIn", identifier) for identifier in other}
        told |= {(link, identifier) for identifier in other}
        yield link, notice.text, other
    for relation in record.relations:
        tag = _RELATIONS.get(relation.kind)
        names = tuple(i for i in relation.other if i.scheme in (Scheme.PMID, Scheme.DOI))
        if tag and names and not any((LINKS[tag], name) in told for name in names):
            yield LINKS[tag], None, names
