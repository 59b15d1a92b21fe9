"""Who holds a point, and what was seen to stand there last."""

from __future__ import annotations

from dataclasses import replace

from bms.model.control.command import Accepted, Override, Released, StillHeld
from bms.model.control.lease import Lease
from bms.model.control.local_override import LOCAL, LocalOverride
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.services.held_points import PointHold, held_points, value_shown
from tests.rigs.fakes.safety import ENABLE, LEVERS, NOW, NULL, TICK, command, hut, lease_on

SITE = hut()
WISH = command(NULL, 21.0)
OPERATOR = fact(Holder.OPERATOR)


def override(point: str | None, override_id: str = "o1", **changes: object) -> Override:
    made = {"until": None, "actor": "janitor", **changes}
    return Override(id=override_id, site="hut", point=point, since=NOW, reason="cold", **made)  # type: ignore[arg-type]


def held(**more: object) -> dict[str, PointHold]:
    return held_points(SITE, **{"overrides": (), **more})  # type: ignore[arg-type]


class TestOverrides:
    def test_one_of_a_point_and_one_of_the_site(self) -> None:
        assert held(overrides=[override(NULL)]) == {NULL: PointHold(by="janitor")}
        assert set(held(overrides=[override(None)])) == set(LEVERS)

    def test_of_several_the_last_end_counts(self) -> None:
        short, longer = (
            override(NULL, f"o{n}", until=NOW + n * TICK, actor=f"actor {n}") for n in (1, 2)
        )
        assert held(overrides=[short, longer])[NULL] == PointHold(
            by="actor 1", until=NOW + 2 * TICK
        )
        assert held(overrides=[short, override(None, "o3")])[NULL].until is None

    def test_a_local_one_has_no_name(self) -> None:
        found = held(overrides=[override(NULL, actor=LOCAL)])
        assert found[NULL].by == fact(Holder.LOCAL)


class TestLeases:
    def lease(self, actor: str) -> Lease:
        return lease_on(SITE, command(ENABLE, 18.0, actor=actor)).seen(18.0)

    def test_a_persons_holds_until_its_end_at_its_value(self) -> None:
        mine = self.lease("operator:anna")
        assert held(leases=[mine]) == {
            ENABLE: PointHold(by="operator:anna", until=mine.lease_end, value=18.0)
        }

    def test_a_value_that_may_never_have_been_sent_is_not_said_to_stand(self) -> None:
        """The process was killed between journal and write."""
        announced = replace(self.lease("operator:anna"), read_back=None)
        assert held(leases=[announced])[ENABLE].value is None
        over = replace(announced, stood=17.5)
        assert held(leases=[over])[ENABLE].value == 17.5

    def test_the_plans_hold_nothing(self) -> None:
        assert held(leases=[self.lease("plan")]) == {}


class TestAtTheBuilding:
    HAND = LocalOverride(
        id="o9", site="hut", point=NULL, since=NOW, found=22.5, ours=21.0, by=OPERATOR, priority=8
    )

    def test_who_was_found_there_holds_at_the_value_that_was_found(self) -> None:
        found = held_points(SITE, overrides=(), local_overrides=[self.HAND])
        assert found == {NULL: PointHold(by=OPERATOR, value=22.5)}

    def test_what_was_taken_back_and_other_sites_hold_nothing(self) -> None:
        over = [replace(self.HAND, taken_back=True), replace(self.HAND, point="barn/fan")]
        assert held_points(SITE, overrides=(), local_overrides=over) == {}

    def test_one_that_is_on_record_keeps_its_value(self) -> None:
        shown = override(NULL, "o9", actor=LOCAL, until=NOW + TICK)
        found = held_points(SITE, overrides=[shown], local_overrides=[self.HAND])
        assert found[NULL] == PointHold(by=fact(Holder.LOCAL), until=NOW + TICK, value=22.5)


def test_the_newest_receipt_with_a_value_shows_what_stands() -> None:
    receipts = [
        (NOW, Accepted(WISH, 21.0)),
        (NOW + TICK, Released(NULL, 19.0)),
        (NOW + 2 * TICK, Released(ENABLE, 17.0)),
        (NOW + 3 * TICK, StillHeld(NULL, fact(ReceiptReason.SLOTS_GONE))),
        (NOW + 4 * TICK, Released(NULL, None)),
    ]
    assert value_shown(NULL, receipts) == (NOW + TICK, 19.0)
    assert value_shown(NULL, receipts[:1]) == (NOW, 21.0)
    assert value_shown(ENABLE, receipts) == (NOW + 2 * TICK, 17.0)
    assert value_shown("hut/ahu1.run", receipts) is None
