"""What a study was registered as: description, registrations, references and arms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingest.sources.clinicaltrials.groups import RegisteredArm
from ingest.sources.clinicaltrials.reading import (
    Json,
    Place,
    block,
    count,
    labelled,
    line,
    note,
    part,
    parts,
    strings,
    words,
)
from kb.identity.identifiers import identifiers, normalize_pmid
from kb.identity.registrations import find_registrations, normalize_registration
from kb.models.dates import PartialDate, parse_partial_date
from kb.models.evidence import (
    ArmClaim,
    BackgroundClaim,
    DescriptionClaim,
    PlannedOutcome,
    ProductClaim,
    RegistrationClaim,
    ReportClaim,
)

REGISTRY: Final = "ClinicalTrials.gov"

_PHASES: Final = {
    "EARLY_PHASE1": "early 1",
    "PHASE1": "1",
    "PHASE2": "2",
    "PHASE3": "3",
    "PHASE4": "4",
    "NA": "not applicable",
}
_ALLOCATIONS: Final = {
    "RANDOMIZED": "randomised",
    "NON_RANDOMIZED": "not randomised",
    "NA": "none",
}
_STATUSES: Final = {
    "ACTIVE_NOT_RECRUITING": "Active, not recruiting",
    "UNKNOWN": "Unknown status",
}
# ACTIVE_COMPARATOR is no control where trials call their dose levels so, and many do.
_ROLES: Final = {
    "EXPERIMENTAL": ("experimental", None),
    "PLACEBO_COMPARATOR": ("control", "placebo"),
    "SHAM_COMPARATOR": ("control", "sham"),
    "NO_INTERVENTION": ("control", "no intervention"),
}
# Not PROCEDURE: "bone marrow aspiration for stem cells" is not what an arm received.
_PRODUCT_TYPES: Final = frozenset({"BIOLOGICAL", "DRUG", "GENETIC", "COMBINATION_PRODUCT", "OTHER"})
# Cells by name, or by the ending of nonproprietary names (remestemcel-L, darvadstrocel).
_CELLS = re.compile(
    r"\bcells?\b|\bstem\b|\bstromal\b|msc|\b(?:adsc|asc)s?\b|\w{4}cel(?:-\w+)?\b", re.I
)
_NO_CELLS = re.compile(r"\bplacebo|\bsham|\bvehicle|\bcell[- ]free\b|\bwithout\b", re.I)


def nct_number(study: Json) -> str:
    """The entry's number. Raises ValueError where there is none."""
    given = line(part(part(study, "protocolSection"), "identificationModule"), "nctId")
    found = normalize_registration(given)
    if found is None or found[0] != REGISTRY:
        raise ValueError(f"no NCT number in identificationModule.nctId (received {given!r})")
    return found[1]


def description(protocol: Json, results: Json, place: Place) -> DescriptionClaim:
    design = part(protocol, "designModule")
    info = part(design, "designInfo")
    enrolment = part(design, "enrollmentInfo")
    is_actual = line(enrolment, "type") == "ACTUAL"
    limits = part(part(results, "moreInfoModule"), "limitationsAndCaveats")
    model = [words(line(info, name)) for name in ("interventionModel", "observationalModel")]
    return DescriptionClaim(
        design=_joined([*model, words(line(info, "timePerspective"))], ", "),
        allocation=_mapped(_ALLOCATIONS, line(info, "allocation")),
        masking=_masking(part(info, "maskingInfo")),
        phase=_phase(design),
        purpose=words(line(info, "primaryPurpose")),
        study_type=words(line(design, "studyType")),
        country=_countries(protocol),
        n_enrolled=count(enrolment.get("count")) if is_actual else None,
        eligibility=_eligibility(part(protocol, "eligibilityModule")),
        note=note(
            labelled("limitations stated", line(limits, "description")),
            labelled("interventions", _interventions_without_arms(protocol)),
        ),
        evidence=place.evidence("protocol section"),
    )


