"""Lists: which rows, in what order, on which page. Fields are declared once per kind of row.

A filter is `field:value` with commas for AND, `|` between values for OR, `!` before them for NOT,
`>`, `>=`, `<`, `<=` or `low-high` for numbers and `null` for "not known"; a value that holds a
comma goes in double quotes. What a filter does not know it refuses: nothing is ignored.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import orjson
import sqlalchemy as sa
from sqlmodel import Session

from kb.errors import InvalidInput, NotFound
from kb.store.lookup import LARGEST_ID, plain_text

T = TypeVar("T")
Condition = sa.ColumnElement[bool]
Column = Any  # a mapped attribute or any expression: SQLModel types the first as its value

MAX_PER_PAGE = 100
MAX_DEPTH = 10_000  # page * per_page; beyond it a cursor is the way
_MAX_WORDS = 20
# SQLite refuses expressions deeper than 1000 and patterns longer than 50,000 bytes.
_MAX_TESTS = 200
_MAX_TEXT = 1000


class Reads(StrEnum):
    """How a filter's value is read."""

    TEXT = "text"  # equal, whatever the case
    WORDS = "words"  # contained, whatever the case
    LISTED = "listed"  # one element of a JSON list of texts
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "true or false"
    ROW = "id"  # any name `resolve` understands


