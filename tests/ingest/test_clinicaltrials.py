"""Registry entries of ClinicalTrials.gov: what was planned, what was reported, and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import orjson
import pytest

from ingest.sources.clinicaltrials import (
    SOURCE,
    check,
    fetch_studies,
    search,
    to_record,
    to_records,
)
from ingest.sources.clinicaltrials.groups import folded
from ingest.sources.clinicaltrials.reading import block, line, number
from kb.errors import InvalidInput, NotFound, SourceRejected, SourceUnavailable
from kb.models.evidence import (
    CellName,
    ResultClaim,
    ResultKind,
    Standing,
    State,
    Statistic,
    StudyRecord,
)
from kb.models.records import Unreadable, from_json, to_json
from kb.outcomes.vocabulary import load_caveats
from tests.conftest import ROOT, shared
from tests.ingest.fakes import FakeFetch, a_payload

Json = dict[str, Any]
RECORDINGS = [
    "v2_NCT00763412.json",
    "v2_NCT02210780.json",
    "v2_NCT03630471.json",
    "v2_get_NCT02576665_fields_2026.json",
    "v2_search_page1_2026.json",
    "v2_search_page2_2026.json",
    "v2_search_lastpage_2026.json",
]


def own(name: str) -> Json:
    found: Json = orjson.loads((ROOT / "tests/payloads/clinicaltrials" / name).read_bytes())
    return found


def recorded(name: str) -> Json:
    found: Json = orjson.loads(shared(f"payloads/clinicaltrials_gov/{name}").read_bytes())
    return found


def a_study(nct: str = "NCT01183728", *, results: Json | None = None, **modules: Json) -> Json:
    """The smallest entry, with further modules of the protocol section and results."""
    study: Json = {
        "protocolSection": {"identificationModule": {"nctId": nct, "briefTitle": "A study"}}
    }
    study["protocolSection"] |= modules
    if results is not None:
        study["resultsSection"] = results
    return study


def an_outcome(*measurements: Json, classes: list[Json] | None = None, **values: Any) -> Json:
    """A posted outcome with two groups of 10 and 11 participants, and one row of measurements."""
    outcome: Json = {
        "type": "PRIMARY",
        "title": "EDSS",
        "reportingStatus": "POSTED",
        "paramType": "MEAN",
        "unitOfMeasure": "score on a scale",
        "timeFrame": "12 months",
        "groups": [{"id": "OG000", "title": "MSC"}, {"id": "OG001", "title": "Placebo"}],
        "denoms": [denoms("Participants", "10", "11")],
        "classes": classes or [{"categories": [{"measurements": list(measurements)}]}],
    }
    return {k: v for k, v in (outcome | values).items() if v is not None}


def denoms(units: str, *values: str) -> Json:
    counts = [{"groupId": f"OG{n:03}", "value": v} for n, v in enumerate(values)]
    return {"units": units, "counts": counts}


def measured(value: str | None = None, group: str = "OG000", **values: str) -> Json:
    given = {"groupId": group} | ({"value": value} if value is not None else {})
    return given | values


def results_of(*outcomes: Json) -> tuple[ResultClaim, ...]:
    study = a_study(results={"outcomeMeasuresModule": {"outcomeMeasures": list(outcomes)}})
    return to_record(study).results


def result_of(outcome: Json) -> ResultClaim:
    (found,) = results_of(outcome)
    return found


def cells(claim: ResultClaim) -> dict[str, float | None]:
    return {cell.name.value: cell.value for cell in claim.cells}


# -- every number, read a second time by other means ---------------------------------------------


def leaves(tree: Any) -> Iterator[Json]:
    """Every object in the tree, in order."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from leaves(item)


def titles_of(module: Json, name: str) -> dict[str, str]:
    return {group["id"]: group["title"] for group in module.get(name, [])}


def assert_same_arm(record: StudyRecord, arm: str, title: str) -> None:
    found = next((a for a in record.arms if a.key == arm), None)
    whole_study = title.lower() in ("total", "all participants", "overall")
    if whole_study:
        assert arm == "all"
    elif found is not None and f'"{title}"' not in (found.note or ""):
        assert folded(found.label) == folded(title)


def assert_same_numbers(study: Json, record: StudyRecord) -> None:
    """That the claims and the registry's tables hold the same numbers, group by group.

    Reads the JSON on its own terms: every measurement is found by walking the tree, and its texts
    must be the texts of one claim, of the same group, in the same order.
    """
    results = study.get("resultsSection", {})
    flow = results.get("participantFlowModule", {})
    titles = titles_of(flow, "groups")
    counts = [leaf for leaf in leaves(flow.get("periods")) if "numSubjects" in leaf]
    assert sorted((c["groupId"], c["numSubjects"]) for c in counts) == sorted(
        (left.evidence.locator.split(", ")[-1], str(left.n)) for left in record.flow
    )
    for left in record.flow:
        assert_same_arm(record, left.arm, titles[left.evidence.locator.split(", ")[-1]])

    baseline = results.get("baselineCharacteristicsModule", {})
    tables = [("baseline", baseline, m) for m in baseline.get("measures", [])]
    outcomes = results.get("outcomeMeasuresModule", {}).get("outcomeMeasures", [])
    tables += [("outcome", {}, m) for m in outcomes]
    claims = iter([c for c in record.results if "analysis" not in c.evidence.locator])
    for kind, module, table in tables:
        titles = titles_of(table, "groups") or titles_of(module, "groups")
        if table.get("reportingStatus") == "NOT_POSTED":
            assert next(claims).state is State.NOT_REPORTED
            continue
        for class_ in table["classes"]:
            analysed = class_.get("denoms") or table.get("denoms") or module["denoms"]
            n_of = {c["groupId"]: c["value"] for d in analysed for c in d["counts"]}
            for measurement in [leaf for leaf in leaves(class_["categories"]) if "groupId" in leaf]:
                claim = next(claims)
                said = {c.name: c.text for c in claim.cells}
                group = measurement["groupId"]
                assert claim.evidence.locator.endswith(group)
                assert kind in claim.evidence.locator
                assert_same_arm(record, claim.arm, titles[group])
                assert said.pop(CellName.N_ANALYSED) == n_of[group]
                given = [
                    measurement.get(k) for k in ("value", "spread", "lowerLimit", "upperLimit")
                ]
                assert sorted(map(str, said.values())) == sorted(
                    str(v) for v in given if v is not None
                )
    analyses = [a for outcome in outcomes for a in outcome.get("analyses", [])]
    for analysis, claim in zip(
        analyses, [c for c in record.results if "analysis" in c.evidence.locator], strict=True
    ):
        names = ("paramValue", "ciLowerLimit", "ciUpperLimit", "dispersionValue")
        printed = [str(analysis[name]) for name in names if name in analysis]
        assert sorted(printed) == sorted(c.text or "" for c in claim.cells)
        assert claim.p_text == analysis.get("pValue")
    assert next(claims, None) is None
    for claim in record.results:
        for cell in claim.cells:
            assert cell.value == (
                float(cell.text) if cell.text and cell.value is not None else None
            )

    events = results.get("adverseEventsModule", {})
    titles = titles_of(events, "eventGroups")
    expected = []
    for group in events.get("eventGroups", []):
        for name, code in (("deaths", "DEATH"), ("serious", "AE_SERIOUS"), ("other", "AE_OTHER")):
            if f"{name}NumAffected" in group:
                expected.append(
                    (
                        code,
                        group["id"],
                        group[f"{name}NumAffected"],
                        None,
                        group[f"{name}NumAtRisk"],
                    )
                )
    for event in events.get("seriousEvents", []) + events.get("otherEvents", []):
        for stat in event["stats"]:
            numbers = [stat.get(k) for k in ("numAffected", "numEvents", "numAtRisk")]
            expected.append((event["term"], stat["groupId"], *numbers))
    assert expected == [
        (
            claim.code or claim.term,
            claim.evidence.locator.split(", ")[-1],
            claim.persons_affected,
            claim.event_count,
            claim.n_at_risk,
        )
        for claim in record.adverse_events
    ]
    for event_claim in record.adverse_events:
        group_id = event_claim.evidence.locator.split(", ")[-1]
        assert_same_arm(record, event_claim.arm, titles[group_id])


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_recorded_number_is_claimed_once_for_its_own_group(name):
    body = recorded(name)
    for study in body.get("studies", [body]):
        assert_same_numbers(study, to_record(study))


