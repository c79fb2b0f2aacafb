"""JSON that does not keep its promises."""

import pytest

from kb.formats.shapes import address, listed, mapping, mappings, text, texts, truth, whole


@pytest.mark.parametrize(
    ("value", "rows"),
    [([1, 2], [1, 2]), ({"a": 1}, [{"a": 1}]), ("a", ["a"]), (None, []), ({}, []), ([], [])],
)
def test_one_value_where_a_list_was_meant_is_a_list_of_one(value, rows):
    assert listed(value) == rows


def test_what_is_no_object_has_no_fields():
    assert (mapping(None), mapping("x"), mapping([1])) == ({}, {}, {})
    assert mappings(["x", {"a": 1}, None]) == [{"a": 1}]


@pytest.mark.parametrize(
    ("value", "read"),
    [("<i>ATM</i> ", "ATM"), (2025, "2025"), ("", None), (None, None), (True, None), ({}, None)],
)
def test_text_is_what_can_be_read_as_such(value, read):
    assert text(value) == read


def test_texts_come_once_each_in_order():
    assert texts(["b", "a", "b", None]) == ("b", "a")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        ("12", 12),
        ("", None),
        ("2010a", None),
        ("²", None),
        ("9" * 5000, None),
        (True, None),
        (1.5, None),
    ],
)
def test_only_whole_numbers_are_counts(value, number):
    assert whole(value) == number


@pytest.mark.parametrize(
    ("value", "answer"), [("Y", True), ("N", False), (True, True), ("", None), (None, None)]
)
def test_yes_and_no_come_in_two_spellings(value, answer):
    assert truth(value) is answer


def test_an_address_is_left_as_it_is():
    assert address(" https://x.org/?a=1&lt=2 ") == "https://x.org/?a=1&lt=2"
    assert (address(" "), address(7), address(None)) == (None, None, None)
