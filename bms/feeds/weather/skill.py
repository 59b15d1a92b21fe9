"""What each provider foresaw against what came: who leads at a position, and who is blended in.

Each forecast is archived by lead time when it comes. The scores rest on the hours of the last four
weeks that a station observed; providers are compared on hours that both of them foresaw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from bms.feeds.client.payload import EpochSeconds, Samples
from bms.feeds.client.series_archive import SeriesArchive
from bms.feeds.weather.hourly_forecast import HOUR_S
from bms.feeds.weather.observations import StationObservations
from bms.feeds.weather.providers import ForecastCell
from bms.model.planning.feed import ForecastScore, WeatherQuantity
from bms.model.readings.series import Floats
from bms.ports.clock import Clock

SCORED_LEADS_H = (0, 6, 24, 48)
"""Lead times [h]: each hour counts for the last one that it was foreseen at least so far ahead."""
WINDOW_H = 28 * 24
LEAST_H = 7 * 24
"""Hours [h] that two providers foresaw and a station observed, below which none is preferred."""
CLEAR = 0.95
"""A provider or blend takes the lead where its error is below this part of the leader's."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Providers by id, the leader first; ``second`` is averaged with it by ``weight`` (0..1), None
    where the leader alone scores best. ``rmse`` are the errors that decided, by id."""

    order: tuple[str, ...]
    second: str | None = None
    weight: float = 0.0
    rmse: Mapping[str, float] = field(default_factory=dict)


def choose(errors: Mapping[str, Floats]) -> Choice:
    """Returns who leads by the ``errors`` of each provider, those of the default leader first.

    Shapes (leads, hours), the youngest hour last; NaN where nothing was foreseen or observed. The
    weight of a blend is found on the older half of the hours and has to score on the newer one.
    """
    order = list(errors)
    leader = order[0]
    rmse: dict[str, float] = {}
    for other in order[1:]:
        common = _common(errors[leader], errors[other])
        if common.sum(axis=1).max(initial=0) < LEAST_H:
            continue
        ours, theirs = (_rms(errors[each][common]) for each in (leader, other))
        rmse |= {leader: ours, other: theirs}
        leader = other if theirs < CLEAR * ours else leader
    ranked = (leader, *(each for each in order if each != leader))
    best: tuple[float, str, float] | None = None
    for other in ranked[1:]:
        found = _blend(errors[leader], errors[other]) if other in rmse else None
        if found is not None and (best is None or found[0] < best[0]):
            best = (found[0], other, found[1])
    if best is None:
        return Choice(order=ranked, rmse=rmse)
    return Choice(order=ranked, second=best[1], weight=best[2], rmse=rmse)


def _blend(leader: Floats, other: Floats) -> tuple[float, float] | None:
    """Returns the error of the best mean of both, as a part of the leader's, and the other's
    weight; None where no mean is clearly better than the leader on hours that it was not fitted
    to."""
    common = _common(leader, other)
    hours = np.flatnonzero(common.any(axis=0))
    if len(hours) < LEAST_H:
        return None
    middle = int(hours[len(hours) // 2])
    older, newer = common.copy(), common.copy()
    older[:, middle:], newer[:, :middle] = False, False
    weight = _best_weight(leader[older], other[older])
    before = _rms(leader[newer])
    after = _rms((1 - weight) * leader[newer] + weight * other[newer])
    if before == 0.0 or after >= CLEAR * before:
        return None
    return after / before, _best_weight(leader[common], other[common])


def _best_weight(ours: Floats, theirs: Floats) -> float:
    """Returns the weight of ``theirs`` for the least squared error of the mean, 0..1."""
    apart = ours - theirs
    square = float(apart @ apart)
    return float(np.clip(ours @ apart / square, 0.0, 1.0)) if square else 0.0


def _common(ours: Floats, theirs: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.isfinite(ours) & np.isfinite(theirs)


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


class SkillRecord:
    """The record at every position, in the archive of series."""

    def __init__(
        self,
        archive: SeriesArchive,
        observed: StationObservations,
        clock: Clock,
        ids: Sequence[str],
    ) -> None:
        self._archive = archive
        self._observed = observed
        self._clock = clock
        self._ids = tuple(ids)
        self._chosen: dict[tuple[str, WeatherQuantity], tuple[date, Choice]] = {}

    def keep(
        self,
        provider: str,
        cell: ForecastCell,
        what: WeatherQuantity,
        values: Samples,
        lead_h: Floats,
    ) -> None:
        """Archives values that were foreseen ``lead_h`` [h] ahead, by the least lead."""
        for lead, until in pairwise((*SCORED_LEADS_H, np.inf)):
            there = (lead_h >= lead) & (lead_h < until)
            samples = Samples(values.seconds[there], values.values[there])
            self._archive.put(_name(provider, cell, what, int(lead)), HOUR_S, samples)

    def choice(self, cell: ForecastCell, what: WeatherQuantity) -> Choice:
        """Returns who leads at a position, judged once a day."""
        today = self._clock.now().date()
        day, known = self._chosen.get((cell.name, what), (None, None))
        if known is None or day != today:
            known = self._judged(cell, what)
            self._chosen[cell.name, what] = (today, known)
        return known

    def scores(self, cell: ForecastCell) -> tuple[ForecastScore, ...]:
        """Returns bias and error of each provider by quantity and lead time, where known."""
        seconds = self._window()
        return tuple(
            ForecastScore(
                provider=provider,
                quantity=what,
                lead_h=lead,
                n=int(known.sum()),
                bias=float(row[known].mean()),
                rmse=_rms(row[known]),
            )
            for what in WeatherQuantity
            for came in [self._came(cell, what, seconds)]
            for provider in self._ids
            for lead, row in zip(
                SCORED_LEADS_H, self._told(provider, cell, what, seconds) - came, strict=True
            )
            for known in [np.isfinite(row)]
            if known.any()
        )

    def _judged(self, cell: ForecastCell, what: WeatherQuantity) -> Choice:
        seconds = self._window()
        told = {each: self._told(each, cell, what, seconds) for each in self._ids}
        foreseen = [np.isfinite(rows).any(axis=0).sum() >= LEAST_H for rows in told.values()]
        if sum(foreseen) < 2:
            return Choice(order=self._ids)
        came = self._came(cell, what, seconds)
        return choose({each: rows - came for each, rows in told.items()})

    def _window(self) -> EpochSeconds:
        """Returns the starts of the hours that are over [epoch s]."""
        end = int(self._clock.now().timestamp()) // HOUR_S * HOUR_S
        return end - HOUR_S * np.arange(WINDOW_H, 0, -1, dtype=np.int64)

    def _told(
        self, provider: str, cell: ForecastCell, what: WeatherQuantity, seconds: EpochSeconds
    ) -> Floats:
        """Returns what was foreseen by lead time. Shape (leads, hours)."""
        first, n = int(seconds[0]), len(seconds)
        rows = [
            self._archive.get(_name(provider, cell, what, lead), HOUR_S, first, n)
            for lead in SCORED_LEADS_H
        ]
        return np.array(rows)

    def _came(self, cell: ForecastCell, what: WeatherQuantity, seconds: EpochSeconds) -> Floats:
        """Returns what a station observed; of the sun by day only. Shape (hours,)."""
        seen = self._observed.weather(cell.latitude, cell.longitude, int(seconds[0]), len(seconds))
        if what is WeatherQuantity.TEMP:
            return seen.temp_out_c
        return np.where(seen.ghi_wm2 > 0.0, seen.ghi_wm2, np.nan)


def _name(provider: str, cell: ForecastCell, what: WeatherQuantity, lead: int) -> str:
    return f"run_{provider}_{cell.name}.{what}.lead{lead}"
