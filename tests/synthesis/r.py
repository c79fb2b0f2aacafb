"""Runs R with metafor as an oracle; tests that need it are skipped, saying what to install."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import Any

import orjson
import pytest


def in_r(script: str, *packages: str, **given: Any) -> Any:
    """What `script` leaves in `answer`; `given` are its variables, plain values or lists."""
    _needed("jsonlite", *packages)
    program = "\n".join(
        [
            "suppressMessages({",
            *(f"library({package})" for package in ("jsonlite", *packages)),
            "given <- fromJSON(file('stdin'), simplifyDataFrame = FALSE)",
            "})",
            script,
            "cat(toJSON(answer, digits = NA, auto_unbox = TRUE, na = 'null', null = 'null'))",
        ]
    )
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", program],
        input=orjson.dumps(given, option=orjson.OPT_SERIALIZE_NUMPY),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout)


def _needed(*packages: str) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (apt-get install r-base-core)")
    missing = [package for package in packages if not _has(package)]
    if missing:
        pytest.skip(f"R packages not installed: {', '.join(missing)}")


@cache
def _has(package: str) -> bool:
    asked = f"quit(status = !requireNamespace('{package}', quietly = TRUE))"
    return not subprocess.run(["Rscript", "-e", asked], capture_output=True, check=False).returncode
