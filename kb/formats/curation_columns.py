"""The curation tables as data: their columns, what may stand in them, and what each is for.

`docs/curation-tables.md` tells the same at length. The readers, the checks and the workbook that
people fill in are made from what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from kb.formats.tables import Columns, columns
from kb.models.evidence import Category, State, Statistic
from kb.models.records import NoticeKind, WorkType
from kb.outcomes.timepoints import DAYS_PER_UNIT

T = TypeVar("T")

TABLES: Final[Mapping[str, Columns]] = {
    "sources": columns("key kind document standing", "work"),
    "works": columns(
        "work",
        "type title published received revised accepted venue venue_short publisher issn volume "
        "issue pages article language doi pmid pmcid authors registrations",
    ),
    "authors": columns("work position", "family given suffix group orcid"),
    "citations": columns("list citing cited position source", "asserted_by"),
    "notices": columns("work kind", "date label notice asserted_by"),
    "relations": columns("work kind other"),
    "observations": columns("work metric value", "dimension category counted_by observed_at"),
    "studies": columns(
        "study label source locator",
        "acronym title conditions phenotype year country design allocation masking phase purpose "
        "n_enrolled n_randomised n_treated n_analysed n_completed follow_up follow_up_unit "
        "follow_up_text eligibility caveats note",
    ),
    "reports": columns("study work"),
    "registrations": columns(
        "number",
        "title conditions sponsor country phase status n n_is start completion "
        "primary_completion results_posted aliases listed_pmids source locator note",
    ),
    "study_registrations": columns("study registration basis", "caveats"),
    "overlaps": columns("study other kind certainty", "reason"),
    "arms": columns(
        "study arm label source locator",
        "role description n_randomised n_treated n_analysed n_completed product tissue donor "
        "passage_low passage_high cryopreserved viability product_note dose dose_low dose_high "
        "dose_unit dose_basis times interval route comparator caveats note",
    ),
    "flow": columns("study arm milestone source locator", "period reason n note"),
    "results": columns(
        "study arm state source locator",
        "versus outcome what category time time_unit time_text since subgroup population "
        "statistic unit unit_of_analysis n events percent mean sd se median q1 q3 min max central "
        "geometric_mean ls_mean person_years estimate ci_low ci_high ci_level measure p method "
        "better direction is_primary caveats note",
    ),
    "adverse_events": columns(
        "study arm state source locator",
        "code term organ_system vocabulary seriousness relatedness severity assessment time "
        "time_unit time_text since at_risk persons events percent caveats note",
    ),
}

UNITS_OF_TIME: Final = tuple(DAYS_PER_UNIT)
STANDINGS: Final = ("primary", "secondary")
ROLES: Final = ("experimental", "control", "period")
DONORS: Final = ("autologous", "allogeneic", "xenogeneic")
SERIOUSNESS: Final = ("serious", "not serious")
ASSESSMENTS: Final = ("systematic", "non-systematic")
CERTAINTIES: Final = ("certain", "probable", "possible")
DIRECTIONS: Final = (
    "increased",
    "decreased",
    "changed",
    "no change",
    "improved",
    "worsened",
    "higher",
    "lower",
    "no difference",
    "inconclusive",
)
OVERLAPS: Final = (
    "same participants",
    "follow-up of",
    "substudy of",
    "extension of",
    "may share participants",
)
RELATIONS: Final = (
    "preprint of",
    "has preprint",
    "version of",
    "has version",
    "update of",
    "updated by",
    "comment on",
    "commented by",
    "republished from",
    "republished in",
)
LISTS: Final = ("references", "citing works")
_YES_NO: Final = ("yes", "no")

# What alone may stand in a column, by "table.column", or by "column" wherever it is.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sources.standing": STANDINGS,
    "works.type": tuple(WorkType),
    "works.authors": ("all", "some"),
    "citations.list": LISTS,
    "notices.kind": tuple(NoticeKind),
    "relations.kind": RELATIONS,
    "follow_up_unit": UNITS_OF_TIME,
    "registrations.n_is": ("actual", "planned"),
    "overlaps.kind": OVERLAPS,
    "certainty": CERTAINTIES,
    "role": ROLES,
    "donor": DONORS,
    "cryopreserved": _YES_NO,
    "state": tuple(State),
    "statistic": tuple(Statistic),
    "results.category": tuple(Category),
    "time_unit": UNITS_OF_TIME,
    "better": ("lower", "higher"),
    "direction": DIRECTIONS,
    "is_primary": _YES_NO,
    "seriousness": SERIOUSNESS,
    "assessment": ASSESSMENTS,
}

MEASURES: Final = (
    "hazard ratio",
    "odds ratio",
    "risk ratio",
    "rate ratio",
    "ratio of means",
    "ratio of geometric means",
    "risk difference",
    "rate difference",
    "mean difference",
    "median difference",
    "difference",
    "standardised mean difference",
)

# What usually stands in a column. Other words are taken as they are; what looks like one of these
# misspelt is not.
USUAL: Final[Mapping[str, tuple[str, ...]]] = {
    "sources.kind": (
        "abstract",
        "full text",
        "full text table",
        "supplement table",
        "registry",
        "protocol",
        "conference report",
        "review table",
        "press report",
        "figure legend",
    ),
    "flow.milestone": ("started", "completed", "not completed", "not treated"),
    "route": (
        "intravenous",
        "intrathecal",
        "intra-arterial",
        "intra-articular",
        "intramuscular",
        "intralesional",
        "intraventricular",
        "intramyocardial",
        "transendocardial",
        "intravenous and intrathecal",
    ),
    "tissue": (
        "bone marrow",
        "adipose",
        "umbilical cord",
        "Wharton's jelly",
        "placenta",
        "menstrual blood",
        "dental pulp",
    ),
    "dose_unit": ("10^6 cells/kg", "10^6 cells"),
    "since": ("treatment", "randomisation", "last dose", "first dose", "baseline", "surgery"),
    "measure": MEASURES,
    "severity": ("mild", "moderate", "severe"),
}

# Columns whose cells are keys of another table's rows.
KEYS: Final[Mapping[str, str]] = {
    "source": "sources.key",
    "sources.work": "works.work",
    "authors.work": "works.work",
    "reports.work": "works.work",
    "notices.work": "works.work",
    "notices.notice": "works.work",
    "relations.work": "works.work",
    "relations.other": "works.work",
    "observations.work": "works.work",
    "citations.citing": "works.work",
    "citations.cited": "works.work",
    "reports.study": "studies.study",
    "study_registrations.study": "studies.study",
    "study_registrations.registration": "registrations.number",
    "overlaps.study": "studies.study",
    "overlaps.other": "studies.study",
    "arms.study": "studies.study",
    "flow.study": "studies.study",
    "flow.arm": "arms.arm",
    "results.study": "studies.study",
    "results.arm": "arms.arm",
    "results.versus": "arms.arm",
    "adverse_events.study": "studies.study",
    "adverse_events.arm": "arms.arm",
}

NUMBERS: Final = frozenset(
    {
        "follow_up", "dose", "dose_low", "dose_high", "time", "percent", "mean", "sd", "se",
        "median", "q1", "q3", "min", "max", "central", "geometric_mean", "ls_mean", "person_years",
        "estimate", "ci_low", "ci_high", "ci_level",
    }
)  # fmt: skip
WHOLE_NUMBERS: Final = frozenset(
    {
        "position", "value", "year", "n", "n_enrolled", "n_randomised", "n_treated", "n_analysed",
        "n_completed", "passage_low", "passage_high", "events", "at_risk", "persons",
    }
)  # fmt: skip
DATES: Final = frozenset(
    {
        "published", "received", "revised", "accepted", "date", "observed_at", "start",
        "completion", "primary_completion", "results_posted",
    }
)  # fmt: skip


# The tables whose sheets an extractor fills in, in the order of work. The others are read from a
# workbook too, where a sheet bears their name.
IN_TEMPLATE: Final = (
    "sources",
    "works",
    "studies",
    "reports",
    "registrations",
    "study_registrations",
    "arms",
    "flow",
    "results",
    "adverse_events",
    "overlaps",
)


def in_working_order(table: str) -> tuple[str, ...]:
    """The columns as they are filled in: what a row is about, what it says, where that stands."""
    columns = TABLES[table]
    last = [c for c in ("state", "caveats", "source", "locator", "note") if c in columns.all]
    return (*(c for c in columns.all if c not in last), *last)


def of_column(table: str, column: str, known: Mapping[str, T]) -> T | None:
    """What is known of a column: by "table.column", or else by "column"; None where nothing is."""
    return known.get(f"{table}.{column}", known.get(column))


# What each table and each column is for, in a sentence or less.
ABOUT: Final[Mapping[str, str]] = {
    "sources": "The documents in which facts were read. Abstract and full text are two sources.",
    "works": "Publications: reports of the studies, documents read.",
    "authors": "Authors of the works.",
    "citations": "Who cites whom, as one document lists it.",
    "notices": "Retractions, corrections and concerns about works.",
    "relations": "How works belong together: a preprint and its article.",
    "observations": "Counts that change over time: citations, readers.",
    "studies": "Investigations with participants. One row for each.",
    "reports": "Which work reports which study.",
    "registrations": "Registry entries.",
    "study_registrations": "Which study is registered under which number, and on whose word.",
    "overlaps": "Participants that stand in two studies.",
    "arms": "Arms: one row for what one source says of one arm.",
    "flow": "Participants at a milestone, or lost for a reason.",
    "results": "One row for one set of numbers of one arm at one time, or one comparison of two.",
    "adverse_events": "One row for one adverse event in one arm. Persons and events are different.",
}

HELP: Final[Mapping[str, str]] = {
    "source": "Key of the source in sources",
    "locator": "The place in the source: abstract, table 2, page 5",
    "caveats": "Codes from the sheet caveats, separated by semicolons",
    "note": "What else must be said, as facts; remarks belong here and not beside a number",
    "study": "Key of the study in studies",
    "arm": "Key of the arm in arms; several joined by +; all for the whole study",
    "work": "Key of the work in works",
    "title": "As printed",
    "conditions": "Conditions treated, separated by semicolons",
    "country": "Country, or several separated by semicolons",
    "phase": "1, 1/2, 2 ...",
    "n_randomised": "Participants randomised; empty where it is not printed",
    "n_treated": "Participants treated; empty where it is not printed",
    "n_analysed": "Participants analysed; empty where it is not printed",
    "n_completed": "Participants who completed; empty where it is not printed",
    "state": "What is known: reported; reported_zero (it says there were none); not_reported ...",
    "time": "The number alone: 12. Day 0 is baseline",
    "time_unit": "Unit of time",
    "time_text": "Wording that the number does not hold: at discharge, up to 24 months",
    "since": "What the time is counted from",
    "percent": "Only if printed, the number alone: 83.3",
    "asserted_by": "Who says so",
    "sources.key": "A short name of yours, used in the column source of other sheets",
    "sources.kind": "Which kind of document, and which part of it was read",
    "sources.document": "As cited: DOI, PMID, registration number or address",
    "sources.standing": "primary: the report or its registry entry; secondary: another's account",
    "works.work": "A short name of yours, such as iacobaeus-2019",
    "works.type": "Type of publication",
    "published": "Date as 2019-12-02, 2019-12 or 2019",
    "received": "Date as 2019-12-02, 2019-12 or 2019",
    "revised": "Date as 2019-12-02, 2019-12 or 2019",
    "accepted": "Date as 2019-12-02, 2019-12 or 2019",
    "venue": "Journal",
    "venue_short": "Journal, abbreviated",
    "publisher": "Publisher",
    "issn": "ISSN; several separated by semicolons",
    "volume": "Volume",
    "issue": "Issue",
    "pages": "Pages as printed: 1187-1194",
    "article": "Article number, where there are no pages",
    "language": "Two letters: en",
    "doi": "DOI, only when seen: 10.3390/jcm8122102",
    "pmid": "PMID, only when seen: 31810187",
    "pmcid": "PMCID, only when seen: PMC6947442",
    "works.authors": "all if the sheet authors lists every author, else some",
    "works.registrations": "Registration numbers the work names, separated by semicolons",
    "position": "Place in the list, from 1",
    "family": "Family name",
    "given": "Given names or initials as printed",
    "suffix": "Jr, III",
    "group": "A group that is an author, instead of a person",
    "orcid": "ORCID iD",
    "list": "references (of citing) or citing works (of cited)",
    "citing": "Key of the citing work in works",
    "cited": "Key of the cited work in works",
    "notices.kind": "Kind of notice",
    "date": "Date as 2019-12-02, 2019-12 or 2019",
    "notices.label": "The source's own word for it",
    "notice": "Key of the notice in works, where it is among them",
    "relations.kind": "How the work relates to the other",
    "relations.other": "Key of the other work in works",
    "metric": "citation_count, reader_count ...",
    "value": "A whole number",
    "dimension": "academic_status",
    "observations.category": "Researcher",
    "counted_by": "Whose count it is",
    "observed_at": "Date, empty where it is not known",
    "studies.study": "A short name of yours, such as MS_IACOBAEUS_2019; not changed afterwards",
    "studies.label": "How the study is named in tables: Iacobaeus 2019",
    "acronym": "Acronym of the study",
    "phenotype": "As reported: SPMS 80 %; PPMS 20 %",
    "year": "Year of the report",
    "design": "single arm; randomised, two arms; crossover ...",
    "allocation": "none, randomised, not randomised, randomised 2:1 ...",
    "masking": "open label, double-blind ...",
    "purpose": "treatment, prevention ...",
    "n_enrolled": "Participants enrolled in the whole study",
    "follow_up": "Length of follow-up, the number alone: 27.8",
    "follow_up_unit": "Unit of the length of follow-up",
    "follow_up_text": "How to read it: median, at least, maximum",
    "eligibility": "Entry criteria; a range that was required is not a range that was found",
    "registrations.number": "NCT03778333, 2009-016442-74",
    "sponsor": "As the registry gives it",
    "status": "As the registry gives it",
    "registrations.n": "Participants as the registry gives them",
    "n_is": "Whether that is the actual or the planned number",
    "start": "Date as 2019-12-02, 2019-12 or 2019",
    "completion": "Date as 2019-12-02, 2019-12 or 2019",
    "primary_completion": "Date as 2019-12-02, 2019-12 or 2019",
    "results_posted": "Date as 2019-12-02, 2019-12 or 2019",
    "aliases": "Other numbers of the same entry, separated by semicolons",
    "listed_pmids": "PMIDs the entry lists for reading, separated by semicolons",
    "registration": "Number of the registration in registrations",
    "basis": "stated by the report; inferred: why; probable: why",
    "overlaps.other": "Key of the other study in studies",
    "overlaps.kind": "What the study is to the other one",
    "certainty": "How sure that is",
    "overlaps.reason": "Why",
    "arms.arm": "A short name of yours, such as msc or sham; not changed afterwards",
    "arms.label": "As the source names the arm",
    "role": "What the arm is for; period is one treatment of a crossover over all sequences",
    "description": "As the source describes the arm",
    "product": "MSC, or the name of the product",
    "tissue": "Tissue the cells come from",
    "donor": "Whose cells they are",
    "passage_low": "Passage, or the lowest of a range",
    "passage_high": "The highest passage of a range",
    "cryopreserved": "Whether the cells had been frozen",
    "viability": "In words: above 90 % at release",
    "product_note": "What else is said of the product",
    "dose": "One value; empty where only a range is printed",
    "dose_low": "The lower end of a printed range",
    "dose_high": "The upper end of a printed range",
    "dose_unit": "10^6 cells/kg or 10^6 cells",
    "dose_basis": "per infusion; mean (range); total of three infusions",
    "times": "How often it was given: 3, or words: 2-5",
    "interval": "Between administrations: 4 weeks",
    "route": "How it was given",
    "comparator": "What a control arm received: placebo, sham",
    "milestone": "started, completed, not completed or not treated",
    "period": "Part of the study: year 1",
    "flow.reason": "Why participants left",
    "flow.n": "Participants",
    "versus": "Empty; another arm for a comparison of arms; baseline for an arm against its start",
    "outcome": "Code from the sheet vocabulary, or one of your own",
    "what": "What exactly was measured or counted; may be empty for a code of the vocabulary",
    "results.category": "Of persons: event happened, complement did not; improved, stable ...",
    "subgroup": "Part of the participants",
    "population": "Analysis set: intention to treat",
    "statistic": "What kind of number: baseline, final, change, person_count ...",
    "unit": "Unit as printed",
    "unit_of_analysis": "knee, eye ... where not participants were counted",
    "results.n": "Participants analysed for this outcome at this time",
    "results.events": "Persons counted, or events in an event_count",
    "mean": "As printed",
    "sd": "Standard deviation as printed; a standard error belongs in se",
    "se": "Standard error as printed",
    "median": "As printed",
    "q1": "First quartile as printed",
    "q3": "Third quartile as printed",
    "min": "Smallest value observed",
    "max": "Largest value observed",
    "central": "A central value of which the source does not say whether mean or median",
    "geometric_mean": "As printed",
    "ls_mean": "Least squares mean as printed",
    "person_years": "Exposure in person-years",
    "estimate": "Of a comparison of arms, on its own scale: 0.62",
    "measure": "What the estimate is: hazard ratio",
    "ci_low": "Lower confidence limit",
    "ci_high": "Upper confidence limit",
    "ci_level": "Level in percent: 95",
    "p": "As printed: < 0.03",
    "method": "Test or model as named",
    "better": "Whether lower or higher is a benefit, for the number as printed",
    "direction": "Where no number is told: what the source says happened",
    "is_primary": "Whether it is a primary outcome of the study",
    "code": "Code from the sheet vocabulary",
    "term": "The source's own term",
    "organ_system": "Organ system as the source groups it",
    "vocabulary": "MedDRA 17.1",
    "seriousness": "serious or not serious; severe is another property",
    "relatedness": "Relation to treatment as told",
    "severity": "As told: mild, grade 3",
    "assessment": "How events were collected",
    "at_risk": "Participants at risk",
    "persons": "Persons affected",
    "adverse_events.events": "Events; one person may have had several",
}
