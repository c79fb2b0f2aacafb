"""What a check says, and what it looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kb.models.evidence import Cell, CellName, ResultKind, Statistic
from kb.outcomes.vocabulary import OutcomeDefinitionValue


class Severity(StrEnum):
    """What a finding means for somebody about to pool the number."""

    ERROR = "error"  # cannot be true as it stands
    WARNING = "warning"  # can be true, and is more often a mistake or counts somebody twice
    NOTE = "note"  # to be known


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A number behind a finding: whose it is ("R12"), which one ("n_analysed"), and the number."""

    of: str
    name: str
    value: float | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`subjects` are public ids: results "R12", adverse events "X4", arms "M3", studies "S1"."""

    check: str
    severity: Severity
    subjects: tuple[str, ...]
    message: str
    numbers: tuple[Behind, ...] = ()

    @property
    def key(self) -> str:
        """Names this finding for good: the same check of the same subjects with the same numbers.

        Sixteen hexadecimal digits. Another number is another finding, so that what was accepted
        for one number is not accepted for the next.
        """
        said = [self.check, *self.subjects]
        said += [f"{n.of} {n.name} {n.value!r}" for n in self.numbers]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One reported result, with all that a check wants to know of it.

    `place` is the same for two statements about one thing (arm or contrast, outcome, population,
    unit of analysis) at any time and of any category; `outcome` is a code or a title.
    """

    id: str
    study: str
    record: str  # whose statement: "clinicaltrials NCT03778333"
    kind: ResultKind
    arm: str
    arm_label: str
    comparator: str | None = None
    outcome: str
    outcome_title: str
    definition: OutcomeDefinitionValue | None = None
    category: str | None = None
    days: float | None = None
    time: str | None = None  # in words
    population: str | None = None
    subgroup: str | None = None
    statistic: Statistic | None = None
    unit: str | None = None
    unit_of_analysis: str | None = None
    measure: str | None = None
    ci_level: float | None = None
    p_text: str | None = None
    better: str | None = None
    cells: Mapping[CellName, Cell]

    @property
    def place(self) -> tuple[str | None, ...]:
        return (
            self.study,
            self.arm,
            self.comparator,
            self.outcome,
            self.population,
            self.subgroup,
            self.unit_of_analysis,
        )

    def value(self, name: CellName) -> float | None:
        cell = self.cells.get(name)
        return None if cell is None else cell.value

    def half_unit(self, name: CellName) -> float:
        """Half of the last printed digit: how far the true number may lie from the printed one."""
        cell = self.cells[name]
        printed = cell.text if cell.text is not None else f"{cell.value:.12g}"
        return half_unit(printed)

    def behind(self, *names: CellName) -> tuple[Behind, ...]:
        return tuple(
            Behind(of=self.id, name=name.value, value=value)
            for name in names
            if (value := self.value(name)) is not None
        )

    def says(self, name: CellName) -> str:
        """The number as printed."""
        cell = self.cells[name]
        return cell.text if cell.text is not None else f"{cell.value:g}"


def half_unit(printed: str) -> float:
    """0.05 for "3.1", 0.5 for "12"; 0.5 too where no decimals can be seen ("12 of 13")."""
    digits = printed.strip().rpartition(".")
    decimals = len(digits[2]) if digits[1] and digits[2].isdigit() else 0
    return float(f"0.5e-{decimals}")
