"""The curation tables as one workbook: the template that people fill in, and the filled one read.

The sheets are the tables of `kb.formats.curation_columns`, checked by the rules that hold for
tables in any form. What is said here besides is about cells: what a spreadsheet program makes of
what was typed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import xlsxwriter

from kb.errors import InvalidInput
from kb.formats.curation_columns import (
    ABOUT,
    CHOICES,
    DATES,
    HELP,
    IN_TEMPLATE,
    KEYS,
    NUMBERS,
    TABLES,
    USUAL,
    WHOLE_NUMBERS,
    in_working_order,
    of_column,
)
from kb.formats.tables import (
    Columns,
    Findings,
    Row,
    Tables,
    clean,
    make_row,
    match_columns,
    nearest,
    of_cell,
    of_file,
    shown,
    spelt,
)
from kb.formats.xlsx import MAX_FILE, Kind, Sheet, XlsxCell, letters, read_workbook
from kb.outcomes.vocabulary import OutcomeDefinitionValue, load_caveats, load_vocabulary

# Raised when a filled template of before could be read to mean something else.
VERSION: Final = 1
MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The workbook itself, among the files that were read.
FILE: Final = "workbook.xlsx"

_VERSION_NAME: Final = "kb template"
_HOW_TO, _COLUMNS, _VOCABULARY, _CAVEATS, _LISTS = (
    "how to",
    "columns",
    "vocabulary",
    "caveats",
    "lists",
)
_OURS: Final = frozenset({_HOW_TO, _COLUMNS, _VOCABULARY, _CAVEATS, _LISTS})
# Fields of the vocabulary from which studies of any condition report.
_OF_ANY: Final = frozenset({"general", "safety", "laboratory"})
# Of more the first tell what is wrong.
_MOST_MERGED: Final = 50
# How far down people put a title before the header.
_HEADER_WITHIN: Final = 20


# -- reading -------------------------------------------------------------------------------------


def read_file(path: Path) -> bytes:
    """The bytes of a workbook. Raises InvalidInput where it is too large or cannot be read."""
    try:
        if (size := path.stat().st_size) > MAX_FILE:
            raise InvalidInput(f"{path}: {size} bytes; of a workbook at most {MAX_FILE} are read")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error


def read_sheets(
    body: bytes, known: Mapping[str, Columns], findings: Findings
) -> tuple[Tables, dict[str, bytes]]:
    """The rows of each table in a workbook; and as files the workbook and each sheet as read, a
    list of its rows as JSON. Raises InvalidInput for what is no workbook."""
    book = read_workbook(body)
    made_by = book.properties.get(_VERSION_NAME, str(VERSION))
    if made_by != str(VERSION):
        raise InvalidInput(
            f"a template of version {made_by[:20]!r}; this release reads version {VERSION} "
            "(make a new one with `kb outcomes template --xlsx` and copy the rows over)"
        )
    tables: Tables = {}
    files = {FILE: body}
    for sheet, table in _tables_of(book.sheets, known, findings):
        rows = _SheetRows(sheet, table, known[table], findings)
        tables[table] = rows.rows
        files[sheet.name] = orjson.dumps(rows.as_read)
    if not any(tables.values()) and not findings:
        raise InvalidInput("a workbook without a filled row (expected e.g. rows in studies)")
    return tables, files


def _tables_of(
    sheets: Sequence[Sheet], known: Mapping[str, Columns], findings: Findings
) -> Iterator[tuple[Sheet, str]]:
    """The sheets that are tables, and which; a sheet renamed is read as what it was."""
    exact = {sheet.name for sheet in sheets} & set(known)
    names = {spelt(sheet.name, known) for sheet in sheets}
    taken: set[str] = set()
    for sheet in sheets:
        if sheet.name in _OURS or not sheet.cells:
            continue
        free = [name for name in known if name not in exact | taken]
        table: str | None = sheet.name if sheet.name in exact else spelt(sheet.name, free)
        if table not in known:
            table = _meant(sheet, [name for name in known if name not in names | taken], known)
            if table is None:
                message = "no table of this name, and nothing of it was read"
                near = nearest(sheet.name, known, cutoff=0.75)
                if near:
                    message = f"{message} (nearest: {near[0]}, which is there as well)"
                findings.add(of_file(sheet.name, "unread-sheet", message, is_warning=True))
                continue
            message = f"no such sheet: {shown(sheet.name)} (expected {table})"
            findings.add(of_file(sheet.name, "renamed-sheet", message))
        assert table is not None
        taken.add(table)
        if sheet.is_hidden:
            message = "the sheet is hidden, and was read all the same"
            findings.add(of_file(sheet.name, "hidden-sheet", message, is_warning=True))
        yield sheet, table


def _meant(sheet: Sheet, free: Sequence[str], known: Mapping[str, Columns]) -> str | None:
    """The table a sheet of another name stands for: by its name, or by its header."""
    if near := nearest(sheet.name, free, cutoff=0.75):
        return near[0]
    texts = [clean(cell.text) for (row, _), cell in sheet.cells.items() if row == 1]
    headers = {name: {spelt(text, known[name].all) for text in texts} for name in free}
    alike = [
        name
        for name, header in headers.items()
        if header >= set(known[name].required) and len(header & set(known[name].all)) > 2
    ]
    return max(alike, key=lambda name: len(headers[name] & set(known[name].all)), default=None)


class _SheetRows:
    """The rows of a sheet, with what is wrong with its cells noted."""

    def __init__(self, sheet: Sheet, table: str, known: Columns, findings: Findings) -> None:
        self._sheet = sheet
        self._table = table
        self._known = known
        self._findings = findings
        self.rows: list[Row] = []
        # By number of row, so that a row is found again by it; the header is none.
        self.as_read: list[dict[str, str]] = []
        self._lines: dict[int, dict[int, XlsxCell]] = {}
        for (line, column), cell in sorted(sheet.cells.items()):
            self._lines.setdefault(line, {})[column] = cell
        header = self._find_header()
        if header is None:
            findings.unread.add(table)
            return
        self._names = self._read_header(header)
        covered = self._merged(header)
        self._tell_hidden(header)
        for line, cells in self._lines.items():
            if line > header:
                self._read(line, cells, covered.get(line, set()))

    def _error(self, code: str, line: int, column: int, name: str, text: str, message: str) -> None:
        at = f"{letters(column)}{line}"
        self._findings.add(of_cell(self._sheet.name, line, name, text, code, message, cell=at))

    def _find_header(self) -> int | None:
        """The row of the header, which belongs into the first."""
        known = set(self._known.all)

        def fits(line: int) -> int:
            return sum(spelt(clean(c.text), known) in known for c in self._lines[line].values())

        first = [line for line in self._lines if line <= _HEADER_WITHIN]
        best = max(first, key=lambda line: (fits(line), -line), default=None)
        if best is None or fits(best) == 0:
            message = f"no header in the first row (expected {', '.join(self._known.all)})"
            self._findings.add(of_file(self._sheet.name, "no-header", message))
            return None
        # One known word above does not make a header of a title.
        if best != 1 and (1 not in self._lines or fits(1) * 2 < fits(best)):
            message = f"the header stands in row {best} (delete the rows above it)"
            self._error("header-not-first", best, 1, "", "", message)
            return best
        return 1

    def _read_header(self, line: int) -> dict[int, str | None]:
        """The column of the table by the number of the sheet's; None for one that is none."""
        cells = self._lines[line]
        given = [cell.text for cell in cells.values()]
        names, mistakes = match_columns(given, self._known)
        numbers = list(cells)
        for wrong in mistakes:
            if wrong.position is None:
                at = f"{line}:{line}"
                error = of_cell(
                    self._sheet.name, line, wrong.column, "", wrong.code, wrong.message, cell=at
                )
                self._findings.add(error)
                continue
            number = numbers[wrong.position]
            self._error(wrong.code, line, number, wrong.column, wrong.column, wrong.message)
        self._absent = set(self._known.required) - set(names)
        if self._absent:
            self._findings.unread.add(self._table)
        return dict(zip(numbers, names))

    def _merged(self, header: int) -> dict[int, set[str]]:
        """Columns by row whose cells are covered by a cell merged over them."""
        covered: dict[int, set[str]] = {}
        used = max(self._lines)
        used_column = max(column for _, column in self._sheet.cells)
        for first_row, first_column, last_row, last_column in self._sheet.merged[:_MOST_MERGED]:
            if last_row < header or first_row > used:
                continue
            area = f"{letters(first_column)}{first_row}:{letters(last_column)}{last_row}"
            message = f"the cells {area} are merged; unmerge them and fill in each"
            name = self._names.get(first_column) or ""
            cell = self._lines.get(first_row, {}).get(first_column)
            text = cell.text if cell else ""
            self._error("merged-cells", first_row, first_column, name, text, message)
            if first_row <= header:
                # What stands under a header that was merged away is no second mistake.
                for column in range(first_column, min(last_column, used_column) + 1):
                    self._names.setdefault(column, None)
            columns = [c for c in self._names if first_column <= c <= last_column]
            for line in (line for line in self._lines if first_row <= line <= last_row):
                empty = [c for c in columns if c not in self._lines[line]]
                named = (self._names[c] for c in empty)
                covered.setdefault(line, set()).update(name for name in named if name)
        return covered

    def _tell_hidden(self, header: int) -> None:
        rows = sorted(r for r in self._lines if r > header and r in self._sheet.hidden_rows)
        if rows:
            listed = ", ".join(map(str, rows[:5])) + (" ..." if rows[5:] else "")
            message = f"{len(rows)} rows are hidden and were read all the same: {listed}"
            self._findings.add(of_file(self._sheet.name, "hidden-rows", message, is_warning=True))
        filled = {column for _, column in self._sheet.cells}
        columns = sorted(filled & self._sheet.hidden_columns)
        if columns:
            listed = ", ".join(self._names.get(c) or letters(c) for c in columns)
            message = f"columns are hidden and were read all the same: {listed}"
            self._findings.add(
                of_file(self._sheet.name, "hidden-columns", message, is_warning=True)
            )

    def _read(self, line: int, cells: Mapping[int, XlsxCell], covered: set[str]) -> None:
        texts: dict[str, str] = {}
        unreadable = set(self._absent) | covered
        for column, cell in cells.items():
            name = self._names.get(column)
            if name is None:
                if column not in self._names:
                    message = f"{shown(cell.text)} stands in a column without a name"
                    error = of_cell(
                        self._sheet.name,
                        line,
                        "",
                        cell.text,
                        "column-without-name",
                        message,
                        cell=f"{letters(column)}{line}",
                    )
                    self._findings.add(error, alike=(self._sheet.name, column))
                continue
            texts[name] = _text(cell, name)
            if wrong := _why_unreadable(cell, self._table, name):
                code, message = wrong
                self._error(code, line, column, name, cell.text, message)
                unreadable.add(name)
            elif cell.is_formula:
                message = "the result of a formula, as it was when the file was saved"
                at = f"{letters(column)}{line}"
                found = of_cell(
                    self._sheet.name,
                    line,
                    name,
                    cell.text,
                    "formula-text",
                    message,
                    cell=at,
                    is_warning=True,
                )
                self._findings.add(found)
        self.as_read += [{} for _ in range(line - 1 - len(self.as_read))]
        self.as_read.append(texts)
        addresses = {name: letters(column) for column, name in self._names.items() if name}
        row = make_row(
            self._sheet.name,
            line,
            texts,
            self._known,
            self._findings,
            addresses=addresses,
            unreadable=unreadable,
        )
        if row is not None:
            self.rows.append(row)


