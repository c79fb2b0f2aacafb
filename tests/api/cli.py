"""Calling `kb` as a shell does, in this process or in one of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from api.cli.app import app
from kb.settings import Settings
from kb.store.engine import Store
from tests.conftest import ROOT

# Tests that run in the background inherit that Ctrl-C is ignored; a person's terminal does not.
_MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from api.cli import main
main()
"""
COMMAND = (sys.executable, "-c", _MAIN)


def an_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The data folder, not made yet, of an installation without any setting of the machine's."""
    for name in (*Settings.model_fields, "debug"):
        monkeypatch.delenv(f"KB_{name.upper()}", raising=False)
    folder = tmp_path / "data"
    monkeypatch.setenv("KB_DATA_DIR", str(folder))
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    return folder


def filled(folder: Path, starter_base: Path) -> Path:
    """The data folder as `kb init` leaves it."""
    folder.mkdir()
    shutil.copy(starter_base, folder / "kb.sqlite3")
    return folder


def its_store() -> Store:
    return Store(Settings().database_url)


def kb(*arguments: str) -> Result:
    # Wide, so that no word of a table is broken over two lines.
    return CliRunner().invoke(app, arguments, prog_name="kb", env={"COLUMNS": "400"})


def json_of(result: Result) -> Any:
    """What the command printed, which must be JSON alone; of a part of a list it says so beside."""
    assert result.exit_code == 0, result.output
    assert result.stderr == "" or "; next: --" in result.stderr
    return orjson.loads(result.stdout)


def start(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`kb` in a process of its own, with its streams in pipes."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(env or {}),
    )