def test_every_number_of_our_own_payload_is_claimed_once():
    assert_same_numbers(own("NCT01183728.json"), to_record(own("NCT01183728.json")))


@pytest.mark.parametrize(
    ("name", "n_results", "n_contrasts", "n_events"),
    [
        pytest.param("v2_NCT00763412.json", 96, 0, 6, id="no terms"),
        pytest.param("v2_NCT02210780.json", 86, 7, 24, id="with analyses"),
    ],
)
def test_the_two_recorded_results_are_whole(name, n_results, n_contrasts, n_events):
    record = to_record(recorded(name))
    contrasts = [c for c in record.results if c.kind is ResultKind.CONTRAST]
    assert len(record.results) == n_results
    assert len(contrasts) == n_contrasts
    assert len(record.adverse_events) == n_events


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_record_survives_being_written_and_read(name):
    for record in to_records(a_payload(json.dumps(recorded(name)).encode())):
        assert isinstance(record, StudyRecord)
        assert from_json(StudyRecord, to_json(record)) == record


def test_a_number_that_is_not_reported_survives_being_written_and_read():
    outcome = an_outcome(measured("NA"))
    record = to_record(a_study(results={"outcomeMeasuresModule": {"outcomeMeasures": [outcome]}}))
    assert from_json(StudyRecord, to_json(record)) == record


@pytest.mark.parametrize("name", [*RECORDINGS[:2], "own"])
def test_claims_have_keys_of_their_own_that_outlast_a_refetch(name):
    study = own("NCT01183728.json") if name == "own" else recorded(name)
    record = to_record(study)
    for claims in (record.results, record.adverse_events, record.flow):
        keys = [claim.key for claim in claims]
        assert len(set(keys)) == len(keys)
    # An outcome added in front moves every position, and no key.
    outcomes = study["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"]
    outcomes.insert(0, an_outcome(measured("1"), title="Another"))
    assert {c.key for c in record.results} < {c.key for c in to_record(study).results}


def test_every_claim_says_where_it_stands():
    record = to_record(own("NCT01183728.json"))
    evidence = [
        *(arm.evidence for arm in record.arms),
        *(flow.evidence for flow in record.flow),
        *(result.evidence for result in record.results),
        *(event.evidence for event in record.adverse_events),
    ]
    assert {found.document for found in evidence} == {"NCT01183728"}
    assert {found.standing for found in evidence} == {Standing.PRIMARY}
    assert {found.kind for found in evidence} == {"registry"}
    assert record.results[-1].evidence.locator == (
        "outcome measure 1, class Knee pain VAS-DA. 24 months, OG000"
    )


# -- protocol ------------------------------------------------------------------------------------


def test_an_entry_is_read_as_registered():
    record = to_record(own("NCT01183728.json"))
    description, registration = record.description, record.registrations[0]
    assert (record.key, record.label, record.acronym) == ("NCT01183728", "KDD&MSV", "KDD&MSV")
    assert record.conditions == ("Osteoarthritis, Knee",)
    assert record.updated == "2015-01-15"
    assert description is not None
    assert (description.phase, description.design, description.allocation, description.masking) == (
        "1/2",
        "single group",
        "none",
        "none",
    )
    assert description.country == "Spain"
    assert description.n_enrolled == 12
    assert (registration.start, registration.completion) == ("2010-05", "2014-09")
    assert (registration.status, registration.has_results) == ("Completed", True)
    assert registration.planned_outcomes[1].time_frame == "0, 6, 12, 24 months"


def test_markdown_escapes_are_taken_off():
    record = to_record(own("NCT01183728.json"))
    assert record.description is not None
    eligibility = record.description.eligibility or ""
    assert "[Kellgren and Lawrence]\n* age > 17 years" in eligibility
    assert eligibility.endswith("minimum age: 18 Years, maximum age: 76 Years, sex: all")
    assert (record.arms[0].description or "").endswith("own cells (MSV).")


def test_a_secondary_id_that_is_a_registration_is_one_of_the_same_study():
    own_entry, other = to_record(own("NCT01183728.json")).registrations
    assert (own_entry.number, other.number) == ("NCT01183728", "2009-017405-11")
    assert other.registry == "EudraCT"
    assert other.link_basis == "secondary id of NCT01183728"


def test_another_entry_of_the_same_registry_is_not_taken_for_the_same_study():
    secondary = {"secondaryIdInfos": [{"id": "NCT01933802"}]}
    study = a_study()
    study["protocolSection"]["identificationModule"] |= secondary
    (registration,) = to_record(study).registrations
    assert registration.note == "names among its secondary ids: NCT01933802"


def test_planned_enrolment_is_not_a_count_of_participants():
    record = to_records(a_payload(orjson.dumps(own("search.json"))))[2]
    assert isinstance(record, StudyRecord)
    assert record.description is not None
    assert record.description.n_enrolled is None
    registration = record.registrations[0]
    assert (registration.n_registered, registration.n_is_actual) == (50, False)
    assert registration.status == "Active, not recruiting"


def test_enrolment_that_is_not_said_to_be_actual_is_neither():
    study = a_study(designModule={"enrollmentInfo": {"count": 18}})
    record = to_record(study)
    assert record.description is not None
    assert record.description.n_enrolled is None
    assert record.registrations[0].n_is_actual is None


def test_only_references_of_type_result_are_reports():
    result = to_record(own("NCT01183728.json"))
    assert [str(r.work[0]) for r in result.reports] == ["pmid:23680930", "pmid:24887752"]
    assert {r.basis for r in result.reports} == {"registry result"}
    listed = to_records(a_payload(orjson.dumps(own("search.json"))))[0]
    assert isinstance(listed, StudyRecord)
    assert listed.reports == ()
    assert [(str(b.work[0]), b.kind) for b in listed.background] == [
        ("pmid:21366911", "background"),
        ("pmid:22236384", "derived"),
    ]
    assert listed.registrations[0].listed_pmids == ("21366911", "22236384")


