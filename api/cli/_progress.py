"""What a long command is doing, shown on stderr while it does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Tell = Callable[[str, int, int | None], None]  # what is going on, done, of how many


def _nothing(what: str, done: int, total: int | None) -> None:
    pass


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Tell]:
    """Takes what is told and shows the latest; silent where stderr is no terminal."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if quiet or not console.is_terminal:
        yield _nothing
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        bar.add_task("starting", total=None)
        (task,) = bar.tasks

        def tell(what: str, done: int, total: int | None) -> None:
            task.total = total  # update() takes None for "as before"
            bar.update(task.id, description=what, completed=done)

        yield tell
