"""The command line answers as the API does, says what is not reported, and fails in a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from api.cli.app import EXIT_CODES, app
from api.cli.words import plain, value_text
from kb.errors import KBError
from kb.models import tables as t
from kb.settings import Settings
from kb.store.engine import Store
from kb.store.migrate import migrate
from kb.store.results import read_result
from tests import builders as a
from tests.api.cli import COMMAND, an_installation, its_store, json_of, kb
from tests.api.conftest import openapi
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return an_installation(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def a_base_with_the_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("seed") / "kb.sqlite3"
    store = Store(f"sqlite:///{file}")
    migrate(store)
    with store.writing() as session:
        a.the_seed_study(session)
    store.close()
    return file


@pytest.fixture
def seed(installation: Path, a_base_with_the_seed: Path) -> Path:
    """An installation that holds the seed study, S1."""
    installation.mkdir()
    shutil.copy(a_base_with_the_seed, installation)
    return installation


def add(build: Any) -> Any:
    with its_store().writing() as session:
        return build(session)


# -- the same answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "path"),
    [
        pytest.param(["work", "10.3390/jcm8122102"], "/works/10.3390/jcm8122102", id="work"),
        pytest.param(["study", "NCT03778333"], "/studies/NCT03778333", id="study"),
        pytest.param(["registration", "NCT03778333"], "/registrations/NCT03778333", id="entry"),
        pytest.param(
            ["works", "--search", "mesenchymal", "--filter", "year:>2015", "--sort", "year:asc"],
            "/works?search=mesenchymal&filter=year:>2015&sort=year:asc",
            id="works",
        ),
        pytest.param(
            ["studies", "--condition", "multiple sclerosis"],
            "/studies?condition=multiple sclerosis",
            id="studies",
        ),
        pytest.param(
            ["results", "--study", "S1", "--outcome", "T2_NEW", "--origin", "computed"],
            "/results?study=S1&outcome=T2_NEW&origin=computed",
            id="results",
        ),
        pytest.param(
            ["results", "--page", "2", "--per-page", "1"],
            "/results?page=2&per_page=1",
            id="second page",
        ),
        pytest.param(
            ["results", "--cursor", "*", "--per-page", "2"],
            "/results?cursor=*&per_page=2",
            id="cursor",
        ),
        pytest.param(
            ["results", "--state", "not_measured"], "/results?state=not_measured", id="none"
        ),
    ],
)
def test_json_is_what_the_api_answers(seed: Path, command: list[str], path: str) -> None:
    store = its_store()
    app = create_app(Settings(), store)
    app.openapi_schema = openapi()
    with TestClient(app, base_url="http://127.0.0.1") as client:
        answer = client.get(path, headers={"Accept": "application/json"})
    store.close()
    assert answer.status_code == 200, answer.text
    assert json_of(kb(*command, "--json")) == answer.json()


# -- what people see -----------------------------------------------------------------------------


def test_a_computed_result_is_marked_and_a_reported_one_is_not(seed: Path) -> None:
    rows = kb("results", "--outcome", "T2_NEW").stdout.splitlines()
    computed = [row for row in rows if "1 of 6" in row]
    reported = [row for row in rows if "5 of 6" in row]
    assert len(computed) == len(reported) == 1
    assert "computed" in computed[0]
    assert "computed" not in reported[0]


def test_a_result_says_where_it_was_reported(seed: Path) -> None:
    (row,) = [r for r in kb("results").stdout.splitlines() if "5 of 6" in r]
    assert "10.3390/jcm8122102, abstract" in row
    assert "12 weeks after treatment" in row
    assert "S1 Iacobaeus 2019" in row


def test_evidence_that_is_somebody_elses_account_says_so(seed: Path) -> None:
    def build(session: Session) -> None:
        arm = session.get_one(t.Arm, 1)
        evidence = a.evidence(session, session.get_one(t.Study, 1), standing="secondary_source")
        a.a_result(session, arm, {"mean": 5.25}, evidence_id=evidence.id)

    add(build)
    (row,) = [r for r in kb("results").stdout.splitlines() if "mean 5.25" in r]
    assert "secondary source" in row


def test_no_number_is_made_of_what_was_not_reported(seed: Path) -> None:
    shown = kb("study", "S1").stdout
    (event,) = [row for row in shown.splitlines() if "Any adverse event" in row]
    assert event.split("  ")[0].strip() == "X1"
    # Persons and events are not reported; the seven at risk are.
    assert event.count("not reported") == 3  # with the time
    assert " 7 " in event
    assert " 0 " not in event
    assert "Randomised  not reported" not in shown  # nobody described the study as a whole
    assert "randomised not reported, treated 7, analysed not reported, completed 5" in shown


def test_a_dose_range_stays_a_range(seed: Path) -> None:
    assert "1–2 × 10⁶ cells/kg, once" in kb("study", "S1").stdout


def test_a_retracted_work_says_so_wherever_it_is_named(seed: Path) -> None:
    def build(session: Session) -> None:
        work = a.a_work(session, title="Cells that were not", doi="10.1234/gone", is_retracted=True)
        a.a_notice(session, work, "retraction", "crossref", "pubmed", date="2021-03-02")

    add(build)
    assert "RETRACTED" in kb("work", "10.1234/gone").stdout
    assert "retraction, 2021-03-02 (said by crossref, pubmed)" in kb("work", "10.1234/gone").stdout
    (row,) = [r for r in kb("works").stdout.splitlines() if "Cells that were not" in r]
    assert "RETRACTED" in row


def test_a_list_says_how_long_it_is_and_how_to_see_the_rest(seed: Path) -> None:
    assert "1 of 3 results; next: --page 2" in kb("results", "--per-page", "1").stdout
    assert "1 of 3 results; next: --page 2" in kb("results", "--per-page", "1", "--json").stderr
    assert "1 of 3 results\n" in kb("results", "--per-page", "1", "--page", "3").stdout
    assert kb("results", "--state", "unclear").stdout == "No results found.\n"


def test_the_cursor_of_a_page_leads_to_the_next(seed: Path) -> None:
    first = kb("results", "--per-page", "2", "--cursor", "*").stdout
    cursor = first.strip().rpartition("--cursor ")[2]
    second = kb("results", "--per-page", "2", "--cursor", cursor).stdout
    assert "1 of 3 results" in second
    assert "R3" in second


def test_a_title_cannot_command_the_terminal(seed: Path) -> None:
    add(
        lambda s: a.a_work(
            s, doi="10.1234/odd", title="\x1b[2J[red]Cells[/red] in rats\x07 :smile:"
        )
    )
    shown = kb("work", "10.1234/odd").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]Cells[/red] in rats" in shown
    assert ":smile:" in shown


def test_an_override_of_the_writing_direction_is_shown_as_a_mark() -> None:
    assert plain("a\u202eb").plain == "a\ufffdb"


@pytest.mark.parametrize(
    ("values", "cells", "shown"),
    [
        pytest.param({}, {"n_analysed": 6, "mean": 5.2, "sd": 0.9}, "mean 5.2; SD 0.9", id="mean"),
        pytest.param(
            {}, {"median": 4, "q1": 2, "q3": 8}, "median 4; quartiles 2 to 8", id="median",
        ),
        pytest.param({}, {"min": 3.5}, "range 3.5 to not reported", id="half a range"),
        pytest.param(
            {"measure": "hazard ratio", "ci_level": 95.0},
            {"estimate": 0.5, "ci_low": 0.2, "ci_high": 1.1},
            "hazard ratio 0.5; 95 % CI 0.2 to 1.1",
            id="contrast",
        ),
        pytest.param(
            {"state": "reported_zero"},
            {"n_analysed": 6, "events": {"value": 0, "text": "0", "state": "reported_zero"}},
            "0 of 6",
            id="a zero that was reported",
        ),
        pytest.param({"state": "not_measured"}, {}, "not measured", id="not measured"),
        pytest.param({}, {"n_analysed": 6}, "not reported", id="a denominator alone"),
        pytest.param({"direction": "increased"}, {}, "increased, no number given", id="words"),
        pytest.param(
            {"caveats": ["central_value_unnamed"]},
            {"value_unspecified": 33},
            "central value, kind not said 33; caveat: central value unnamed",
            id="caveat",
        ),
        pytest.param({"p_text": "< 0.03"}, {"mean": 1}, "mean 1; p < 0.03", id="p"),
        pytest.param(
            {"statistic": "event_count"}, {"n_analysed": 6, "events": 9}, "9 events",
            id="events are not persons",
        ),
        pytest.param(
            {},
            {"mean": {"value": 5.0, "text": "5.0", "state": "reported"}},
            "mean 5.0",
            id="as printed",
        ),
        pytest.param(
            {},
            {"mean": 5.2, "sd": {"value": 0.9, "state": "reported", "origin": "imputed"}},
            "mean 5.2; SD 0.9; partly imputed",
            id="one number imputed",
        ),
    ],
)  # fmt: skip
def test_values_are_told_as_printed(
    seed: Path, values: dict[str, Any], cells: dict[str, Any], shown: str
) -> None:
    number = add(lambda s: a.a_result(s, s.get_one(t.Arm, 1), cells, **values).id)
    with its_store().reading() as session:
        assert value_text(read_result(session, f"R{number}")) == shown


# -- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param(["work", "W99"], 3, "no work W99 in this base", id="not here"),
        pytest.param(["work", "bmj.n71"], 2, "not an identifier of a work: 'bmj.n71'", id="no id"),
        pytest.param(["study", "NCT00000000"], 3, "NCT00000000", id="no study"),
        pytest.param(["registration", "NCT03778334"], 3, "NCT03778334", id="no entry"),
        pytest.param(
            ["results", "--filter", "dose:1"], 2, "cannot filter results by 'dose'", id="no field"
        ),
        pytest.param(["results", "--study", "S77"], 2, "no study S77", id="filter by nothing"),
        pytest.param(["works", "--per-page", "101"], 2, "expected 1 to 100", id="page too long"),
        pytest.param(["works", "--page", "0"], 2, "expected 1 or more", id="page before the first"),
        pytest.param(["works", "--year", "2019"], 2, "No such option", id="no option"),
        pytest.param(["wroks"], 2, "No such command", id="no command"),
    ],
)
def test_a_failure_is_a_sentence_and_an_exit_code(
    seed: Path, command: list[str], code: int, said: str
) -> None:
    result = kb(*command)
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_name_of_several_studies_is_a_conflict(seed: Path) -> None:
    add(
        lambda s: a.a_record(
            s, study=a.a_study(s, "same key"), source="other", key="MS_IACOBAEUS_2019"
        )
    )
    result = kb("study", "MS_IACOBAEUS_2019")
    assert result.exit_code == 4
    assert "ask for one of them" in result.stderr


def test_every_kind_of_error_for_a_person_has_its_own_exit_code() -> None:
    codes = [EXIT_CODES[kind] for kind in KBError.__subclasses__() if kind in EXIT_CODES]
    assert len(codes) >= 6
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 130} & set(codes)


def test_where_a_failure_happened_is_shown_on_request(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = kb("--debug", "work", "W99")
    assert "Traceback" in result.stderr
    assert result.exit_code == 3
    monkeypatch.setenv("KB_DEBUG", "1")
    assert "Traceback" in kb("work", "W99").stderr


def test_a_mistake_of_our_own_is_told_apart_from_one_of_the_user(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("no such luck")

    monkeypatch.setattr("kb.store.works.read_work", broken)
    result = kb("work", "W1")
    assert result.exit_code == 70
    assert "a mistake of kb's own" in result.stderr
    assert "TypeError: no such luck" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KB_PORT", "eighty"),
        ("KB_DATABASE_URL", "mysql://localhost/kb"),
        ("KB_DATA_DIR", "~nobody-here/x"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    for command in (["init"], ["serve"], ["works"]):
        result = kb(*command)
        assert result.exit_code == 2
        assert name in result.stderr


def test_reading_before_there_is_a_base_says_how_to_make_one(installation: Path) -> None:
    result = kb("works")
    assert result.exit_code == 5
    assert f"no database {installation / 'kb.sqlite3'} yet; `kb init` makes it" in result.stderr
    assert not installation.exists()


def test_an_empty_database_says_how_to_fill_it(installation: Path) -> None:
    installation.mkdir()
    (installation / "kb.sqlite3").touch()
    result = kb("works")
    assert result.exit_code == 5
    assert "`kb init` fills it" in result.stderr


@pytest.mark.parametrize("command", [["works"], ["init"], ["serve"]], ids=" ".join)
def test_a_database_of_a_newer_release_is_left_alone(seed: Path, command: list[str]) -> None:
    add(lambda s: s.execute(sa.text("UPDATE alembic_version SET version_num = 'v9999'")))
    result = kb(*command)
    assert result.exit_code == 5
    assert "made by a newer release (v9999)" in result.stderr


def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KB_DATABASE_URL", "postgresql://kb:hunter2@127.0.0.1:1/kb")
    for command in (["works"], ["init"]):
        result = kb(*command)
        assert result.exit_code == 5
        assert "127.0.0.1" in result.stderr
        assert "hunter2" not in result.output


def test_a_data_folder_that_cannot_be_made_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KB_DATA_DIR", str(tmp_path / "file/data"))
    result = kb("init")
    assert result.exit_code == 5
    assert str(tmp_path / "file/data") in result.stderr
    assert "KB_DATA_DIR" in result.stderr


def test_a_data_folder_that_cannot_be_written_to_is_named(
    monkeypatch: pytest.MonkeyPatch, installation: Path
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # no permission binds root
    result = kb("init")
    assert result.exit_code == 5
    assert f"the data folder {installation} cannot be written to" in result.stderr


def test_a_file_that_is_no_database_is_said_to_be_none(installation: Path) -> None:
    installation.mkdir()
    (installation / "kb.sqlite3").write_bytes(b"Dear reader, " * 400)
    for command in ("works", "init"):
        result = kb(command)
        assert result.exit_code == 5
        assert str(installation / "kb.sqlite3") in result.stderr


# -- a base --------------------------------------------------------------------------------------


def test_making_the_base_again_keeps_what_it_holds(installation: Path) -> None:
    first = kb("init")
    assert first.exit_code == 0
    assert str(installation / "kb.sqlite3") in first.stdout
    add(lambda s: a.a_work(s, doi="10.1234/mine", title="Of the user"))
    before = json_of(kb("works", "--json"))
    assert kb("init").exit_code == 0
    assert json_of(kb("works", "--json")) == before
    assert kb("work", "10.1234/mine").exit_code == 0


def test_the_starter_evidence_is_left_out_on_request() -> None:
    assert kb("init", "--no-starter").exit_code == 0
    assert json_of(kb("studies", "--json"))["meta"]["count"] == 0
    assert kb("init").exit_code == 0
    assert kb("study", "MS_IACOBAEUS_2019").exit_code == 0


def test_a_terminal_sees_what_is_going_on(installation: Path) -> None:
    terminal, its_other_end = os.openpty()
    command = subprocess.Popen(
        [*COMMAND, "init"],
        stdout=subprocess.PIPE,
        stderr=its_other_end,
        env=os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)},
    )
    os.close(its_other_end)
    seen = b""
    while part := _read(terminal):  # a terminal that nobody reads makes the command wait
        seen += part
    os.close(terminal)
    said, _ = command.communicate()
    assert command.returncode == 0, seen
    assert said.decode() == f"The base is ready in {installation / 'kb.sqlite3'}\n"
    assert b"studies" in seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


# -- help ----------------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    found: list[list[str]] = []
    for command in app.registered_commands:
        found.append([command.name or ""])
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found.append([group.name or ""])
        found += [
            [group.name or "", c.name or ""] for c in group.typer_instance.registered_commands
        ]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_shows_a_real_call(command: list[str]) -> None:
    shown = kb(*command, "--help")
    assert shown.exit_code == 0
    assert f" kb {' '.join(command)}" in shown.stdout.split("Usage:")[1].partition("\n")[2]


def test_the_version_is_that_of_the_package() -> None:
    assert kb("--version").stdout == "kb 0.1.0\n"


def test_help_is_there_at_once() -> None:
    """Nothing slow is imported before a command runs."""
    script = "import sys, api.cli; print([m for m in sys.modules if m in %r])"
    slow = ("sqlalchemy", "sqlmodel", "fastapi", "requests", "lxml", "uvicorn", "jinja2", "alembic")
    done = subprocess.run(
        [COMMAND[0], "-c", script % (slow,)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_reader_that_has_seen_enough_hears_no_complaint(seed: Path) -> None:
    command = subprocess.Popen(
        [*COMMAND, "results", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    assert command.stderr.read() == b""
    command.stderr.close()
    command.wait()
