"""The weather forecast as it will be at a building: corrected by the building's own sensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from bms.errors import FeedError
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, fact
from bms.model.planning.feed import WeatherQuantity
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats
from bms.ports.feeds import Feed, RememberingFeed
from bms.ports.storage.readings import Fold, ReadingStore

WINDOW_H = 14 * 24
"""Hours [h] of the past that are looked at."""

HALF_LIFE_H = 5 * 24.0
"""An error counts half as much as one that is so much younger [h]."""

ERRORS_LAST_H, BIASES_K, USUAL_SCATTER_K = 7.0, 0.7, 1.2
"""How long an error of a forecast lasts [h], how biases are spread between buildings, and how
errors scatter beforehand [K]. Errors that scatter by s say as much in 7 (s / 0.7)^2 hours as is
believed beforehand: that there is no bias. The less they scatter, the sooner a bias is clear."""

USUAL_H = 24.0
"""Hours [h] of errors that weigh as much as the scatter that is usual."""

FEWEST_H = 24
LARGEST_K = 4.0
"""A sensor that seems to be further off [K] is in the sun, in the exhaust air or broken."""

_DARK_WM2 = 50.0
_SUN_WARMED_K = 1.0
_STUCK_H = 24


@dataclass(frozen=True, slots=True)
class Bias:
    """Forecast minus sensor [K] by lead time: from each of ``leads_h`` [h] on; shapes (m,)."""

    leads_h: Floats
    kelvin: Floats
    spread_k: Floats
    """What is left of the errors [K] by lead time, as a standard deviation; (m,)."""

    def at(self, lead_h: Floats) -> Floats:
        """The bias of hours so far ahead [h], changing steadily from one lead to the next [K]."""
        return np.interp(lead_h, self.leads_h, self.kelvin)

    def spread_at(self, lead_h: Floats) -> Floats:
        """The standard deviation of what is left so far ahead [K]."""
        return np.interp(lead_h, self.leads_h, self.spread_k)

    @property
    def worth_telling(self) -> bool:
        """Whether it moves a forecast by more than a sensor can tell."""
        return bool(np.abs(self.kelvin).max() >= 0.1)


class Distrust(StrEnum):
    """Why an outdoor sensor is not used."""

    FEW = "few"
    STUCK = "stuck"
    FAR_OFF = "far_off"


class ForecastNote(MessageCode):
    """What was done to a weather forecast, or why nothing was."""

    CORRECTED = "forecast_corrected"
    SENSOR_STUCK = "outdoor_sensor_stuck"
    SENSOR_FAR_OFF = "outdoor_sensor_far_off"


@dataclass(frozen=True, slots=True)
class Distrusted:
    """Why the sensor is not used, and how far it is off [K]."""

    why: Distrust
    kelvin: float = 0.0


def forecast_bias(
    forecasts: Mapping[int, Floats], measured: Floats, ghi_wm2: Floats
) -> Bias | Distrusted:
    """The bias of past ``forecasts`` (by lead time [h]) [degC] against a sensor [degC].

    All of the same hours, shapes (n,), the youngest last; NaN is unknown. Sunny hours (``ghi_wm2``)
    count only while the sensor does not read warmer in the sun than in the dark.
    """
    known = measured[np.isfinite(measured)]
    if len(known) < FEWEST_H or not forecasts:
        return Distrusted(Distrust.FEW)
    if np.ptp(known[-_STUCK_H:]) == 0.0:
        return Distrusted(Distrust.STUCK)
    errors = {lead: values - measured for lead, values in sorted(forecasts.items())}
    weight = 0.5 ** (np.arange(len(measured))[::-1] / HALF_LIFE_H)
    weight = np.where(_honest(errors, weight, ghi_wm2), weight, 0.0)
    shared = _mean(np.concatenate([*errors.values()]), np.tile(weight, len(errors)))
    if not np.isfinite(shared):
        return Distrusted(Distrust.FEW)
    if abs(shared) > LARGEST_K:
        return Distrusted(Distrust.FAR_OFF, shared)
    sceptical = _scepticism_h(errors, weight, shared)
    hours = float(np.mean([_hours(one, weight) for one in errors.values()]))
    overall = shared * _trust(hours, sceptical)
    kelvin = [overall + _own(error, weight, shared, sceptical) for error in errors.values()]
    spread = [
        _spread(error, weight, off) for error, off in zip(errors.values(), kelvin, strict=True)
    ]
    return Bias(np.array(list(errors), dtype=np.float64), np.array(kelvin), np.array(spread))


def _scepticism_h(errors: Mapping[int, Floats], weight: Floats, shared: float) -> float:
    """How many hours of errors weigh as much as the belief that there is no bias [h]."""
    nearest = next(iter(errors.values()))
    square = _shrunk_square(nearest - shared, weight)
    return ERRORS_LAST_H * square / BIASES_K**2


def _spread(error: Floats, weight: Floats, off: float) -> float:
    """The standard deviation of errors beside their bias [K], drawn to the usual one."""
    return float(np.sqrt(_shrunk_square(error - off, weight)))


def _shrunk_square(error: Floats, weight: Floats) -> float:
    """The mean square of errors [K2], with a day of usual ones."""
    hours = _hours(error, weight)
    square = _mean(error**2, weight) if hours else 0.0
    return (USUAL_H * USUAL_SCATTER_K**2 + hours * square) / (USUAL_H + hours)


def _honest(errors: Mapping[int, Floats], weight: Floats, ghi_wm2: Floats) -> Flags:
    """Hours at which the sensor shows the air and not the sun. Shape (n,)."""
    dark, sunny = ghi_wm2 < _DARK_WM2, ghi_wm2 >= _DARK_WM2
    nearest = next(iter(errors.values()))
    in_dark = _mean(nearest, np.where(dark, weight, 0.0))
    in_sun = _mean(nearest, np.where(sunny, weight, 0.0))
    return dark | sunny if in_dark - in_sun <= _SUN_WARMED_K else dark


def _own(error: Floats, weight: Floats, shared: float, sceptical: float) -> float:
    """By how much a lead time differs from all of them together, as far as it is known [K]."""
    mean = _mean(error, weight)
    return (mean - shared) * _trust(_hours(error, weight), sceptical) if np.isfinite(mean) else 0.0


def _trust(hours: float, sceptical: float) -> float:
    """How much of a mean of so many hours [h] is believed, 0..1."""
    return hours / (hours + sceptical)


def _hours(error: Floats, weight: Floats) -> float:
    """How many hours the errors are worth [h]."""
    return float(weight[np.isfinite(error)].sum())


def _mean(error: Floats, weight: Floats) -> float:
    there = np.isfinite(error) & (weight > 0)
    if not there.any():
        return float("nan")
    return float(np.average(error[there], weights=weight[there]))


HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Outdoor temperatures [degC], shape (n,), and what was done to them; ``spread_k`` is the
    standard deviation of their errors on record [K], shape (n,) too, None where there is none."""

    temp_out_c: Floats
    notes: tuple[Fact, ...] = ()
    spread_k: Floats | None = None


