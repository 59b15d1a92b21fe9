"""The building physics against balances and formulae that can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from drivers.simulator.buildings import drift
from drivers.simulator.buildings.archetypes import ARCHETYPES
from drivers.simulator.buildings.stock import SimSite, Stock
from drivers.simulator.physics.local_control import Thermostats, heating_curve
from drivers.simulator.physics.thermal import Control, SlotInputs, ThermalModel, starting_state

KINDS = list(ARCHETYPES)


def building(kind: str, start_c: float = 20.0) -> ThermalModel:
    stock = Stock.of([SimSite("b", kind, seed=4)])
    return ThermalModel(stock, starting_state(stock, np.full(len(stock.zones.site), start_c)))


def still(physics: ThermalModel, outdoor_c: float = 0.0, heating: float = 1.0) -> SlotInputs:
    """Constant weather with 4 m/s wind, no sun, nobody there."""
    n, s = len(physics.stock.zones.site), len(physics.stock.members)
    return SlotInputs(
        outdoor_c=outdoor_c, curve_c=outdoor_c, wind_ms=4.0, sol_air_k=0.0, heating=heating,
        leak=np.ones(s), fan=np.ones(s), to_air=np.zeros(n), to_mass=np.zeros(n),
        to_wall=np.zeros(n), co2=np.zeros(n), airing=np.zeros(n), present=np.zeros(n),
        window_c=np.full(n, 24.0), electricity=np.zeros(s), dhw=np.zeros(s),
    )  # fmt: skip


def control(
    physics: ThermalModel,
    setpoint: float = 20.0,
    run: float = 0.0,
    shift: float = 0.0,
    flow: float = 1.0,
    supply_air: float | None = None,
):
    n, s = len(physics.stock.zones.site), len(physics.stock.members)
    own = physics.stock.sites.supply_air
    return Control(
        setpoint=np.full((1, n), setpoint),
        run=np.full((1, s), run),
        shift=np.full((1, s), shift),
        flow=np.full((1, s), flow),
        supply_air=own[None] if supply_air is None else np.full((1, s), supply_air),
    )


class FixedValves(Thermostats):
    """Thermostats that somebody has set by hand."""

    def move(self, setpoint_c, air_c, on, dt_h) -> None:
        pass


def fix_valves(physics: ThermalModel, opening: float) -> None:
    valve = np.full_like(physics.state.air, opening)
    physics.state.thermostats = FixedValves(valve.copy(), valve)


def pass_hours(physics: ThermalModel, x: SlotInputs, c: Control, hours: int):
    for _ in range(hours):
        flows = physics.step(x, c, 1.0)
    return flows


def settle(physics: ThermalModel, x: SlotInputs, c: Control, days: int = 80):
    """Steps of a day: where nothing changes any more, their length is of no account."""
    for _ in range(days):
        flows = physics.step(x, c, 24.0)
    return flows


def wall_ua(physics: ThermalModel) -> np.ndarray:
    z = physics.stock.zones
    return z.h_inner * z.h_outer / (z.h_inner + z.h_outer)


def stored(physics: ThermalModel) -> np.ndarray:
    s, z = physics.state, physics.stock.zones
    return (
        z.c_air * s.air + z.c_mass * s.mass + z.c_wall * s.wall + z.c_radiator * s.radiator
    ).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_steady_heat_is_ua_times_the_temperature_difference(kind):
    physics = building(kind)
    fix_valves(physics, 0.5)
    flows = settle(physics, still(physics, -2.0), control(physics))
    z, air = physics.stock.zones, physics.state.air[0]
    infiltration = z.leakage * np.sqrt(0.5 * (air + 2.0) / 20.0 + 0.5)
    dampers = 0.02 * z.air_share * physics.stock.sites.air_flow * 0.34
    loss = (wall_ua(physics) + z.h_glass + infiltration + dampers) * (air + 2.0)
    assert (air > 12.0).all()
    assert flows.radiators.sum() == pytest.approx(loss.sum(), rel=1e-6)
    pipes = physics.stock.sites.pipe_loss * (physics.state.supply[0] - 16.0)
    assert flows.heat[0] == pytest.approx(loss.sum() + pipes, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_specific_loss_is_that_of_an_older_municipal_building(kind):
    physics = building(kind)
    fix_valves(physics, 0.5)
    flows = settle(physics, still(physics), control(physics))
    specific = flows.radiators.sum() / physics.state.air.mean() / physics.stock.sites.area[0]
    assert 0.85 <= specific <= 1.35


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dt_h", [1 / 60, 1 / 12, 6.0])
def test_every_step_closes_its_energy_balance(kind, dt_h):
    physics = building(kind, 18.0)
    base = still(physics, -3.0)
    n = len(physics.stock.zones.site)
    x = replace(
        base, to_air=np.full(n, 4000.0), to_mass=np.full(n, 3000.0), to_wall=np.full(n, 500.0),
        present=np.ones(n), airing=np.full(n, 0.2), sol_air_k=1.0, window_c=np.full(n, 17.0),
    )  # fmt: skip
    for _ in range(8):
        before = stored(physics)
        flows = physics.step(x, control(physics, 21.0, run=1.0), dt_h)
        net = (
            flows.radiators + flows.ventilation - flows.leakage - flows.envelope
        ).sum() + 7500.0 * n
        assert stored(physics) - before == pytest.approx(net * dt_h, rel=1e-9, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_free_cooling_follows_the_slowest_eigenvalue(kind):
    physics = building(kind)
    x = replace(still(physics, 0.0, heating=0.0), leak=np.zeros(1))
    c = control(physics, 5.0)
    for _ in range(24 * 30):
        physics.step(x, c, 1.0)
    before = physics.state.mass.copy()
    for _ in range(24):
        physics.step(x, c, 0.5)
    rate = -np.log(physics.state.mass / before) / 12.0
    assert rate[0] == pytest.approx(np.full(rate.shape[1], slowest_rate(physics)), rel=0.03)


def slowest_rate(physics: ThermalModel) -> float:
    """Smallest decay rate [1/h] of air, mass and wall of all zones, radiators with the air."""
    z = physics.stock.zones
    n = len(z.site)
    conductance = np.zeros((3 * n, 3 * n))
    loss = np.concatenate([z.h_glass, np.zeros(n), z.h_outer])

    def join(a: int, b: int, value: float) -> None:
        conductance[a, b] -= value
        conductance[a, a] += value

    for i in range(n):
        for other, value in ((n + i, z.h_mass[i]), (2 * n + i, z.h_inner[i])):
            join(i, other, value)
            join(other, i, value)
        for neighbour, value in zip(z.neighbour[i], z.coupling[i], strict=True):
            if value:
                join(i, int(neighbour), value)
    conductance += np.diag(loss)
    capacity = np.concatenate([z.c_air + z.c_radiator, z.c_mass, z.c_wall])
    return float(np.linalg.eigvals(conductance / capacity[:, None]).real.min())


@pytest.mark.parametrize("kind", KINDS)
def test_time_constant_is_30_to_70_hours(kind):
    physics = building(kind)
    x, c = still(physics, 0.0, heating=0.0), control(physics, 5.0)
    pass_hours(physics, x, c, 24)
    before = physics.state.air.mean()
    pass_hours(physics, x, c, 24)
    assert 30.0 <= 24.0 / np.log(before / physics.state.air.mean()) <= 70.0


@pytest.mark.parametrize("kind", KINDS)
def test_radiators_emit_by_en_442(kind):
    heating = ARCHETYPES[kind].heating
    emitted = []
    for shift in (-10.0, 0.0):
        physics = building(kind)
        fix_valves(physics, 1.0)
        flows = settle(physics, still(physics, 2.0), control(physics, shift=shift))
        excess = physics.state.radiator - physics.state.air
        nominal = heating.radiator_wm2 * physics.stock.zones.area
        assert flows.radiators[0] == pytest.approx(nominal * (excess[0] / 50.0) ** 1.3, rel=1e-4)
        emitted.append((flows.radiators, excess))
    ratio = emitted[1][0] / emitted[0][0]
    assert ratio == pytest.approx((emitted[1][1] / emitted[0][1]) ** 1.3, rel=1e-4)
    assert (ratio > 1.1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_plant_gives_no_more_than_it_can(kind):
    physics = building(kind, 12.0)
    x = still(physics, -10.0)
    nominal = ARCHETYPES[kind].heating.capacity_kw * 1000.0
    highest = 0.0
    for _ in range(48):
        flows = physics.step(x, control(physics, 24.0, run=1.0), 1 / 12)
        highest = max(highest, float(flows.heat[0, 0]))
    assert 0.8 * nominal < highest <= 1.002 * nominal


@pytest.mark.parametrize("kind", KINDS)
def test_radiators_reheat_from_a_setback_in_a_few_hours_in_frost(kind):
    physics = building(kind, 20.0)
    x = still(physics, -5.0)
    pass_hours(physics, x, control(physics, 17.0), 60)
    for _ in range(5 * 12):
        physics.step(x, control(physics, 20.5), 1 / 12)
    assert physics.state.air.min() > 19.5


def test_long_steps_neither_swing_nor_overshoot():
    physics = building("townhall", 25.0)
    x = still(physics, 5.0, heating=0.0)
    last = physics.state.air
    for _ in range(10):
        physics.step(x, control(physics, 5.0), 24.0)
        assert (physics.state.air <= last + 1e-9).all()
        assert (physics.state.air >= 5.0).all()
        last = physics.state.air


def test_heat_recovery_saves_its_share():
    """Supply air held above what recovery gives takes exactly the rest from the coil."""
    physics = building("townhall")
    fix_valves(physics, 0.6)
    x = still(physics, -2.0)
    flows = settle(physics, x, control(physics, run=1.0))
    extract = float((physics.state.air[0] * physics.stock.zones.air_share).sum())
    recovered = -2.0 + 0.75 * (extract + 2.0)
    coil = 11000.0 * 0.34 * (18.5 - recovered)
    assert physics.state.coil[0, 0] == pytest.approx(coil, rel=1e-3)
    assert physics.state.supply_air[0, 0] == pytest.approx(19.0, abs=0.01)
    assert flows.electricity[0, 0] == pytest.approx(6000.0 + 0.25 * 3200.0, rel=1e-3)


def test_carbon_dioxide_settles_where_people_and_air_balance():
    physics = building("townhall")
    people = np.array([60.0, 60.0, 30.0, 40.0])
    x = replace(still(physics, 5.0), co2=0.016 * people, leak=np.zeros(1))
    pass_hours(physics, x, control(physics, 21.0, run=1.0), 100)
    fresh = 11000.0 * physics.stock.zones.air_share
    assert physics.state.co2[0] == pytest.approx(420.0 + 0.016e6 * people / fresh, rel=1e-3)


def test_heat_meter_water_carries_the_heat():
    physics = building("townhall")
    flows = settle(physics, still(physics, 0.0), control(physics, 21.0))
    cooling = flows.heat[0, 0] / (flows.volume[0, 0] * 1163.0)
    assert cooling == pytest.approx(72.5 - physics.state.back[0, 0] - 2.0, rel=1e-6)
    assert 25.0 < cooling < 50.0


def test_heating_curve_meets_its_two_points_and_takes_a_shift():
    cold, mild = np.array([70.0]), np.array([38.0])
    assert heating_curve(-12.0, cold, mild) == pytest.approx([70.0])
    assert heating_curve(15.0, cold, mild) == pytest.approx([38.0])
    physics = building("townhall")
    pass_hours(physics, still(physics, 0.0), control(physics, shift=-5.0), 5)
    assert physics.state.supply[0, 0] == pytest.approx(38.0 + 15.0 / 27.0 * 32.0 - 5.0, abs=0.1)


@pytest.mark.slow
def test_drift_is_a_slow_path_of_the_documented_size():
    paths = np.array([drift.Drift.of(seed).leak for seed in range(300)])
    logs = np.log(paths)
    assert logs.std() == pytest.approx(drift.LEAK_SD, rel=0.1)
    assert paths.mean() == pytest.approx(1.0, abs=0.02)
    lag = round(drift.TIME_CONSTANT_DAYS / drift.KNOT_DAYS)
    centred = logs - logs.mean()
    correlation = (centred[:, lag:] * centred[:, :-lag]).mean() / centred.var()
    assert correlation == pytest.approx(np.exp(-1.0), abs=0.06)
    both = np.array([np.log(drift.Drift.of(seed).electricity) for seed in range(300)])
    assert both.std() == pytest.approx(drift.ELECTRICITY_SD, rel=0.1)
    assert np.corrcoef(logs.ravel(), both.ravel())[0, 1] == pytest.approx(drift.SHARED, abs=0.06)
    assert drift.Drift.of(7).at(17600.0) == drift.Drift.of(7).at(17600.0)


@pytest.mark.parametrize("site", [{"archetype": "castle"}, {"archetype": "school", "scale": 0.0}])
def test_impossible_buildings_are_refused(site):
    with pytest.raises(ValueError, match="b:"):
        SimSite(id="b", seed=1, **site)