_SORTABLE = (Reads.TEXT, Reads.WORDS, Reads.INTEGER, Reads.NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something rows can be filtered or sorted by.

    `within` wraps a condition on another table's column into one on the listed row ("some record
    of this work is from ..."); `read` brings a text value to its stored form, `resolve` finds the
    row number behind a name. `means` tells for a value asked for and a text held whether the text
    falls under it, though the two are not spelt alike: "IV" and "intravenous, then intrathecal".
    """

    about: str
    column: Column
    reads: Reads = Reads.TEXT
    within: Callable[[Condition], Condition] | None = None
    read: Callable[[str], str] | None = None
    resolve: Callable[[Session, str], int] | None = None
    means: Callable[[str, str], bool] | None = None

    @property
    def is_sortable(self) -> bool:
        return self.within is None and self.reads in _SORTABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One kind of list: where its rows stand and what they can be asked by."""

    name: str  # in the plural, for messages
    source: sa.FromClause | type[Any]
    id: Column
    fields: Mapping[str, Field]
    order: str  # when none is asked for: "year:desc"
    searched: Column | None = None
    always: Sequence[Condition] = ()

    @property
    def sortable(self) -> dict[str, Column]:
        found = {name: f.column for name, f in self.fields.items() if f.is_sortable}
        return found | {"id": self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller asked a list for. `fields` are filters given one by one; they read like the
    right side of `filter`, except that a comma means itself."""

    search: str | None = None
    filter: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    sort: str | None = None
    page: int = 1
    per_page: int = 25
    cursor: str | None = None

    @property
    def selection(self) -> str:
        """What was asked for in one line, as a file that holds it says; "" is everything."""
        parts = [f"search={self.search}" if self.search else "", self.filter or ""]
        return ",".join(filter(None, [*parts, *(f"{k}:{v}" for k, v in self.fields.items())]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of a list. `count` is the length of the whole; `page` is None where a cursor was used;
    `next_cursor` is None at the end, and where none was used."""

    count: int
    page: int | None
    per_page: int
    next_cursor: str | None
    results: list[T]

    @property
    def has_next(self) -> bool:
        """Whether a next page can be asked for by number."""
        if self.page is None or (self.page + 1) * self.per_page > MAX_DEPTH:
            return False
        return self.page * self.per_page < self.count

    def of(self, results: list[Any]) -> Page[Any]:
        """The same page with other values in it."""
        return Page(
            count=self.count,
            page=self.page,
            per_page=self.per_page,
            next_cursor=self.next_cursor,
            results=results,
        )


def list_rows(
    session: Session, listing: Listing, asked: Asked, *conditions: Condition
) -> Page[int]:
    """The row numbers on the page asked for, in order."""
    _check_paging(asked)
    where = [*conditions, *where_of(session, listing, asked)]
    count = _count(session, listing, where)
    order = _order(listing, asked.sort)
    query = _ordered(listing, order)
    if asked.cursor is None:
        rows = session.execute(
            query.where(*where).limit(asked.per_page).offset((asked.page - 1) * asked.per_page)
        ).all()
        return Page(
            count=count,
            page=asked.page,
            per_page=asked.per_page,
            next_cursor=None,
            results=[row[-1] for row in rows],
        )
    text = ",".join(f"{name}:{'desc' if descending else 'asc'}" for name, _, descending in order)
    if asked.cursor != "*":
        where.append(_after(order, _read_cursor(asked.cursor, order, text)))
    rows = session.execute(query.where(*where).limit(asked.per_page + 1)).all()
    has_more = len(rows) > asked.per_page
    rows = rows[: asked.per_page]
    return Page(
        count=count,
        page=None,
        per_page=asked.per_page,
        next_cursor=_cursor(text, rows[-1]) if has_more else None,
        results=[row[-1] for row in rows],
    )


def count_rows(session: Session, listing: Listing, asked: Asked) -> int:
    """Length of the whole list, whatever page of it was asked for."""
    return _count(session, listing, where_of(session, listing, asked))


def each_batch(
    session: Session,
    listing: Listing,
    asked: Asked,
    *,
    size: int = 500,
    together: Column | None = None,
) -> Iterator[list[int]]:
    """Row numbers of the whole list, some at a time, whatever page of it was asked for.

    A batch begins after the last row of the one before, so that the last is as fast as the first.
    With `together`, rows that share its value stand next to each other, instead of in the order
    asked for.
    """
    where = where_of(session, listing, asked)
    if together is None:
        order = _order(listing, asked.sort)
    else:
        order = [("together", together, False), ("id", listing.id, False)]
    query = _ordered(listing, order)
    after: list[Condition] = []
    while True:
        rows = session.execute(query.where(*where, *after).limit(size)).all()
        if rows:
            yield [row[-1] for row in rows]
        if len(rows) < size:
            return
        after = [_after(order, rows[-1])]


def where_of(session: Session, listing: Listing, asked: Asked) -> list[Condition]:
    """What rows of the listing's source must fulfil to be in the list."""
    return [*listing.always, *_conditions(session, listing, asked)]


def in_order(numbers: Sequence[int], found: Mapping[int, T]) -> list[T]:
    return [found[number] for number in numbers if number in found]


# -- order and pages -----------------------------------------------------------------------------

_Order = list[tuple[str, Column, bool]]


def _count(session: Session, listing: Listing, where: Sequence[Condition]) -> int:
    query = sa.select(sa.func.count()).select_from(listing.source).where(*where)
    return session.execute(query).scalar_one()  # type: ignore[no-any-return]


def _ordered(listing: Listing, order: _Order) -> sa.Select[Any]:
    query = sa.select(*(column for _, column, _ in order)).select_from(listing.source)
    for _, column, descending in order:
        way = column.desc() if descending else column.asc()
        # SQLite and PostgreSQL sort unknown values to opposite ends unless told.
        query = query.order_by(way.nulls_last())
    return query


def _check_paging(asked: Asked) -> None:
    if not 1 <= asked.per_page <= MAX_PER_PAGE:
        raise InvalidInput(f"per_page is {asked.per_page} (expected 1 to {MAX_PER_PAGE})")
    if asked.page < 1:
        raise InvalidInput(f"page is {asked.page} (expected 1 or more)")
    if asked.cursor is not None and asked.page != 1:
        raise InvalidInput("page and cursor exclude each other; leave one of them out")
    if asked.page * asked.per_page > MAX_DEPTH:
        raise InvalidInput(
            f"page {asked.page} of {asked.per_page} lies beyond the first {MAX_DEPTH:,} rows; "
            "use cursor=* and follow meta.next_cursor"
        )


def _order(listing: Listing, text: str | None) -> _Order:
    order: _Order = []
    for part in plain_text(text or listing.order).split(","):
        name, _, way = part.strip().partition(":")
        column = listing.sortable.get(name)
        if column is None:
            raise InvalidInput(
                f"cannot sort {listing.name} by {name!r} "
                f"(known: {', '.join(sorted(listing.sortable))})"
            )
        if way not in ("", "asc", "desc"):
            raise InvalidInput(f"not a direction: {part.strip()!r} (expected {name}:asc or :desc)")
        if name not in [known for known, _, _ in order]:
            order.append((name, column, way == "desc"))
    # Without the id, rows that tie could appear on two pages.
    ids = [entry for entry in order if entry[0] == "id"]
    if ids:
        order = order[: order.index(ids[0])]
    return [*order, *(ids or [("id", listing.id, False)])]


def _after(order: _Order, values: Sequence[Any]) -> Condition:
    """Rows that come after one with these values, unknown values standing last."""
    steps: list[Condition] = []
    same: list[Condition] = []
    for (_, column, descending), value in zip(order, values):
        if value is not None:
            beyond = column < value if descending else column > value
            steps.append(sa.and_(*same, sa.or_(beyond, column.is_(None))))
            same.append(column == value)
        else:
            same.append(column.is_(None))
    return sa.or_(*steps)


def _cursor(order: str, row: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([order, *row])).decode().rstrip("=")


def _read_cursor(cursor: str, order: _Order, text: str) -> list[Any]:
    not_ours = InvalidInput(
        "not a cursor of this list (expected * to begin, then meta.next_cursor as received)"
    )
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError:
        found = None
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise not_ours
    if found[0] != text:
        raise InvalidInput(f"the cursor belongs to the order {found[0]!r}, not {text!r}")
    values = found[1:]
    if len(values) != len(order) or values[-1] is None:
        raise not_ours
    if not all(_fits(column, value) for (_, column, _), value in zip(order, values)):
        raise not_ours
    return values


def _fits(column: Column, value: Any) -> bool:
    """Whether the database can compare the two; a cursor may have been made up."""
    kind: Any = column.type.python_type
    kind = str if kind is object else kind  # SQLModel's own strings do not say what they are
    if value is None or (kind is float and type(value) in (int, float)):
        return True
    if type(value) is not kind or (kind is str and "\x00" in value):
        return False
    return kind is not int or abs(value) <= LARGEST_ID


# -- filters -------------------------------------------------------------------------------------


def _conditions(session: Session, listing: Listing, asked: Asked) -> list[Condition]:
    found = _search(listing, asked.search)
    wanted = _clauses(asked.filter) + list(asked.fields.items())
    tests = sum(1 + value.count("|") for _, value in wanted)
    if tests > _MAX_TESTS:
        raise InvalidInput(f"{tests} conditions to filter by (expected at most {_MAX_TESTS})")
    for name, value in wanted:
        known = listing.fields.get(name)
        if known is None:
            raise InvalidInput(
                f"cannot filter {listing.name} by {name!r} "
                f"(known: {', '.join(sorted(listing.fields))})"
            )
        found.append(_condition(session, name, known, plain_text(value)))
    return found


def _search(listing: Listing, text: str | None) -> list[Condition]:
    words = plain_text(text or "").split()
    if words and listing.searched is None:
        raise InvalidInput(f"{listing.name} cannot be searched, only filtered")
    if len(words) > _MAX_WORDS:
        raise InvalidInput(f"{len(words)} words to search for (expected at most {_MAX_WORDS})")
    for word in words:
        _check_length("search", word)
    return [listing.searched.icontains(word, autoescape=True) for word in words]  # type: ignore[union-attr]


_COMPARISON = re.compile(r"(>=|<=|>|<)\s*(.+)", re.S)
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)")


def _split(text: str, separator: str) -> list[str]:
    """Parts between separators that stand outside double quotes."""
    parts, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == separator and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    if quoted:
        raise InvalidInput(f"a quotation mark is not closed in {text[:80]!r}")
    return parts


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _clauses(text: str | None) -> list[tuple[str, str]]:
    clauses = []
    for part in _split(plain_text(text), ",") if text else ():
        name, colon, value = part.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise InvalidInput(
                f"not a filter: {part[:80]!r} (expected e.g. year:>2015,type:review)"
            )
        clauses.append((name.strip(), value.strip()))
    return clauses


def _condition(session: Session, name: str, known: Field, value: str) -> Condition:
    value = value.strip()
    negated = value.startswith("!")
    within = known.within or (lambda condition: condition)
    alternatives = []
    for part in _split(value[1:] if negated else value, "|"):
        if not part.strip():
            raise InvalidInput(f"nothing to compare {name} with in {value[:80]!r}")
        if part.strip() == "null":
            alternatives.append(sa.not_(within(_is_known(known))))
        else:
            alternatives.append(within(_test(session, name, known, part.strip())))
    found = sa.or_(*alternatives)
    # A row whose value is unknown is not known to be excluded: NOT keeps it.
    return sa.not_(sa.func.coalesce(found, sa.false())) if negated else found


def _is_known(known: Field) -> Condition:
    if known.reads is Reads.LISTED:
        return is_filled(known.column)
    return known.column.is_not(None)  # type: ignore[no-any-return]


def is_filled(column: Column) -> Condition:
    """Whether a JSON column holds anything; None may stand there as NULL or as JSON's null."""
    return sa.func.coalesce(sa.cast(column, sa.Text), "null").not_in(("null", "[]", "{}"))


def _test(session: Session, name: str, known: Field, text: str) -> Condition:
    column = known.column
    comparison = _COMPARISON.fullmatch(text)
    is_numeric = known.reads in (Reads.INTEGER, Reads.NUMBER)
    if comparison and not is_numeric:
        raise InvalidInput(f"{name} has no order, so {text[:40]!r} asks for nothing")
    if comparison:
        value = _number(name, known, comparison[2])
        return {  # type: ignore[no-any-return]
            ">": column > value,
            ">=": column >= value,
            "<": column < value,
            "<=": column <= value,
        }[comparison[1]]
    if is_numeric and (span := _RANGE.fullmatch(text)):
        return column.between(_number(name, known, span[1]), _number(name, known, span[2]))  # type: ignore[no-any-return]
    if is_numeric:
        return column == _number(name, known, text)  # type: ignore[no-any-return]
    if known.reads is Reads.BOOLEAN:
        if text.lower() not in ("true", "false"):
            raise InvalidInput(f"{name} is {text[:40]!r} (expected true or false)")
        return column.is_(sa.true() if text.lower() == "true" else sa.false())  # type: ignore[no-any-return]
    text = _unquoted(text)
    _check_length(name, text)
    if known.reads is Reads.ROW:
        assert known.resolve is not None
        try:
            return column == known.resolve(session, text)  # type: ignore[no-any-return]
        except NotFound as error:
            raise InvalidInput(f"cannot filter by {name}: {error}") from error
    if known.read is not None:
        text = known.read(text)
    if known.reads is Reads.WORDS:
        return column.icontains(text, autoescape=True)  # type: ignore[no-any-return]
    if known.reads is Reads.LISTED:
        element = orjson.dumps(text).decode()
        return sa.cast(column, sa.Text).icontains(element, autoescape=True)
    # Folded by the database on both sides, since SQLite folds ASCII letters only.
    is_same = sa.func.lower(column) == sa.func.lower(text)
    if known.means is None:
        return is_same
    held = session.execute(sa.select(column).where(column.is_not(None)).distinct()).scalars()
    return sa.or_(is_same, column.in_([value for value in held if known.means(text, value)]))


def _check_length(name: str, text: str) -> None:
    if len(text) > _MAX_TEXT:
        raise InvalidInput(f"{name} is {len(text)} characters (expected at most {_MAX_TEXT})")


def _number(name: str, known: Field, text: str) -> int | float:
    text = text.strip()
    pattern = r"-?[0-9]{1,10}" if known.reads is Reads.INTEGER else r"-?[0-9]{1,15}(\.[0-9]{1,15})?"
    if not re.fullmatch(pattern, text):
        kind = "a whole number" if known.reads is Reads.INTEGER else "a number"
        raise InvalidInput(f"{name} is {text[:40]!r} (expected {kind}, >n, <n or low-high)")
    if known.reads is Reads.NUMBER:
        return float(text)
    if abs(int(text)) > LARGEST_ID:
        raise InvalidInput(f"{name} is {text}, beyond what it can be")
    return int(text)
