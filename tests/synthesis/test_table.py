"""Tables as people keep them: what is read, what is not given, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import InvalidInput
from kb.synthesis.table import (
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_ROWS,
    measure_data,
    permitted_measures,
    read_csv,
    read_rows,
)

THE_TABLE = "study,ai,n1i,ci,n2i\nA,1,10,2,11\nB,0,8,,9\n"


def measure_columns(text: str | bytes, measure: str) -> Mapping[str, list[float]]:
    table = read_csv(text if isinstance(text, bytes) else text.encode())
    return {n: v.tolist() for n, v in measure_data(table, measure).columns.items()}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(THE_TABLE.encode(), id="as metafor would write it"),
        pytest.param(b"\xef\xbb\xbf" + THE_TABLE.encode(), id="byte order mark"),
        pytest.param(THE_TABLE.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(THE_TABLE.replace(",", ";").encode(), id="semicolons"),
        pytest.param(THE_TABLE.replace(",", "\t").encode(), id="tabs"),
        pytest.param(("sep=;\n" + THE_TABLE.replace(",", ";")).encode(), id="sep= line"),
        pytest.param(THE_TABLE.encode("utf-16"), id="UTF-16"),
        pytest.param(THE_TABLE.replace(",,", ",NA,").encode(), id="NA"),
        pytest.param(THE_TABLE.replace("B,0", '"B","0"').encode(), id="quoted"),
        pytest.param(("\n" + THE_TABLE.replace("\nB", "\n,,,,\n\nB")).encode(), id="empty rows"),
        pytest.param(THE_TABLE.replace("\n", ",\n").encode(), id="a comma too many at every end"),
        pytest.param(THE_TABLE.upper().encode(), id="capitals"),
        pytest.param(
            THE_TABLE.replace("study,ai,n1i,ci,n2i", "studlab,event.e,n.e,event.c,n.c").encode(),
            id="names of the package meta",
        ),
        pytest.param(
            b'"","study","ai","n1i","ci","n2i"\n"1","A",1,10,2,11\n"2","B",0,8,NA,9\n',
            id="write.csv of R, with row names",
        ),
    ],
)
def test_the_same_table_is_read_however_it_was_saved(body: bytes) -> None:
    table = read_csv(body)
    data = measure_data(table, "OR")
    np.testing.assert_array_equal(data.columns["ai"], [1, 0])
    np.testing.assert_array_equal(data.columns["ci"], [2, np.nan])
    assert table.labels() == ["A", "B"]


def test_a_decimal_comma_is_read_where_cells_are_separated_by_something_else() -> None:
    table = read_csv(b"study;yi;vi\nA;-0,5;0,04\nB;1;0,1\n")
    np.testing.assert_array_equal(table.numbers("yi"), [-0.5, 1])
    np.testing.assert_array_equal(table.numbers("vi"), [0.04, 0.1])
    assert table.notes == ("numbers were read with a decimal comma",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            'yi,vi\n"0,5",0.1\n', r"line 2, yi: not a number: '0,5' \(a decimal comma", id="comma"
        ),
        pytest.param(
            "yi;vi\n1,5;0.1\n", r"line 2, yi: not a number: '1,5'", id="comma and point together"
        ),
        pytest.param("yi;vi\n1,234;1\n", "may be a thousand or a fraction", id="1,234"),
        pytest.param("yi,vi\n12%,1\n", "line 2, yi: not a number: '12%'", id="percent"),
        pytest.param("yi,vi\n1,<0.01\n", "line 2, vi: not a number", id="less than"),
        pytest.param("yi,vi\nNR,1\n", "empty cell where nothing is reported", id="NR"),
        pytest.param("yi,vi\n1e999,1\n", "beyond any number", id="overflow"),
        pytest.param("yi,vi\ninf,1\n", "not a number: 'inf'", id="infinite"),
        pytest.param(
            "yi,vi\n1,2\nx,y\n", "line 3, yi: .*; line 3, vi: ", id="both mistakes of a row"
        ),
        pytest.param("yi,vi,YI\n1,2,3\n", "'yi' stands there twice", id="twice the same column"),
        pytest.param("yi,vi\n1,2,3\n", "line 2: 3 cells where the header has 2", id="ragged"),
        pytest.param('yi,vi\n"1,2\n', "not well-formed CSV", id="open quotation"),
        pytest.param("\n\n", "an empty table", id="nothing"),
        pytest.param("yi,vi\n1\0,2\n", "NUL bytes", id="NUL"),
        pytest.param(
            "ai,n1,ci,n2i\n1,2,3,4\n", r"missing: bi or n1i \(nearest: n1\)", id="misspelt column"
        ),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_its_place(text: str, said: str) -> None:
    measure = "OR" if "ai" in text else "GEN"
    with pytest.raises(InvalidInput, match=said):
        measure_columns(text, measure)


def test_places_are_lines_of_the_file_whatever_stands_before() -> None:
    table = read_csv(b'sep=;\nstudy;yi\n"two\nlines";1\n\nB;2\n')
    assert table.places == ("line 3", "line 6")


def test_names_that_are_not_utf_8_are_read_and_the_notes_say_so() -> None:
    table = read_csv("study,yi\nMüller,1\n".encode("latin-1"))
    assert table.labels() == ["Müller"]
    assert "Windows-1252" in table.notes[0]


@pytest.mark.parametrize(
    ("header", "cells", "labels"),
    [
        pytest.param("slab,study", "x,y", ["x"], id="slab before study"),
        pytest.param("author,year", "Li,2007", ["Li 2007"], id="author and year"),
        pytest.param("author", "Li", ["Li"], id="author"),
        pytest.param("yi", "1", ["1"], id="its number"),
        pytest.param("study,yi", ",1", ["1"], id="empty label"),
    ],
)
def test_studies_have_labels(header: str, cells: str, labels: list[str]) -> None:
    assert read_csv(f"{header}\n{cells}\n".encode()).labels() == labels


@pytest.mark.parametrize(
    ("state", "number", "said"),
    [
        pytest.param("not_reported", 0, "row 1, ai_state: not_reported, but ai says 0", id="zero"),
        pytest.param("unclear", 3, "unclear, but ai says 3", id="unclear"),
        pytest.param("reported_zero", 2, "reported_zero, but ai says 2", id="no zero"),
        pytest.param("reportd", 2, "unknown state 'reportd'", id="misspelt"),
    ],
)
def test_a_number_at_odds_with_its_state_is_an_error(state: str, number: float, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_rows([{"ai": number, "ai_state": state}]).numbers("ai")


def test_a_state_can_say_that_a_cell_is_empty() -> None:
    table = read_rows([{"ai": None, "ai_state": "not_reported"}, {"ai": 0, "ai_state": "reported"}])
    np.testing.assert_array_equal(table.numbers("ai"), [np.nan, 0])


def test_an_unknown_origin_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="unknown origin 'guessed'"):
        read_rows([{"ai": 1, "ai_origin": "guessed"}]).origins("ai")


def test_rows_take_numbers_as_numbers_and_as_text() -> None:
    table = read_rows([{"yi": 1}, {"yi": "−0.5"}, {"yi": " 2e-1 "}, {"yi": None}, {}])
    np.testing.assert_array_equal(table.numbers("yi"), [1, -0.5, 0.2, np.nan, np.nan])


@pytest.mark.parametrize("value", [True, [1], {"a": 1}], ids=["yes", "list", "object"])
def test_rows_refuse_what_is_neither_number_nor_text(value: object) -> None:
    with pytest.raises(InvalidInput, match="row 1, yi: neither number nor text"):
        read_rows([{"yi": value}])


def test_a_number_too_long_for_a_float_is_not_infinite() -> None:
    with pytest.raises(InvalidInput, match="not a finite number"):
        read_rows([{"yi": 10**400}]).numbers("yi")


@pytest.mark.parametrize(
    ("columns", "measures"),
    [
        pytest.param("ai n1i ci n2i", ["OR", "RR", "RD", "AS", "PETO"], id="two by two"),
        pytest.param(
            "event.e n.e event.c n.c", ["OR", "RR", "RD", "AS", "PETO"], id="of the package meta"
        ),
        pytest.param("m1i sd1i n1i m2i sd2i n2i", ["MD", "SMD", "SMDH", "ROM"], id="means"),
        pytest.param("xi ni", ["PR", "PLN", "PLO", "PAS", "PFT"], id="proportions"),
        pytest.param("xi mi", ["PR", "PLN", "PLO", "PAS", "PFT"], id="and the others"),
        pytest.param("x1i t1i x2i t2i", ["IRR", "IRD", "IRSD"], id="rates of two groups"),
        pytest.param("xi ti", ["IR", "IRLN", "IRS", "IRFT"], id="rates"),
        pytest.param("ri ni", ["COR", "ZCOR"], id="correlations"),
        pytest.param("mi sdi ni", ["MN"], id="means of one group"),
        pytest.param(
            "m1i m2i sd1i sd2i ri ni",
            ["COR", "ZCOR", "MC", "SMCC", "SMCR"],
            id="before and after, with their correlation",
        ),
        pytest.param("yi sei", ["HR", "GEN"], id="ready made"),
        pytest.param("TE seTE", ["HR", "GEN"], id="ready made, of the package meta"),
        pytest.param("study year", [], id="none"),
    ],
)
def test_columns_decide_which_measures_there_can_be(columns: str, measures: list[str]) -> None:
    assert permitted_measures(read_rows([dict.fromkeys(columns.split(), 1)])) == measures


def test_estimates_as_given_stand_in_for_the_columns_of_a_measure() -> None:
    data = measure_data(read_rows([{"yi": -0.5, "sei": 0.2}]), "OR")
    assert data.is_given
    assert dict(data.names) == {"yi": "yi", "sei": "sei"}
    both = measure_data(read_rows([{"yi": 1, "vi": 1, "ai": 1, "n1i": 2, "ci": 1, "n2i": 2}]), "OR")
    assert not both.is_given


def test_tables_beyond_all_measure_are_refused() -> None:
    with pytest.raises(InvalidInput, match="rows"):
        read_rows([{"yi": 1}] * (MAX_ROWS + 1))
    with pytest.raises(InvalidInput, match="rows"):
        read_csv(b"yi\n" + b"1\n" * (MAX_ROWS + 1))
    with pytest.raises(InvalidInput, match="columns"):
        read_rows([{f"c{i}": 1 for i in range(MAX_COLUMNS + 1)}])
    with pytest.raises(InvalidInput, match="bytes"):
        read_csv(b" " * (MAX_BYTES + 1))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_an_error_that_says_why(body: bytes) -> None:
    with suppress(InvalidInput):
        table = read_csv(body)
        permitted_measures(table)
        for name in table.columns:
            table.numbers(name)
