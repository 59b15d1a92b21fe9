"""Meters: daily use against the adjusted baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, both
from api.pages.panels.points import meter_name
from bms.model.assets.site import Site
from bms.model.readings.series import Floats
from bms.reports.charts import energy_chart
from bms.reports.text import ChartText
from bms.services.assessment.counterfactual import MeterDays
from bms.services.periods import midnight

MOST_ROWS = 100
"""Days of a table; beyond that it has weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterView:
    """A meter with its chart; None where there is no whole day yet."""

    name: str
    figure: ChartFigure | None


def meter_views(rows: Sequence[MeterDays], site: Site, t: PageTranslator) -> tuple[MeterView, ...]:
    """Every billed meter of a site."""
    return tuple(_view(row, site, t) for row in rows)


def _view(row: MeterDays, site: Site, t: PageTranslator) -> MeterView:
    name = meter_name(site, row.meter.rpartition("/")[2], t)
    if not np.isfinite(row.measured_kwh).any():
        return MeterView(name=name, figure=None)
    times = [midnight(day, site.timezone) for day in row.dates]
    text = ChartText(
        title=t("use_title", meter=name),
        description=t(
            "use_about",
            meter=name,
            first=t.day(times[0], year=row.dates[0].year != row.dates[-1].year),
            last=t.day(times[-1], year=True),
            measured=_sum(row.measured_kwh),
            baseline=_sum(row.adjusted_baseline_kwh),
        ),
        translator=t,
    )
    measured, expected = _plain(row.measured_kwh), _plain(row.adjusted_baseline_kwh)

    def draw(width: float) -> str:
        return energy_chart(times, measured, expected, text, t("kwh_per_day"), width)

    every = 1 if len(times) <= MOST_ROWS else 7
    rows = [
        (
            t.day(times[i], year=True),
            _of(measured[i : i + every], t),
            _of(expected[i : i + every], t),
        )
        for i in range(0, len(times), every)
    ]
    heads = (
        t("shadow_day") if every == 1 else t("use_week"),
        f"{t('use_measured')} [kWh]",
        f"{t('use_baseline')} [kWh]",
    )
    return MeterView(name=name, figure=both(draw, 60, 14, heads, rows))


def _of(values: Sequence[float | None], t: PageTranslator) -> str:
    """Their sum; a dash where one of them is not known."""
    known = [value for value in values if value is not None]
    return t.number(sum(known) if known and len(known) == len(values) else None)


def _sum(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else None


def _plain(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
