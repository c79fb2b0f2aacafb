"""What commands start with: the settings, the database, and the two ways of answering.

Answers go to stdout, everything said beside them to stderr. Modules that take long to import are
imported by the commands that need them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from kb.errors import InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

    from kb.settings import Settings
    from kb.store.engine import Store

# Wide enough for a table of results where no terminal says how wide it is.
_WIDTH_WITHOUT_TERMINAL = 160

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Search = Annotated[str | None, typer.Option(help="Words that all occur.", metavar="WORDS")]
Filter = Annotated[
    str | None,
    typer.Option(help="Conditions, separated by commas: field:value.", metavar="CONDITIONS"),
]
Sort = Annotated[
    str | None, typer.Option(help="Field to sort by, then :asc or :desc.", metavar="FIELD")
]
PageNumber = Annotated[int, typer.Option("--page", help="Page to show.")]
PerPage = Annotated[int, typer.Option(help="Rows on a page, up to 100.")]
Cursor = Annotated[
    str | None,
    typer.Option(help="Instead of a page: * to begin, then what was given for the next."),
]


def console() -> Console:
    """Writes to stdout as it is now, as wide as the terminal."""
    from rich.console import Console

    has_terminal = any(os.isatty(descriptor) for descriptor in (0, 1, 2))
    width = None if has_terminal or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """The value on one line of stdout."""
    import orjson

    typer.echo(orjson.dumps(value))


def say(message: str) -> None:
    """A line for the person at the terminal."""
    typer.echo(message, err=True)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its name only when it is whole: until then, and where writing
    fails, what went by that name stays. A device or a pipe is written to as it is.

    Raises InvalidInput where the name cannot be one of a file.
    """
    path = path.resolve()  # what a link leads to, not the link
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        with path.open("wb") as there:
            yield there
        return
    file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:20]}.", delete=False)  # noqa: SIM115
    try:
        with file:
            yield cast(BinaryIO, file)
        # Readable as any other new file is, not for its owner alone.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(file.name, 0o666 & ~umask)
        os.replace(file.name, path)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


@contextmanager
def opened(path: Path | None) -> Iterator[BinaryIO]:
    """Where to write: stdout, or a file that takes its name only when it is whole."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with whole_file(path) as file:
        yield file


@contextmanager
def reading() -> Iterator[Session]:
    """A session to read from the base there is.

    Raises StoreUnavailable where there is none yet, or one of another release.
    """
    from kb.settings import Settings
    from kb.store.engine import Store
    from kb.store.overview import schema_revision

    store = Store(Settings().database_url)
    try:
        path = _file(store)
        if path is not None and not path.exists():
            raise StoreUnavailable(f"there is no database {path} yet; `kb init` makes it")
        with store.reading() as session:
            _check_release(store, schema_revision(session), is_upgraded=False)
            yield session
    finally:
        store.close()


_KEYED_SINCE = "v0007"  # the schema in which records have keys by which they are compared


@contextmanager
def base(settings: Settings) -> Iterator[Store]:
    """The open database in the current schema; it and its folder are made where missing."""
    from kb.store.engine import Store
    from kb.store.migrate import migrate
    from kb.store.overview import schema_revision

    make_folder(settings.data_dir)
    store = Store(settings.database_url)
    try:
        with store.reading() as session:
            before = schema_revision(session)
            _check_release(store, before, is_upgraded=True)
        migrate(store)
        if before is not None and before < _KEYED_SINCE:
            from kb.store.identity_index import index_identity

            index_identity(store)
        yield store
    finally:
        store.close()


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise StoreUnavailable(
            f"the data folder {folder} cannot be made: {error.strerror} "
            "(KB_DATA_DIR names another one)"
        ) from error
    if not is_writable:
        raise StoreUnavailable(
            f"the data folder {folder} cannot be written to (KB_DATA_DIR names another one)"
        )


def where(store: Store) -> str:
    """The database's place in words, without a password."""
    path = _file(store)
    return str(path) if path is not None else store.url.render_as_string(hide_password=True)


def _file(store: Store) -> Path | None:
    name = store.url.database
    in_a_file = store.is_sqlite and name and name != ":memory:" and not name.startswith("file:")
    return Path(name).absolute() if in_a_file and name else None


def _check_release(store: Store, revision: str | None, *, is_upgraded: bool) -> None:
    import kb.store.migrations.versions as versions

    # Files of migrations begin with the revision they make, and are numbered.
    known = {path.name.partition("_")[0] for path in Path(versions.__path__[0]).glob("v*.py")}
    if revision is not None and revision not in known:
        raise StoreUnavailable(
            f"the database {where(store)} was made by a newer release ({revision}); "
            "use that release, nothing was changed"
        )
    if is_upgraded:
        return
    if revision is None:
        raise StoreUnavailable(f"the database {where(store)} is empty; `kb init` fills it")
    if revision != max(known):
        raise StoreUnavailable(
            f"the database {where(store)} is of an older release ({revision}); "
            "`kb init` brings it up to date and keeps what it holds"
        )