@pytest.mark.parametrize(
    ("type_", "role", "comparator"),
    [
        pytest.param("EXPERIMENTAL", "experimental", None, id="experimental"),
        pytest.param("PLACEBO_COMPARATOR", "control", "placebo", id="placebo"),
        pytest.param("SHAM_COMPARATOR", "control", "sham", id="sham"),
        pytest.param("ACTIVE_COMPARATOR", "active comparator", None, id="may be a dose level"),
        pytest.param(None, None, None, id="not said"),
    ],
)
def test_the_role_of_an_arm_is_its_registered_type(type_, role, comparator):
    group = {"label": "A"} | ({"type": type_} if type_ else {})
    (arm,) = to_record(a_study(armsInterventionsModule={"armGroups": [group]})).arms
    assert (arm.role, arm.comparator) == (role, comparator)


def test_an_arms_cell_product_is_named_and_its_dose_left_to_the_prose():
    (arm,) = to_record(own("NCT01183728.json")).arms
    assert arm.product is not None
    assert arm.product.intervention == "Autologous bone marrow mesenchymal stem cells (MSV)"
    assert arm.product.donor is None
    assert arm.dose is None


@pytest.mark.parametrize(
    ("name", "type_", "is_product"),
    [
        pytest.param("Remestemcel-L", "BIOLOGICAL", True, id="nonproprietary name"),
        pytest.param("hUC-MSC", "DRUG", True, id="abbreviation"),
        pytest.param("Placebo without cells", "BIOLOGICAL", False, id="placebo"),
        pytest.param("Methylprednisolone", "DRUG", False, id="medicine"),
        pytest.param("Bone marrow aspiration for stem cells", "PROCEDURE", False, id="harvest"),
    ],
)
def test_only_cells_are_an_arms_cell_product(name, type_, is_product):
    module = {
        "armGroups": [{"label": "A", "interventionNames": [f"X: {name}"]}],
        "interventions": [{"type": type_, "name": name, "armGroupLabels": ["A"]}],
    }
    (arm,) = to_record(a_study(armsInterventionsModule=module)).arms
    assert (arm.product is not None) is is_product
    assert arm.note == f"interventions: X: {name}"


def test_an_entry_of_only_a_number_has_nothing_made_up():
    record = to_record({"protocolSection": {"identificationModule": {"nctId": "NCT00395200"}}})
    assert record.label == "NCT00395200"
    assert record.title is None
    assert (record.arms, record.flow, record.results, record.adverse_events) == ((), (), (), ())
    assert record.description is not None
    said = {f.name: getattr(record.description, f.name) for f in fields(record.description)}
    assert {k for k, v in said.items() if v not in (None, ())} == {"evidence"}
    assert record.registrations[0].has_results is None


# -- groups --------------------------------------------------------------------------------------


def test_groups_are_matched_by_title_and_not_by_their_local_id():
    one = an_outcome(measured("1"), measured("2", "OG001"))
    two = an_outcome(measured("3"), measured("4", "OG001"), title="T25FW")
    two["groups"] = [{"id": "OG000", "title": "Placebo"}, {"id": "OG001", "title": "MSC"}]
    found = results_of(one, two)
    assert [(c.arm, cells(c)["mean"]) for c in found] == [
        ("group: MSC", 1),
        ("group: Placebo", 2),
        ("group: Placebo", 3),
        ("group: MSC", 4),
    ]


@pytest.mark.parametrize(
    ("title", "arm"),
    [
        pytest.param("MSC 1 x 10^6/kg", "MSC 1 x 10^6/kg", id="same"),
        pytest.param("msc  1 x 10^6 / kg.", "MSC 1 x 10^6/kg", id="case, space, punctuation"),
        pytest.param("MSC 1 x 10^7/kg", "group: MSC 1 x 10^7/kg", id="another dose"),
        pytest.param("MSC 10 x 10^6/kg", "group: MSC 10 x 10^6/kg", id="another factor"),
        pytest.param("Total", "all", id="total"),
        pytest.param("All Participants", "all", id="all participants"),
    ],
)
def test_a_group_is_a_registered_arm_by_its_whole_title_or_another_one(title, arm):
    outcome = an_outcome(measured("1"))
    outcome["groups"] = [{"id": "OG000", "title": title}]
    study = a_study(
        armsInterventionsModule={"armGroups": [{"label": "MSC 1 x 10^6/kg"}]},
        results={"outcomeMeasuresModule": {"outcomeMeasures": [outcome]}},
    )
    record = to_record(study)
    assert record.results[0].arm == arm
    assert {a.key for a in record.arms} == {"MSC 1 x 10^6/kg"} | ({arm} - {"all"})


def test_the_groups_of_every_module_of_a_recorded_entry_are_its_two_arms():
    record = to_record(recorded("v2_NCT00763412.json"))
    placebo, repaglinide = record.arms
    assert (placebo.key, repaglinide.key) == ("1 Placebo", "2. repaglinide")
    named = {arm.key: arm.note or "" for arm in record.arms}
    assert '"Patients Who Received Placebo" (baseline characteristics)' in named["1 Placebo"]
    assert '"Repaglinide" (adverse events)' in named["2. repaglinide"]
    assert placebo.caveats == repaglinide.caveats == ("arm_matched_by_title",)
    assert {event.arm for event in record.adverse_events} == {"1 Placebo", "2. repaglinide"}
    assert {code for event in record.adverse_events for code in event.caveats} == {
        "arm_matched_by_title"
    }


def test_groups_of_one_module_never_share_an_arm():
    outcome = an_outcome(*(measured(str(n), f"OG{n:03}") for n in range(4)))
    titles = ["CD34+", "CD34-", "MSC", "MSC"]
    outcome["groups"] = [{"id": f"OG{n:03}", "title": t} for n, t in enumerate(titles)]
    found = results_of(outcome)
    assert len({claim.arm for claim in found}) == 4


def test_a_measurement_of_an_unlisted_group_is_kept_apart():
    found = results_of(an_outcome(measured("1", "OG007")))
    assert found[0].arm == "group: OG007 of outcome measure 1"


# -- measurements --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("param", "unit", "name", "statistic"),
    [
        pytest.param("MEAN", "score", "mean", Statistic.AS_REGISTERED, id="mean"),
        pytest.param("MEDIAN", "score", "median", Statistic.AS_REGISTERED, id="median"),
        pytest.param("GEOMETRIC_MEAN", "pg/mL", "geometric_mean", "as_registered", id="geometric"),
        pytest.param("LEAST_SQUARES_MEAN", "score", "ls_mean", "as_registered", id="least squares"),
        pytest.param("Least Squares Mean", "score", "ls_mean", "as_registered", id="as words"),
        pytest.param("COUNT_OF_PARTICIPANTS", "Participants", "events", "person_count", id="count"),
        pytest.param("COUNT_OF_UNITS", "eyes", "events", Statistic.EVENT_COUNT, id="units"),
        pytest.param("NUMBER", "relapses", "number", Statistic.AS_REGISTERED, id="number"),
        pytest.param("NUMBER", "participants", "events", Statistic.PERSON_COUNT, id="persons"),
        pytest.param(
            "NUMBER", "Number of patients with SSEPs", "events", "person_count", id="persons with"
        ),
        pytest.param("NUMBER", "Adverse events", "events", Statistic.EVENT_COUNT, id="events"),
        pytest.param("NUMBER", "events per participant", "number", "as_registered", id="a mean"),
        pytest.param("NUMBER", "participant-years", "number", "as_registered", id="time"),
        pytest.param("NUMBER", "percentage of BSA", "percent", "as_registered", id="of skin"),
        pytest.param("NUMBER", "percentage", "percent", "as_registered", id="of what"),
        pytest.param("NUMBER", "percentage of participants", "percent", "percent", id="percentage"),
        pytest.param("NUMBER", "% of participants", "percent", Statistic.PERCENT, id="per cent"),
        pytest.param("NUMBER", "percentile", "number", Statistic.AS_REGISTERED, id="percentile"),
        pytest.param("LOG_MEAN", "copies", "value_unspecified", "as_registered", id="no own cell"),
    ],
)
def test_the_param_type_decides_the_cell(param, unit, name, statistic):
    claim = result_of(an_outcome(measured("5"), paramType=param, unitOfMeasure=unit))
    assert cells(claim) == {"n_analysed": 10, name: 5}
    assert claim.statistic == statistic