def _text(cell: XlsxCell, column: str) -> str:
    text = clean(cell.text)
    if cell.kind is Kind.NUMBER and column in WHOLE_NUMBERS:
        # A format shows 6 as 6.0; nobody typed it.
        return text.rstrip("0").removesuffix(".") if "." in text else text
    return text


def _why_unreadable(cell: XlsxCell, table: str, column: str) -> tuple[str, str] | None:
    """(code, message) for a cell that a program made of what was typed, or computed."""
    is_number = column in NUMBERS or column in WHOLE_NUMBERS
    if cell.kind is Kind.ERROR:
        return "error-value", f"{cell.text} is the error of a formula (clear the cell)"
    if cell.is_formula and (is_number or cell.kind is not Kind.TEXT or not cell.text):
        result = f"its result was {shown(cell.text)}" if cell.text else "saved without its result"
        return "formula", (
            f"a formula ({result}): what is computed has no source; type what is printed"
        )
    if cell.kind is Kind.LOGICAL:
        allowed = of_column(table, column, CHOICES) or ("text",)
        message = f"{cell.text} is a logical value (expected {', '.join(allowed)})"
        return "logical-value", message
    if cell.kind is Kind.PERCENT:
        return "percent-format", (
            f"a cell formatted as a percentage, which holds a hundredth of the {cell.text} it "
            f"shows; format it as text and type {cell.text.removesuffix('%')}"
        )
    if cell.kind is Kind.DATE and column not in DATES:
        code = "date-for-number" if is_number else "date-for-text"
        return code, (
            f"a date ({cell.text}), perhaps made by the program out of something like 1-2 or 3/4; "
            "format the cell as text and type what is printed"
        )
    if cell.has_superscript:
        return "superscript", (
            f"holds a raised figure, which is lost ({shown(clean(cell.text))}); write 10^6"
        )
    return None


