"""Faults that customers of district heating reported, by the protocol of PreDist.

EnergyFaultDetector on 93 substations (arXiv 2511.14791): a fault counts as found where a rule
speaks in the seven days before its report; the 48 h before a report and the 24 h after it are no
normal days of anybody. Normal days in peace, F0.5 of events and how far ahead are told. The data
(Zenodo 17522254) are not included: a folder has a file of columns for each substation, as ``bms
detect --csv`` reads it, and ``reports.csv`` (substation,reported_at).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bms.errors import FeedError
from bms.faults.run import detect
from bms.feeds.plants.column_map import ColumnMap
from bms.feeds.plants.plant_file import read_plant

AHEAD, BEFORE, AFTER = timedelta(days=7), timedelta(hours=48), timedelta(hours=24)
DAY = timedelta(days=1)
BETA2 = 0.5**2
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedScore:
    """Events of ``events`` that were ``found`` and ``lead_days`` ahead of each of those; of
    ``normal`` days how many were left in ``peace``; ``alarms``: stretches of disturbed days."""

    events: int
    lead_days: tuple[float, ...]
    normal: int
    peace: int
    alarms: int

    @property
    def found(self) -> int:
        return len(self.lead_days)

    @property
    def f_half(self) -> float:
        """F0.5 of events [1]: a false alarm weighs more than an event that is missed."""
        hit = (1 + BETA2) * self.found
        return hit / max(hit + BETA2 * (self.events - self.found) + self.alarms, 1e-9)

    @property
    def lead(self) -> float:
        """Days from finding to report in the middle."""
        return median(self.lead_days) if self.lead_days else float("nan")


def scored(
    spans: Mapping[str, Span],
    findings: Mapping[str, Sequence[Span]],
    reports: Iterable[tuple[str, datetime]],
) -> ReportedScore:
    """The score of what was found in the data of substations, by their names."""
    told = [(name, at) for name, at in reports if name in spans]
    leads, normal, peace, alarms = [], 0, 0, 0
    for name, at in told:
        ahead = [row for row in findings.get(name, ()) if row[0] < at and row[1] > at - AHEAD]
        if ahead:
            first = max(min(row[0] for row in ahead), at - AHEAD)
            leads.append((at - first) / DAY)
    for name, (start, end) in spans.items():
        mine = [at for other, at in told if other == name]
        quiet = True
        for nth in range((end - start) // DAY):
            day = start + nth * DAY
            if any(at - max(AHEAD, BEFORE) - DAY < day < at + AFTER for at in mine):
                quiet = True
                continue
            disturbed = any(a < day + DAY and b > day for a, b in findings.get(name, ()))
            alarms += disturbed and quiet
            normal, peace, quiet = normal + 1, peace + (not disturbed), not disturbed
    return ReportedScore(
        events=len(told), lead_days=tuple(leads), normal=normal, peace=peace, alarms=alarms
    )


def reported_score(folder: Path) -> ReportedScore:
    """The score of a folder. Raises ``FeedError`` for files that cannot be read."""
    spans: dict[str, Span] = {}
    findings: dict[str, list[Span]] = {}
    for path in sorted(folder.glob("*.csv*")):
        name = path.name.split(".")[0]
        if name != "reports":
            unit = read_plant(path, ColumnMap()).subjects[0]
            spans[name] = unit.moment(0), unit.moment(len(unit))
            findings[name] = [(row.start, row.end) for row in detect(unit).findings]
    return scored(spans, findings, _reports(folder / "reports.csv"))


def _reports(path: Path) -> list[tuple[str, datetime]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["substation"], row["reported_at"]) for row in csv.DictReader(file)]
        moments = [(name, datetime.fromisoformat(at)) for name, at in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FeedError(f"{path}: cannot be read as substation,reported_at: {error}") from error
    return [(name, at if at.tzinfo else at.replace(tzinfo=UTC)) for name, at in moments]
