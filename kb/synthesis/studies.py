"""Which rows of a table are pooled, with what effect, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from kb.synthesis.effects import (
    MEASURES,
    Effects,
    Flags,
    Floats,
    Measure,
    complete_columns,
    effect_sizes,
    natural_values,
)
from kb.synthesis.table import WITH_A_NUMBER, MeasureData, Table, measure_data

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not pooled, and why."""

    label: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """The k rows that are pooled, in the order of the table.

    `rows` are their numbers there, from 0. `columns` holds the measure's columns with complements
    filled in, `origins` where the values of each came from. yi and vi in `effects` are NaN only
    where counts are pooled that give no effect of their own.
    """

    measure: Measure
    is_given: bool
    rows: tuple[int, ...]
    labels: tuple[str, ...]
    places: tuple[str, ...]
    columns: Mapping[str, Floats]
    origins: Mapping[str, tuple[str | None, ...]]
    effects: Effects
    left_out: tuple[LeftOut, ...]

    @property
    def k(self) -> int:
        return len(self.rows)

    @property
    def is_imputed(self) -> Flags:
        """Studies any of whose values was imputed."""
        found = np.zeros(self.k, dtype=bool)
        for origins in self.origins.values():
            found |= np.array([origin == "imputed" for origin in origins], dtype=bool)
        return found

    def at(self, chosen: Sequence[int]) -> Studies:
        """Some of the studies, by number from 0."""
        index = np.array(chosen, dtype=int)
        return replace(
            self,
            rows=_some(self.rows, chosen),
            labels=_some(self.labels, chosen),
            places=_some(self.places, chosen),
            columns={name: values[index] for name, values in self.columns.items()},
            origins={name: _some(values, chosen) for name, values in self.origins.items()},
            effects=Effects(
                yi=self.effects.yi[index],
                vi=self.effects.vi[index],
                is_corrected=self.effects.is_corrected[index],
                is_uninformative=self.effects.is_uninformative[index],
            ),
        )

    def without(self, reasons: Mapping[int, str]) -> Studies:
        """All but the studies that a reason is given for."""
        gone = tuple(LeftOut(self.labels[i], self.places[i], why) for i, why in reasons.items())
        kept = self.at([i for i in range(self.k) if i not in reasons])
        return replace(kept, left_out=self.left_out + gone)

    @property
    def harmonic_mean(self) -> float | None:
        """Of the sample sizes for PFT, of the person-times for IRFT; None for the others, and
        where estimates were given without them."""
        sizes = self.columns.get({"PFT": "ni", "IRFT": "ti"}.get(self.measure.code, ""))
        return None if sizes is None else float(len(sizes) / np.sum(1 / sizes))

    def natural(self, values: Iterable[float | None]) -> list[float | None] | None:
        """Pooled values of these studies taken back; None where there is no way back."""
        if self.measure.natural is None:
            return None
        mean = self.harmonic_mean
        if mean is None and self.measure.code in ("PFT", "IRFT"):
            return None
        held = [np.nan if value is None else value for value in values]
        back = natural_values(self.measure.code, np.array(held), harmonic_n=mean)
        return [None if np.isnan(value) else float(value) for value in back]