def outcomes_of(conditions: Sequence[str]) -> list[OutcomeDefinitionValue]:
    """The outcomes of fields ("ms") or conditions ("multiple sclerosis"), with those that any study
    may report; all of the vocabulary where none is named.

    Raises InvalidInput for a word that is neither, with the fields there are.
    """
    every = list(load_vocabulary().values())
    fields = {definition.field for definition in every}
    chosen: set[str] = set()
    for condition in conditions:
        word = condition.strip().casefold()
        meant = {d.field for d in every if any(c.casefold() in word for c in d.conditions)}
        meant |= fields & {word}
        if not meant:
            known = ", ".join(sorted(fields))
            raise InvalidInput(f"no outcomes of {condition!r} (expected a condition, or {known})")
        chosen |= meant
    return [d for d in every if not conditions or d.field in chosen | _OF_ANY]


# -- writing -------------------------------------------------------------------------------------

_LAST_ROW: Final = 5000
_LOOK: Final[Mapping[str, Mapping[str, Any]]] = {
    "required": {
        "bold": True, "font_color": "white", "bg_color": "#1F4E79", "border": 1, "valign": "top",
    },
    "optional": {"bold": True, "bg_color": "#DDE8F3", "border": 1, "valign": "top"},
    "text": {"num_format": "@", "valign": "top"},
    "wrapped": {"text_wrap": True, "valign": "top"},
    "title": {"bold": True, "font_size": 16},
    "heading": {"bold": True, "font_size": 12},
    "missing": {"bg_color": "#F8D7C8"},
}  # fmt: skip
_WIDE: Final = frozenset({"note", "title", "document", "what", "eligibility", "description"})
_PAGE: Final = 100  # characters in a line of the instructions
_LINE: Final = 15.0  # points
# The page of instructions: headings begin with #.
_INSTRUCTIONS: Final = (
    "# What to do",
    "1. List the documents you read in sources, and the publications among them in works.",
    "2. Describe the study in studies, its reports in reports, its registry entries in "
    "registrations and study_registrations.",
    "3. Describe each arm in arms: one row for what one source says of it.",
    "4. Enter results: one row for one set of numbers of one arm at one time, or for one "
    "comparison of two arms. Adverse events have a sheet of their own.",
    "5. Check and bring in the file:",
    "     kb outcomes import my-extraction.xlsx --name my-review --dry-run",
    "     kb outcomes import my-extraction.xlsx --name my-review",
    "# Rules",
    "An empty cell means not reported. Never write 0, NA or a dash for it; write 0 only where the "
    "source prints 0 or says that there were none.",
    "Type numbers as they are printed: 1.0 stays 1.0. The cells are formatted as text so that the "
    "program keeps what you type; leave them so. Decimal point, no thousands separator, no unit, "
    "no sign such as < or %.",
    "Calculate nothing. A percentage without a count stays a percentage, a standard error stays in "
    "se. A number that is a formula is refused.",
    "Every row names its source and the place in it (locator): abstract, table 2, page 5.",
    "Two sources that disagree are two rows.",
    "Dates are 2019-12-02, 2019-12 or 2019. Several values in a cell are separated by semicolons.",
    "One row is one statement: no merged cells, no totals below, no rows above the header.",
    "Dark headers mark columns that every row needs. Point at a header to read what it is for; the "
    "sheet columns says it for all of them, vocabulary lists the codes of outcomes, caveats those "
    "of caveats.",
    "A file with a mistake in any cell imports nothing; each mistake is listed with sheet and "
    "cell. The same name again updates what was imported before.",
    "# Example",
    "No new T2 lesions by week 12 in 5 of 6 (abstract):",
    "     results: study MS_A, arm msc, outcome T2_NEW, what no new T2 lesions, category "
    "complement, time 12, time_unit week, statistic person_count, n 6, events 5, state reported, "
    "source abstract, locator abstract",
)  # fmt: skip


