"""Faults that are planted in a building's hourly columns, from small to large.

A kind changes the columns of one piece of equipment from an hour on and says what a year of it
takes. The columns stay those that a meter would show: volume and return follow heat and cooling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from bms.bench.detection.town import EPOCH, RULE, HourlyBuilding
from bms.faults.observations import Equipment
from bms.faults.prices import WATER_KWH_M3K
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags, Ints
from bms.model.readings.series import Floats

WINTER, SUMMER, CHRISTMAS = date(2019, 1, 14), date(2019, 6, 3), date(2018, 12, 24)
HALF_TERM = date(2019, 2, 11)
SIZES = (0.04, 0.06, 0.1, 0.16, 0.25)
"""Of a building's use [share of the year], the first ones small."""
H, V, OUT = Signal.HEAT, Signal.VOLUME, Signal.OUTDOOR_TEMP
FLOW, BACK = Signal.METER_FLOW_TEMP, Signal.METER_RETURN_TEMP
EL, WATER, MET = Signal.ELECTRICITY, Signal.WATER, Signal.WEATHER_TEMP


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A building from the hour ``first`` on; arrays have shape (n,)."""

    columns: dict[Signal, Floats]
    first: int
    hour: Ints
    closed: Flags
    weekend: Flags
    listed: Flags
    size: float
    rng: np.random.Generator

    @property
    def after(self) -> Flags:
        """Whether the fault stands."""
        standing: Flags = np.arange(len(self.hour)) >= self.first
        return standing

    def year(self, signal: Signal) -> float:
        """Use of a year [kWh or m3]."""
        return float(np.nanmean(self.columns[signal][: 365 * 24])) * 8760.0

    def add(self, signal: Signal, where: Flags, shape: Floats | float = 1.0) -> float:
        """Add ``size`` of the year's use, spread over the hours of a year as ``shape`` on ``where``
        is; what a year of it comes to."""
        weight = where * shape
        whole = max(float(np.sum(weight[: 365 * 24])), 1e-9)
        extra = self.size * self.year(signal) * weight / whole
        self.columns[signal] = self.columns[signal] + np.where(self.after, extra, 0.0)
        return self.size * self.year(signal)

    def carry(self) -> None:
        """Let the volume carry the heat at the cooling that there is."""
        cooling = np.maximum(self.columns[FLOW] - self.columns[BACK], 2.0)
        volume = self.columns[H] / (cooling * WATER_KWH_M3K)
        self.columns[V] = np.where(self.after, volume, self.columns[V])


Plant = Callable[[Scene], float]


def _heat(where: Callable[[Scene], Flags], shape: Callable[[Scene], Floats | float]) -> Plant:
    def plant(scene: Scene) -> float:
        extra = scene.add(H, where(scene), shape(scene))
        scene.carry()
        return extra

    return plant


def _electric(where: Callable[[Scene], Flags]) -> Plant:
    return lambda scene: scene.add(EL, where(scene))


def _cold(scene: Scene) -> Floats:
    return np.maximum(16.0 - scene.columns[OUT], 0.0)


def _heats(scene: Scene) -> Floats:
    """Heat beside that of the least hours of its day, which is hot water."""
    heat = scene.columns[H]
    least = np.full(len(heat) // 24 + 1, np.inf)
    day = np.arange(len(heat)) // 24
    np.minimum.at(least, day, heat)
    beside: Floats = heat - least[day]
    return beside


def _heating(scene: Scene) -> Flags:
    """Hours in which the rooms are heated: a loss or a setpoint changes nothing in the others."""
    heats = _heats(scene)
    on: Flags = (heats > 0.1 * float(np.nanpercentile(heats, 90))) & (scene.columns[OUT] < 16.0)
    return on


def _night(scene: Scene) -> Flags:
    night: Flags = (scene.hour >= 21) | (scene.hour < 5)
    return night


def _same(scene: Scene) -> float:
    return 1.0 if len(scene.hour) else 0.0


def _warm(scene: Scene) -> Flags:
    warm: Flags = scene.columns[OUT] > 14.0
    return warm


def _mild(scene: Scene) -> Flags:
    mild: Flags = np.abs(scene.columns[OUT] - 14.0) < 4.0
    return mild


def _mild_night(scene: Scene) -> Flags:
    mild: Flags = (scene.columns[OUT] > 8.0) & _night(scene)
    return mild


def _closed(scene: Scene) -> Flags:
    return scene.closed


def _holiday(scene: Scene) -> Flags:
    return scene.listed & ~scene.weekend


def _evening(scene: Scene) -> Flags:
    evening: Flags = (scene.hour >= 18) & (scene.hour < 23) & ~scene.closed
    return evening


def _weekend(scene: Scene) -> Flags:
    return scene.weekend & (scene.hour >= 8) & (scene.hour < 18)


def _unused(scene: Scene) -> Flags:
    return scene.closed | (scene.hour < 6) | (scene.hour >= 18)


def _every(scene: Scene) -> Flags:
    return np.ones(len(scene.hour), dtype=np.bool_)


def _cooling(scene: Scene, kelvin: Floats | float) -> float:
    """Raise the return; what the fee of a year rises by."""
    before, cooling = scene.columns[V], scene.columns[FLOW] - scene.columns[BACK]
    now = np.maximum(cooling - np.where(scene.after, kelvin, 0.0), 2.0)
    scene.columns[BACK] = scene.columns[FLOW] - now
    scene.carry()
    return _fee_kwh(scene, before)


def _fee_kwh(scene: Scene, before: Floats) -> float:
    """What the fee of a year rises by with the volume that there is now instead of ``before``, told
    in kWh at 0.6 DKK; nothing where the cooling stays above the limit."""
    after, mwh = scene.after, scene.year(H) / 1000.0
    heat = float(np.nansum(scene.columns[H][after])) / WATER_KWH_M3K
    was, now = (
        RULE.fee_dkk(heat / float(np.nansum(volume[after])), mwh)
        for volume in (before, scene.columns[V])
    )
    return (now - was) / 0.6


def poor_cooling(scene: Scene) -> float:
    return _cooling(scene, 20.0 * scene.size + 3.0)


def poor_at_low_load(scene: Scene) -> float:
    load = scene.columns[H] / max(float(np.percentile(scene.columns[H], 90)), 1e-9)
    return _cooling(scene, (60.0 * scene.size + 8.0) * np.clip(1.0 - load, 0.0, 1.0))


def bypass(scene: Scene) -> float:
    """A constant flow that gives up no heat beside what there is."""
    before = scene.columns[V]
    flow = 4.0 * scene.size * float(np.nanmean(before))
    volume = before + np.where(scene.after, flow, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cooling = np.where(volume > 0, scene.columns[H] / (volume * WATER_KWH_M3K), 1.0)
    scene.columns[V] = volume
    back = scene.columns[FLOW] - cooling
    scene.columns[BACK] = np.where(scene.after, back, scene.columns[BACK])
    return _fee_kwh(scene, before)


def night_flow(scene: Scene) -> float:
    """Nothing is heated at night, yet much water runs through warm."""
    where = scene.after & (scene.hour < 5)
    flow = float(np.nanpercentile(scene.columns[V], 95)) * (0.15 + scene.size)
    scene.columns[V] = np.where(where, flow, scene.columns[V])
    scene.columns[H] = np.where(where, flow * 1.5 * WATER_KWH_M3K, scene.columns[H])
    scene.columns[BACK] = np.where(where, scene.columns[FLOW] - 1.5, scene.columns[BACK])
    return 0.05 * scene.year(H)


def stuck(scene: Scene) -> float:
    at = scene.after
    scene.columns[H] = np.where(at, scene.columns[H][scene.first] + 0.37, scene.columns[H])
    return 0.1 * scene.year(H)


def silent(scene: Scene) -> float:
    scene.columns[H] = np.where(scene.after, np.nan, scene.columns[H])
    return 0.1 * scene.year(H)


def slipping(scene: Scene) -> float:
    share = 0.08 + scene.size
    scene.columns[H] = np.where(scene.after, scene.columns[H] * (1 - share), scene.columns[H])
    return share * scene.year(H)


def spiking(scene: Scene) -> float:
    wild = scene.after & (scene.rng.random(len(scene.hour)) < 0.01)
    scene.columns[H] = np.where(wild, scene.columns[H] * 1000.0 + 1000.0, scene.columns[H])
    return 0.1 * scene.year(H)


def exchanged(scene: Scene) -> float:
    flow, back = scene.columns[FLOW].copy(), scene.columns[BACK].copy()
    scene.columns[FLOW] = np.where(scene.after, back, flow)
    scene.columns[BACK] = np.where(scene.after, flow, back)
    return 0.1 * scene.year(H)


def el_silent(scene: Scene) -> float:
    scene.columns[EL] = np.where(scene.after, np.nan, scene.columns[EL])
    return 0.1 * scene.year(EL)


def el_as_open(scene: Scene) -> float:
    """Closed days take what the last open day at the same hour took."""
    day = np.where(scene.closed, np.nan, scene.columns[EL])
    for _ in range(10):
        day = np.where(np.isnan(day), np.concatenate([day[:24], day[:-24]]), day)
    where = scene.after & scene.listed & ~scene.weekend
    scene.columns[EL] = np.where(where, day, scene.columns[EL])
    return 0.05 * scene.year(EL)


def running_toilet(scene: Scene) -> float:
    flow = 0.02 + 0.4 * scene.size
    scene.columns[WATER] = scene.columns[WATER] + np.where(scene.after, flow, 0.0)
    return flow * 8760.0


def burst(scene: Scene) -> float:
    flow = 0.5 + 4.0 * scene.size
    scene.columns[WATER] = scene.columns[WATER] + np.where(scene.after, flow, 0.0)
    return flow * 8760.0


def sensor_off(scene: Scene) -> float:
    off = -(3.0 + 15.0 * scene.size)
    scene.columns[OUT] = scene.columns[OUT] + np.where(scene.after, off, 0.0)
    return 0.05 * abs(off) * 0.05


def sensor_in_sun(scene: Scene) -> float:
    sun = (6.0 + 30.0 * scene.size) * np.clip(np.sin((scene.hour - 6) / 12 * np.pi), 0, 1)
    bright = np.repeat(scene.rng.random(len(scene.hour) // 24 + 1) < 0.7, 24)[: len(scene.hour)]
    scene.columns[OUT] = scene.columns[OUT] + np.where(scene.after & bright, sun, 0.0)
    return 0.1


def sensor_flat(scene: Scene) -> float:
    scene.columns[OUT] = np.where(scene.after, scene.columns[OUT][scene.first], scene.columns[OUT])
    return 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: where, when it begins, and what it does. ``priced``: its extra use is known
    in the unit of the price. ``adds`` is the amount that it adds to."""

    name: str
    equipment: Equipment
    begins: date
    plant: Plant
    priced: bool = True
    adds: Signal | None = None


