"""Risk of bias: every judgement has a sign, no unknown word passes, and weights are all or none."""

from __future__ import annotations

import pytest

from kb.appraisal.tool import find_tool
from kb.errors import InvalidInput
from kb.pictures.rob import (
    LOOKS,
    NOT_JUDGED,
    Judged,
    RiskOfBias,
    judgement_shares,
    look_of,
    read_robvis,
    summary,
    traffic_lights,
)
from tests.pictures.scene import discs, is_within_the_page, said, texts

ROBVIS = b"""Study,D1,D2,D3,D4,D5,Overall,Weight
Iacobaeus 2019,Low,Some concerns,Low,Low,High,High,10
Uccelli 2021,Low,Low,Low,Low,Low,Low,40
Petrou 2020,Some concerns,,Low,Low,Low,Some concerns,50
"""
ROB_2 = find_tool("RoB 2", None)


def judged(*judgements: str | None, overall: str | None = None, **values: float) -> Judged:
    return Judged(study="A 2020", judgements=judgements, overall=overall, **values)


def of(*studies: Judged) -> RiskOfBias:
    domains = tuple(f"Domain {n}" for n in range(len(studies[0].judgements)))
    return RiskOfBias(tool="RoB 2", domains=domains, studies=studies)


def test_each_judgement_is_told_by_a_sign_and_not_by_colour_alone():
    for look in LOOKS.values():
        same_colour = [o for o in LOOKS.values() if o.colour == look.colour]
        others = [o for o in LOOKS.values() if o not in same_colour]
        assert look.sign
        assert look.sign not in [o.sign for o in others]


def test_a_traffic_light_plot_has_a_light_per_study_and_domain_and_one_overall():
    value = read_robvis(ROBVIS, tool=ROB_2)
    drawing = traffic_lights(value)
    in_legend = 4  # low, some concerns, high, not judged
    assert len(discs(drawing)) == 3 * 6 + in_legend
    assert {"D1", "D5", "Overall", "Randomisation process", "Iacobaeus 2019"} <= set(texts(drawing))
    assert is_within_the_page(drawing)


def test_what_nobody_judged_is_an_empty_light_and_no_low_risk():
    drawing = traffic_lights(of(judged("Low", None)))
    empty = [disc for disc in discs(drawing) if disc.dash]
    assert len(empty) == 2  # one in the plot, one in the legend
    assert "D2 not judged" in drawing.description


def test_the_description_tells_every_judgement():
    drawing = traffic_lights(read_robvis(ROBVIS, tool=ROB_2))
    assert "Overall: low in 1, some concerns in 1, high in 1." in drawing.description
    assert (
        "Iacobaeus 2019: D1 low, D2 some concerns, D3 low, D4 low, D5 high, overall high."
        in drawing.description
    )


def test_a_summary_weights_the_studies_by_what_the_table_says():
    shares = judgement_shares(read_robvis(ROBVIS, tool=ROB_2))
    assert shares["Randomisation process"] == pytest.approx({"Low": 0.5, "Some concerns": 0.5})
    assert shares["Overall"] == pytest.approx({"Low": 0.4, "Some concerns": 0.5, "High": 0.1})
    assert shares["Deviations from the intended interventions"]["Not judged"] == 0.5
    assert "Share of the weight of the studies" in texts(summary(read_robvis(ROBVIS, tool=ROB_2)))


def test_without_weights_studies_count_alike():
    value = of(judged("Low"), judged("High"), judged("High"))
    assert judgement_shares(value)["Domain 0"] == pytest.approx({"Low": 1 / 3, "High": 2 / 3})
    assert "Share of the studies, each counted alike" in texts(summary(value))


def test_halves_of_a_percent_are_rounded_up():
    value = of(*[judged("Low")] * 5, *[judged("High")] * 3)
    assert "low 63%, high 38%" in summary(value).description


def test_some_weights_are_no_weights():
    value = of(judged("Low", weight=3.0), judged("High"))
    with pytest.raises(InvalidInput, match="no weight for A 2020"):
        summary(value)