def write_template(
    vocabulary: Sequence[OutcomeDefinitionValue],
    rows: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    *,
    about: str | None = None,
) -> bytes:
    """An empty workbook to be filled in; `rows` by table stand in it already.

    `vocabulary` are the outcomes it lists, `about` says in words what it is for. The same arguments
    give the same bytes.
    """
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True, "strings_to_formulas": False})
    try:
        _Template(book, vocabulary, rows or {}, about).write()
    finally:
        book.close()
    return output.getvalue()


class _Template:
    def __init__(
        self,
        book: Any,
        vocabulary: Sequence[OutcomeDefinitionValue],
        rows: Mapping[str, Sequence[Mapping[str, str]]],
        about: str | None,
    ) -> None:
        self._book = book
        self._vocabulary = vocabulary
        self._rows = rows
        self._about = about
        self._look = {name: book.add_format(dict(look)) for name, look in _LOOK.items()}
        self._lists: list[tuple[str, ...]] = []

    def write(self) -> None:
        # A moment of its own would make every file another one.
        self._book.set_properties(
            {"title": "Curation tables", "created": datetime(2020, 1, 1, tzinfo=UTC)}
        )
        self._book.set_custom_property(_VERSION_NAME, str(VERSION), "text")
        self._write_how_to()
        for table in IN_TEMPLATE:
            self._write_table(table)
        self._write_columns()
        self._write_vocabulary()
        self._write_list(_CAVEATS, ("code", "meaning"), load_caveats().items(), (34, 100))
        self._write_lists()

    def _write_how_to(self) -> None:
        sheet = self._book.add_worksheet(_HOW_TO)
        sheet.set_column(0, 0, _PAGE, self._look["wrapped"])
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.write_string(0, 0, "Outcomes of studies, to be filled in", self._look["title"])
        about = f"{self._about}. " if self._about else ""
        sheet.write_string(1, 0, f"{about}Template version {VERSION}.", self._look["wrapped"])
        for line, text in enumerate(_INSTRUCTIONS, start=3):
            look = "heading" if text.startswith("# ") else "wrapped"
            sheet.write_string(line, 0, text.removeprefix("# "), self._look[look])
            sheet.set_row(line, _height([text], [_PAGE]))

    def _write_table(self, table: str) -> None:
        sheet = self._book.add_worksheet(table)
        columns = in_working_order(table)
        required = TABLES[table].required
        sheet.set_column(0, len(columns) - 1, 14, self._look["text"])
        sheet.freeze_panes(1, 2 if columns[:2] == ("study", "arm") else 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:{letters(len(columns))}1048576"})
        for number, column in enumerate(columns):
            is_required = column in required
            sheet.write_string(
                0, number, column, self._look["required" if is_required else "optional"]
            )
            if column in _WIDE:
                sheet.set_column(number, number, 34, self._look["text"])
            help_text = of_column(table, column, HELP) or ""
            needed = " (required)" if is_required else ""
            sheet.write_comment(0, number, f"{column}{needed}\n{help_text}", {"x_scale": 1.6})
            if rule := self._validation(table, column):
                sheet.data_validation(1, number, _LAST_ROW, number, rule)
            if is_required:
                name = letters(number + 1)
                row = f"$A2:${letters(len(columns))}2"
                sheet.conditional_format(
                    1,
                    number,
                    _LAST_ROW,
                    number,
                    {
                        "type": "formula",
                        "criteria": f"=AND(COUNTA({row})>0,LEN(${name}2)=0)",
                        "format": self._look["missing"],
                    },
                )
        for line, row_cells in enumerate(self._rows.get(table, ()), start=1):
            for number, column in enumerate(columns):
                if text := row_cells.get(column):
                    sheet.write_string(line, number, text, self._look["text"])

    def _validation(self, table: str, column: str) -> dict[str, Any] | None:
        """A list to choose from: of words, or of the keys in another sheet."""
        choices = of_column(table, column, CHOICES)
        usual = of_column(table, column, USUAL)
        key = of_column(table, column, KEYS)
        rule: dict[str, Any] = {"validate": "list", "ignore_blank": True}
        if choices or usual:
            words = choices or usual or ()
            rule["source"] = self._list(words)
        elif key and key.partition(".")[0] in IN_TEMPLATE:
            other, _, name = key.partition(".")
            at = letters(in_working_order(other).index(name) + 1)
            rule["source"] = f"={other}!${at}$2:${at}$1000"
        elif (table, column) in (("results", "outcome"), ("adverse_events", "code")):
            rule["source"] = f"={_VOCABULARY}!$A$2:$A${len(self._vocabulary) + 1}"
        else:
            return None
        is_closed = choices is not None or (key is not None and "arm" not in key)
        rule["error_type"] = "stop" if is_closed else "information"
        rule["error_title"] = column
        rule["error_message"] = (
            "Not in the list." if is_closed else "Not in the list. Keep it if it is meant."
        )
        return rule

    def _list(self, words: Sequence[str]) -> str:
        """Where the list of these words stands; lists too long for a cell are no lists in one."""
        wanted = tuple(words)
        if wanted not in self._lists:
            self._lists.append(wanted)
        at = letters(self._lists.index(wanted) + 1)
        return f"={_LISTS}!${at}$1:${at}${len(wanted)}"

    def _write_columns(self) -> None:
        rows = []
        for table in IN_TEMPLATE:
            rows.append((table, "", "", ABOUT[table], ""))
            for column in in_working_order(table):
                allowed = of_column(table, column, CHOICES) or ()
                needed = "required" if column in TABLES[table].required else ""
                help_text = of_column(table, column, HELP) or ""
                rows.append((table, column, needed, help_text, "; ".join(allowed)))
        header = ("sheet", "column", "", "what it is for", "what alone may stand in it")
        self._write_list(_COLUMNS, header, rows, (20, 20, 10, 80, 60))

    def _write_vocabulary(self) -> None:
        rows = [
            (
                d.code,
                d.name,
                d.unit or "",
                *("" if x is None else f"{x:g}" for x in (d.low, d.high, d.step)),
                d.better or "",
                d.notes or "",
            )
            for d in self._vocabulary
        ]
        header = ("code", "outcome", "unit", "lowest", "highest", "step", "better", "notes")
        self._write_list(_VOCABULARY, header, rows, (20, 44, 18, 8, 8, 8, 8, 80))

    def _write_list(
        self, name: str, header: Sequence[str], rows: Any, widths: Sequence[int]
    ) -> None:
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        for number, (title, width) in enumerate(zip(header, widths)):
            sheet.set_column(number, number, width, self._look["wrapped"])
            sheet.write_string(0, number, title, self._look["optional"])
        for line, row in enumerate(rows, start=1):
            sheet.set_row(line, _height(row, widths))
            for number, text in enumerate(row):
                sheet.write_string(line, number, text, self._look["wrapped"])

    def _write_lists(self) -> None:
        sheet = self._book.add_worksheet(_LISTS)
        for number, words in enumerate(self._lists):
            for line, word in enumerate(words):
                sheet.write_string(line, number, word, self._look["text"])
        sheet.hide()


def _height(texts: Sequence[str], widths: Sequence[int]) -> float:
    """Points in which wrapped texts are whole. Not every program finds that height by itself."""
    lines = (-(-len(text) // width) for text, width in zip(texts, widths))
    return _LINE * max(1, *lines)
