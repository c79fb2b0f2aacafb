"""The elements of a style that print something, compiled from its tree (CSL 1.0.2, "Rendering
Elements").

The rendering elements of citeproc-py cannot be corrected one by one, because they hand on strings:
when a group is to be left out, a quotation mark to take in a comma, a name to be set apart or a
cite to be told from another, what would have to be known is gone. These do the same work over
formatted text, and count which variables they called, so that groups know.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kb.citing import numbers
from kb.citing.casing import CASES, recased
from kb.citing.items import Date, Day, Item, Name
from kb.citing.locales import CSL, DatePart, Locale
from kb.citing.names import NameOptions, PartFormat, listed
from kb.citing.text import Span, Text, joined, link_to, plain, read_marked
from kb.errors import InvalidInput


@dataclass(frozen=True)
class Distinction:
    """What is added to an item's cites so that no other item's look the same."""

    names_shown: int = 0
    expanded: Mapping[Name, str] = field(default_factory=dict)
    condition: bool = False
    year_suffix: int = 0  # 1 is a

    @property
    def suffix(self) -> str:
        letters, number = "", self.year_suffix
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord("a") + rest) + letters
        return letters


class NamesPrinted(NamedTuple):
    """One list of names in a cite, and how many of them are printed."""

    names: tuple[Name, ...]
    shown: int
    options: NameOptions


@dataclass(eq=False)
class Rendering:
    """One item being printed at one place; what its elements share."""

    item: Item
    style: StyleOptions
    area: Mapping[str, str]  # name options of cs:citation or cs:bibliography, or of a sort key
    number: int = 0
    positions: frozenset[str] = frozenset()
    locator: tuple[str, str] | None = None
    distinction: Distinction = field(default_factory=Distinction)
    in_sort: bool = False
    in_bibliography: bool = False
    hide_author: bool = False
    called: int = 0
    filled: int = 0
    suppressed: set[str] = field(default_factory=set)
    substitute_for: Names | None = None
    names_printed: list[NamesPrinted] = field(default_factory=list)
    suffix_printed: bool = False

    @property
    def is_english(self) -> bool:
        language = self.item.values.get("language", "") or self.style.language
        return language.lower().startswith("en")

    def has(self, variable: str) -> bool:
        if variable == "locator":
            return self.locator is not None
        if variable == "citation-number":
            return True
        if variable == "year-suffix":
            return bool(self.distinction.year_suffix)
        return variable not in self.suppressed and self.item.has(variable)

    def value(self, variable: str) -> Text:
        """The text of a variable; counts the call."""
        self.called += 1
        nodes = self._value(variable)
        if nodes:
            self.filled += 1
        return nodes

    def _value(self, variable: str) -> Text:
        if variable == "citation-number":
            return [Span([str(self.number)], role="number")]
        if variable == "locator":
            return read_marked(self.locator[1]) if self.locator else []
        if variable in self.suppressed:
            return []
        return self.item.marked(variable)


@dataclass(eq=False)
class StyleOptions:
    """What all elements of a style go by."""

    locale: Locale
    language: str
    options: Mapping[str, str]
    macros: dict[str, list[Element]] = field(default_factory=dict)
    prints_year_suffix: bool = False  # somewhere by a cs:text of its own
    # As pandoc 2.17.1.1 reads CSL: a cs:names without cs:name takes none of the name options set on
    # the style, cs:citation and cs:bibliography, and its label stands first; a minimal page range
    # loses the digits it shares with its start even where it has more of them.
    as_pandoc: bool = False


class Element:
    """Something that prints."""

    def render(self, at: Rendering) -> Text:
        raise NotImplementedError


def _check(element: Any, attribute: str, allowed: Container[str]) -> None:
    if (value := element.get(attribute)) is not None and value not in allowed:
        raise InvalidInput(f"{attribute} cannot be {value[:40]!r}")


class Dress:
    """Affixes, formatting, quotes, case and display of an element, in the order CSL has them."""

    __slots__ = ("block", "case", "form", "plain", "prefix", "quoted", "strips", "suffix")

    def __init__(self, element: Any) -> None:
        self.prefix = element.get("prefix", "")
        self.suffix = element.get("suffix", "")
        _check(element, "text-case", CASES)
        self.case = element.get("text-case", "")
        self.strips = element.get("strip-periods") == "true"
        self.quoted = element.get("quotes") == "true"
        self.block = element.get("display")
        self.form = tuple(
            (name, element.get(name))
            for name in (
                "font-style", "font-variant", "font-weight", "text-decoration", "vertical-align",
            )
            if element.get(name) and element.get(name) not in ("baseline", "none")
        )  # fmt: skip
        self.plain = not (self.case or self.strips or self.quoted or self.block or self.form)

    def on(self, nodes: Text, at: Rendering, link: str | None = None) -> Text:
        if not nodes:
            return []
        if not self.plain:
            if self.strips:
                nodes = _without_periods(nodes)
            if self.case:
                nodes = recased(nodes, self.case, at.is_english)
            if self.form or self.quoted:
                nodes = [Span(nodes, self.form, quoted=self.quoted)]
        prefix = self.prefix
        if link:
            # "https://doi.org/" before a DOI is part of the address that is printed.
            if prefix.lower().startswith("http"):
                nodes, prefix = [prefix, *nodes], ""
            nodes = [Span(nodes, link=link)]
        if prefix or self.suffix:
            nodes = [*([prefix] if prefix else []), *nodes, *([self.suffix] if self.suffix else [])]
        if self.block:
            nodes = [Span(nodes, block=self.block)]
        return nodes


def _without_periods(nodes: Text) -> Text:
    return [
        node.replace(".", "")
        if isinstance(node, str)
        else Span(_without_periods(node.nodes), node.form, node.toggles, node.quoted, node.verbatim)
        for node in nodes
    ]


def rendered(elements: list[Element], at: Rendering, delimiter: str = "") -> Text:
    if delimiter:
        return joined([element.render(at) for element in elements], delimiter)
    out: Text = []
    for element in elements:
        out.extend(element.render(at))
    return out


# --- text ---

_RANGED = frozenset(("issue", "volume", "edition", "chapter-number", "number-of-volumes"))
# CSL 1.0.2, Appendix VI "Links", in the order in which one is chosen for a title.
_LINKS: dict[str, Callable[[str], str]] = {
    "DOI": lambda value: f"https://doi.org/{value.replace('#', '%23')}",
    "PMCID": lambda value: f"https://www.ncbi.nlm.nih.gov/pmc/articles/{value}",
    "PMID": lambda value: f"https://www.ncbi.nlm.nih.gov/pubmed/{value}",
    "URL": lambda value: f"https://{value}" if value.startswith("www.") else value,
}


def address_of(item: Item) -> str | None:
    """Where the item can be looked up."""
    return next(
        (link_to(_LINKS[name](item.values[name])) for name in _LINKS if name in item.values), None
    )


class TextElement(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        self.form = element.get("form", "long")
        self.variable = element.get("variable")
        self.macro = element.get("macro")
        self.term = element.get("term")
        self.value = element.get("value")
        self.plural = element.get("plural") == "true"
        if self.variable == "year-suffix":
            style.prints_year_suffix = True

    def render(self, at: Rendering) -> Text:
        if self.variable:
            return self._variable(at)
        if self.macro:
            nodes = rendered(at.style.macros.get(self.macro, []), at)
            if nodes:
                # "If the macro is non-empty, it is treated as a non-empty variable" (Group).
                at.called += 1
                at.filled += 1
            return self.dress.on(nodes, at)
        if self.term:
            term = at.style.locale.term(self.term, self.form, self.plural)
            if self.term == "no date" and term:
                # Stands for the date: a group of it and of what is missing prints.
                at.called += 1
                at.filled += 1
                return self.dress.on([Span([term], role="year")], at)
            return self.dress.on([term] if term else [], at)
        return self.dress.on([self.value] if self.value else [], at)

    def _variable(self, at: Rendering) -> Text:
        variable: str = self.variable
        if variable == "year-suffix":
            # Not counted where there is none: a group of "n.d." and a suffix prints without one.
            suffix = at.distinction.suffix
            if not suffix:
                return []
            at.called += 1
            at.filled += 1
            at.suffix_printed = True
            return self.dress.on([Span([suffix], role="year-suffix")], at)
        if self.form == "short" and at.has(f"{variable}-short"):
            variable = f"{variable}-short"
        if variable == "citation-label" and not at.has(variable):
            at.called += 1
            at.filled += 1
            nodes: Text = [_citation_label(at.item)]
            if at.distinction.suffix:
                nodes.append(Span([at.distinction.suffix], role="year-suffix"))
            return self.dress.on(nodes, at)
        nodes = at.value(variable)
        if not nodes:
            return []
        if (variable in ("page", "locator") and len(nodes) == 1) or variable in _RANGED:
            nodes = [_ranged(plain(nodes), variable, at)]
        if variable in _LINKS:
            return self.dress.on(nodes, at, link_to(_LINKS[variable](plain(nodes))))
        if variable == "title" and at.in_bibliography:
            nodes = [Span(nodes, role="title")]
        return self.dress.on(nodes, at)


def _ranged(text: str, variable: str, at: Rendering) -> str:
    dash = at.style.locale.term("page-range-delimiter") or "–"
    if variable in _RANGED:
        return numbers.plain_range(text, "–")
    if variable == "locator" and at.locator and at.locator[0] != "page":
        return numbers.page_range(text, "", "–")
    return numbers.page_range(text, at.style.options.get("page-range-format", ""), dash)


def _citation_label(item: Item) -> str:
    names = next((item.names[v] for v in ("author", "editor") if v in item.names), ())
    year = next((str(d.start.year)[-2:] for d in [item.dates.get("issued")] if d and d.start), "")
    length = 4 if len(names) == 1 else 2 if len(names) < 4 else 1
    return "".join((n.family or n.literal)[:length] for n in names[:4]) + year


class NumberElement(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        _check(element, "form", ("numeric", "ordinal", "long-ordinal", "roman"))
        self.form = element.get("form", "numeric")
        self.variable = element.get("variable", "")

    def render(self, at: Rendering) -> Text:
        nodes = at.value(self.variable)
        if not nodes:
            return []
        text = plain(nodes)
        if not numbers.is_numeric(text):
            return self.dress.on(nodes, at)
        if self.form == "numeric":
            if self.variable in ("page", "locator"):
                return self.dress.on([_ranged(text, self.variable, at)], at)
            return self.dress.on([numbers.tidied(text, str)], at)
        locale = at.style.locale
        gender = locale.genders.get(self.variable, "")
        change = {
            "ordinal": lambda number: locale.ordinal(number, gender),
            "long-ordinal": lambda number: locale.long_ordinal(number, gender),
            "roman": numbers.roman,
        }[self.form]
        return self.dress.on([numbers.tidied(text, change)], at)


class LabelElement(Element):
    """The word for a variable, in the plural where there are several."""

    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        self.form = element.get("form", "long")
        self.plural = element.get("plural", "contextual")
        self.variable = element.get("variable", "")

    def render(self, at: Rendering) -> Text:
        variable = self.variable
        if not at.has(variable):
            return []
        if variable == "locator":
            assert at.locator
            name, text = at.locator
            name = "sub-verbo" if name == "sub verbo" else name
        else:
            name, text = variable, plain(at.item.marked(variable))
        several = numbers.is_several(text)
        if variable.startswith("number-of"):
            several = text.strip() not in ("0", "1")
        return self.of(name, several, at)

    def of(self, name: str, several: bool, at: Rendering) -> Text:
        plural = self.plural == "always" or (self.plural == "contextual" and several)
        term = at.style.locale.term(name, self.form, plural)
        return self.dress.on([term] if term else [], at)


# --- groups and conditions ---


class GroupElement(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        self.delimiter = element.get("delimiter", "")
        self.children = compiled(element, style)

    def render(self, at: Rendering) -> Text:
        """Nothing where variables were called and all of them were empty (CSL 1.0.2, "Group")."""
        called, filled = at.called, at.filled
        nodes = joined(_flat(self.children, at), self.delimiter)
        if at.called > called and at.filled == filled:
            return []
        return self.dress.on(nodes, at)


def _flat(elements: list[Element], at: Rendering) -> list[Text]:
    """What the elements print, cs:choose being transparent: its children take the group's
    delimiter."""
    out: list[Text] = []
    for element in elements:
        if isinstance(element, ChooseElement):
            out.extend(_flat(element.chosen(at), at))
        else:
            out.append(element.render(at))
    return out


class ChooseElement(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.branches = [
            (_condition(branch), compiled(branch, style))
            for branch in element
            if isinstance(branch.tag, str)
        ]

    def chosen(self, at: Rendering) -> list[Element]:
        for condition, children in self.branches:
            if condition(at):
                return children
        return []

    def render(self, at: Rendering) -> Text:
        return joined(_flat(self.chosen(at), at), "")


def _condition(element: Any) -> Callable[[Rendering], bool]:
    """The test of cs:if and cs:else-if; `match` holds over all values of all attributes."""
    if element.tag == f"{CSL}else":
        return lambda at: True
    tests: list[Callable[[Rendering], bool]] = []
    for name, value in element.attrib.items():
        if name == "match":
            continue
        tests.extend(_TESTS[name](one) for one in value.split() if name in _TESTS)
    match = element.get("match", "all")
    if match == "any":
        return lambda at: any(test(at) for test in tests)
    if match == "none":
        return lambda at: not any(test(at) for test in tests)
    return lambda at: all(test(at) for test in tests)


def _is_numeric(at: Rendering, variable: str) -> bool:
    if variable == "locator":
        return at.locator is not None and numbers.is_numeric(at.locator[1])
    return at.has(variable) and numbers.is_numeric(plain(at.item.marked(variable)))


def _is_uncertain(at: Rendering, variable: str) -> bool:
    date = at.item.dates.get(variable)
    return date is not None and date.circa


def _locator_is(at: Rendering, kind: str) -> bool:
    return at.locator is not None and at.locator[0].replace(" ", "-") == kind


_TESTS: dict[str, Callable[[str], Callable[[Rendering], bool]]] = {
    "type": lambda value: lambda at: at.item.type == value,
    "variable": lambda value: lambda at: at.has(value),
    "is-numeric": lambda value: lambda at: _is_numeric(at, value),
    "is-uncertain-date": lambda value: lambda at: _is_uncertain(at, value),
    "locator": lambda value: lambda at: _locator_is(at, value),
    "position": lambda value: lambda at: value in at.positions,
    "disambiguate": lambda value: lambda at: at.distinction.condition == (value == "true"),
}


# --- dates ---


class DateElement(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        self.variable = element.get("variable", "")
        own = [
            DatePart(part.get("name"), dict(part.attrib))
            for part in element.findall(f"{CSL}date-part")
        ]
        self.is_localized = element.get("form") in style.locale.dates
        if self.is_localized:
            parts, self.delimiter = style.locale.dates[element.get("form")]
            shown = element.get("date-parts", "year-month-day").split("-")
            # A cs:date-part in the call changes how a part is written, not what stands around it.
            changes = {
                part.name: {
                    key: value
                    for key, value in part.attributes.items()
                    if key not in ("prefix", "suffix")
                }
                for part in own
            }
            self.parts = [
                DatePart(part.name, {**part.attributes, **changes.get(part.name, {})})
                for part in parts
                if part.name in shown
            ]
        else:
            self.delimiter = element.get("delimiter", "")
            self.parts = own
        for part in self.parts:
            if part.name not in _PARTS:
                raise InvalidInput(f"a date has no part {part.name!r}")
        self.dressed_parts = [(part, Dress(part.attributes)) for part in self.parts]

    def render(self, at: Rendering) -> Text:
        at.called += 1
        date = None if self.variable in at.suppressed else at.item.dates.get(self.variable)
        if date is None:
            return []
        if at.in_sort:
            nodes: Text = [sortable(date)]
        elif date.start is None:
            nodes = [date.literal] if date.literal else []
        else:
            nodes = self._written(date, at)
        if nodes:
            at.filled += 1
        return self.dress.on(nodes, at)

    def _written(self, date: Date, at: Rendering) -> Text:
        assert date.start is not None
        if date.is_open:
            first = self._day(date.start, self.dressed_parts, at)
            return [*_trimmed_end(first), "–"] if first else []
        if date.end is None:
            return joined(self._parts(date.start, self.dressed_parts, at), self.delimiter)
        return self._range(date.start, date.end, at)

    def _range(self, start: Day, end: Day, at: Rendering) -> Text:
        """Parts that are the same stand once, those that differ around the range delimiter."""
        known = [(p, d) for p, d in self.dressed_parts if _PARTS[p.name](start, p.attributes, at)]
        names = [part.name for part, _ in known]
        same = set()
        for name in ("year", "month", "day"):
            if name == "month":
                equal = (start.month, start.season) == (end.month, end.season)
            else:
                equal = getattr(start, name) == getattr(end, name)
            if not equal:
                break
            same.add(name)
        differing = [n for n in ("year", "month", "day") if n in names and n not in same]
        if not differing:
            return joined(self._parts(start, known, at), self.delimiter)
        positions = [names.index(n) for n in differing]
        low, high = min(positions), max(positions) + 1
        middle = known[low:high]
        dash = known[names.index(differing[0])][0].attributes.get("range-delimiter", "–")
        left = _trimmed_end(self._day(start, middle, at), middle)
        right = _trimmed_start(_trimmed_end(self._day(end, middle, at), middle), middle)
        both: Text = [*left, dash, *right]
        tail = self._parts(end, known[high:], at)
        if tail and middle[-1][1].suffix:
            both.append(middle[-1][1].suffix)
        return joined([*self._parts(start, known[:low], at), both, *tail], self.delimiter)

    def _day(self, day: Day, parts: list[tuple[DatePart, Dress]], at: Rendering) -> Text:
        return joined(self._parts(day, parts, at), self.delimiter)

    def _parts(self, day: Day, parts: list[tuple[DatePart, Dress]], at: Rendering) -> list[Text]:
        out = []
        for part, dress in parts:
            nodes = _PARTS[part.name](day, part.attributes, at)
            if nodes:
                out.append(dress.on(nodes, at))
        return out


def _trimmed_end(nodes: Text, parts: list[tuple[DatePart, Dress]] | None = None) -> Text:
    """Without the suffix of the last part: it would stand before the dash."""
    if nodes and isinstance(nodes[-1], str) and len(nodes) > 1:
        suffix = parts[-1][1].suffix if parts else nodes[-1]
        if nodes[-1] == suffix:
            return nodes[:-1]
    return nodes


def _trimmed_start(nodes: Text, parts: list[tuple[DatePart, Dress]]) -> Text:
    prefix = parts[0][1].prefix
    return nodes[1:] if prefix and nodes and nodes[0] == prefix else nodes


def _year(day: Day, attributes: Mapping[str, str], at: Rendering) -> Text:
    locale, year = at.style.locale, day.year
    if attributes.get("form") == "short" and year >= 1000:
        text = f"{year % 100:02d}"
    else:
        text = str(abs(year))
    if year < 0:
        text += locale.term("bc")
    elif year < 1000:
        text += locale.term("ad")
    nodes: Text = [Span([text], role="year")]
    suffix = at.distinction.suffix
    if suffix and not at.style.prints_year_suffix and not at.suffix_printed and not at.in_sort:
        at.suffix_printed = True
        nodes.append(Span([suffix], role="year-suffix"))
    return nodes


def _month(day: Day, attributes: Mapping[str, str], at: Rendering) -> Text:
    form = attributes.get("form", "long")
    if day.month is None:
        if day.season and form in ("long", "short"):
            return [at.style.locale.term(f"season-{day.season:02d}")]
        return []
    if form == "numeric":
        return [str(day.month)]
    if form == "numeric-leading-zeros":
        return [f"{day.month:02d}"]
    return [at.style.locale.term(f"month-{day.month:02d}", form)]


def _day_of_month(day: Day, attributes: Mapping[str, str], at: Rendering) -> Text:
    if day.day is None:
        return []
    form = attributes.get("form", "numeric")
    locale = at.style.locale
    if form == "numeric-leading-zeros":
        return [f"{day.day:02d}"]
    if form == "ordinal" and not (locale.limits_day_ordinals and day.day != 1):
        return [locale.ordinal(day.day, locale.genders.get(f"month-{day.month or 0:02d}", ""))]
    return [str(day.day)]


_PARTS = {"year": _year, "month": _month, "day": _day_of_month}


def sortable(date: Date) -> str:
    """Dates as text that sorts as they do; years before Christ come first, latest last."""

    def one(day: Day | None) -> str:
        if day is None:
            return "00000000"
        month = day.month or (day.season * 3 if day.season else 0)
        return f"{day.year + 5000:05d}{month:02d}{day.day or 0:02d}"

    if date.start is None:
        return date.literal
    return one(date.start) + ("-" + one(date.end) if date.end else "")


# --- names ---


def check_counts(element: Any) -> None:
    """Raises InvalidInput where an option that counts names holds no number."""
    for name, value in element.attrib.items():
        if name in _COUNTS and not value.isdecimal():
            raise InvalidInput(f"{name} is no number: {value[:40]!r}")


_COUNTS = frozenset(("et-al-min", "et-al-use-first", "names-min", "names-use-first"))


class Names(Element):
    def __init__(self, element: Any, style: StyleOptions) -> None:
        self.dress = Dress(element)
        self.variables = element.get("variable", "").split()
        self.own_delimiter = element.get("delimiter")
        self.attributes = dict(element.attrib)
        check_counts(element)
        self.name = element.find(f"{CSL}name")
        if self.name is not None:
            check_counts(self.name)
        self.name_attributes = dict(self.name.attrib) if self.name is not None else None
        self.name_dress = Dress(self.name) if self.name is not None else None
        self.parts = {
            part.get("name"): PartFormat(
                Dress(part).form,
                part.get("text-case", ""),
                part.get("prefix", ""),
                part.get("suffix", ""),
            )
            for part in (self.name if self.name is not None else [])
            if part.tag == f"{CSL}name-part"
        }
        et_al = element.find(f"{CSL}et-al")
        self.et_al = (et_al.get("term", "et-al"), Dress(et_al)) if et_al is not None else None
        label = element.find(f"{CSL}label")
        self.label = LabelElement(label, style) if label is not None else None
        order = [child.tag for child in element if isinstance(child.tag, str)]
        self.label_first = f"{CSL}label" in order and (
            order.index(f"{CSL}label") < order.index(f"{CSL}name")
            if f"{CSL}name" in order
            else style.as_pandoc
        )
        substitute = element.find(f"{CSL}substitute")
        self.substitutes = compiled(substitute, style) if substitute is not None else []
        self._options: dict[tuple[int, bool], NameOptions] = {}

    def render(self, at: Rendering) -> Text:
        model = self._model(at)
        given = at.substitute_for
        roles = self._roles(at)
        printed: list[Text] = []
        counted = 0
        options = model._name_options(at, self.attributes)
        for role, variable in roles:
            at.called += 1
            names = () if variable in at.suppressed else at.item.names.get(variable, ())
            if not names:
                continue
            at.filled += 1
            if options.form == "count":
                counted += self._count(names, options)
                continue
            printed.append(self._one(role, names, options, model, at))
        if options.form == "count":
            if counted:
                return self.dress.on([str(counted)], at)
        elif printed:
            if given is not None:
                at.suppressed.update(variable for _, variable in roles)
            nodes = joined(printed, self._delimiter(at))
            return self._marked(self.dress.on(nodes, at), at)
        return self._substituted(at)

    def _marked(self, nodes: Text, at: Rendering) -> Text:
        if at.hide_author and at.substitute_for is None:
            at.hide_author = False
            return []
        return [Span(nodes, role="names")] if at.substitute_for is None else nodes

    def _model(self, at: Rendering) -> Names:
        """In cs:substitute, a cs:names without children prints as the one it stands in for."""
        given = at.substitute_for
        return given if given is not None and self.name is None and self.label is None else self

    def _roles(self, at: Rendering) -> list[tuple[str, str]]:
        """(term, variable): an editor who also translated is named once, with the word for both."""
        variables = self.variables
        if {"editor", "translator"} <= set(variables):
            editors = at.item.names.get("editor")
            if editors and editors == at.item.names.get("translator"):
                form = self.label.form if self.label else "long"
                if at.style.locale.term("editortranslator", form):
                    rest = [v for v in variables if v not in ("editor", "translator")]
                    return [("editortranslator", "editor"), *((v, v) for v in rest)]
        return [(v, v) for v in variables]

    @staticmethod
    def _count(names: tuple[Name, ...], options: NameOptions) -> int:
        if options.et_al_min and len(names) >= options.et_al_min:
            return min(len(names), options.et_al_use_first)
        return len(names)

    def _one(
        self, role: str, names: tuple[Name, ...], options: NameOptions, model: Names, at: Rendering
    ) -> Text:
        locale = at.style.locale
        and_term = {
            "text": locale.term("and"),
            "symbol": locale.term("and", "symbol")
            if ("and", "symbol", "") in locale.terms
            else "&",
        }.get(options.and_, "")
        if model.et_al is not None:
            term, dress = model.et_al
            et_al = dress.on([locale.term(term)] if locale.term(term) else [], at)
        else:
            et_al = [locale.term("et-al")] if locale.term("et-al") else []
        nodes, shown = listed(
            names,
            options,
            english=at.is_english,
            and_term=and_term,
            et_al=et_al,
            # Names and initials tell cites apart; a reference is what it is.
            shown_more=0 if at.in_bibliography else at.distinction.names_shown,
            expanded={} if at.in_bibliography else at.distinction.expanded,
            in_sort=at.in_sort,
        )
        at.names_printed.append(NamesPrinted(names, shown, options))
        if model.label is None or at.in_sort:
            return nodes
        label = model.label.of(role, len(names) > 1, at)
        return [*label, *nodes] if model.label_first else [*nodes, *label]

    def _delimiter(self, at: Rendering) -> str:
        if self.own_delimiter is not None:
            return str(self.own_delimiter)
        if at.substitute_for is not None and at.substitute_for.own_delimiter is not None:
            return str(at.substitute_for.own_delimiter)
        everywhere = at.style.options.get("names-delimiter", "")
        return at.area.get("names-delimiter", everywhere)

    def _substituted(self, at: Rendering) -> Text:
        if not self.substitutes or at.substitute_for is not None:
            return []
        at.substitute_for = self
        try:
            for element in self.substitutes:
                tried = _variables_of(element, at)
                nodes = element.render(at)
                if nodes:
                    # What stands in for the names is not printed a second time.
                    at.suppressed.update(tried)
                    at.substitute_for = None
                    return self._marked(nodes, at)
        finally:
            at.substitute_for = None
        return []

    def _name_options(self, at: Rendering, attributes: Mapping[str, str]) -> NameOptions:
        key = (id(at.area), at.in_sort)
        if key not in self._options:
            self._options[key] = self._resolved(at, attributes)
        return self._options[key]

    def _resolved(self, at: Rendering, attributes: Mapping[str, str]) -> NameOptions:
        own: Mapping[str, str] = self.name_attributes or {}
        bare = self.name_attributes is None and at.style.as_pandoc

        def option(name: str, default: str = "", inherited: str = "") -> str:
            if name in at.area and at.in_sort:
                return at.area[name]
            if name in own:
                return own[name]
            if bare:
                return default
            inherited = inherited or name
            if inherited == name and name in attributes:
                return attributes[name]
            for place in (at.area, at.style.options):
                if inherited in place:
                    return place[inherited]
            return default

        demote = at.style.options.get("demote-non-dropping-particle", "display-and-sort")
        if at.in_sort and demote == "sort-only":
            demote = "display-and-sort"
        with_ = option("initialize-with", "\0")
        form = option("form", "long", "name-form")
        dress = self.name_dress
        return NameOptions(
            and_=option("and"),
            delimiter=option("delimiter", ", ", "name-delimiter"),
            precedes_et_al=option("delimiter-precedes-et-al", "contextual"),
            precedes_last=option("delimiter-precedes-last", "contextual"),
            et_al_min=int(option("et-al-min", "0")),
            et_al_use_first=int(option("et-al-use-first", "1")),
            et_al_use_last=option("et-al-use-last") == "true",
            form="long" if at.in_sort and form == "short" else form,
            initialize=option("initialize") != "false",
            initialize_with=None if with_ == "\0" else with_,
            as_sort_order="all" if at.in_sort else option("name-as-sort-order"),
            sort_separator=" " if at.in_sort else option("sort-separator", ", "),
            demote=demote,
            hyphen=at.style.options.get("initialize-with-hyphen") != "false",
            family=self.parts.get("family", PartFormat()),
            given=self.parts.get("given", PartFormat()),
            prefix=dress.prefix if dress else "",
            suffix=dress.suffix if dress else "",
            format=dress.form if dress else (),
        )


def _variables_of(element: Element, at: Rendering) -> set[str]:
    """The variables an element would print, through macros and conditions."""
    if isinstance(element, TextElement):
        if element.variable:
            return {element.variable}
        children = at.style.macros.get(element.macro, []) if element.macro else []
    elif isinstance(element, NumberElement | DateElement):
        return {element.variable}
    elif isinstance(element, Names):
        return set(element.variables)
    elif isinstance(element, GroupElement):
        children = element.children
    elif isinstance(element, ChooseElement):
        children = element.chosen(at)
    else:
        return set()
    return set().union(*(_variables_of(child, at) for child in children))


# --- compiling ---

_ELEMENTS: dict[str, Callable[[Any, StyleOptions], Element]] = {
    "text": TextElement,
    "number": NumberElement,
    "label": LabelElement,
    "group": GroupElement,
    "choose": ChooseElement,
    "date": DateElement,
    "names": Names,
}


def compiled(parent: Any, style: StyleOptions) -> list[Element]:
    """The children of an element that print; what CSL does not know is left out."""
    return [
        _ELEMENTS[child.tag.removeprefix(CSL)](child, style)
        for child in parent
        if isinstance(child.tag, str) and child.tag.removeprefix(CSL) in _ELEMENTS
    ]
