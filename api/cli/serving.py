"""Making the base and serving it."""

from __future__ import annotations

import socket
from errno import EACCES, EADDRINUSE
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli._context import base, where
from api.cli._progress import progress
from kb.errors import InvalidInput

if TYPE_CHECKING:
    from kb.settings import Settings
    from kb.store.engine import Store

# Answers still being sent this long after Ctrl-C are cut off.
_SHUTDOWN_S = 5
_BACKLOG = 2048  # what uvicorn uses


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to serve on; else KB_HOST, else 127.0.0.1: this machine only."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port to serve on; else KB_PORT, else 8000."),
    ] = None,
    no_starter: Annotated[
        bool, typer.Option("--no-starter", help="Do not load the starter evidence.")
    ] = False,
) -> None:
    """Serve the API and the pages until Ctrl-C.

    Makes the database where there is none and loads the starter evidence into it. What is there
    already is kept.

        kb serve
        kb serve --host 0.0.0.0 --port 8080
    """
    from kb.settings import Settings

    given = {"host": host, "port": port}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    # Before anything is made: a second server would find the port taken only after its work.
    with _listening(settings.host, settings.port) as listener, base(settings) as store:
        _fill(store, no_starter)
        _run(settings, store, listener)


def init(
    no_starter: Annotated[
        bool, typer.Option("--no-starter", help="Do not load the starter evidence.")
    ] = False,
) -> None:
    """Make the database or bring it up to date, and load the starter evidence.

    What is there already is kept.

        kb init
        KB_DATABASE_URL=postgresql://kb@localhost/kb kb init
    """
    from kb.settings import Settings

    with base(Settings()) as store:
        _fill(store, no_starter)
        typer.echo(f"The base is ready in {where(store)}")


def _fill(store: Store, no_starter: bool) -> None:
    from kb.store.curated import load_starter
    from kb.store.definitions import store_vocabulary

    if not no_starter:
        with progress() as tell:
            load_starter(store, tell)
    store_vocabulary(store)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that holds the port. Raises InvalidInput where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidInput(
            f"the host {host!r} is not known (KB_HOST or --host, e.g. 127.0.0.1)"
        ) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port until one of them listens.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == EADDRINUSE:
            reason = f"port {port} of {host} is taken by another program"
            remedy = f"choose another with KB_PORT or --port, e.g. --port {port % 65535 + 1}"
        elif error.errno == EACCES:
            reason = f"port {port} is reserved for the system"
            remedy = "choose one above 1023 with KB_PORT or --port, e.g. --port 8000"
        else:
            reason = f"{host} is not an address of this machine"
            remedy = "choose one with KB_HOST or --host, e.g. 127.0.0.1"
        raise InvalidInput(f"{reason} ({remedy})") from error
    return listener


def _run(settings: Settings, store: Store, listener: socket.socket) -> None:
    import uvicorn

    from api.app import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            shown = f"[{settings.host}]" if ":" in settings.host else settings.host
            typer.echo(f"Serving on http://{shown}:{settings.port}")
            typer.echo(f"Data in {where(store)}")
            typer.echo("Stop with Ctrl-C; the data stay.")

    config = uvicorn.Config(
        create_app(settings, store),
        log_level="warning",
        # Else FORWARDED_ALLOW_IPS could let strangers say that they are on this machine.
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    try:
        Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        typer.echo("Stopped.")