@pytest.mark.parametrize(
    ("title", "unit", "value", "expected"),
    [
        pytest.param("Number of Participants With Relapse", "number", "3", "person_count", id="so"),
        pytest.param("Number of Participants With Relapse", "events", "3", "event_count",
                     id="the unit comes first"),
        pytest.param("Number of Relapses", "number", "3", "as_registered", id="of what"),
        pytest.param("Patients", "participants", "3.5", "as_registered", id="no whole number"),
        pytest.param("Patients", "participants", "11", "as_registered", id="more than analysed"),
        pytest.param("Patients", "participants", "NA", "person_count", id="not given"),
        pytest.param("Percentage of Participants With Relapse", "percent", "30", "percent",
                     id="a share of persons by the title"),
        pytest.param("Response Rate", "%", "30", "percent", id="a rate of persons"),
        pytest.param("Relapse", "proportion of participants", "0.30", "percent", id="of one"),
        pytest.param("Relapse", "proportion of participants", "30", "as_registered",
                     id="a proportion above one"),
    ],
)  # fmt: skip
def test_a_bare_number_counts_persons_where_that_is_said_and_fits(title, unit, value, expected):
    outcome = an_outcome(measured(value), paramType="NUMBER", title=title, unitOfMeasure=unit)
    assert result_of(outcome).statistic == expected


@pytest.mark.parametrize(
    ("titles", "sides"),
    [
        pytest.param(("Response", "No Response"), ("event", "complement"), id="denied"),
        pytest.param(("No", "Yes"), ("complement", "event"), id="no and yes"),
        pytest.param(("Without relapse", "Relapse"), ("complement", "event"), id="without"),
        pytest.param(("Mild", "Severe"), (None, None), id="two grades"),
        pytest.param(("Response", "No Response", "Unknown"), (None,) * 3, id="three"),
    ],
)
def test_of_two_categories_that_deny_each_other_one_is_the_complement(titles, sides):
    categories = [{"title": t, "measurements": [measured("4")]} for t in titles]
    outcome = an_outcome(classes=[{"categories": categories}], paramType="COUNT_OF_PARTICIPANTS")
    assert tuple(claim.category for claim in results_of(outcome)) == sides


def test_a_share_estimated_over_time_says_so():
    outcome = an_outcome(
        measured("70"), paramType="NUMBER", title="Overall survival",
        unitOfMeasure="percentage of participants", description="A Kaplan-Meier estimate.",
    )  # fmt: skip
    assert result_of(outcome).method == "Kaplan-Meier"


def test_a_log_mean_says_that_it_is_one():
    claim = result_of(an_outcome(measured("5"), paramType="LOG_MEAN"))
    assert (claim.note, claim.caveats) == ("log mean", ("param_type_without_cell",))


def test_every_caveat_is_explained():
    record = to_record(recorded("v2_NCT02210780.json"))
    contrast = an_analysis("OG000", "OG001", pValue="0.2")
    over_groups = an_analysis("OG000", "OG001", "OG002", pValue="0.2")
    used = {code for event in record.adverse_events for code in event.caveats}
    used |= {
        code for arm in to_record(recorded("v2_NCT00763412.json")).arms for code in arm.caveats
    }
    used |= {*contrast.caveats, *over_groups.caveats}
    assert len(used) == 4
    assert used <= set(load_caveats())


@pytest.mark.parametrize(
    ("declared", "names", "level"),
    [
        pytest.param("Standard Deviation", ("sd",), None, id="SD"),
        pytest.param("STANDARD_DEVIATION", ("sd",), None, id="SD, as baseline spells it"),
        pytest.param("Standard Error", ("se",), None, id="SE"),
        pytest.param("STANDARD_ERROR", ("se",), None, id="SE, as baseline spells it"),
        pytest.param("95% Confidence Interval", ("ci_low", "ci_high"), 95, id="CI"),
        pytest.param("97.5% Confidence Interval", ("ci_low", "ci_high"), 97.5, id="CI 97.5"),
        pytest.param("CONFIDENCE_975", ("ci_low", "ci_high"), 97.5, id="CI 97.5, enumerated"),
        pytest.param("CONFIDENCE_80", ("ci_low", "ci_high"), 80, id="CI 80, enumerated"),
        pytest.param("CONFIDENCE_OTHER", ("ci_low", "ci_high"), None, id="CI, level not said"),
        pytest.param("Inter-Quartile Range", ("q1", "q3"), None, id="quartiles"),
        pytest.param("INTER_QUARTILE_RANGE", ("q1", "q3"), None, id="quartiles, enumerated"),
        pytest.param("Full Range", ("min", "max"), None, id="range"),
    ],
)
def test_spread_means_what_the_dispersion_type_says(declared, names, level):
    around = {"spread": "2"} if len(names) == 1 else {"lowerLimit": "1", "upperLimit": "9"}
    claim = result_of(an_outcome(measured("5", **around), dispersionType=declared))
    expected = {"n_analysed": 10.0, "mean": 5.0} | dict(zip(names, map(float, around.values())))
    assert cells(claim) == expected
    assert claim.ci_level == level


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        pytest.param(None, "spread 2 (of no stated kind)", id="not declared"),
        pytest.param("Geometric Coefficient of Variation", None, id="no cell for it"),
    ],
)
def test_a_spread_of_another_kind_is_no_standard_deviation(declared, said):
    claim = result_of(an_outcome(measured("5", spread="2"), dispersionType=declared))
    assert cells(claim) == {"n_analysed": 10, "mean": 5}
    assert claim.note == (said or f"spread 2 ({declared})")


@pytest.mark.parametrize(
    ("value", "number_", "state"),
    [
        pytest.param("5", 5.0, State.REPORTED, id="number"),
        pytest.param("0", 0.0, State.REPORTED_ZERO, id="zero is a count"),
        pytest.param("1,234", 1234.0, State.REPORTED, id="thousands"),
        pytest.param(" 7 ", 7.0, State.REPORTED, id="spaces"),
        pytest.param("NA", None, State.NOT_REPORTED, id="NA"),
        pytest.param("", None, State.NOT_REPORTED, id="empty"),
        pytest.param("<5", None, State.UNCLEAR, id="inequality"),
        pytest.param("3 to 5", None, State.UNCLEAR, id="prose"),
    ],
)
def test_what_is_not_a_number_never_becomes_one(value, number_, state):
    claim = result_of(
        an_outcome(
            measured(value, comment="median not reached"),
            paramType="COUNT_OF_PARTICIPANTS",
            unitOfMeasure="Participants",
        )
    )
    cell = claim.cells[-1]
    assert (cell.name, cell.value, cell.state, claim.state) == (
        CellName.EVENTS,
        number_,
        state,
        state,
    )
    assert cell.text == (value.strip() or None)
    assert claim.note == "median not reached"


