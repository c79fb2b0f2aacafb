"""The folders mean what they say: imports point one way, and importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Each layer may import itself and those before it on the way inwards.
ALLOWED = {
    "kb.errors": {"kb.errors"},
    "kb.models": {"kb.models", "kb.errors"},
    "kb.identity": {"kb.identity", "kb.models", "kb.errors"},
    "kb.derive": {"kb.derive", "kb.identity", "kb.models", "kb.errors"},
    "kb.outcomes": {"kb.outcomes", "kb.models", "kb.errors"},
    "kb.synthesis": {"kb.synthesis", "kb.errors"},
    "kb.appraisal": {"kb.appraisal", "kb.models", "kb.errors"},
    "kb.pictures": {"kb.pictures", "kb.synthesis", "kb.appraisal", "kb.models", "kb.errors"},
    "kb.formats": {
        "kb.formats", "kb.outcomes", "kb.synthesis", "kb.appraisal", "kb.identity", "kb.models",
        "kb.errors",
    },
    "kb.citing": {"kb.citing", "kb.formats", "kb.identity", "kb.models", "kb.errors"},
    "kb.starter": {"kb.starter", "kb.formats", "kb.outcomes", "kb.models", "kb.errors"},
    "kb.settings": {"kb.settings", "kb.errors"},
    "kb.store": {
        "kb.store", "kb.starter", "kb.formats", "kb.outcomes", "kb.synthesis", "kb.appraisal",
        "kb.derive", "kb.identity", "kb.models", "kb.errors",
    },
    "ingest": {"ingest", "kb"},
    "graphs": {"graphs", "kb"},
    "api": {"api", "graphs", "ingest", "kb"},
}  # fmt: skip
OURS = ("kb", "ingest", "graphs", "api")


def modules() -> list[Path]:
    return sorted(p for top in OURS for p in (ROOT / top).rglob("*.py"))


def layer(name: str) -> str | None:
    return next((k for k in ALLOWED if name == k or name.startswith(k + ".")), None)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_inwards(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = layer(name)
    if own is None:
        assert name in ("kb", *OURS)
        return
    for node in ast.walk(ast.parse(path.read_text())):
        for imported in _imported(node):
            if imported.split(".")[0] in OURS:
                inside = any(imported == a or imported.startswith(a + ".") for a in ALLOWED[own])
                assert inside, f"{name} imports {imported}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_importing_opens_no_file_database_or_socket() -> None:
    script = """
import sys, importlib
opened = []
def hook(event, args):
    # Not socket.bind: urllib3 asks the kernel once whether it knows IPv6.
    if event in ("socket.connect", "sqlite3.connect"):
        opened.append((event, args))
sys.addaudithook(hook)
for name in %r:
    importlib.import_module(name)
sys.exit(repr(opened) if opened else 0)
"""
    names = [
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for p in modules()
        if "migrations" not in p.parts
    ]
    done = subprocess.run(
        [sys.executable, "-c", script % names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
