"""Telling cites apart: names added, given names expanded, conditions, year suffixes (CSL 1.0.2,
"Disambiguation"). citeproc-py does none of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from kb.citing.items import Item, Name
from kb.citing.names import NameOptions, displayed
from kb.citing.rendering import Distinction, NamesPrinted, StyleOptions
from kb.citing.text import plain


@dataclass(frozen=True)
class AsCited:
    """How an item looks in the text: its cite without number, and the names in it."""

    text: str
    names: Sequence[NamesPrinted] = field(default_factory=list)


Printer: TypeAlias = Callable[[Item, Distinction], AsCited]


def between(
    items: Sequence[Item], printed: Printer, options: Mapping[str, str], style: StyleOptions
) -> dict[int, Distinction]:
    """What each item needs so that its cites differ from those of the others, by id(item).

    Items come in the order of the bibliography, which the year suffixes follow. Nothing is computed
    where the style wants nothing told apart.
    """
    found = {id(item): Distinction() for item in items}
    rule = options.get("givenname-disambiguation-rule", "by-cite")
    adds_names = options.get("disambiguate-add-names") == "true"
    adds_given = options.get("disambiguate-add-givenname") == "true"
    adds_suffix = options.get("disambiguate-add-year-suffix") == "true"
    cited: dict[int, AsCited] = {}

    def look(item: Item) -> AsCited:
        if id(item) not in cited:
            cited[id(item)] = printed(item, found[id(item)])
        return cited[id(item)]

    def change(item: Item, distinction: Distinction) -> None:
        if distinction != found[id(item)]:
            found[id(item)] = distinction
            cited.pop(id(item), None)

    def ambiguous() -> list[list[Item]]:
        groups: dict[str, list[Item]] = {}
        for item in items:
            if look(item).text:
                groups.setdefault(look(item).text, []).append(item)
        return [group for group in groups.values() if len(group) > 1]

    def distinct(group: Sequence[Item]) -> int:
        return len({look(item).text for item in group})

    if adds_given and rule != "by-cite":
        _expand_everywhere(items, look, change, found, rule)
    for group in ambiguous():
        if adds_names:
            if adds_given and rule.startswith("all-names"):
                # People whom "et al." hides may have to be told apart once they are printed.
                _expand_everywhere(group, look, change, found, rule, hidden=True)
            _add_names(group, look, change, found)
        if adds_given and rule == "by-cite":
            for rest in _same(group, look):
                _expand_in(rest, look, change, found, distinct)
                if adds_names:
                    for still in _same(rest, look):
                        _add_names_with_given(still, look, change, found, distinct)
    if adds_given and rule != "by-cite":
        _expand_everywhere(items, look, change, found, rule)
    for group in ambiguous():
        for item in group:
            change(item, replace(found[id(item)], condition=True))
        if distinct(group) == 1 and not any(look(i).text for i in group):
            for item in group:
                change(item, replace(found[id(item)], condition=False))
    if adds_suffix:
        for group in ambiguous():
            for letter, item in enumerate(group, start=1):
                change(item, replace(found[id(item)], year_suffix=letter))
    return found


_Look: TypeAlias = Callable[[Item], AsCited]
_Change: TypeAlias = Callable[[Item, Distinction], None]


def _same(group: Sequence[Item], look: _Look) -> list[list[Item]]:
    groups: dict[str, list[Item]] = {}
    for item in group:
        groups.setdefault(look(item).text, []).append(item)
    return [same for same in groups.values() if len(same) > 1]


def _add_names(
    group: list[Item], look: _Look, change: _Change, found: dict[int, Distinction]
) -> None:
    """Names that "et al." hides, one by one, as long as they tell more of the group apart."""
    hidden = [
        (printed.shown, len(printed.names))
        for item in group
        for printed in look(item).names[:1]
        if printed.shown < len(printed.names)
    ]
    if not hidden:
        return
    before = {id(item): found[id(item)] for item in group}
    counted = {0: Counter(look(item).text for item in group)}
    texts: dict[int, dict[int, str]] = {}
    for shown in range(min(s for s, _ in hidden) + 1, max(total for _, total in hidden) + 1):
        for item in group:
            change(item, replace(before[id(item)], names_shown=shown))
        texts[shown] = {id(item): look(item).text for item in group}
        counted[shown] = Counter(texts[shown].values())
        if len(counted[shown]) == len(group):
            break
    # As few names as tell most apart, and for the cites that fewer set apart no more than those.
    best = max(counted, key=lambda shown: (len(counted[shown]), -shown))
    for item in group:
        enough = next(
            (
                shown
                for shown in range(1, best)
                if shown in texts and counted[shown][texts[shown][id(item)]] == 1
            ),
            best,
        )
        change(item, replace(before[id(item)], names_shown=enough))


def _add_names_with_given(
    group: list[Item],
    look: _Look,
    change: _Change,
    found: dict[int, Distinction],
    distinct: Callable[[Sequence[Item]], int],
) -> None:
    """A name more and its given name, together: neither may do it alone."""
    before = {id(item): found[id(item)] for item in group}
    start = distinct(group)
    longest = max((len(p.names) for item in group for p in look(item).names[:1]), default=0)
    first = max((p.shown for item in group for p in look(item).names[:1]), default=0)
    for shown in range(first + 1, longest + 1):
        for item in group:
            change(item, replace(before[id(item)], names_shown=shown))
        _expand_in(group, look, change, found, distinct)
        if distinct(group) > start:
            return
    for item in group:
        change(item, before[id(item)])


def _steps(options: NameOptions) -> list[str]:
    """How a name can be written out further, least first."""
    steps = []
    if options.form == "short" and options.initialize_with is not None and options.initialize:
        steps.append("initials")
    if options.form == "short" or options.initialize_with is not None:
        steps.append("given")
    return steps


def _expand_in(
    group: Sequence[Item],
    look: _Look,
    change: _Change,
    found: dict[int, Distinction],
    distinct: Callable[[Sequence[Item]], int],
) -> None:
    """Given names in the cites of one group, name by name, where they tell more of it apart."""
    if not any(look(item).names for item in group):
        return
    positions = max(printed.shown for item in group for printed in look(item).names[:1])
    options = next(look(item).names[0].options for item in group if look(item).names)
    for at in range(positions):
        if distinct(group) == len(group):
            return
        before = {id(item): found[id(item)] for item in group}
        start = distinct(group)
        for step in _steps(options):
            for item in group:
                lists = look(item).names
                if lists and at < lists[0].shown:
                    expanded = {**before[id(item)].expanded, lists[0].names[at]: step}
                    change(item, replace(before[id(item)], expanded=expanded))
            if distinct(group) > start:
                break
        else:
            for item in group:
                change(item, before[id(item)])


def _expand_everywhere(
    items: Sequence[Item],
    look: _Look,
    change: _Change,
    found: dict[int, Distinction],
    rule: str,
    hidden: bool = False,
) -> None:
    """Different people who are printed alike are told apart wherever they are named.

    `rule` is givenname-disambiguation-rule; the primary-name rules look at first names only.
    """
    primary = rule.startswith("primary-name")
    alike: dict[str, dict[Name, NameOptions]] = {}
    for item in items:
        for printed in look(item).names[:1]:
            for name in printed.names[: 1 if primary else None if hidden else printed.shown]:
                if not name.literal:
                    text = plain(displayed(name, printed.options, True, False)).casefold()
                    alike.setdefault(text, {})[name] = printed.options
    wanted: dict[Name, str] = {}
    for people in alike.values():
        # "J.J." and "J. J." are one way of writing a name, not two people.
        if len({re.sub(r"[\s.]", "", f"{n.family}/{n.given}") for n in people}) < 2:
            continue
        for name, options in people.items():
            for step in _steps(options):
                if step == "given" and rule.endswith("with-initials"):
                    continue
                ours = _written(name, options, step)
                if any(
                    _written(other, options, step) != ours for other in people if other != name
                ) and (
                    step == "given"
                    or all(
                        _written(other, options, step) != ours for other in people if other != name
                    )
                ):
                    wanted[name] = step
                    break
    if not wanted:
        return
    for item in items:
        expanded = {
            name: wanted[name]
            for printed in look(item).names[:1]
            for name in (printed.names[:1] if primary else printed.names)
            if name in wanted
        }
        change(item, replace(found[id(item)], expanded=expanded))


def _written(name: Name, options: NameOptions, step: str) -> str:
    form = replace(options, form="long")
    if step == "given":
        form = replace(form, initialize_with=None)
    return plain(displayed(name, form, False, False))
