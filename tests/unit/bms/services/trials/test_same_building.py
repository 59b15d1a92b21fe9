"""A building keeps its trials whatever its site is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.errors import ConfigError
from bms.model.assets.site import Mode, Site
from bms.services.trials.gone_sites import site_with_trials
from bms.services.trials.same_building import meter_sources, trials_of_building
from bms.services.trials.start import TrialRequest, start_trial, stop_trial
from tests.rigs.fakes.api import World, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial import SEALED, a_trial
from tests.rigs.fakes.trial_site import START, begun, in_time, with_lot


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


ASKED = TrialRequest(weeks=6, by="Bo", reason="proof")


def renamed(site: Site, name: str) -> Site:
    """The same building and network, under another id."""

    def here(id_: str) -> str:
        return f"{name}/{id_.split('/')[1]}"

    return replace(
        site,
        id=name,
        devices=tuple(replace(d, id=here(d.id), site=name) for d in site.devices),
        points=tuple(
            replace(p, id=here(p.id), site=name, device=here(p.device)) for p in site.points
        ),
    )


def test_a_site_of_another_name_has_the_trials_of_its_meters(world: World) -> None:
    """Otherwise whoever does not like a draw, or a result, would call the building another
    name."""
    first = begun(world, lot=7)
    stop_trial(world.city.trials, world.city.site("lodge"), by="Bo", reason="again")
    for name in ("hut", "barn"):
        world.store.set_mode(name, Mode.AUTO, actor="Bo", at=START - 9 * HOUR, reason="new name")
    world.clock.move_to(START - 8 * HOUR)
    hut = renamed(world.city.site("lodge"), "hut")
    longer = replace(ASKED, weeks=7)
    again = start_trial(with_lot(world, 8), hut, longer)
    assert again.site == "hut"
    assert again.sealed.elsewhere == (first.id,)
    assert (again.seed, again.sealed.number) == (8, 2)
    stop_trial(world.city.trials, hut, by="Bo", reason="again")
    back = start_trial(with_lot(world, 9), renamed(hut, "barn"), longer)
    assert (back.seed, back.sealed.number) == (again.seed, 2)


def test_one_trial_of_a_building_is_open_at_a_time_whatever_its_names(world: World) -> None:
    first = begun(world, lot=7)
    world.store.set_mode("hut", Mode.AUTO, actor="Bo", at=START - 9 * HOUR, reason="new name")
    hut = renamed(world.city.site("lodge"), "hut")
    with pytest.raises(ConfigError, match=f"trial {first.id} is open .* `bms trial lodge stop`"):
        start_trial(with_lot(world, 8), hut, ASKED)
    gone = site_with_trials(world.store, {"hut": hut}, "lodge")
    stop_trial(world.city.trials, gone, by="Bo", reason="it has another name")
    assert start_trial(with_lot(world, 8), hut, ASKED).sealed.elsewhere == (first.id,)


def with_other_meters(site: Site) -> Site:
    """Every meter is read somewhere else."""
    other = {p.device for p in site.points if p.meter is not None}
    devices = tuple(replace(d, host="192.0.2.9") if d.id in other else d for d in site.devices)
    return replace(site, devices=devices)


def test_new_meters_make_no_new_building(world: World) -> None:
    """Its levers and sensors stand where they stood. Two further apart may have the same address in
    networks of their own."""
    first = begun(world, lot=7)
    for name in ("hut", "far"):
        world.store.set_mode(name, Mode.AUTO, actor="Bo", at=START - 9 * HOUR, reason="new name")
    site = renamed(world.city.site("lodge"), "hut")
    meters = {p.device for p in site.points if p.meter is not None}
    levers = {p.device for p in site.points if p.write is not None}
    assert meters.isdisjoint(levers)
    hut = with_other_meters(replace(site, latitude=site.latitude + 0.001))
    assert set(meter_sources(hut)).isdisjoint(first.sealed.sources)
    assert [known.trial for known in trials_of_building(world.store, hut)] == [first]
    far = with_other_meters(replace(site, latitude=site.latitude + 0.01))
    assert trials_of_building(world.store, far) == []


def test_names_are_followed_from_one_to_the_next(world: World) -> None:
    """The first name had these levers, the second one of its meters, the third that of the
    second."""
    first = a_trial("lodge", sealed=replace(SEALED, sources=("a",)), started_at=START)
    second = a_trial("hut", sealed=replace(SEALED, sources=("a", "b")), started_at=START + HOUR)
    barn = renamed(world.city.site("lodge"), "barn")
    sources = ("b", meter_sources(barn)[0])
    third = a_trial("hall", sealed=replace(SEALED, sources=sources), started_at=START + 2 * HOUR)
    other = a_trial("mill", sealed=replace(SEALED, sources=("c",)), started_at=START)
    for trial in (third, other, second, first):
        world.store.add_trial(trial)
    found = [known.trial.site for known in trials_of_building(world.store, barn)]
    assert found == ["lodge", "hut", "hall"]


def test_another_building_has_none_of_them(world: World) -> None:
    begun(world)
    world.store.set_mode("hut", Mode.AUTO, actor="Bo", at=START - 9 * HOUR, reason="new")
    site = renamed(world.city.site("lodge"), "hut")
    devices = tuple(replace(d, host="192.0.2.7") for d in site.devices)
    other = start_trial(with_lot(world, 8), replace(site, devices=devices), ASKED)
    assert (other.sealed.elsewhere, other.sealed.number) == ((), 1)
