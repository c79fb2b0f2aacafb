"""`kb export bundle`: a folder or a zip, whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.api.cli import an_installation, filled, json_of, kb

ASKED = (
    "export", "bundle", "--table", "proportion", "--outcome", "EDSS_CAT", "--filter",
    "category:worsened,days:>150,study:!S25", "--one-per-window", "longest",
)  # fmt: skip


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starter_base: Path) -> Path:
    return filled(an_installation(monkeypatch, tmp_path), starter_base)


def test_a_folder_and_a_zip_hold_the_same_files(tmp_path: Path) -> None:
    told = json_of(kb(*ASKED, "-o", str(tmp_path / "edss"), "--json"))
    assert kb(*ASKED, "-o", str(tmp_path / "edss.zip")).exit_code == 0
    files = {p.relative_to(tmp_path / "edss").as_posix() for p in (tmp_path / "edss").rglob("*.*")}
    assert {"analysis.R", "results/forest.svg", "data/provenance.csv"} <= files
    with zipfile.ZipFile(tmp_path / "edss.zip") as archive:
        assert archive.testzip() is None
        assert f"edss/{'snapshot.json'}" in archive.namelist()
        assert told["snapshot"] in archive.read("edss/snapshot.json").decode()
        assert len(archive.namelist()) == len(told["files"]) + 3  # pictures and checksums
    assert told["pooled"]["k"] == 5


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    result = kb(*ASKED, "-o", str(tmp_path / "mine"))
    assert result.exit_code == 2
    assert "there already" in result.output
    assert kb(*ASKED, "-o", str(tmp_path / "no" / "folder")).exit_code == 2


def test_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    result = kb(
        "export", "bundle", "--table", "proportion", "--outcome", "EDSS_CAT", "-o",
        str(tmp_path / "edss"),
    )  # fmt: skip
    assert result.exit_code == 2
    assert "count more than once" in result.output
    assert [p.name for p in tmp_path.iterdir()] == ["data"]
    assert kb(*ASKED[:3], "cube", *ASKED[4:], "-o", str(tmp_path / "x")).exit_code == 2