def test_a_missing_value_is_no_cell():
    claim = result_of(an_outcome(measured(None, comment="not assessed")))
    assert cells(claim) == {"n_analysed": 10}
    assert claim.state is State.NOT_REPORTED


def test_a_mean_of_zero_is_a_number_like_any_other():
    assert result_of(an_outcome(measured("0"))).state is State.REPORTED


def test_an_open_limit_is_not_reported_beside_one_that_is():
    claim = result_of(
        an_outcome(
            measured("NA", lowerLimit="12.3", upperLimit="NA", upperLimitComment="not reached"),
            paramType="MEDIAN",
            dispersionType="95% Confidence Interval",
        )
    )
    assert cells(claim) == {"n_analysed": 10, "median": None, "ci_low": 12.3, "ci_high": None}
    assert claim.state is State.NOT_REPORTED
    assert claim.note == "not reached"


def test_the_denominator_of_a_class_comes_before_that_of_the_outcome():
    classes = [
        {"title": "Month 6", "categories": [{"measurements": [measured("1")]}]},
        {
            "title": "Month 12",
            "denoms": [denoms("Participants", "7", "8")],
            "categories": [{"measurements": [measured("2")]}],
        },
    ]
    found = results_of(an_outcome(classes=classes))
    assert [cells(claim)["n_analysed"] for claim in found] == [10, 7]


def test_a_class_that_leaves_a_group_out_says_nothing_of_how_many():
    classes = [
        {
            "denoms": [denoms("Participants", "7")],
            "categories": [{"measurements": [measured("2", "OG001")]}],
        }
    ]
    assert "n_analysed" not in cells(results_of(an_outcome(classes=classes))[0])


@pytest.mark.parametrize(
    ("counted", "values"),
    [
        pytest.param(["Participants", "Eyes"], {"typeUnitsAnalyzed": "Eyes"}, id="both"),
        pytest.param(["Eyes"], {}, id="units alone"),
    ],
)
def test_eyes_are_not_participants(counted, values):
    both = {"Participants": ("10", "11"), "Eyes": ("19", "21")}
    outcome = an_outcome(
        measured("8"), denoms=[denoms(units, *both[units]) for units in counted], **values
    )
    claim = result_of(outcome)
    assert claim.unit_of_analysis == "Eyes"
    assert cells(claim)["n_analysed"] == 19
    assert claim.note == ("participants analysed: 10" if len(counted) == 2 else None)


def test_participants_with_the_event_are_counted_among_participants():
    outcome = an_outcome(
        measured("3"),
        paramType="COUNT_OF_PARTICIPANTS",
        typeUnitsAnalyzed="Eyes",
        denoms=[denoms("Participants", "10"), denoms("Eyes", "19")],
    )
    claim = result_of(outcome)
    assert claim.unit_of_analysis is None
    assert cells(claim) == {"n_analysed": 10, "events": 3}


def test_an_outcome_not_posted_is_one_statement_without_numbers():
    claim = result_of(
        an_outcome(
            reportingStatus="NOT_POSTED",
            anticipatedPostingDate="2026-12",
            groups=None,
            denoms=None,
            classes=None,
        )
    )
    assert (claim.arm, claim.state, claim.cells) == ("all", State.NOT_REPORTED, ())
    assert claim.note == "results not posted; posting anticipated: 2026-12"


def test_an_outcome_posted_without_measurements_keeps_how_many_were_analysed():
    outcome = an_outcome(denoms=[denoms("Participants", "0", "0")]) | {"classes": []}
    found = results_of(outcome)
    assert [claim.state for claim in found] == [State.NOT_REPORTED] * 2
    assert [claim.cells[0].state for claim in found] == [State.REPORTED_ZERO] * 2


def test_baseline_is_day_0_of_every_group():
    record = to_record(own("NCT01183728.json"))
    baseline = [c for c in record.results if c.statistic is Statistic.BASELINE]
    assert [(c.outcome_title, c.time.value if c.time else None) for c in baseline] == [
        ("Age, Customized – >=18 and <=70 years", 0),
        ("Age, Customized – >70 years", 0),
        ("Sex: Female, Male – Female", 0),
        ("Sex: Female, Male – Male", 0),
        ("Feasibility and safety – Knee pain VAS-DA", 0),
    ]


# -- when, and change or not ---------------------------------------------------------------------


def times_of(*titles: str | None, frame: str, title: str = "EDSS") -> list[tuple[Any, ...]]:
    classes = [
        ({"title": t} if t else {}) | {"categories": [{"measurements": [measured("1")]}]}
        for t in titles
    ]
    found = results_of(an_outcome(classes=classes, timeFrame=frame, title=title))
    return [
        (claim.outcome_title, claim.time.value, claim.time.unit, str(claim.statistic))
        for claim in found
        if claim.time
    ]


def test_the_time_of_a_class_comes_before_the_time_frame():
    assert times_of("Week 48", "12 months", frame="Up to 2 years") == [
        ("EDSS", 48, "week", "as_registered"),
        ("EDSS", 12, "month", "as_registered"),
    ]


def test_classes_that_name_no_time_take_the_time_frame():
    assert times_of("Fat", "Lean", frame="2 year/end of study") == [
        ("EDSS – Fat", 2, "year", "as_registered"),
        ("EDSS – Lean", 2, "year", "as_registered"),
    ]


def test_a_time_frame_of_several_times_gives_none():
    assert times_of(None, frame="0, 3, 6, 12 and 24 months") == [
        ("EDSS", None, None, "as_registered")
    ]


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("KOOS outcome baseline", id="baseline of something"),
        pytest.param("KOOS outcome 3 months", id="time without boundary"),
        pytest.param("4th follow-up", id="time without number"),
    ],
)
def test_a_class_whose_time_cannot_be_read_does_not_take_the_time_frames(title):
    ((label, value, _, _),) = times_of(title, frame="18 months")
    assert (label, value) == (f"EDSS – {title}", None)


def test_two_hours_into_a_test_is_not_when_it_was_done():
    assert times_of("2 hour", frame="2 year") == [("EDSS – 2 hour", 2, "year", "as_registered")]
    assert times_of("2 hours", frame="Up to 24 hours")[0][1:3] == (2, "hour")


def test_a_category_may_name_the_time():
    category = {"title": "Month 6", "measurements": [measured("1")]}
    claim = result_of(an_outcome(classes=[{"title": "Left eye", "categories": [category]}]))
    assert claim.outcome_title == "EDSS – Left eye"
    assert claim.time is not None
    assert claim.time.value == 6