def registrations(study: Json, place: Place) -> Iterator[RegistrationClaim]:
    """The entry itself, then the other registries it names among its secondary ids."""
    protocol = part(study, "protocolSection")
    identification = part(protocol, "identificationModule")
    secondary = list(_secondary_numbers(identification))
    status = part(protocol, "statusModule")
    design = part(protocol, "designModule")
    enrolment = part(design, "enrollmentInfo")
    enrolment_type = line(enrolment, "type")
    lead = part(part(protocol, "sponsorCollaboratorsModule"), "leadSponsor")
    overall = line(status, "overallStatus")
    others_here = [number for registry, number in secondary if registry == REGISTRY]
    yield RegistrationClaim(
        number=place.number,
        registry=REGISTRY,
        link_basis="the entry itself",
        title=line(identification, "officialTitle") or line(identification, "briefTitle"),
        sponsor=line(lead, "name"),
        country=_countries(protocol),
        phase=_phase(design),
        status=_STATUSES.get(overall or "") or (words(overall) or "").capitalize() or None,
        n_registered=count(enrolment.get("count")),
        n_is_actual=enrolment_type == "ACTUAL" if enrolment_type else None,
        start=_date(status, "startDateStruct"),
        completion=_date(status, "completionDateStruct"),
        primary_completion=_date(status, "primaryCompletionDateStruct"),
        results_posted=_date(status, "resultsFirstPostDateStruct"),
        updated=updated(protocol),
        aliases=_aliases(identification, place.number),
        listed_pmids=tuple(
            dict.fromkeys(
                pmid
                for reference in _references(protocol)
                if (pmid := normalize_pmid(line(reference, "pmid")))
            )
        ),
        planned_outcomes=tuple(_planned_outcomes(part(protocol, "outcomesModule"))),
        has_results=True if study.get("resultsSection") else _flag(study, "hasResults"),
        note=note(
            labelled("why stopped", line(status, "whyStopped")),
            labelled("names among its secondary ids", ", ".join(others_here)),
        ),
        evidence=place.evidence("protocol section", line(identification, "briefTitle")),
    )
    for registry, number in secondary:
        if registry != REGISTRY:
            yield RegistrationClaim(
                number=number,
                registry=registry,
                link_basis=f"secondary id of {place.number}",
                evidence=place.evidence("identification, secondary ids"),
            )


def reports(protocol: Json) -> Iterator[ReportClaim]:
    """Works the registry lists as results of this study."""
    for reference in _references(protocol):
        if line(reference, "type") == "RESULT":
            yield ReportClaim(
                work=identifiers(pmid=line(reference, "pmid")),
                basis="registry result",
                citation=line(reference, "citation"),
            )


def background(protocol: Json) -> Iterator[BackgroundClaim]:
    """Works listed for reading, and those the registry found by their mention of the number."""
    for reference in _references(protocol):
        kind = line(reference, "type") or "BACKGROUND"
        if kind != "RESULT":
            yield BackgroundClaim(
                work=identifiers(pmid=line(reference, "pmid")),
                kind=kind.lower(),
                citation=line(reference, "citation"),
            )


def arms(protocol: Json, place: Place) -> Iterator[ArmClaim]:
    """The registered arms, keyed by label. A dose is prose in the registry and is left there."""
    module = part(protocol, "armsInterventionsModule")
    interventions = parts(module, "interventions")
    for position, (key, label, group) in enumerate(_keyed(module), start=1):
        type_ = line(group, "type") or ""
        role, comparator = _ROLES.get(type_, (words(type_) or None, None))
        received = [i for i in interventions if label in strings(i, "armGroupLabels")]
        names = strings(group, "interventionNames") or [_typed_name(i) for i in received]
        yield ArmClaim(
            key=key,
            label=label,
            role=role,
            description=block(group, "description"),
            comparator=comparator,
            product=_product(received),
            note=labelled("interventions", "; ".join(names)),
            evidence=place.evidence(f"arm {position}", label),
        )


def registered_arms(protocol: Json) -> list[RegisteredArm]:
    """The same arms as `arms` gives, as far as groups of results are matched to them."""
    module = part(protocol, "armsInterventionsModule")
    interventions = parts(module, "interventions")
    found = []
    for key, label, group in _keyed(module):
        named = [name.partition(": ")[2] or name for name in strings(group, "interventionNames")]
        linked = [line(i, "name") for i in interventions if label in strings(i, "armGroupLabels")]
        role, _ = _ROLES.get(line(group, "type") or "", (None, None))
        found.append(
            RegisteredArm(
                key=key,
                label=label,
                role=role,
                description=block(group, "description"),
                interventions=tuple(named or filter(None, linked)),
            )
        )
    return found


