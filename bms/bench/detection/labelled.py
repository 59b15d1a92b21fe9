"""Days of real plants: labelled ones of air handlers, and heating systems without known faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bms.faults.observations import Observations
from bms.faults.run import detect
from bms.feeds.plants.column_map import ColumnMap, map_of
from bms.feeds.plants.plant_file import read_plant
from bms.model.work.finding import Finding

LABEL = "label"
TRUTH = ("Fault Detection Ground Truth", "fault", "label")
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """Faulted and fault-free days of a file, and those on which any rule spoke."""

    faulted: frozenset[date]
    sound: frozenset[date]
    flagged: frozenset[date]

    def moved(self, days: Sequence[date]) -> Days:
        """The same with some days counted as faulted."""
        also = frozenset(days) & (self.sound | self.faulted)
        return Days(self.faulted | also, self.sound - also, self.flagged)

    def without(self, days: Sequence[date]) -> Days:
        """The same with some days left out."""
        gone = frozenset(days)
        return Days(self.faulted - gone, self.sound - gone, self.flagged)

    @property
    def found(self) -> int:
        return len(self.faulted & self.flagged)

    @property
    def disturbed(self) -> int:
        return len(self.sound & self.flagged)


def labelled_days(path: Path) -> Days:
    """The days of a labelled air handler, every rule as shipped. Raises ``FeedError`` for a file
    that cannot be read, ValueError for one without labels."""
    plant = read_plant(path, ColumnMap())
    unit = plant.subjects[0]
    truth = next((name for name in plant.left if name.lower() in map(str.lower, TRUTH)), None)
    if truth is None:
        raise ValueError(f"{path}: no column of labels: {', '.join(plant.left)}")
    # The label is read as if it were a state, in a reading of its own that no rule sees.
    told = read_plant(path, map_of({"columns": {truth: "override"}, "only": True}, "labels"))
    label = next(iter(told.subjects[0].signals.values()))
    ordinals = unit.local.day
    labels = {
        EPOCH + timedelta(days=int(day)): bool(np.nanmax(label[ordinals == day]) > 0.5)
        for day in np.unique(ordinals)
    }
    return Days(
        frozenset(day for day, faulted in labels.items() if faulted),
        frozenset(day for day, faulted in labels.items() if not faulted),
        flagged_days(unit, detect(unit).findings),
    )


def flagged_days(unit: Observations, findings: Sequence[Finding]) -> frozenset[date]:
    """The days of the data that a finding touches."""
    days = {EPOCH + timedelta(days=int(day)) for day in np.unique(unit.local.day)}
    return frozenset(
        day
        for day in days
        if any(
            row.start.date() <= day <= (row.end - timedelta(seconds=1)).date() for row in findings
        )
    )


def system_years(path: Path) -> tuple[tuple[Finding, ...], float]:
    """Findings of a heating system, and how many years of data it has."""
    subject = read_plant(path, ColumnMap()).subjects[0]
    years = len(np.unique(subject.local.day)) / 365.25
    return detect(subject).findings, years