@pytest.mark.parametrize(
    ("title", "param", "unit", "statistic"),
    [
        pytest.param("Change From Baseline in EDSS", "MEAN", "score", "change", id="said"),
        pytest.param("Changes in EDSS from baseline", "MEAN", "score", "change", id="apart"),
        pytest.param(
            "Percent Change From Baseline in T25FW", "MEAN", "s", "percent_change", id="per cent"
        ),
        pytest.param("EDSS", "MEAN", "score", "as_registered", id="not said"),
        pytest.param("Change in EDSS", "MEAN", "score", "change", id="from, by the time frame"),
        pytest.param("EDSS, changes seen", "MEAN", "score", "as_registered", id="no measure of it"),
        pytest.param(
            "Number of Participants With a Change From Baseline in EDSS",
            "COUNT_OF_PARTICIPANTS",
            "Participants",
            "person_count",
            id="persons",
        ),
        pytest.param(
            "Percentage of Participants With Change From Baseline",
            "NUMBER",
            "percentage of participants",
            "percent",
            id="percentage of persons",
        ),
        pytest.param(
            "Time to Change From Baseline", "MEDIAN", "days", "as_registered", id="time to"
        ),
    ],
)
def test_a_change_is_one_only_where_it_is_said(title, param, unit, statistic):
    outcome = an_outcome(
        measured("1"),
        title=title,
        paramType=param,
        unitOfMeasure=unit,
        timeFrame="Baseline to Week 16",
    )
    claim = result_of(outcome)
    assert claim.statistic == statistic
    assert claim.time is not None
    assert (claim.time.value, claim.time.text) == (16, "Baseline to Week 16")


@pytest.mark.parametrize(
    ("said", "statistic", "caveats"),
    [
        pytest.param("Change from baseline to month 12.", "change",
                     ("change_not_in_title",), id="so"),
        pytest.param("A positive change compared with baseline is worse.", "change",
                     ("change_not_in_title",), id="by what it means"),
        pytest.param("Percent change from baseline.", "percent_change", ("change_not_in_title",),
                     id="per cent"),
        pytest.param("A scale from 0 to 10.", "as_registered", (), id="not"),
        pytest.param("Change of dressing at baseline.", "as_registered", (), id="another change"),
    ],
)  # fmt: skip
def test_a_description_may_say_that_values_are_changes(said, statistic, caveats):
    claim = result_of(an_outcome(measured("-1.5"), description=said))
    assert (claim.statistic, claim.caveats) == (statistic, caveats)
    counted = an_outcome(measured("3"), description=said, paramType="COUNT_OF_PARTICIPANTS")
    assert result_of(counted).statistic is Statistic.PERSON_COUNT


def test_beside_a_baseline_class_a_description_of_change_proves_nothing():
    classes = [
        {"title": t, "categories": [{"measurements": [measured("1")]}]}
        for t in ("Baseline", "Month 6")
    ]
    outcome = an_outcome(classes=classes, description="Change from baseline.")
    assert [claim.statistic for claim in results_of(outcome)] == ["baseline", "final"]


def test_beside_a_baseline_class_a_title_of_change_proves_nothing():
    found = times_of(
        "Baseline", "Week 12", "Change from Baseline to Week 12", frame="Baseline, Week 12",
        title="Change From Baseline in EDSS",
    )  # fmt: skip
    assert [statistic for *_, statistic in found] == ["as_registered", "as_registered", "change"]


@pytest.mark.parametrize(
    ("values", "statistics"),
    [
        pytest.param((("34.3", "34.5"), ("34.1", "36.7")), ("baseline", "final"), id="near it"),
        pytest.param((("33.0", "31.0"), ("-20", "-5")), ("as_registered",) * 2, id="far from it"),
        pytest.param((("0", "0"), ("1.2", "0.9")), ("as_registered",) * 2, id="from nothing"),
        pytest.param((("5.0",), ("5.1",)), ("as_registered",) * 2, id="one value alone"),
    ],
)
def test_values_beside_their_baseline_are_values_though_the_title_says_change(values, statistics):
    classes = [
        {
            "title": title,
            "categories": [{"measurements": [measured(v, f"OG{n:03}") for n, v in enumerate(row)]}],
        }
        for title, row in zip(("Baseline", "90 days"), values)
    ]
    found = results_of(an_outcome(classes=classes, title="Change in LVEF From Baseline"))
    assert tuple(dict.fromkeys(claim.statistic for claim in found)) == tuple(
        dict.fromkeys(statistics)
    )
    inferred = ("values_not_changes",) if "final" in statistics else ()
    assert {claim.caveats for claim in found} == {inferred}


@pytest.mark.parametrize(
    ("title", "frame", "value"),
    [
        pytest.param("Before surgery", "surgery (baseline visit), 6 months", 0, id="before"),
        pytest.param("Basal", "baseline, 6 months", 0, id="basal"),
        pytest.param("Before surgery", "6 months", None, id="without a baseline"),
    ],
)
def test_a_baseline_may_go_by_another_name(title, frame, value):
    (row,) = times_of(title, frame=frame)
    assert row[1] == value


def test_a_class_named_baseline_is_baseline():
    assert [row[3] for row in times_of("Baseline", "Week 12", frame="Week 12")] == [
        "baseline",
        "final",
    ]


def test_values_of_a_course_are_finals_unless_it_speaks_of_change():
    course = ("0 months", "12 months")
    assert [row[3] for row in times_of(*course, frame="0, 12 months")] == ["baseline", "final"]
    said = times_of(*course, frame="0, 12 months", title="Changes in EDSS")
    assert [row[3] for row in said] == ["baseline", "as_registered"]


@pytest.mark.parametrize(
    ("title", "frame", "label", "value"),
    [
        pytest.param(
            "KOOS outcome 3 months", "3 and 18 months", "KOOS outcome", 3, id="at its end"
        ),
        pytest.param("6 months Cold Test", "baseline, 6 months", "Cold Test", 6, id="in front"),
        pytest.param("Baseline Pain", "baseline, 6 months", "Pain", 0, id="baseline"),
        pytest.param("Month 6 (n=5, 7)", "Month 6", "", 6, id="with numbers analysed"),
        pytest.param(
            "6 minute walk at home", "12 months", "6 minute walk at home", 12, id="a test"
        ),
    ],
)
def test_a_class_names_a_time_that_the_time_frame_lists(title, frame, label, value):
    ((found, time, _, _),) = times_of(title, frame=frame)
    assert (found, time) == (f"EDSS – {label}" if label else "EDSS", value)


# -- analyses ------------------------------------------------------------------------------------


def an_analysis(*groups: str, **values: str) -> ResultClaim:
    outcome = an_outcome(measured("1"), analyses=[{"groupIds": list(groups)} | values])
    return results_of(outcome)[-1]


def test_an_analysis_of_two_groups_is_a_contrast():
    claim = an_analysis(
        "OG000",
        "OG001",
        paramType="Mean Difference (Final Values)",
        paramValue="-0.5",
        ciPctValue="95",
        ciNumSides="TWO_SIDED",
        ciLowerLimit="-1.2",
        ciUpperLimit="0.2",
        dispersionType="STANDARD_ERROR_OF_MEAN",
        dispersionValue="0.35",
        pValue="=0.03",
        statisticalMethod="ANCOVA",
    )
    assert claim.kind is ResultKind.CONTRAST
    assert cells(claim) == {"estimate": -0.5, "ci_low": -1.2, "ci_high": 0.2, "se": 0.35}
    assert (claim.measure, claim.ci_level, claim.p_text, claim.method) == (
        "Mean Difference (Final Values)",
        95,
        "=0.03",
        "ANCOVA",
    )
    assert claim.time is not None
    assert claim.time.value == 12


