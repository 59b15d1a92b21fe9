"""Meters: daily use against the adjusted baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from api.pages.language import PageTranslator
from bms.model.assets.site import Site
from bms.model.readings.series import Floats
from bms.reports.charts import energy_chart
from bms.reports.text import ChartText
from bms.services.assessment.counterfactual import MeterDays
from bms.services.periods import midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterView:
    """A meter with its chart; None where there is no whole day yet."""

    name: str
    chart: Markup | None


def meter_views(rows: Sequence[MeterDays], site: Site, t: PageTranslator) -> tuple[MeterView, ...]:
    """Every billed meter of a site."""
    return tuple(_view(row, site, t) for row in rows)


def _view(row: MeterDays, site: Site, t: PageTranslator) -> MeterView:
    name = t(f"meter_{row.commodity.value}")
    if not np.isfinite(row.measured_kwh).any():
        return MeterView(name=name, chart=None)
    times = [midnight(day, site.timezone) for day in row.dates]
    text = ChartText(
        title=t("use_title", meter=name),
        description=t(
            "use_about",
            meter=name,
            first=t.day(times[0]),
            last=t.day(times[-1], year=True),
            measured=_sum(row.measured_kwh),
            baseline=_sum(row.adjusted_baseline_kwh),
        ),
        translator=t,
    )
    drawn = energy_chart(
        times,
        _plain(row.measured_kwh),
        _plain(row.adjusted_baseline_kwh),
        text,
        t("kwh_per_day"),
    )
    return MeterView(name=name, chart=Markup(drawn))  # noqa: S704 - our own SVG, words escaped


def _sum(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.sum()) if len(known) else None


def _plain(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
