"""Power with an open valve, from valves that open and from such that never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.identification.thermostat_traits import thermostat_traits, warm_up_power
from optimizer.model.heat_shares import HeatShares
from optimizer.model.history import MeasuredPast
from optimizer.model.rc_network import ZONE_PARAMETERS, Floats, RcNetwork
from optimizer.model.zone_record import ZoneRecord

FULL_KW, COLDER = 10.0, 0.8
DAYS = 28


def opening(widest: float) -> Floats:
    """A valve [%] that follows the night and the weather, and a morning of heating up."""
    hours = np.arange(DAYS * 96) * 0.25
    spread = np.random.default_rng(2).uniform(0.6, 1.0, len(hours))
    return 100.0 * widest * spread * np.where(hours % 24 < 8, 1.0, 0.6)


def past_with(valve: Floats, root: float) -> MeasuredPast:
    """Radiators give the power ``root`` of the opening; the building has this zone alone."""
    n = len(valve)
    temp_out = 5.0 + 6.0 * np.sin(np.arange(n) / 150.0)
    power = FULL_KW * (1.0 + COLDER * np.clip(15.0 - temp_out, 0.0, 30.0) / 20.0)
    rows = np.zeros((1, n))
    return MeasuredPast(
        zones=("hall",),
        called=("hall",),
        step_h=0.25,
        temp=rows + 20.0,
        setpoint=rows + 20.0,
        valve=valve[np.newaxis],
        use=rows,
        run=rows,
        temp_out=temp_out,
        ghi=rows[0],
        heat=power * (valve / 100.0) ** root,
        hour=np.arange(n) * 0.25 % 24,
        facades=np.zeros((3, n)),
        area=np.array([100.0]),
        vent_kw_per_k=np.array([0.0]),
        coil_share=np.array([1.0]),
    )


def shares_with(scale: float) -> HeatShares:
    """A division that is ``scale`` off: whoever sees only small openings cannot know better."""
    return HeatShares(
        by_valve=True,
        valve_kw=np.array([FULL_KW * scale]),
        valve_cold_kw=np.array([COLDER * FULL_KW * scale]),
        base_kw=0.0,
        use_kw=0.0,
        coil_kw_per_k=0.0,
        coil_below_c=0.0,
        coil_share=np.array([1.0]),
        part=np.array([1.0]),
    )


@pytest.mark.parametrize("scale", [0.7, 1.0, 2.0])
class TestOpenValvePower:
    def test_is_what_open_valves_gave(self, scale: float) -> None:
        facts = thermostat_traits(past_with(opening(1.0), 0.4), shares_with(scale), 0)
        assert facts["heat_max_kw"] == pytest.approx(FULL_KW, rel=0.05)
        assert facts["heat_max_cold_kw"] == pytest.approx(COLDER * FULL_KW, rel=0.05)

    @pytest.mark.parametrize("root", [0.32, 0.4, 0.5])
    def test_is_nearly_found_from_valves_that_never_open(self, scale: float, root: float) -> None:
        """Radiators give 80 % at half the flow; some valves make the root of the opening of it."""
        past = past_with(opening(0.4), root)
        facts = thermostat_traits(past, shares_with(scale), 0)
        assert 0.85 * FULL_KW <= facts["heat_max_kw"] <= 1.12 * FULL_KW
        assert facts["heat_max_kw"] > 1.2 * np.quantile(past.heat, 0.97) / (1.0 + COLDER)

    def test_is_rather_too_small_where_heat_follows_the_opening(self, scale: float) -> None:
        facts = thermostat_traits(past_with(opening(0.4), 1.0), shares_with(scale), 0)
        assert 0.5 * FULL_KW <= facts["heat_max_kw"] <= FULL_KW

    def test_is_not_what_cold_radiators_took_for_a_moment(self, scale: float) -> None:
        past = past_with(opening(0.4), 0.4)
        valve, heat = past.valve.copy(), past.heat.copy()
        first = np.arange(0, 10 * 96, 96) + 32
        valve[0, first], heat[first] = 100.0, 3.0 * FULL_KW
        facts = thermostat_traits(replace(past, valve=valve, heat=heat), shares_with(scale), 0)
        assert FULL_KW <= facts["heat_max_kw"] <= 1.3 * FULL_KW

    def test_is_the_most_that_was_seen_where_the_valve_hardly_moves(self, scale: float) -> None:
        past = past_with(opening(0.1), 0.5)
        facts = thermostat_traits(past, shares_with(scale), 0)
        assert facts["heat_max_kw"] == pytest.approx(np.quantile(past.heat, 0.97))
        assert facts["heat_max_cold_kw"] == 0.0


def test_without_heat_it_is_nothing() -> None:
    past = past_with(opening(0.4), 0.5)
    dark = replace(past, heat=np.full(past.steps, np.nan))
    facts = thermostat_traits(dark, shares_with(1.0), 0)
    assert facts["heat_max_kw"] == 0.0


class TestWithoutAValve:
    """A room of 5 kW radiators that takes 1 kW, held at 21 degC."""

    def past(self, *, waits: int = 0, sag: float = 0.0, noise: float = 0.1) -> MeasuredPast:
        base = past_with(opening(0.4), 0.5)
        below = np.random.default_rng(4).normal(sag, noise, base.steps)
        heat = np.full(base.steps, 1.0)
        below[:waits], heat[:waits] = 2.0, 5.0
        return replace(
            base,
            valve=np.full((1, base.steps), np.nan),
            use=np.ones((1, base.steps)),
            setpoint=np.full((1, base.steps), 21.0),
            temp=21.0 - below[np.newaxis],
            heat=heat,
        )

    def facts(self, past: MeasuredPast, loss_kw_per_k: float = 0.1) -> dict[str, float]:
        return thermostat_traits(past, replace(shares_with(1.0), by_valve=False), 0, loss_kw_per_k)

    def test_a_room_that_never_waited_has_the_radiators_of_a_cold_day(self) -> None:
        facts = self.facts(self.past())
        assert facts["heat_max_kw"] == pytest.approx(3.3)
        assert facts["heat_max_cold_kw"] == 0.0

    def test_a_room_that_waited_shows_what_it_gets(self) -> None:
        assert self.facts(self.past(waits=40))["heat_max_kw"] == pytest.approx(5.0)
        assert self.facts(self.past(waits=40), 1.0)["heat_max_kw"] == pytest.approx(5.0)

    def test_nothing_is_known_where_no_setpoint_is(self) -> None:
        past = self.past()
        blind = replace(past, setpoint=np.full_like(past.setpoint, np.nan))
        facts = self.facts(blind)
        assert facts["heat_max_kw"] == pytest.approx(1.0)
        assert (facts["droop_k"], facts["track_k"]) == (0.0, 0.2)

    def test_how_well_it_holds_shows_in_the_dark(self) -> None:
        assert self.facts(self.past())["track_k"] == pytest.approx(0.1, abs=0.02)
        bright = replace(self.past(), ghi=np.full(DAYS * 96, 0.3))
        assert self.facts(bright)["track_k"] == 0.2

    def test_a_room_below_its_setpoint_may_have_radiators_at_their_limit(self) -> None:
        facts = self.facts(self.past(sag=0.4))
        assert (facts["droop_k"], facts["track_k"]) == (0.0, 0.2)

    def test_what_others_keep_warm_says_nothing(self) -> None:
        facts = self.facts(self.past(sag=-0.3))
        assert facts["droop_k"] == 0.0
        assert facts["track_k"] == pytest.approx(0.1, abs=0.02)


class TestPowerOfWarmUps:
    """A room of air alone that is warm within a quarter-hour of 6 o'clock, day after day."""

    MODEL = RcNetwork.from_parameters(
        [
            {name: 0.0 for _, name in ZONE_PARAMETERS}
            | {"c_air_kwh_per_k": 3.0, "c_mass_kwh_per_k": 1.0, "ua_kw_per_k": 0.25}
        ]
    )

    @staticmethod
    def record(days: int) -> ZoneRecord:
        hour = np.arange(days * 96) * 0.25 % 24
        zeros = np.zeros(len(hour))
        at_night = 16.0 + 4.0 * np.exp(-((hour + 6.0) % 24.0) / 4.0)
        return ZoneRecord(
            temp=np.where((hour > 6.0) & (hour < 18.0), 21.0, at_night),
            heat=np.where(hour == 6.0, 20.0, np.where((hour > 6.0) & (hour < 18.0), 5.0, 0.0)),
            temp_out=zeros,
            ghi=zeros,
            use=zeros,
            run=zeros,
            hour=hour,
            facades=np.zeros((3, len(hour))),
            temp_vent=zeros,
            step_h=0.25,
            vent_kw_per_k=0.0,
            setpoint=np.where((hour >= 6.0) & (hour < 18.0), 21.0, 15.6),
        )

    def test_is_what_the_model_needs_to_be_as_fast(self) -> None:
        """Its air is too heavy, so that is more than the meter has ever shown."""
        needed_kw = 3.0 * (21.0 - 16.2) / 0.25 + 0.25 * 18.6
        assert warm_up_power(self.record(10), self.MODEL) == pytest.approx(needed_kw, rel=0.1)

    def test_is_not_told_by_two_mornings(self) -> None:
        assert warm_up_power(self.record(2), self.MODEL) == 0.0

    def test_is_not_told_without_setpoints(self) -> None:
        assert warm_up_power(replace(self.record(10), setpoint=None), self.MODEL) == 0.0
