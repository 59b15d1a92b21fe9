"""What a person has to look at, from what stands at a building."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.site import Mode
from bms.model.control.command import Accepted, Failed, Override, Released, StillHeld
from bms.model.control.local_override import LOCAL, LocalOverride
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.model.planning.plan import PlanStatus
from bms.model.readings.measurement import Reading
from bms.services.overview.attention import Attention, AttentionCode, attention_now
from bms.services.overview.buildings import BuildingNow, PlanNow, RoomNow, failed_now
from bms.services.overview.plan_worth import PlanWorth
from tests.rigs.fakes.api import NOW, SETPOINT, a_command
from tests.rigs.fakes.city import HOUR, lodge

ERROR = Fact("no_reply", {})
READINGS = {
    p: Reading(p, NOW, 1.0)
    for p in ("lodge/hall.temp", "lodge/outdoor.temp", "lodge/heat.energy", "lodge/el.energy")
}


def building(**changes: object) -> BuildingNow:
    """A lodge where nothing is wrong."""
    calm = BuildingNow(
        site=lodge(),
        mode=Mode.AUTO,
        plan=a_plan(),
        controlled=0,
        held=0,
        overrides=(),
        at_building=(),
        failed=(),
        in_use=True,
        coldest=room(20.5),
        latest=READINGS,
    )
    return replace(calm, **changes)  # type: ignore[arg-type]


def room(temp_c: float, *, in_use: bool = True) -> RoomNow:
    return RoomNow(zone="hall", name="Hall", temp_c=temp_c, low_c=20, high_c=24, in_use=in_use)


def a_plan(**changes: object) -> PlanNow:
    calm = PlanNow(
        made=NOW,
        status=PlanStatus.OPTIMAL,
        objection=None,
        why=None,
        worth=PlanWorth(kwh=35.0, dkk=22.0),
    )
    return replace(calm, **changes)  # type: ignore[arg-type]


@dataclass
class Health:
    """As much of a device's health as is asked for."""

    last_good: datetime | None = None
    left_alone: bool = False


def found(one: BuildingNow, health: Mapping[str, Health] | None = None) -> list[Attention]:
    return attention_now([one], health or {}, NOW)  # type: ignore[arg-type]


def override(**changes: object) -> Override:
    made = Override(
        id="o1",
        site="lodge",
        point=SETPOINT,
        since=NOW - 3 * HOUR,
        until=None,
        reason="a fair",
        actor="Ane",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_calm_building_needs_nobody() -> None:
    assert found(building()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"coldest": room(19.4)}, AttentionCode.ROOM_COLD),
        ({"overrides": (override(),)}, AttentionCode.OVERRIDDEN),
        ({"overrides": (override(until=NOW + HOUR),)}, AttentionCode.OVERRIDDEN_UNTIL),
        (
            {"failed": ((NOW, Failed(a_command("c", NOW, 18.0), ERROR, retryable=True)),)},
            AttentionCode.WRITE_FAILED,
        ),
        ({"failed": ((NOW, StillHeld(SETPOINT, ERROR)),)}, AttentionCode.STILL_HELD),
        ({"plan": a_plan(status=PlanStatus.FALLBACK, why=ERROR)}, AttentionCode.PLAN_FALLBACK),
        ({"plan": a_plan(objection=ERROR)}, AttentionCode.PLAN_OBJECTED),
        ({"plan": None}, AttentionCode.PLAN_MISSING),
        (
            {"latest": {**READINGS, "lodge/heat.energy": Reading("x", NOW - 49 * HOUR, 1.0)}},
            AttentionCode.METER_SILENT,
        ),
    ],
)
def test_what_stands_is_one_matter(changes: dict[str, object], code: AttentionCode) -> None:
    assert [each.what.code for each in found(building(**changes))] == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {"coldest": room(15.0, in_use=False)},
        {"coldest": room(19.5)},
        {"coldest": None},
        {"mode": Mode.OBSERVE, "plan": None},
        {"plan": a_plan(status=PlanStatus.RELAXED)},
    ],
)
def test_what_is_as_it_should_be_is_no_matter(changes: dict[str, object]) -> None:
    assert found(building(**changes)) == []


def test_a_device_that_does_not_answer_is_named() -> None:
    gone = {p: replace(r, time=NOW - 2 * HOUR) for p, r in READINGS.items() if "hall" in p}
    (matter,) = found(building(latest={**READINGS, **gone}))
    assert matter.device == "lodge/rooms"
    assert matter.since == NOW - 2 * HOUR
    assert not matter.urgent
    (matter,) = found(building(latest={**READINGS, **gone}, controlled=1))
    assert matter.urgent, "we hold a point, and nobody hears the device"


def test_health_is_believed_before_readings() -> None:
    alone = {"lodge/rooms": Health(last_good=NOW - timedelta(minutes=5), left_alone=True)}
    assert [m.device for m in found(building(), alone)] == ["lodge/rooms"]
    gone = {p: r for p, r in READINGS.items() if "hall" not in p}
    answers = {"lodge/rooms": Health(last_good=NOW)}
    assert found(building(latest=gone), answers) == []
    assert found(building(latest=gone)) == [], "nobody has asked it yet"


def test_an_override_at_the_building_is_told_once() -> None:
    local = LocalOverride(
        id="o1",
        site="lodge",
        point=SETPOINT,
        since=NOW - HOUR,
        found=22.0,
        ours=18.0,
        by=fact(Holder.OPERATOR),
    )
    said = override(actor=LOCAL)
    (matter,) = found(building(overrides=(said,), at_building=(local,)))
    assert matter.what.code == AttentionCode.AT_BUILDING
    assert matter.dkk == 22.0, "the one room is all of the building"


def test_the_worst_comes_first() -> None:
    worse = building(
        coldest=room(17.0),
        overrides=(override(), override(id="o2", point="lodge/ahu1.run", since=NOW - 9 * HOUR)),
    )
    codes = [(each.what.code, each.point) for each in found(worse)]
    assert codes == [
        (AttentionCode.ROOM_COLD, None),
        (AttentionCode.OVERRIDDEN, SETPOINT),
        (AttentionCode.OVERRIDDEN, "lodge/ahu1.run"),
    ]


def test_only_the_newest_receipt_of_a_point_counts() -> None:
    failed = Failed(a_command("c1", NOW, 18.0), ERROR, retryable=True)
    assert failed_now([(NOW - HOUR, failed)]) == [(NOW - HOUR, failed)]
    assert failed_now([(NOW - HOUR, failed), (NOW, Released(SETPOINT, 20.0))]) == []
    assert failed_now([(NOW - HOUR, failed), (NOW, Accepted(a_command("c", NOW, 18), 18))]) == []
