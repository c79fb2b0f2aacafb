"""What the README shows works as shown."""

import re
import shlex

import pytest

from kb.formats.references.formats import write_records
from kb.models.records import WorkRecord
from kb.store.engine import Store
from tests.api.cli import an_installation, kb
from tests.api.conftest import a_client
from tests.conftest import ROOT

SHELL = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
LINES = [line.partition("  #")[0].strip() for block in SHELL for line in block.splitlines()]
READING = [
    line
    for line in LINES
    if re.match(r"\.venv/bin/kb (study|work|works|results|studies|cite)", line)
]
ASKING = [line for line in LINES if line.startswith("curl")]
INGESTING = [
    line for line in LINES if re.match(r"\.venv/bin/kb (ingest|evidence|outcomes import)", line)
]
ANALYSING = [
    line
    for line in LINES
    if re.match(r"\.venv/bin/kb (check|outcomes template|export|pool|plot)", line)
]
FILING = [
    line for line in LINES if re.match(r"\.venv/bin/kb (dedupe|import|identity|convert)", line)
]
TARGETS = [line for line in LINES if line.startswith("make ")]


def test_there_are_examples_of_every_kind():
    assert READING
    assert ASKING
    assert INGESTING
    assert FILING
    assert TARGETS


@pytest.fixture
def starter(monkeypatch, tmp_path, starter_store: Store) -> Store:
    an_installation(monkeypatch, tmp_path)
    monkeypatch.setenv("KB_DATABASE_URL", starter_store.url.render_as_string(hide_password=False))
    return starter_store


@pytest.mark.parametrize("line", READING)
@pytest.mark.usefixtures("starter")
def test_the_command_line_answers(line):
    done = kb(*shlex.split(line)[1:])
    assert done.exit_code == 0, done.stderr
    assert "Iacobaeus" in done.stdout


@pytest.mark.usefixtures("starter")
def test_evidence_becomes_a_synthesis_as_shown(tmp_path):
    assert ANALYSING
    for line in ANALYSING:
        done = kb(*shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output)
    assert "Iacobaeus" in (tmp_path / "worsened.svg").read_text()
    assert (tmp_path / "worsened.zip").exists()


@pytest.mark.usefixtures("starter")
def test_reference_files_go_in_and_out_as_shown(tmp_path):
    work = WorkRecord(source="file", key="1", title="Bone marrow cells in progressive sclerosis")
    for name, format in (
        ("embase.ris", "ris"),
        ("scopus.csv", "csv"),
        ("pubmed.nbib", "nbib"),
        ("library.bib", "bibtex"),
    ):
        (tmp_path / name).write_bytes(b"".join(write_records([work], format)))
    for line in FILING:
        done = kb(*shlex.split(line)[1:])
        assert done.exit_code == 0, (line, done.output)
    for name in ("clusters.csv", "library.json"):
        assert (tmp_path / name).stat().st_size > 20


@pytest.mark.parametrize("line", ASKING)
def test_the_api_answers(line, starter):
    address = shlex.split(line)[-1].removeprefix("http://127.0.0.1:8000")
    assert a_client(starter).get(address).status_code == 200


@pytest.mark.parametrize("line", INGESTING)
def test_the_options_shown_exist(line):
    words = shlex.split(line)[1:]
    command = words[:2]
    shown = kb(*command, "--help").stdout
    for option in (word for word in words if word.startswith("--")):
        assert option in shown


@pytest.mark.parametrize("line", TARGETS)
def test_the_targets_shown_exist(line):
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
