"""`kb serve` in a process of its own: what it says, what it keeps, and when it gives up."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import orjson
import pytest

from tests import builders as a
from tests.api.cli import an_installation, its_store, kb, start

PATIENCE_S = 60


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return an_installation(monkeypatch, tmp_path)


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


@contextmanager
def served(*arguments: str) -> Iterator[list[str]]:
    """The lines said before serving; the server is stopped with Ctrl-C at the end."""
    server = start("serve", *arguments)
    assert server.stdout is not None
    try:
        lines = [server.stdout.readline().rstrip() for _ in range(3)]
        if not lines[-1]:
            raise AssertionError(server.communicate(timeout=PATIENCE_S)[1])
        yield lines
        server.send_signal(signal.SIGINT)
        said, complaints = server.communicate(timeout=PATIENCE_S)
        assert (said, complaints, server.returncode) == ("Stopped.\n", "", 0)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
        if server.stderr:
            server.stderr.close()


def asked(port: int, path: str) -> dict[str, object]:
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": "application/json"})
    with urlopen(request, timeout=PATIENCE_S) as answer:
        found: dict[str, object] = orjson.loads(answer.read())
    return found


def test_the_first_start_makes_the_base_and_serves_the_starter_evidence(
    installation: Path, port: int
) -> None:
    with served("--port", str(port)) as lines:
        assert lines == [
            f"Serving on http://127.0.0.1:{port}",
            f"Data in {installation / 'kb.sqlite3'}",
            "Stop with Ctrl-C; the data stay.",
        ]
        assert asked(port, "/studies/MS_IACOBAEUS_2019")["label"] == "Iacobaeus 2019"


def test_the_second_start_is_quick_and_keeps_the_data(port: int) -> None:
    assert kb("init").exit_code == 0
    with its_store().writing() as session:
        a.a_work(session, doi="10.1234/mine", title="Of the user")
    before = kb("works", "--json", "--filter", "year:null").stdout
    began = time.monotonic()
    with served("--port", str(port)):
        # Two seconds on an idle machine; this one may be busy.
        assert time.monotonic() - began < 15
        assert asked(port, "/works/10.1234/mine")["title"] == "Of the user"
    assert kb("works", "--json", "--filter", "year:null").stdout == before


def test_the_port_may_come_from_the_settings(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setenv("KB_PORT", str(port))
    monkeypatch.setenv("KB_HOST", "localhost")
    with served("--no-starter") as lines:
        assert lines[0] == f"Serving on http://localhost:{port}"


def test_a_taken_port_is_found_before_anything_is_made(installation: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = kb("serve", "--port", str(port))
    assert result.exit_code == 2
    assert f"port {port} of 127.0.0.1 is taken by another program" in result.stderr
    assert "KB_PORT or --port" in result.stderr
    assert not installation.exists()


@pytest.mark.parametrize(
    ("host", "said"),
    [
        pytest.param("no.such.host.invalid", "is not known", id="no such name"),
        pytest.param("192.0.2.1", "is not an address of this machine", id="elsewhere"),
    ],
)
def test_a_host_that_cannot_be_served_on_is_named(host: str, said: str, port: int) -> None:
    result = kb("serve", "--host", host, "--port", str(port))
    assert result.exit_code == 2
    assert host in result.stderr
    assert said in result.stderr
    assert "--host" in result.stderr


def test_a_second_server_leaves_the_first_alone(port: int) -> None:
    with served("--no-starter", "--port", str(port)):
        second = start("serve", "--port", str(port))
        said, complaints = second.communicate(timeout=PATIENCE_S)
        assert (said, second.returncode) == ("", 2)
        assert "is taken" in complaints
        assert "Traceback" not in complaints
        assert asked(port, "/studies")["results"] == []


def test_the_server_can_be_stopped_by_a_service_manager(port: int) -> None:
    server = start("serve", "--no-starter", "--port", str(port))
    assert server.stdout is not None
    while server.stdout.readline().rstrip()[:4] != "Stop":
        assert server.poll() is None
    server.terminate()
    try:
        _, complaints = server.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        raise
    assert complaints == ""
    assert server.returncode in (0, -signal.SIGTERM)
