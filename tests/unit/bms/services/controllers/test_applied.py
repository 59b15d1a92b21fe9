"""Reports of controllers that fetch: they are kept as receipts, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.errors import BmsError, ConfigError, NotFound
from bms.model.assets.site import Mode
from bms.model.control.applied import AppliedReport, AppliedValue
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import Accepted, Failed, Overridden, Refused, Released
from bms.services.controllers.applied import AppliedOutcomes, keep_applied
from bms.services.effective_control import controlled_points
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import CONSTANT, ENABLE, LEASE, NULL, TICK, hut

DEVICE = "hut/modbus"


def fetching() -> ControlBench:
    """A hut whose Modbus controller fetches its schedule, with a plan in force."""
    site = hut()
    devices = tuple(replace(d, fetches=d.id == DEVICE) for d in site.devices)
    bench = ControlBench(replace(site, devices=devices))
    bench.plan()
    return bench


def said(bench: ControlBench, *values: AppliedValue, plan: str | None = "p0") -> AppliedOutcomes:
    """What became of a report of now."""
    report = AppliedReport(device=DEVICE, site="hut", plan=plan, time=bench.now, values=values)
    return keep_applied(
        bench.site, report, now=bench.now, ports=bench.ports, lease=LEASE, actor="its key"
    )


def value(effective: float = 18.0, point: str = ENABLE, **more: bool) -> AppliedValue:
    return AppliedValue(point=point, effective=effective, **more)


def controlled(bench: ControlBench) -> frozenset[str]:
    return controlled_points(bench.store.receipts("hut", bench.now - LEASE), bench.now)


async def test_w15_a_controller_that_fetches_and_does_nothing_is_not_controlled() -> None:
    bench = fetching()
    assert [row.point for row in bench.download(DEVICE).setpoints]
    await bench.tick()
    assert controlled(bench) == {NULL}  # the other controller is written to
    assert bench.drivers.device(DEVICE).writes == []
    assert said(bench, value()).kept
    assert controlled(bench) == {NULL, ENABLE}


async def test_w15_nobody_writes_to_a_controller_that_fetches() -> None:
    bench = fetching()
    assert isinstance(await bench.write(ENABLE, 20.0), Refused)


@pytest.mark.parametrize(
    ("given", "plan", "kind"),
    [
        (value(18.0), "p0", Accepted),
        (value(18.05), "p0", Accepted),  # within the tolerance of the point
        (value(18.2), "p0", Failed),
        (value(18.0), None, Released),  # its own control, whatever the value
        (value(18.0, local_override=True), "p0", Overridden),
    ],
)
def test_w15_only_the_planned_value_of_a_named_plan_is_control(given, plan, kind) -> None:
    bench = fetching()
    (outcome,) = said(bench, given, plan=plan).outcomes
    assert isinstance(outcome, kind)
    assert (ENABLE in controlled(bench)) is (kind is Accepted)


def test_w15_no_control_where_the_gate_gives_no_schedule() -> None:
    bench = fetching()
    bench.site = replace(bench.site, mode=Mode.ADVISE)
    (outcome,) = said(bench, value()).outcomes
    assert isinstance(outcome, Released)


def test_w15_the_same_report_again_changes_nothing_and_another_is_refused() -> None:
    bench = fetching()
    assert said(bench, value()).kept
    assert not said(bench, value()).kept
    with pytest.raises(ConfigError, match="another report"):
        said(bench, value(19.0))
    assert len(bench.store.receipts("hut", bench.now)) == 1
    (entry,) = bench.store.audit(AuditSearch(action=Action.REPORT_APPLIED))
    assert (entry.actor, entry.site) == ("its key", "hut")
    assert entry.reason == f"plan p0: {ENABLE} 18"


@pytest.mark.parametrize(
    ("values", "plan", "shift", "error"),
    [
        ([value(point=NULL)], "p0", 0, ConfigError),  # another controller's
        ([value(point="hut/room.temp")], "p0", 0, ConfigError),
        ([value(), value(19.0)], "p0", 0, ConfigError),
        ([value()], "nobody's", 0, NotFound),
        ([value()], "p0", 6, ConfigError),
        ([value()], "p0", -8 * 24 * 60, ConfigError),
    ],
)
def test_w15_what_cannot_be_true_is_refused(values, plan, shift, error: type[BmsError]) -> None:
    bench = fetching()
    time = bench.now + timedelta(minutes=shift)
    report = AppliedReport(device=DEVICE, site="hut", plan=plan, time=time, values=tuple(values))
    with pytest.raises(error):
        keep_applied(bench.site, report, now=bench.now, ports=bench.ports, lease=LEASE, actor="k")
    assert bench.store.receipts("hut", bench.now - 9 * timedelta(days=1)) == []


def test_w15_a_local_override_that_the_controller_tells_of_suspends_us_until_it_is_gone() -> None:
    bench = fetching()
    said(bench, value(22.0, local_override=True))
    (override,) = bench.store.overrides("hut", bench.now)
    assert (override.point, override.actor, override.until) == (ENABLE, "local", None)
    assert ENABLE not in [row.point for row in bench.download(DEVICE).setpoints]
    bench.now += TICK
    said(bench, value(22.0, local_override=True), value(0.0, CONSTANT), plan=None)
    assert len(bench.store.overrides("hut", bench.now)) == 1
    bench.now += TICK
    said(bench, value(17.0), plan=None)
    assert bench.store.overrides("hut", bench.now) == []
    assert ENABLE in [row.point for row in bench.download(DEVICE).setpoints]
