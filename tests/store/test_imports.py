"""Reference files come into the base whole, once, and stay what they were."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import select

from kb.errors import Conflict, InvalidInput
from kb.formats.references.formats import write_records
from kb.models import tables as t
from kb.models.tables import metadata
from kb.store import imports, record_works
from kb.store.engine import Store
from kb.store.exported_works import selected_records
from kb.store.imports import ImportRun, import_file
from kb.store.listing import Asked
from kb.store.payloads import load
from tests.builders import a_record
from tests.conftest import ROOT
from tests.reference_files import TITLES, article, ris


def brought_in(
    store: Store, body: bytes, source: str = "embase", name: str = "embase.ris", **more: Any
) -> ImportRun:
    return import_file(store, io.BytesIO(body), source=source, file_name=name, **more)


def counts(run: ImportRun) -> dict[str, int]:
    return {name: n for name, n in run.this_run.items() if n}


def exported(store: Store, format: str = "ris") -> str:
    with store.reading() as session:
        return b"".join(write_records(selected_records(session, Asked()), format)).decode()


def everything(store: Store) -> dict[str, Any]:
    """All rows of all tables."""
    with store.reading() as session:
        return {
            name: sorted(map(repr, session.execute(sa.select(table)).all()))
            for name, table in metadata.tables.items()
        }


def keys(store: Store) -> list[str]:
    with store.reading() as session:
        return sorted(session.exec(select(t.StoredRecord.key)))


# -- whole ---------------------------------------------------------------------------------------


def test_a_file_is_kept_as_it_is_and_its_records_point_to_it(store: Store):
    body = ris(article(TITLES[0], ID="a1"), article(TITLES[1], ID="a2"))
    run = brought_in(store, body, who="dora")
    with store.reading() as session:
        payload = load(session, run.done.payload_id)
        assert (payload.body, payload.request, payload.source) == (
            body,
            "file embase.ris",
            "embase",
        )
        records = session.exec(select(t.StoredRecord)).all()
        assert {(r.source, r.key, r.payload_id) for r in records} == {
            ("embase", "a1", payload.id),
            ("embase", "a2", payload.id),
        }
    assert (run.done.records, run.done.new_works, run.done.who) == (2, 2, "dora")
    assert run.done.finished_at is not None


def test_the_same_file_twice_writes_nothing(store: Store):
    body = ris(article(TITLES[0], ID="a1"), article(TITLES[1])) + b"TY  - JOUR\r\nER  - \r\n"
    first = brought_in(store, body)
    before = everything(store)
    again = brought_in(store, body, name="downloaded again.ris")
    assert everything(store) == before
    assert (again.done.id, again.is_new, again.written) == (first.done.id, False, 0)
    assert counts(again) == {"unchanged": first.done.records}


def test_records_in_another_order_are_the_same_records(store: Store):
    records = [article(TITLES[0], ID="a1"), article(TITLES[1]), article(TITLES[2])]
    brought_in(store, ris(*records))
    before = keys(store)
    run = brought_in(store, ris(*reversed(records)), name="sorted.ris")
    assert counts(run) == {"unchanged": 3}
    assert keys(store) == before


def test_a_record_said_anew_takes_the_place_of_the_one_it_was(store: Store):
    brought_in(store, ris(article(TITLES[0], ID="a1")))
    run = brought_in(store, ris(article(TITLES[0], ID="a1", VL="8")), name="newer.ris")
    assert counts(run) == {"changed": 1}
    assert "VL  - 8" in exported(store)


def test_labels_that_begin_anew_in_each_file_name_nothing(store: Store):
    first, second = (ris(article(title, ID="1")) for title in TITLES[:2])
    brought_in(store, first)
    run = brought_in(store, second, name="second.ris")
    assert counts(run) == {"new_works": 1}
    assert {line for line in exported(store).splitlines() if line.startswith("TI")} == {
        f"TI  - {title}" for title in TITLES[:2]
    }
    assert counts(brought_in(store, second, name="second.ris")) == {"unchanged": 1}


def test_a_label_twice_in_one_file_stands_for_two_records(store: Store):
    run = brought_in(store, ris(article(TITLES[0], ID="x"), article(TITLES[1], ID="x")))
    assert counts(run) == {"new_works": 2}


def test_the_same_record_twice_in_a_file_is_counted_twice(store: Store):
    same = article(TITLES[0], DO="10.3390/jcm8122102")
    run = brought_in(store, ris(same, same))
    assert run.done.records == 2
    assert counts(run) == {"new_works": 1, "joined": 1}
    assert counts(brought_in(store, ris(same, same))) == {"unchanged": 2}


def test_what_another_source_described_is_joined(store: Store):
    brought_in(store, ris(article(TITLES[0], DO="10.3390/jcm8122102")), source="scopus")
    run = brought_in(store, ris(article(TITLES[0], DO="10.3390/JCM8122102"), article(TITLES[1])))
    assert counts(run) == {"joined": 1, "new_works": 1}


def test_each_record_is_counted_once(store: Store):
    records = [article(title, DO=f"10.1234/{n}") for n, title in enumerate(TITLES)]
    brought_in(store, ris(*records[:2]), source="scopus")
    run = brought_in(store, ris(*records, records[0]))
    done = run.done
    parts = (done.new_works, done.joined, done.unsure, done.changed, done.unchanged, done.unsaved)
    assert sum(parts) == done.records == 6


# -- what is wrong -------------------------------------------------------------------------------


def test_what_cannot_be_read_is_noted_with_its_place_until_it_can(store: Store):
    broken = ris(article(TITLES[0])) + b"AU  - Nobody, No\r\n" + ris(article(TITLES[1]))
    run = brought_in(store, b'[{"title":"One","id":"1","type":"book"},7]', name="library.json")
    (part,) = run.not_read
    assert (run.done.records, run.done.unreadable) == (1, 1)
    with store.reading() as session:
        (failure,) = session.exec(select(t.Failure)).all()
        assert (failure.source, failure.request) == ("embase", "file library.json")
        assert (failure.position, failure.reason) == (part.position, part.reason)
        assert failure.payload_id == run.done.payload_id
        assert imports.read_import(session, run.done.id).not_read == [part]
    brought_in(store, b'[{"title":"One","id":"1","type":"book"}]', name="library.json")
    with store.reading() as session:
        assert session.exec(select(t.Failure)).all() == []
    assert brought_in(store, broken, source="ovid").done.records >= 2


def test_a_record_that_cannot_be_saved_stops_none_of_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    save = record_works.save_work_record

    def failing(session: Any, record: Any, *rest: Any) -> Any:
        if record.title == TITLES[1]:
            raise ValueError("a title of which nothing can be made")
        return save(session, record, *rest)

    body = ris(*(article(title) for title in TITLES))
    monkeypatch.setattr(imports, "save_work_record", failing)
    run = brought_in(store, body)
    assert counts(run) == {"new_works": 4, "unsaved": 1}
    with store.reading() as session:
        (failure,) = session.exec(select(t.Failure)).all()
        assert "nothing can be made" in failure.reason
    monkeypatch.undo()
    assert counts(brought_in(store, body)) == {"unchanged": 4, "new_works": 1}
    with store.reading() as session:
        assert session.exec(select(t.Failure)).all() == []


@pytest.mark.parametrize(
    ("body", "format", "named"),
    [
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", None, "a PDF", id="PDF"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "ris", "a PDF", id="called RIS"),
        pytest.param(b"", None, "empty", id="empty"),
    ],
)
def test_another_kind_of_file_is_named_and_nothing_is_kept(
    plain_store: Store, body: bytes, format: str | None, named: str
):
    with pytest.raises(InvalidInput, match=named):
        brought_in(plain_store, body, name="article.pdf", format=format)
    with plain_store.reading() as session:
        assert session.exec(select(t.StoredPayload.id)).all() == []


def test_a_file_beyond_the_limit_is_refused(plain_store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imports, "MAX_FILE", 100)
    with pytest.raises(InvalidInput, match="larger than 256 MB"):
        brought_in(plain_store, ris(article(TITLES[0]), article(TITLES[1])))


def test_records_of_files_never_mix_with_others_of_the_same_name(store: Store):
    with store.writing() as session:
        a_record(session, source="my-review")
    with pytest.raises(Conflict, match="did not come as reference files"):
        brought_in(store, ris(article(TITLES[0])), source="my-review")


# -- stopped, and at once ------------------------------------------------------------------------

_IMPORT = """
import sys
from kb.store.engine import Store
from kb.store.imports import import_file
store = Store(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    import_file(store, file, source="embase", file_name="embase.ris")
"""


def test_a_kill_leaves_whole_records_and_a_second_run_goes_on(store: Store, tmp_path: Path):
    path = tmp_path / "embase.ris"
    many = [
        article(f"{TITLES[n % 5]}, part {n}", DO=f"10.1234/{n}", ID=f"L{n}") for n in range(120)
    ]
    path.write_bytes(ris(*many))
    url = store.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", _IMPORT, url, str(path)], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    while _held(store) < 20 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = _held(store)
    assert 20 <= killed_at < 120
    with store.reading() as session:
        (row,) = session.exec(select(t.FileImport)).all()
        assert (row.finished_at, row.gone_through) == (None, killed_at)
        assert all(record.work_id for record in session.exec(select(t.StoredRecord)))
    run = brought_in(store, path.read_bytes())
    assert counts(run) == {"unchanged": killed_at, "new_works": 120 - killed_at}
    assert (run.done.new_works, run.done.records, run.done.unchanged) == (120, 120, 0)
    assert run.done.finished_at is not None


def _held(store: Store) -> int:
    with store.reading() as session:
        query = sa.select(sa.func.count()).select_from(t.StoredRecord)
        return int(session.execute(query).scalar_one())


def test_two_files_at_once_both_come_in(store: Store):
    errors: list[BaseException] = []

    def bring(source: str) -> None:
        records = [article(f"{t_}, by {source}", DO=f"10.1234/{n}") for n, t_ in enumerate(TITLES)]
        try:
            brought_in(store, ris(*records), source=source)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=bring, args=(name,)) for name in ("embase", "scopus")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store.reading() as session:
        rows = session.exec(select(t.FileImport)).all()
        assert sum(row.new_works for row in rows) == 5
        assert sum(row.joined for row in rows) == 5


# -- and out again -------------------------------------------------------------------------------

FULL = [
    ("ID", "iacobaeus2019"), ("AU", "Iacobaeus, Ellen"), ("AU", "van der Berg, Jan Maarten, Jr."),
    ("AU", "Karolinska MSC Group"), ("A2", "Uccelli, Antonio"), ("TI", "Seven “patients” & more"),
    ("T2", "Journal of Clinical Medicine"), ("J2", "J Clin Med"), ("PY", "2019"),
    ("DA", "2019/12/02/"), ("VL", "8"), ("IS", "12"), ("SP", "2102"), ("EP", "2110"),
    ("SN", "2077-0383"), ("DO", "10.3390/jcm8122102"), ("UR", "https://example.org/a?b=c&d=e"),
    ("AB", "Background: x < 5 µm. دراسة, 细胞 and 🧬."), ("KW", "Zebra"), ("KW", "apple"),
    ("N1", "read twice"), ("LA", "en"), ("PB", "MDPI"), ("CY", "Basel"), ("M3", "Article"),
    ("C7", "7"), ("XQ", "a tag nobody knows"), ("XQ", "and again"), ("DB", "Embase"),
]  # fmt: skip


def test_every_field_of_a_file_comes_out_again(store: Store):
    brought_in(store, ris(FULL))
    came = [line for line in ris(FULL).decode().splitlines() if line]
    gone = [line for line in exported(store).splitlines() if line]
    missing = [line for line in came if line not in gone]
    assert missing == [], "\n".join(gone)
    assert [line for line in gone if line not in came] == ["N1  - Evidence base: W1"]


def test_five_thousand_authors_go_through(plain_store: Store):
    people = [("AU", f"Family{n}, G. {n}") for n in range(5000)]
    brought_in(plain_store, ris([*people, ("TI", TITLES[0])]))
    out = exported(plain_store).splitlines()
    assert [line for line in out if line.startswith("AU")] == [
        f"AU  - {name}" for _, name in people
    ]


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(lambda text: text.encode("latin-1"), id="Latin-1"),
        pytest.param(lambda text: text.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(lambda text: text.encode("utf-16"), id="UTF-16"),
        pytest.param(lambda text: text.replace("\r\n", "\n").encode(), id="LF"),
        pytest.param(lambda text: text.replace("\r\n", "\r").encode(), id="CR"),
    ],
)
def test_a_file_in_any_encoding_says_the_same(plain_store: Store, encoded: Any):
    text = ris(article("Knochenmark für Übertragungen: später Schmerz", AU="Müller, Jörg")).decode()
    brought_in(plain_store, encoded(text))
    out = exported(plain_store)
    assert "TI  - Knochenmark für Übertragungen: später Schmerz" in out
    assert "AU  - Müller, Jörg" in out


def test_what_went_out_comes_back_as_the_same_works(store: Store):
    brought_in(store, ris(FULL, article(TITLES[1], DO="10.1234/1"), article(TITLES[2], ID="c")))
    first = exported(store)
    run = brought_in(store, first.encode(), source="back", name="back.ris")
    assert counts(run) == {"joined": 3}
    assert exported(store) == first