_M, _E, _W = Equipment.HEAT_METER, Equipment.ELECTRICITY_METER, Equipment.WATER_METER
KINDS = (
    Kind("poor cooling", _M, WINTER, poor_cooling),
    Kind("poor cooling at low load", _M, WINTER, poor_at_low_load, priced=False),
    Kind("bypass", _M, WINTER, bypass),
    Kind("flow at night without heat", _M, WINTER, night_flow, priced=False),
    Kind("heat in summer", _M, SUMMER, _heat(_warm, _same), adds=H),
    Kind(
        "heat in summer, nights",
        _M,
        SUMMER,
        _heat(_mild_night, _same),
        adds=H,
    ),
    Kind("no night setback", _M, WINTER, _heat(_night, _cold), adds=H),
    Kind("closed days heated", _M, WINTER, _heat(_closed, _cold), adds=H),
    Kind("holiday heated", _M, HALF_TERM, _heat(_holiday, _cold), priced=False, adds=H),
    Kind("hot water circulation loses", _M, SUMMER, _heat(_every, _same), adds=H),
    Kind("hot water circulation loses, winter", _M, WINTER, _heat(_every, _same), adds=H),
    Kind("heat loss rises", _M, WINTER, _heat(_heating, _cold), adds=H),
    Kind("setpoint raised", _M, WINTER, _heat(_heating, _same), adds=H),
    Kind(
        "heats in mild weather",
        _M,
        date(2019, 4, 22),
        _heat(_mild, _same),
        adds=H,
    ),
    Kind("meter stuck", _M, WINTER, stuck, priced=False),
    Kind("meter silent", _M, WINTER, silent, priced=False),
    Kind("meter slips", _M, WINTER, slipping, priced=False),
    Kind("meter spikes", _M, WINTER, spiking, priced=False),
    Kind("meter sensors exchanged", _M, WINTER, exchanged, priced=False),
    Kind("electric base load", _E, WINTER, _electric(_every), adds=EL),
    Kind("electric nights", _E, WINTER, _electric(_night), adds=EL),
    Kind(
        "electric evenings",
        _E,
        WINTER,
        _electric(_evening),
        adds=EL,
    ),
    Kind(
        "electric weekends",
        _E,
        WINTER,
        _electric(_weekend),
        adds=EL,
    ),
    Kind("electric holiday", _E, HALF_TERM, el_as_open, priced=False, adds=EL),
    Kind(
        "ventilation around the clock",
        _E,
        WINTER,
        _electric(_unused),
        adds=EL,
    ),
    Kind("electric meter silent", _E, WINTER, el_silent, priced=False),
    Kind("cistern runs", _W, WINTER, running_toilet, priced=False),
    Kind("pipe bursts", _W, WINTER, burst, priced=False),
    Kind("outdoor sensor off", Equipment.ANY, WINTER, sensor_off, priced=False),
    Kind("outdoor sensor in the sun", Equipment.ANY, SUMMER, sensor_in_sun, priced=False),
    Kind("outdoor sensor flat", Equipment.ANY, WINTER, sensor_flat, priced=False),
)
OF: Mapping[Equipment, tuple[Signal, ...]] = {
    _M: (H, V, FLOW, BACK, OUT, Signal.SUN),
    _E: (EL, OUT),
    _W: (WATER,),
    Equipment.ANY: (OUT,),
}


def planted(
    kind: Kind, building: HourlyBuilding, size: float, seed: int
) -> tuple[dict[Signal, Floats], int, float]:
    """The columns with a fault, the hour of its beginning, and what a year of it takes [kWh]."""
    plain = building.subject(Equipment.ANY, {})
    first = int(np.searchsorted(plain.local.day, (kind.begins - EPOCH).days))
    listed = np.isin(plain.local.day, np.array(sorted(building.context.closed)))
    scene = Scene(
        columns=dict(building.columns),
        first=first,
        hour=plain.local.minute // 60,
        closed=plain.closed,
        weekend=plain.local.weekday >= 5,
        listed=listed,
        size=size,
        rng=np.random.default_rng(seed),
    )
    extra = kind.plant(scene)
    columns = {signal: scene.columns[signal] for signal in OF[kind.equipment]}
    if kind.equipment is Equipment.ANY:
        columns[MET] = building.columns[OUT]
    return columns, first, extra