def corrected(
    temp_out_c: Floats,
    site: Site,
    *,
    start: datetime,
    step: timedelta,
    now: datetime,
    feed: Feed,
    readings: ReadingStore,
) -> Corrected:
    """A forecast from ``start`` on, without the bias that it has had at this building lately.

    Unchanged where the feed remembers no forecasts or the building has no sensor of its own.
    """
    found = _bias(site, now, feed, readings)
    lead_h = ((start - now) + step / 2) / HOUR + np.arange(len(temp_out_c)) * (step / HOUR)
    lead_h = np.maximum(lead_h, 0.0)
    if not isinstance(found, Bias):
        notes = () if found is None else _distrust(found)
        return Corrected(temp_out_c, notes, _spread_on_record(site, feed, lead_h))
    spread = found.spread_at(lead_h)
    if not found.worth_telling:
        return Corrected(temp_out_c, spread_k=spread)
    note = fact(ForecastNote.CORRECTED, kelvin=float(-found.kelvin[0]))
    return Corrected(temp_out_c - found.at(lead_h), (note,), spread)


def _spread_on_record(site: Site, feed: Feed, lead_h: Floats) -> Floats | None:
    """The standard deviation of the errors of the best provider's forecasts at stations [K]."""
    if not isinstance(feed, RememberingFeed):
        return None
    try:
        scores = feed.scores(site.latitude, site.longitude)
    except FeedError:
        return None
    best: dict[int, float] = {}
    for score in scores:
        if score.quantity is WeatherQuantity.TEMP and score.n >= FEWEST_H:
            best[score.lead_h] = min(score.rmse, best.get(score.lead_h, score.rmse))
    if not best:
        return None
    leads = sorted(best)
    return np.asarray(np.interp(lead_h, leads, [best[lead] for lead in leads]))


def _bias(
    site: Site, now: datetime, feed: Feed, readings: ReadingStore
) -> Bias | Distrusted | None:
    sensor = next(iter(site.points_by_role(Role.OUTDOOR_TEMP)), None)
    if sensor is None or not isinstance(feed, RememberingFeed):
        return None
    end = now.replace(minute=0, second=0, microsecond=0)
    start = end - WINDOW_H * HOUR
    try:
        weather = feed.weather(site.latitude, site.longitude, start=start, end=end, now=now)
        told = feed.forecasts(site.latitude, site.longitude, start=start, end=end)
    except FeedError:
        return None
    measured = readings.series(sensor.id, start, end, HOUR, Fold.MEAN).values
    forecasts = {lead: series.values for lead, series in told.items()}
    return forecast_bias(forecasts, measured, weather.ghi_wm2.series.values)


def _distrust(found: Distrusted) -> tuple[Fact, ...]:
    match found.why:
        case Distrust.STUCK:
            return (fact(ForecastNote.SENSOR_STUCK),)
        case Distrust.FAR_OFF:
            return (fact(ForecastNote.SENSOR_FAR_OFF, kelvin=abs(found.kelvin)),)
        case Distrust.FEW:
            return ()