def _keyed(module: Json) -> Iterator[tuple[str, str, Json]]:
    """Arms with a key of their own and a label."""
    taken: set[str] = set()
    for position, group in enumerate(parts(module, "armGroups"), start=1):
        label = line(group, "label") or f"arm {position}"
        key = label if label not in taken else f"{label} ({position})"
        taken.add(key)
        yield key, label, group


def updated(protocol: Json) -> PartialDate | None:
    return _date(part(protocol, "statusModule"), "lastUpdatePostDateStruct")


def _product(interventions: list[Json]) -> ProductClaim | None:
    cells = [
        intervention
        for intervention in interventions
        if line(intervention, "type") in _PRODUCT_TYPES and _is_cells(intervention)
    ]
    if not cells:
        return None
    return ProductClaim(
        intervention="; ".join(line(i, "name") or "" for i in cells),
        note=note(
            labelled("registered as", ", ".join(dict.fromkeys(_type(i) for i in cells))),
            labelled("also named", ", ".join(n for i in cells for n in strings(i, "otherNames"))),
        ),
    )


def _is_cells(intervention: Json) -> bool:
    name = line(intervention, "name") or ""
    if not name or _NO_CELLS.search(name):
        return False
    return any(_CELLS.search(text) for text in (name, *strings(intervention, "otherNames")))


def _type(intervention: Json) -> str:
    return (words(line(intervention, "type")) or "").capitalize()


def _typed_name(intervention: Json) -> str:
    return ": ".join(text for text in (_type(intervention), line(intervention, "name")) if text)


def _interventions_without_arms(protocol: Json) -> str | None:
    module = part(protocol, "armsInterventionsModule")
    if parts(module, "armGroups"):
        return None
    return "; ".join(_typed_name(i) for i in parts(module, "interventions")) or None


def _references(protocol: Json) -> list[Json]:
    return parts(part(protocol, "referencesModule"), "references")


def _planned_outcomes(module: Json) -> Iterator[PlannedOutcome]:
    for rank in ("primary", "secondary", "other"):
        for outcome in parts(module, f"{rank}Outcomes"):
            measure = line(outcome, "measure")
            if measure:
                yield PlannedOutcome(
                    rank=rank,
                    measure=measure,
                    description=block(outcome, "description"),
                    time_frame=line(outcome, "timeFrame"),
                )


def _secondary_numbers(identification: Json) -> Iterator[tuple[str, str]]:
    """(registry, number) of every registration among the secondary ids, other than the aliases.

    The ids come with words of their own ("Eudra-CT 2009-017405-11").
    """
    seen = {line(identification, "nctId"), *strings(identification, "nctIdAliases")}
    for secondary in parts(identification, "secondaryIdInfos"):
        for registry, number in find_registrations(line(secondary, "id")):
            if number not in seen:
                seen.add(number)
                yield registry, number


def _aliases(identification: Json, own: str) -> tuple[str, ...]:
    found = (normalize_registration(alias) for alias in strings(identification, "nctIdAliases"))
    return tuple(dict.fromkeys(f[1] for f in found if f and f[1] != own))


def _phase(design: Json) -> str | None:
    return "/".join(_PHASES.get(p, p) for p in strings(design, "phases")) or None


def _masking(info: Json) -> str | None:
    masking = words(line(info, "masking"))
    who = ", ".join(words(name) or "" for name in strings(info, "whoMasked"))
    return f"{masking} ({who})" if masking and who else masking


def _countries(protocol: Json) -> str | None:
    locations = parts(part(protocol, "contactsLocationsModule"), "locations")
    return "; ".join(dict.fromkeys(c for site in locations if (c := line(site, "country")))) or None


def _eligibility(module: Json) -> str | None:
    ages = _joined(
        [
            labelled("minimum age", line(module, "minimumAge")),
            labelled("maximum age", line(module, "maximumAge")),
            labelled("sex", words(line(module, "sex"))),
        ],
        ", ",
    )
    return _joined([block(module, "eligibilityCriteria"), ages], "\n\n")


def _date(status: Json, name: str) -> PartialDate | None:
    return parse_partial_date(line(part(status, name), "date"))


def _flag(parent: Json, name: str) -> bool | None:
    value = parent.get(name)
    return value if isinstance(value, bool) else None


def _mapped(names: dict[str, str], name: str | None) -> str | None:
    return names.get(name, words(name)) if name else None


def _joined(texts: list[str | None], separator: str) -> str | None:
    return separator.join(text for text in texts if text) or None