def select_studies(
    table: Table,
    measure: Measure,
    *,
    by_counts: bool,
    without_origins: Sequence[str] = (),
    vtype: str | None = None,
    add: float | None = None,
    to: str = "only0",
    drop00: bool = False,
) -> Studies:
    """The rows of a table that a measure can be had of.

    Parameters
    ----------
    by_counts : whether the counts themselves are pooled, so that rows need no effect.
    without_origins : rows holding a value of such an origin are left out.
    vtype, add, to, drop00 : as `effect_sizes` takes them.
    """
    data = measure_data(table, measure.code)
    taken = MEASURES["GEN"] if data.is_given else measure
    origins = {name: tuple(table.origins(held)) for name, held in data.names.items()}
    labels = tuple(table.labels())
    # Checked before anything is left out: a wrong number is an error in any row.
    columns = complete_columns(taken.code, data.columns, rows=table.places)
    unwanted = _of_origins(data, taken.needs, origins, without_origins)
    kept = [i for i in range(table.k) if i not in unwanted]
    columns = {name: values[kept] for name, values in columns.items()}
    studies = Studies(
        measure=measure,
        is_given=data.is_given,
        rows=tuple(kept),
        labels=_some(labels, kept),
        places=_some(table.places, kept),
        columns=columns,
        origins={
            name: tuple(None if np.isnan(data.columns[name][i]) else values[i] for i in kept)
            for name, values in origins.items()
        },
        effects=effect_sizes(
            taken.code,
            columns,
            vtype=None if data.is_given else vtype,
            add=add,
            to=to,
            drop00=drop00,
        ),
        left_out=tuple(LeftOut(labels[i], table.places[i], why) for i, why in unwanted.items()),
    )
    reasons: dict[int, str] = {}
    for n, row in enumerate(studies.rows):
        lacking = [need for need in taken.needs if _is_lacking(columns, need, n)]
        if lacking:
            reasons[n] = ", ".join(_how_lacking(table, data, need, row) for need in lacking)
        elif not by_counts and np.isnan(studies.effects.yi[n]):
            reasons[n] = _why_no_effect(studies, taken, n, drop00)
        elif not by_counts and studies.effects.vi[n] <= 0:
            reasons[n] = "its sampling variance is 0, which would outweigh all other studies"
    return studies.without(reasons)


def _some(values: Sequence[T], chosen: Iterable[int]) -> tuple[T, ...]:
    return tuple(values[i] for i in chosen)


def _of_origins(
    data: MeasureData,
    needs: Sequence[str],
    origins: Mapping[str, Sequence[str | None]],
    unwanted: Sequence[str],
) -> dict[int, str]:
    """Rows that cannot do without a value of these origins, and which value.

    Of columns that stand for each other (persons without the event, persons analysed) a computed
    one harms nobody while the other is given.
    """
    found: dict[int, str] = {}
    for need in needs:
        parts = [part for part in need.split("|") if part in origins]
        for i in range(len(origins[parts[0]]) if parts else 0):
            given = [part for part in parts if not np.isnan(data.columns[part][i])]
            if given and all(origins[part][i] in unwanted for part in given):
                name, origin = data.names[given[0]], str(origins[given[0]][i])
                found.setdefault(i, f"{name} is {origin.replace('_', ' ')}")
    return dict(sorted(found.items()))


def _is_lacking(columns: Mapping[str, Floats], need: str, n: int) -> bool:
    return all(np.isnan(columns[part][n]) for part in need.split("|") if part in columns)


def _how_lacking(table: Table, data: MeasureData, need: str, row: int) -> str:
    """Which column is empty, in the table's words, and its state where the table says."""
    held = next((data.names[part] for part in need.split("|") if part in data.names), need)
    state = None
    if table.name_of(f"{held}_state") is not None:
        state = table.texts(f"{held}_state")[row]
    is_explained = state is not None and state not in WITH_A_NUMBER
    return f"{held} is {str(state).replace('_', ' ') if is_explained else 'not given'}"


def _why_no_effect(studies: Studies, taken: Measure, n: int, drop00: bool) -> str:
    c = {name: values[n] for name, values in studies.columns.items()}
    code = taken.code
    if any(c.get(size) == 0 for size in ("n1i", "n2i", "ni")):
        return "a group without participants"
    if drop00 and studies.effects.is_uninformative[n]:
        return "no events, or nothing but events, in both groups (drop00)"
    if taken.counts_zero_cells:
        return f"{code} cannot be had of zero cells to which nothing is added"
    if code == "ROM":
        return "a ratio of means needs two means of the same sign, neither 0"
    if code == "ZCOR":
        return "needs a correlation between -1 and 1 and more than 3 participants"
    return f"too few participants, or no spread, for {code}"
