"""What others draw behind the meter of a heat pump, expected from the last four weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind
from bms.model.assets.site import Power, Site
from bms.model.readings.measurement import Reading
from bms.services.planning.other_load import other_load
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, QUARTER, lodge, utc
from tests.rigs.fakes.ports import problem_ports

NOW = utc(2019, 1, 31, 23)
"""Midnight before a Friday, local time."""
DAYS = 28
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
HEAT_KW, COP, FAN_KW = 9.0, 3.0, 1.0


def site() -> Site:
    source = HeatSource(
        kind=HeatSourceKind.HEAT_PUMP, capacity_kw=20.0, cop=((-10.0, 2.5), (0.0, COP), (10.0, 4.0))
    )
    return replace(lodge(HeatSourceKind.HEAT_PUMP), heat_source=source)


def others_kw(moment: datetime) -> float:
    """Computers from 8 to 16 on weekdays, and something that never stops."""
    local = moment.astimezone(COPENHAGEN)
    return 6.0 if local.weekday() < 5 and 8 <= local.hour < 16 else 2.0


def lived_in(store: MemoryStore, *, days: int = DAYS, fans: bool = True) -> MemoryStore:
    """``days`` of a heat pump that always gives the same at 0 degC, its fans from 6 to 18 UTC."""
    start = NOW - timedelta(days=days)
    heat = electricity = 1000.0
    rows = []
    for k in range(24 * days + 1):
        moment = start + HOUR * k
        rows += [
            Reading("lodge/heat.energy", moment, heat),
            Reading("lodge/el.energy", moment, electricity),
        ]
        runs = 6 <= moment.hour < 18
        heat += HEAT_KW
        electricity += others_kw(moment) + HEAT_KW / COP + FAN_KW * runs
        for quarter in range(4):
            at = moment + QUARTER * quarter
            rows.append(Reading("lodge/outdoor.temp", at, 0.0))
            rows += [Reading("lodge/ahu1.run", at, float(runs))] if fans else []
    store.add_readings(rows)
    return store


def ahead(store: MemoryStore, at: Site | None = None) -> tuple[float | None, ...]:
    return other_load(at or site(), NOW, 96 * 3, now=NOW, readings=store)


class TestTheLoadOfOthers:
    def test_is_the_meter_less_heat_pump_and_fans(self) -> None:
        due = [others_kw(NOW + QUARTER * k) for k in range(96 * 3)]
        assert np.allclose(np.array(ahead(lived_in(MemoryStore())), dtype=float), due, atol=1e-6)

    def test_a_closed_day_is_like_a_weekend(self) -> None:
        friday = NOW.astimezone(COPENHAGEN).date()
        closed = replace(site(), closed_dates=frozenset({friday}))
        assert set(ahead(lived_in(MemoryStore()), closed)) == {2.0}

    def test_too_few_days_are_not_known(self) -> None:
        assert set(ahead(lived_in(MemoryStore(), days=2))) == {None}

    def test_nor_are_fans_that_nobody_measures(self) -> None:
        assert set(ahead(lived_in(MemoryStore(), fans=False))) == {None}

    def test_nobody_shares_a_heat_meter(self) -> None:
        assert ahead(lived_in(MemoryStore()), lodge()) == ()

    def test_without_a_main_meter_nothing_is_told(self) -> None:
        alone = replace(site(), meters=tuple(m for m in site().meters if m.id != "el"))
        assert ahead(lived_in(MemoryStore()), alone) == ()


class TestTheQuestion:
    @pytest.mark.parametrize(("power", "told"), [(Power(limit_kw=18.0), True), (Power(), False)])
    def test_has_it_where_power_matters(self, power: Power, told: bool) -> None:
        problem = assemble(
            replace(site(), power=power),
            now=NOW,
            horizon=6 * HOUR,
            ports=problem_ports(lived_in(MemoryStore())),
        )
        assert problem.other_load_kw == ((2.0,) * 24 if told else ())