@pytest.mark.parametrize(
    ("table", "tool", "says"),
    [
        pytest.param(b"Study,D1,D2,D3,D4,D5\nA,Low,Low,Serious,Low,Low\n", ROB_2,
                     "line 2, D3: not an answer of RoB 2.*'Serious'", id="word of another tool"),
        pytest.param(b"Study,D1,D2\nA,Low,Low\n", ROB_2, "has 5 domains, and the table 2",
                     id="domains"),
        pytest.param(b"Study,D1\nA,banana\n", "QUADAS-2", "A, D1: 'banana' is no judgement",
                     id="no judgement at all"),
        pytest.param(b"Study,Overall\nA,Low\n", ROB_2, "no domains", id="no domains"),
        pytest.param(b"Study,D1,D2,D3,D4,D5\n", ROB_2, "no studies", id="no studies"),
        pytest.param(b"Study,D1,D2,D3,D4,D5,Weight\nA,Low,Low,Low,Low,Low,-1\n", ROB_2,
                     "0 or more", id="weight below 0"),
        pytest.param(b"Study,D1,D2,D3,D4,D5,Weight\nA,Low,Low,Low,Low,Low,many\n", ROB_2,
                     "line 2, Weight", id="weight in words"),
    ],
)  # fmt: skip
def test_a_table_that_is_not_of_the_tool_is_refused(table, tool, says):
    with pytest.raises(InvalidInput, match=says):
        traffic_lights(read_robvis(table, tool=tool))


def test_domains_two_and_three_of_robins_i_depend_on_its_version():
    heading = ",".join(f"D{n}" for n in range(1, 8))
    row = ",".join(["Low"] * 7)
    table = f"Study,{heading},Overall\nA,{row},Low\n".encode()
    titles = [
        read_robvis(table, tool=find_tool("ROBINS-I", version)).domains[1:3]
        for version in ("2016", "2024")
    ]
    assert titles[0] != titles[1]
    assert "ROBINS-I (2016)" in said(
        traffic_lights(read_robvis(table, tool=find_tool("ROBINS-I", "2016")))
    )


@pytest.mark.parametrize(("items", "total"), [(8, "10/16"), (12, "17/24")])
def test_minors_shows_points_and_their_total(items, total):
    heading = ",".join(str(n) for n in range(1, items + 1))
    row = ",".join(str(n % 3) for n in range(items))
    value = read_robvis(
        f"Study,{heading},Overall\nA,{row},{total}\n".encode(), tool=find_tool("MINORS", None)
    )
    drawing = traffic_lights(value)
    assert total in texts(drawing)
    assert "reported but inadequate" in texts(drawing)
    assert "Overall" not in judgement_shares(value)


def test_not_applicable_is_an_answer_and_no_empty_cell():
    tool = find_tool("JBI case series", None)
    heading = ",".join(f"Q{n}" for n in range(1, 11))
    row = ",".join(["Yes"] * 8 + ["NA", ""])
    value = read_robvis(f"Study,{heading}\nA,{row}\n".encode(), tool=tool)
    assert value.studies[0].judgements[8:] == ("Not applicable", None)


@pytest.mark.parametrize(
    ("written", "word"),
    [("low", "Low"), ("Low risk", "Low"), ("HIGH RISK OF BIAS", "High"), (" ", "Not judged"),
     ("no info", "No information"), (None, "Not judged")],
)  # fmt: skip
def test_judgements_are_known_as_tables_write_them(written, word):
    look = look_of(written)
    assert look is not None
    assert look.word == word


def test_no_judgement_has_no_sign_at_all():
    assert NOT_JUDGED.sign == ""


@pytest.mark.parametrize("studies", [1, 100])
def test_any_number_of_studies_fits_the_page(studies):
    value = of(*[judged("Low", "High", "Some concerns", overall="High")] * studies)
    for drawing in (traffic_lights(value), summary(value)):
        assert is_within_the_page(drawing)


def test_no_study_is_an_error():
    with pytest.raises(InvalidInput, match="no study was judged"):
        summary(RiskOfBias(tool="RoB 2", domains=("D1",), studies=()))
