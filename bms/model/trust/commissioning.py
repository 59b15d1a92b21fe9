"""What was found out at a writable point before plans may be written to it, and who signed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.codec import to_json
from bms.model.fact import Fact, MessageCode, TermCode

PLACE = ("id", "protocol", "host", "port", "framing", "unit", "instance", "network", "mac")
"""Fields of a device that say where it is asked, and by which number."""


class FunctionalTest(TermCode):
    """What is tried at a point, in this order."""

    IDENTITY = "test_identity"
    READ = "test_read"
    SLOTS = "test_slots"
    WRITE = "test_write"
    EFFECTIVE = "test_effective"
    SEEN = "test_seen"
    RAMP = "test_ramp"
    RESOLUTION = "test_resolution"
    GIVE_BACK = "test_give_back"
    OWN_CONTROL = "test_own_control"
    SILENCE = "test_silence"


class TestOutcome(TermCode):
    """What came of it. ``skipped``: the point has nothing to try there, or nobody was asked."""

    __test__ = False

    PASSED = "test_passed"
    FAILED = "test_failed"
    SKIPPED = "test_skipped"


class CommissioningFact(MessageCode):
    """What was found at a point."""

    SAYS = "commissioning_says"
    SAYS_UNDECLARED = "commissioning_says_undeclared"
    SAYS_OTHERWISE = "commissioning_says_otherwise"
    SAYS_NOTHING = "commissioning_says_nothing"
    READS = "commissioning_reads"
    UNREADABLE = "commissioning_unreadable"
    SLOTS = "commissioning_slots"
    SLOT = "commissioning_slot"
    SLOTS_EMPTY = "commissioning_slots_empty"
    NO_SLOTS = "commissioning_no_slots"
    WROTE = "commissioning_wrote"
    NOT_WRITTEN = "commissioning_not_written"
    HELD_BY_PLAN = "commissioning_held_by_plan"
    ACTS = "commissioning_acts"
    ACTS_OTHERWISE = "commissioning_acts_otherwise"
    SEEN = "commissioning_seen"
    NOT_SEEN = "commissioning_not_seen"
    NOT_ASKED = "commissioning_not_asked"
    AT_ONCE = "commissioning_at_once"
    SETTLED = "commissioning_settled"
    STEPS = "commissioning_steps"
    COARSER = "commissioning_coarser"
    SWITCHES = "commissioning_switches"
    GIVEN_BACK = "commissioning_given_back"
    NOT_GIVEN_BACK = "commissioning_not_given_back"
    OWN_ACTS = "commissioning_own_acts"
    OURS_LEFT = "commissioning_ours_left"
    LET_GO = "commissioning_let_go"
    NOT_LET_GO = "commissioning_not_let_go"
    NO_WATCHDOG = "commissioning_no_watchdog"


@dataclass(frozen=True, slots=True)
class TestedFunction:
    """One line of a protocol."""

    __test__ = False

    test: FunctionalTest
    outcome: TestOutcome
    found: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Commissioning:
    """The functional test of one point, signed by ``by`` at ``at`` (building time).

    ``declared`` is the digest of what the site file said of the point then (``declaration``).
    ``resolution`` [unit of the point] is the smallest step that the device was seen to take, and
    ``settling_s`` [s] the time until a write was in effect; None where that was not found out.
    ``simulated``: a simulator stands in place of the building.
    """

    id: str
    site: str
    point: str
    at: datetime
    by: str
    declared: str
    tests: tuple[TestedFunction, ...]
    resolution: float | None = None
    settling_s: float | None = None
    simulated: bool = False

    @property
    def passed(self) -> bool:
        """Whether something was tried and nothing failed."""
        outcomes = [each.outcome for each in self.tests]
        return TestOutcome.PASSED in outcomes and TestOutcome.FAILED not in outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionedPoint:
    """The newest commissioning of a point, as far as the gate asks for it."""

    point: str
    at: datetime
    declared: str
    passed: bool


def declaration(point: Point, device: Device) -> str:
    """SHA-256 of what the site file says of a point: address, unit and write rule, the place of its
    device and the fingerprint that this has to have. A commissioning is good for that alone."""
    place = {name: getattr(device, name) for name in PLACE}
    said = {
        "address": point.address,
        "unit": point.unit,
        "write": point.write,
        "place": place,
        "serial": device.serial,
        "fingerprint": device.fingerprint,
    }
    return sha256(to_json(said).encode()).hexdigest()
