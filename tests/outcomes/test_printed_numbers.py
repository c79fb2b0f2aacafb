"""The same number is printed in many ways, and not every digit is a number."""

from decimal import Decimal

import pytest

from kb.outcomes.printed_numbers import Reads, fractions_in, numbers_in


def values(text: str, *reads: Reads) -> list[str]:
    return [str(n.value) for n in numbers_in(text) if not reads or n.reads in reads]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param("mean 6·7", ["6.7"], id="middle dot of the Lancet"),
        pytest.param("mean 6,7", ["6.7"], id="decimal comma"),
        pytest.param("0,125", ["0.125"], id="decimal comma with three digits after a zero"),
        pytest.param("1,200 cells", ["1200"], id="thousands by comma"),
        pytest.param("1\u2009200 and 1\u00a0200", ["1200", "1200"], id="thousands by thin space"),
        pytest.param("cut at .5", ["0.5"], id="no zero before the point"),
        pytest.param("fell by \u22120.5", ["-0.5"], id="minus sign"),
        pytest.param("1\u20132 and 3-4 and 5 - 6", ["1", "2", "3", "4", "5", "6"], id="ranges"),
        pytest.param("CI -3.2 - -1.1", ["-3.2", "-1.1"], id="range of negative numbers"),
        pytest.param("6.7 +/-1.0, 5.1±0.2", ["6.7", "1.0", "5.1", "0.2"], id="plus-minus"),
        pytest.param("Twenty-five of thirty", ["25", "30"], id="number words"),
        pytest.param("no one, anyone", [], id="no number words"),
        pytest.param("IL-6, T2, FOXP3+, SF-36, NCT03778333, 9HPT", [], id="digits in names"),
        pytest.param("(n = 5)", ["5"], id="n ="),
    ],
)
def test_a_number_is_read_as_it_is_meant(text, read):
    assert values(text) == read


@pytest.mark.parametrize(
    ("text", "number", "reads"),
    [
        pytest.param("at 12 weeks", "12", Reads.TIME, id="time after"),
        pytest.param("by week 48", "48", Reads.TIME, id="time before"),
        pytest.param("3, 6, and 12 months", "3", Reads.TIME, id="list of times"),
        pytest.param("the 6-minute walk", "6", Reads.TIME, id="time as adjective"),
        pytest.param("the 9-hole peg test", "9", Reads.COMPOUND, id="part of a name"),
        pytest.param("grades 3 and 4", "4", Reads.LABEL, id="grades"),
        pytest.param("(95% CI", "95", Reads.LABEL, id="level of an interval"),
        pytest.param("in 20-30% of", "20", Reads.PERCENT, id="range of percentages"),
        pytest.param("5 percent", "5", Reads.PERCENT, id="percent in words"),
        pytest.param("P < .001", "0.001", Reads.P_VALUE, id="p value"),
        pytest.param("p-values of 0·03 and 0·04", "0.04", Reads.P_VALUE, id="second p value"),
        pytest.param("in 7 patients", "7", Reads.PLAIN, id="plain"),
        pytest.param("by 48 weeks 3 had some", "3", Reads.PLAIN, id="after a time"),
    ],
)
def test_the_words_around_a_number_say_what_it_is(text, number, reads):
    assert [n.reads for n in numbers_in(text) if n.value == Decimal(number)] == [reads]


@pytest.mark.parametrize(
    ("text", "power"),
    [
        pytest.param("2 × 10^6 cells", 6, id="hat"),
        pytest.param("2 x 10⁶ cells", 6, id="raised"),
        pytest.param("2·10^6 cells", 6, id="dot as times"),
        pytest.param("2 × 10(6) cells", 6, id="PubMed's brackets"),
        pytest.param("2 million cells", 6, id="million"),
        pytest.param("2 × 106 cells", None, id="the exponent lost in print is not guessed"),
    ],
)
def test_a_power_of_ten_belongs_to_the_number_before_it(text, power):
    assert [(n.value, n.power) for n in numbers_in(text)] == [(Decimal(2), power)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("5/6", id="slash"),
        pytest.param("5 of 6", id="of"),
        pytest.param("5 out of 6", id="out of"),
        pytest.param("5 of the 6", id="of the"),
        pytest.param("five of six patients", id="words"),
        pytest.param("five patients (of 6)", id="brackets"),
    ],
)
def test_a_part_of_a_whole_is_read_however_it_is_printed(text):
    assert [(part.value, whole.value) for part, whole in fractions_in(text)] == [
        (Decimal(5), Decimal(6))
    ]


def test_a_blood_pressure_and_a_time_are_no_part_of_a_whole():
    assert fractions_in("120/80 mmHg, 5 of 12 weeks") == ()


def test_positions_are_those_of_the_text_as_printed():
    text = "change \u22120·5 from 1\u2009200"
    assert [text[n.start : n.end] for n in numbers_in(text)] == ["\u22120·5", "1\u2009200"]


def test_a_power_longer_than_any_is_no_power():
    assert numbers_in("5 × 10^" + "9" * 5000)[0].power is None
