"""Laws of joining and parting works: taking back leaves no trace, whatever happened in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from kb.errors import Conflict, InvalidInput
from kb.models import tables as t
from kb.models.records import WorkRecord
from kb.store.engine import Store
from tests.store.identity_scene import described, living, partition, say, seen, take_back
from tests.store.saves import LATER, dump, ids, references, rows_of, save, save_each, undone

_DOIS = "abcd"


def a_work(n: int, **given_: Any) -> WorkRecord:
    doi = _DOIS[n]
    return described(
        "crossref",
        doi,
        **{
            "identifiers": ids(doi=f"10.1000/{doi}"),
            "title": f"On {doi * 9} cells in the {doi * 7} of mice",
            "pages": f"{n}1-{n}9",
            "references": references(
                *(ids(doi=f"10.1000/{other}") for other in _DOIS if other != doi)
            ),
        }
        | given_,
    )


LIBRARY = [a_work(n) for n in range(4)]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("same"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("different"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("withdraw"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("record"), st.integers(0, 3), st.integers(0, 3)),
    ),
    max_size=7,
)


def run(session: Session, story: list[tuple[str, int, int]]) -> list[WorkRecord]:
    """Live through a story; returns the records that came, as they stand at its end."""
    made: list[int] = []
    come: dict[str, WorkRecord] = {}
    for what, a, b in story:
        try:
            if what == "withdraw":
                if made:
                    take_back(session, made.pop(a % len(made)))
            elif what == "record":
                # Another source's record of one work, which cites another.
                come[_DOIS[a]] = a_work(a, references=references(ids(doi=f"10.1000/{_DOIS[b]}")))
                brief = described(
                    "europepmc",
                    _DOIS[a],
                    identifiers=come[_DOIS[a]].identifiers,
                    title=come[_DOIS[a]].title,
                    pages=come[_DOIS[a]].pages,
                    references=come[_DOIS[a]].references,
                )
                come[_DOIS[a]] = brief
                save(session, brief, now=LATER)
            else:
                one, other = (f"10.1000/{_DOIS[n]}" for n in (a, b))
                made.append(say(session, what, one, other))
        except (Conflict, InvalidInput):
            pass  # refused, and nothing done
    for number in reversed(made):
        take_back(session, number)
    return list(come.values())


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(story=steps)
def test_all_decisions_taken_back_leave_what_the_records_alone_would_have_made(
    plain_store: Store, story: list[tuple[str, int, int]]
) -> None:
    with undone(plain_store) as session:
        save(session, *LIBRARY)
        come = run(session, story)
        told = (partition(session), _links(session))
    with undone(plain_store) as session:
        save(session, *LIBRARY, *come)
        assert told == (partition(session), _links(session))


def _links(session: Session) -> set[tuple[str, str]]:
    names = {row.work_id: row.value for row in rows_of(session, t.WorkIdentifier)}
    return {
        (names[row.citing_id], names[row.cited_id]) for row in rows_of(session, t.CitationAssertion)
    }


def test_a_story_without_newcomers_leaves_no_trace_on_either_engine(session: Session) -> None:
    save(session, *LIBRARY)
    before = seen(session, *living(session))
    run(
        session,
        [("same", 0, 1), ("same", 2, 3), ("different", 0, 3), ("same", 1, 2), ("withdraw", 0, 0),
         ("different", 1, 3), ("withdraw", 1, 0)],
    )  # fmt: skip
    assert seen(session, *living(session)) == before


@pytest.mark.parametrize("act", ["merge", "withdraw"])
def test_a_decision_that_breaks_off_leaves_all_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    save_each(store, LIBRARY)
    with store.writing() as session:
        number = say(session, "same", "W1", "W2") if act == "withdraw" else 0
    with store.reading() as session:
        before = dump(session)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kb.store.identity_decisions.recompute", killed)
    act_: Callable[[Session], Any] = (
        (lambda s: say(s, "same", "W1", "W2"))
        if act == "merge"
        else (lambda s: take_back(s, number))
    )
    with pytest.raises(KeyboardInterrupt), store.writing() as session:
        act_(session)
    with store.reading() as session:
        assert dump(session) == before
