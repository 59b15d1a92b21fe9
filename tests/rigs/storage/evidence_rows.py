"""A store with two rows or more of every kind that the evidence proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from bms.model.assets.point import Privacy
from bms.model.assets.site import Mode
from bms.model.control.booking import Booking, BookingKind
from bms.model.control.command import Accepted, Command, Override, Released
from bms.model.control.evidence import EvidenceKind, Part, Pruning
from bms.model.control.retention import Erasure
from bms.model.fact import fact
from bms.model.readings.measurement import Reading
from bms.model.savings.trial import TrialEnd
from bms.model.trust.commissioning import (
    Commissioning,
    CommissioningFact,
    FunctionalTest,
    TestedFunction,
    TestOutcome,
)
from bms.model.trust.modes import AutoScope, StepBack, StepBackReason
from tests.rigs.fakes.ledger import a_goal, a_kept_baseline, a_measure, a_measure_end, an_event
from tests.rigs.fakes.store import HOUR, MONDAY, a_kept_key, a_person, a_plan
from tests.rigs.fakes.trial import a_sealed_result, a_trial
from tests.rigs.storage.stores import AnyStore
from tests.rigs.work.rows import a_notice, a_work_event, a_work_item

SITE = "lodge"
POINT = f"{SITE}/hall.setpoint"
OLD = MONDAY - timedelta(days=60)
DAY = timedelta(days=1)


def a_command(id_: str = "c1", value: float = 21.0, **changes: object) -> Command:
    made = Command(
        id=id_,
        point=POINT,
        value=value,
        issued_at=MONDAY,
        lease_end=MONDAY + HOUR,
        reason="by the plan",
        actor="plan",
        plan="p1",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def an_override(id_: str = "o1") -> Override:
    return Override(
        id=id_,
        site=SITE,
        point=POINT,
        since=MONDAY,
        until=MONDAY + 2 * HOUR,
        reason=f"exam {id_}",
        actor="bo",
    )


def a_booking(id_: str = "b1") -> Booking:
    return Booking(
        id=id_,
        site=SITE,
        zone="hall",
        start=MONDAY + DAY,
        end=MONDAY + DAY + 3 * HOUR,
        kind=BookingKind.IN_USE,
        reason=f"choir {id_}",
        author="kari",
        made_at=MONDAY,
    )


def a_commissioning(id_: str = "c1", **changes: object) -> Commissioning:
    made = Commissioning(
        id=id_,
        site=SITE,
        point=POINT,
        at=MONDAY,
        by="mette",
        declared="0" * 64,
        tests=(
            TestedFunction(
                FunctionalTest.READ,
                TestOutcome.PASSED,
                fact(CommissioningFact.READS, value=20.0, unit="degC"),
            ),
        ),
        resolution=0.1,
        settling_s=2.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_step(id_: str = "s1", site: str = SITE) -> StepBack:
    reason = fact(StepBackReason.WRITES_FAIL, failed=3, levers=4, hours=3.0)
    return StepBack(id=id_, site=site, at=MONDAY, reason=reason)


def a_pruning(kind: EvidenceKind, part: Part, **changes: object) -> Pruning:
    made = Pruning(
        site=SITE,
        kind=kind,
        part=part,
        before=MONDAY - timedelta(days=30),
        actor="retention",
        at=MONDAY,
        reason="too old",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def an_erasure_of_readings(store: AnyStore, point: str) -> None:
    store.add_readings([Reading(point, OLD, 1.0)])
    store.forget(
        Erasure(
            site=SITE,
            privacy=Privacy.PERSONAL,
            points=(point,),
            before=date(2019, 1, 1),
            with_rollups=False,
            actor="retention",
            at=MONDAY,
            reason="too old",
        )
    )


def fill(store: AnyStore) -> None:
    """Two of each kind at least."""
    for i, mode in enumerate((Mode.ADVISE, Mode.AUTO)):
        store.set_mode(SITE, mode, actor="bo", at=MONDAY + i * HOUR, reason=f"step {i}")
    for i in ("1", "2"):
        store.add_override(an_override(f"o{i}"))
        store.remove_override(f"o{i}", actor="eva", at=MONDAY + HOUR)
        store.add_booking(a_booking(f"b{i}"))
        store.remove_booking(SITE, f"b{i}", actor="ole", at=MONDAY + HOUR)
        store.add_key(a_kept_key(f"k{i}", name=f"tablet {i}", expires=MONDAY + HOUR), actor="ole")
        store.revoke_key(f"k{i}", MONDAY + int(i) * HOUR, actor="eva", reason="lost")
        store.add_person(a_person(f"u{i}", subject=f"https://id.example {i}"), actor="ole")
        store.revoke_person(f"kari u{i}", MONDAY + HOUR, actor="eva", reason="left")
        for at in (OLD, MONDAY):
            plan = a_plan(f"p{i}-{at:%m}", SITE, at)
            store.add_plan(plan)
        store.add_trial(a_trial(SITE, id=f"t{i}"))
        end = TrialEnd(trial=f"t{i}", site=SITE, at=MONDAY, by="Ann", reason=f"burst pipe {i}")
        store.end_trial(end)
        store.seal_trial(a_sealed_result(SITE, f"t{i}"))
        store.add_event(an_event(f"e{i}", kwh_adjustment=10.0 * int(i)))
        store.keep_baseline(a_kept_baseline(f"id-{i}"))
        store.keep_items([a_work_item(f"w{i}")])
        store.add_work_event(a_work_event(f"w{i}", note=f"burst pipe {i}", assignee="eva"))
        store.add_notice(a_notice(f"n{i}", recipient="ole", address="ole", items=(i,)))
        store.add_measure(a_measure(f"m{i}"))
        store.end_measure(a_measure_end(f"m{i}", end=MONDAY + int(i) * HOUR))
        store.set_goal(a_goal(SITE, reason=f"burst pipe {i}"))
        an_erasure_of_readings(store, f"{SITE}/hall.co2-{i}")
        store.add_commissionings([a_commissioning(f"c{i}")])
        store.step_back(a_step(f"s{i}"), actor="bms")
        store.approve(SITE, AutoScope.FULL, actor="eva", at=MONDAY + HOUR, reason="mended")
    receipts = [Accepted(a_command(), 21.0), Accepted(a_command("c2", 22.0), 22.0)]
    store.add_receipts([*receipts, Released(POINT, 19.0)], MONDAY)
    store.prune(a_pruning(EvidenceKind.PLAN, Part.APART))
    before = MONDAY - timedelta(days=40)
    store.prune(a_pruning(EvidenceKind.PLAN, Part.ROW, before=before))
