"""`kb outcomes compare, agreement, adjudicate, edit, history`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.api.cli import an_installation, filled, its_store, json_of, kb
from tests.store.extracting import changed, extract, seed_tables

SAID = ("--who", "carla", "--why", "table 3 says so")


@pytest.fixture(autouse=True)
def review(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path) -> None:
    """A base in which Anna and Ben differ on one number."""
    filled(an_installation(monkeypatch, tmp_path), starter_base)
    store = its_store()
    extract(store, "anna", seed_tables())
    where = {"outcome": "T2_NEW", "time": "12"}
    extract(store, "ben", changed(seed_tables(), "results", where, events="4"))
    store.close()


def disputed() -> list[str]:
    found = json_of(kb("outcomes", "compare", "my-review", "--json"))
    (item,) = [item for item in found["items"] if item["agreement"] == "disputed"]
    return [said["id"] for said in item["statements"]]


def test_differences_are_shown_side_by_side_and_written_as_a_table(tmp_path: Path) -> None:
    shown = kb("outcomes", "compare", "my-review", "--differing").stdout
    assert "events 5" in shown
    assert "events 4" in shown
    assert "1 disputed (1 undecided)" in shown
    file = tmp_path / "differences.csv"
    assert kb("outcomes", "compare", "my-review", "--csv", str(file)).exit_code == 0
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["events"] for row in rows if row["agreement"] == "disputed"} == {"4", "5"}


def test_agreement_is_told_with_its_reasons() -> None:
    shown = kb("outcomes", "agreement", "my-review").stdout
    assert "no variation" in shown
    assert "8 items of 1 study, 7 agreed, 1 disputed" in shown
    found: Any = json_of(kb("outcomes", "agreement", "my-review", "--json"))
    assert found["state"]["kappa"][0]["kappa"]["estimate"] is not None
    assert found["given"]["kappa"][0]["kappa"]["estimate"] is None
    value = found["value"]["percent"]  # n and events of five results, and what was treated at risk
    assert (value["n"], round(value["estimate"] * value["n"])) == (11, 10)


def test_a_value_is_adjudicated_corrected_and_told_of() -> None:
    anna, ben = disputed()
    made = json_of(kb("outcomes", "adjudicate", anna, ben, "--follow", anna, *SAID, "--json"))
    assert made["status"] == "adjudicated"
    again = kb("outcomes", "adjudicate", anna, ben, "--follow", ben, *SAID)
    assert again.exit_code == 4
    assert f"{made['value']} stands in its place" in again.stderr
    corrected = kb("outcomes", "edit", made["value"], "events=3", "--locator", "table 3", *SAID)
    assert "(corrected) stands in the place of" in corrected.stdout
    for status in ("superseded", "corrected"):
        assert status in kb("results", "--filter", f"status:{status}").stdout
    told = kb("outcomes", "history", anna).stdout
    assert [how for how in ("entered", "adjudication", "correction") if how in told] == [
        "entered", "adjudication", "correction",
    ]  # fmt: skip
    history = json_of(kb("outcomes", "history", anna, "--json"))
    assert [version["changed"] for version in history["versions"][2:]] == [[], ["events"]]


def test_what_is_no_change_is_refused() -> None:
    anna, _ = disputed()
    for settings, code in ((("events",), 2), (("events=4",), 4), ((), 4)):
        answer = kb("outcomes", "edit", anna, *settings, *SAID)
        assert answer.exit_code == code, (settings, answer.stderr)
    assert kb("outcomes", "history", "R99999").exit_code == 3
    assert kb("outcomes", "compare", "nothing").exit_code == 3