@pytest.mark.parametrize(
    ("comment", "arms", "caveats"),
    [
        pytest.param("Placebo vs. MSC", ("Placebo", "MSC"), (), id="against the order of ids"),
        pytest.param("MSC minus Placebo", ("MSC", "Placebo"), (), id="minus"),
        pytest.param("MSC versus control", ("MSC", "Placebo"), (), id="control by its kind"),
        pytest.param("control minus treatment", ("Placebo", "MSC"), (), id="both by their kind"),
        pytest.param("higher is better", ("MSC", "Placebo"), ("direction_not_stated",), id="not"),
        pytest.param("A versus B", ("MSC", "Placebo"), ("direction_not_stated",), id="whose names"),
    ],
)
def test_which_group_an_estimate_is_of_is_read_only_where_it_is_said(comment, arms, caveats):
    claim = an_analysis("OG000", "OG001", paramValue="1", estimateComment=comment)
    assert (claim.arm, claim.comparator) == tuple(f"group: {arm}" for arm in arms)
    assert claim.caveats == caveats


@pytest.mark.parametrize(
    ("outcome", "analysis", "first"),
    [
        pytest.param({}, {"paramType": "LS Mean Difference", "paramValue": "-2.1"}, "MSC",
                     id="first minus second"),
        pytest.param({}, {"paramType": "Mean Difference (Net)", "paramValue": "2.1"}, "Placebo",
                     id="second minus first"),
        pytest.param({}, {"paramType": "Mean Difference (Net)", "paramValue": "5"}, None,
                     id="of neither"),
        pytest.param({}, {"paramType": "Slope", "paramValue": "-2.1"}, None, id="no difference"),
        pytest.param({"paramType": "COUNT_OF_PARTICIPANTS"},
                     {"paramType": "Odds Ratio (OR)", "paramValue": "0.25"}, "MSC", id="odds"),
        pytest.param({"paramType": "COUNT_OF_PARTICIPANTS"},
                     {"paramType": "Risk Ratio (RR)", "paramValue": "1.82"}, "Placebo", id="risks"),
        pytest.param({"paramType": "COUNT_OF_PARTICIPANTS"},
                     {"paramType": "Hazard Ratio (HR)", "paramValue": "0.5"}, None, id="hazards"),
    ],
)  # fmt: skip
def test_the_groups_own_numbers_tell_which_was_subtracted(outcome, analysis, first):
    analyses = [{"groupIds": ["OG000", "OG001"]} | analysis]
    values = ("4", "8") if outcome else ("4.0", "6.1")
    given = an_outcome(measured(values[0]), measured(values[1], "OG001"), analyses=analyses,
                       **outcome)  # fmt: skip
    claim = results_of(given)[-1]
    caveat = "direction_not_stated" if first is None else "direction_from_numbers"
    assert claim.caveats == (caveat,)
    assert claim.arm == f"group: {first or 'MSC'}"


def test_a_p_value_alone_is_reported_verbatim_without_an_estimate():
    claim = an_analysis("OG000", "OG001", pValue="<0.0001")
    assert (claim.p_text, claim.cells, claim.state) == ("<0.0001", (), State.REPORTED)


def test_a_one_sided_interval_has_the_limit_that_is_given():
    claim = an_analysis(
        "OG000",
        "OG001",
        paramValue="1.1",
        ciNumSides="ONE_SIDED",
        ciPctValue="97.5",
        ciLowerLimit="0.9",
        ciUpperLimit="NA",
    )
    assert cells(claim) == {"estimate": 1.1, "ci_low": 0.9}
    assert "one-sided interval" in (claim.note or "")


def test_a_dispersion_of_no_stated_kind_is_no_standard_error():
    claim = an_analysis("OG000", "OG001", paramValue="1", dispersionValue="0.3")
    assert cells(claim) == {"estimate": 1}
    assert "dispersion (of no stated kind): 0.3" in (claim.note or "")


@pytest.mark.parametrize(
    ("groups", "arm", "said"),
    [
        pytest.param(("OG000",), "group: MSC", "analysis of this group alone", id="one"),
        pytest.param(
            ("OG000", "OG001", "OG002"),
            "all",
            "analysis over group: MSC, group: Placebo, group: OG002 of outcome measure 1",
            id="three",
        ),
        pytest.param((), "all", "analysis over groups that are not named", id="none"),
    ],
)
def test_an_analysis_of_one_or_many_groups_is_no_contrast(groups, arm, said):
    claim = an_analysis(*groups, pValue="0.2")
    assert (claim.kind, claim.arm, claim.comparator) == (ResultKind.ARM, arm, None)
    assert (claim.note or "").startswith(said)


def test_an_analysis_of_an_outcome_with_several_times_has_none_of_them():
    classes = [
        {"title": t, "categories": [{"measurements": [measured("1")]}]}
        for t in ("Month 6", "Month 12")
    ]
    outcome = an_outcome(classes=classes, analyses=[{"groupIds": ["OG000", "OG001"]}])
    time = results_of(outcome)[-1].time
    assert time is not None
    assert (time.value, time.text) == (None, "12 months")


# -- flow and adverse events ---------------------------------------------------------------------


def test_leaving_is_counted_by_reason_and_group():
    module = {
        "groups": [{"id": "FG000", "title": "MSC"}],
        "periods": [
            {
                "title": "Year 1",
                "milestones": [
                    {
                        "type": "STARTED",
                        "achievements": [{"groupId": "FG000", "numSubjects": "27"}],
                    },
                    {"type": "Infused", "achievements": [{"groupId": "FG000"}]},
                ],
                "dropWithdraws": [
                    {
                        "type": "Lost to Follow-up",
                        "reasons": [{"groupId": "FG000", "numSubjects": "0"}],
                    }
                ],
            }
        ],
    }
    found = to_record(a_study(results={"participantFlowModule": module})).flow
    assert [(f.period, f.milestone, f.reason, f.n) for f in found] == [
        ("Year 1", "started", None, 27),
        ("Year 1", "Infused", None, None),
        ("Year 1", "not completed", "Lost to Follow-up", 0),
    ]


def test_people_affected_and_events_are_different_numbers():
    events = to_record(own("NCT01183728.json")).adverse_events
    pain = next(e for e in events if e.term == "Post implantation pain")
    assert (pain.persons_affected, pain.event_count, pain.n_at_risk) == (6, 8, 12)
    assert (pain.seriousness, pain.assessment, pain.note) == (
        "not serious",
        "systematic",
        "between days 1 and 6",
    )
    assert pain.time is not None
    assert (pain.time.value, pain.time.unit) == (24, "month")


def test_totals_are_coded_and_deaths_that_are_not_given_are_not_claimed():
    events = to_record(own("NCT01183728.json")).adverse_events
    totals = [(e.code, e.persons_affected, e.state) for e in events if e.code]
    assert totals == [
        ("AE_SERIOUS", 0, State.REPORTED_ZERO),
        ("AE_OTHER", 11, State.REPORTED),
    ]
    assert {e.code for e in events if e.term} == {None}


@pytest.mark.parametrize(
    ("stat", "numbers", "state"),
    [
        pytest.param({"numAffected": 0, "numAtRisk": 9}, (0, None, 9), "reported_zero", id="none"),
        pytest.param({"numAtRisk": 9}, (None, None, 9), "not_reported", id="not said"),
        pytest.param({"numEvents": 4, "numAtRisk": 9}, (None, 4, 9), "reported", id="events alone"),
        pytest.param({"numAffected": "2"}, (2, None, None), "reported", id="as text"),
        pytest.param({"numAffected": "<5"}, (None, None, None), "unclear", id="inequality"),
    ],
)
def test_missing_counts_of_an_event_stay_missing(stat, numbers, state):
    module = {
        "eventGroups": [{"id": "EG000", "title": "MSC"}],
        "seriousEvents": [{"term": "Sepsis", "stats": [{"groupId": "EG000"} | stat]}],
    }
    (event,) = to_record(a_study(results={"adverseEventsModule": module})).adverse_events
    assert (event.persons_affected, event.event_count, event.n_at_risk) == numbers
    assert event.state == state


def test_events_below_the_threshold_are_missing_from_the_list_of_others_only():
    record = to_record(recorded("v2_NCT02210780.json"))
    cut = {
        e.seriousness for e in record.adverse_events if "registry_frequency_threshold" in e.caveats
    }
    uncut = {e.seriousness for e in record.adverse_events if not e.caveats}
    assert cut == {"not serious"}
    assert uncut == {"serious", None}
    without = to_record(own("NCT01183728.json"))  # its threshold is 0
    assert not any(e.caveats for e in without.adverse_events)


# -- answers and the network ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"<!DOCTYPE html><p>Maintenance</p>", SourceUnavailable, id="web page"),
        pytest.param(b'{"error": "Bad Request"}', SourceRejected, id="error"),
        pytest.param(b"[]", SourceRejected, id="another shape"),
        pytest.param(b'{"studies": null}', SourceRejected, id="no list"),
        pytest.param(b"", SourceRejected, id="empty"),
    ],
)
def test_an_answer_that_is_none_is_refused(body, error):
    with pytest.raises(error):
        check(a_payload(body))
    with pytest.raises(SourceRejected):
        to_records(a_payload(body))


def test_one_bad_entry_does_not_stop_a_page():
    bad = {"protocolSection": {"identificationModule": {"briefTitle": "No number"}}}
    odd = a_study("NCT00395200", armsInterventionsModule={"armGroups": "A"})
    page = {"studies": [bad, a_study(), odd, None]}
    first, second, third, fourth = to_records(a_payload(orjson.dumps(page)))
    assert isinstance(first, Unreadable)
    assert "no NCT number" in first.reason
    assert isinstance(second, StudyRecord)
    assert isinstance(third, Unreadable)
    assert third.key == "NCT00395200"
    assert isinstance(fourth, Unreadable)


def test_entries_are_fetched_one_by_one_and_unknown_ones_do_not_come_back():
    study = own("search.json")["studies"][1]
    fetch = FakeFetch(
        {
            "GET /studies/NCT02123706": orjson.dumps(study),  # redirected to the present number
            "GET /studies/NCT99999999": NotFound("no such study"),
        }
    )
    asked = ["NCT02123706", "nct02123706", "NCT99999999", "ISRCTN12345678", "x"]
    (page,) = fetch_studies(fetch, asked)
    (record,) = page.records
    assert isinstance(record, StudyRecord)
    assert record.key == "NCT02467387"
    assert record.registrations[0].aliases == ("NCT02123706",)
    assert fetch.requests == ["GET /studies/NCT02123706", "GET /studies/NCT99999999"]


def pages(*bodies: Json) -> FakeFetch:
    """Answers in the order of asking, whatever is asked."""
    left = iter(bodies)
    return FakeFetch(lambda request: orjson.dumps(next(left)))


def studies(*numbers: int) -> list[Json]:
    return [a_study(f"NCT{n:08}") for n in numbers]


def test_a_search_keeps_its_parameters_and_goes_on_after_an_empty_page():
    fetch = pages(
        {"studies": studies(1), "totalCount": 2, "nextPageToken": "t1"},
        {"studies": [], "nextPageToken": "t2"},
        {"studies": studies(2)},
    )
    found = list(search(fetch, condition="multiple sclerosis", intervention="MSC"))
    assert [len(page.records) for page in found] == [1, 0, 1]
    assert [(page.total, page.truncated_by) for page in found] == [(2, None)] * 3
    query = (
        "GET /studies?countTotal=true&pageSize=100{}&query.cond=multiple%20sclerosis&query.intr=MSC"
    )
    assert fetch.requests == [
        query.format(""),
        query.format("&pageToken=t1"),
        query.format("&pageToken=t2"),
    ]


@pytest.mark.parametrize(
    ("bodies", "limit", "n", "truncated_by"),
    [
        pytest.param(
            [
                {"studies": studies(1), "totalCount": 9, "nextPageToken": "t1"},
                {"studies": studies(2), "nextPageToken": "t1"},
            ],
            None,
            2,
            "repeated page token",
            id="repeated token",
        ),
        pytest.param(
            [{"studies": studies(1), "totalCount": 3}],
            None,
            1,
            "the source ended after 1 of 3",
            id="fewer than promised",
        ),
        pytest.param(
            [{"studies": studies(1, 2), "totalCount": 3, "nextPageToken": "t1"}],
            2,
            2,
            "limit of 2",
            id="limit",
        ),
        pytest.param([{"studies": studies(1, 2, 3)}], 2, 2, "limit of 2", id="more than asked"),
        pytest.param([{"studies": studies(1, 2), "totalCount": 2}], 2, 2, None, id="just enough"),
        pytest.param([{"studies": [], "totalCount": 0}], None, 0, None, id="nothing found"),
    ],
)
def test_a_search_says_why_it_ends_early(bodies, limit, n, truncated_by):
    found = list(search(pages(*bodies), term="MSC", limit=limit))
    assert sum(len(page.records) for page in found) == n
    assert found[-1].truncated_by == truncated_by
    assert all(page.truncated_by is None for page in found[:-1])


def test_a_search_of_empty_pages_ends():
    tokens = iter(range(1000))
    fetch = FakeFetch(
        lambda request: orjson.dumps({"studies": [], "nextPageToken": f"t{next(tokens)}"})
    )
    *_, last = search(fetch, term="MSC")
    assert last.truncated_by == "10 empty pages in a row"


def test_a_search_for_nothing_is_refused():
    with pytest.raises(InvalidInput, match="multiple sclerosis"):
        next(search(pages(), condition=" "))


def test_recorded_pages_follow_one_another():
    first, last = recorded("v2_search_page1_2026.json"), recorded("v2_search_lastpage_2026.json")
    last.pop("totalCount")
    found = list(search(pages(first, last), term="Phelan-McDermid"))
    assert [len(page.records) for page in found] == [5, 3]
    assert found[-1].truncated_by == "the source ended after 8 of 21"


def test_the_registry_is_asked_once_a_second():
    assert (SOURCE.rate.requests_per_s, SOURCE.rate.concurrency) == (1.0, 1)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param(".33", 0.33, id="no leading zero"),
        pytest.param("\u22122.1", -2.1, id="minus sign"),
        pytest.param("1,234.5", 1234.5, id="thousands"),
        pytest.param("12 345", 12345.0, id="thousands by space"),
        pytest.param("2.5E6", 2.5e6, id="exponent"),
        pytest.param("1,5", None, id="comma that groups no thousands"),
        pytest.param("12%", None, id="sign after it"),
        pytest.param("nan", None, id="a word"),
        pytest.param(".e5", None, id="no digits"),
        pytest.param("", None, id="empty"),
        pytest.param("1e999", None, id="without end"),
    ],
)
def test_a_number_is_a_number_outright(raw, value):
    assert number(raw) == value


def test_nothing_read_holds_a_character_no_database_holds():
    assert line({"title": "Change\x00in EDSS"}, "title") == "Change in EDSS"
    assert block({"description": "One\x00\n\nTwo"}, "description") == "One\n\nTwo"
