"""Workers that beat late, claim, hand over, end, sleep and wake in any order (W2).

The database's clock and the running clock of each worker go on, whatever is stopped; calendars are
apart. A frame arrives within the longest write, and what it wrote stands for a lease at most. No
frame of an older token may arrive after one of a newer, and nobody may write while a value of
another owner stands that was not handed over.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.control.ownership import OwningWorker
from bms.services.ownership.held import HeldSites
from bms.store.memory.store import MemoryStore
from tests.rigs.examples import examples

LASTS_S, WRITE_S, STANDS_S = 10.0, 2.0, 12.0
SITE = "hut"
NAMES = ("anna", "bo")
LATE = (0.0, 0.0, 0.0, 6.0, 9.0, 13.0)
LENGTHS = (1.0, 3.0, 5.0, 8.0, 13.0)
STEPS = 60


@dataclass(frozen=True)
class Frame:
    """When it left, when it has arrived at the latest, and the token that it was sent under."""

    left: float
    arrived: float
    token: int


class Workers:
    def __init__(self) -> None:
        self.now = 1e6
        self.store = MemoryStore(server=lambda: self.now)
        self.held: dict[str, HeldSites] = {}
        self.clocks: list[VirtualClock] = []
        for i, _ in enumerate(NAMES):
            clock = VirtualClock(datetime(2019, 1, 14, tzinfo=UTC) + i * timedelta(hours=1))
            self.clocks.append(clock)
            self.held[NAMES[i]] = HeldSites(clock, clock, lambda _: True)
        self.frames: list[Frame] = []
        self.stands: dict[str, float] = {}
        """Until when a value stands that a worker wrote and did not hand over, by worker."""
        self.mixed: list[str] = []

    def time_goes_by(self, length: float) -> None:
        self.now += length
        for clock in self.clocks:
            clock.advance(timedelta(seconds=length))

    def beats(self, name: str, delay: float) -> None:
        """The answer of the database is taken ``delay`` later: the worker was stopped meanwhile."""
        held = self.held[name]
        asked = held.computer.elapsed()
        tokens = self.store.beat(OwningWorker(id=name, place=name), LASTS_S)
        self.time_goes_by(delay)
        held.renewed(tokens, asked, LASTS_S)
        if held.settled():
            self.store.settle(name, [SITE])

    def claims(self, name: str, delay: float) -> None:
        worker = OwningWorker(id=name, place=name)
        terms = {"lasts_s": LASTS_S, "stands_s": STANDS_S, "grace_s": WRITE_S}
        if self.held[name].token(SITE) is None:
            self.held[name].claimed(self.store.claim(worker, [SITE], **terms))
            self.beats(name, delay)

    def hands_over(self, name: str, accepts: bool) -> None:
        heir = next(other for other in NAMES if other != name)
        held = self.held[name]
        with held.closing([SITE]):
            self.time_goes_by(WRITE_S)  # work that was under way has ended
            self.store.offer(name, heir, {SITE: ""})
            if accepts:
                self.store.accept(heir, {SITE: ""})
            self.store.withdraw(name, [SITE])
            held.lost([SITE])
            if self.store.hand_over(name, [SITE], LASTS_S) and name in self.stands:
                self.stands[heir] = max(self.stands.pop(name), self.stands.get(heir, 0.0))

    def ends(self, name: str) -> None:
        """Everything is given back, then the site is given up."""
        if self.held[name].owns(SITE):
            self.held[name].lost([SITE])
            self.time_goes_by(WRITE_S)
            self.stands.pop(name, None)
            self.store.give_up(name, [SITE])

    def writes(self, name: str) -> None:
        held = self.held[name]
        token = held.token(SITE)
        if not held.may_send(SITE, WRITE_S) or token is None:
            return
        self.frames.append(Frame(self.now, self.now + WRITE_S, token))
        others = [o for o, until in self.stands.items() if o != name and until > self.now + 1e-6]
        self.mixed += [f"{name} wrote over a value of {other}" for other in others]
        self.stands[name] = self.now + STANDS_S

    def looks_right(self) -> bool:
        """No older token arrives after a newer one, nobody writes over what another one left."""
        if self.mixed or len(self.frames) < 2:
            return not self.mixed
        frame = self.frames[-1]
        return all(
            earlier.token == frame.token
            or (earlier.token < frame.token and earlier.arrived <= frame.left + 1e-6)
            for earlier in self.frames[:-1]
        )

    def steps(self, chance: random.Random) -> None:
        """Something happens to somebody."""
        name, late = chance.choice(NAMES), chance.choice(LATE)
        match chance.choice("ttbbbccwwwhe"):
            case "t":
                self.time_goes_by(chance.choice(LENGTHS))
            case "b":
                self.beats(name, late)
            case "c":
                self.claims(name, late)
            case "w":
                self.writes(name)
            case "h":
                self.hands_over(name, accepts=chance.random() < 0.7)
            case _:
                self.ends(name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_w02_no_interleaving_lets_two_write(seed: int) -> None:
    chance = random.Random(seed)
    frames, walks = 0, examples(250)
    for _ in range(walks):
        machine = Workers()
        for _ in range(STEPS):
            machine.steps(chance)
            assert machine.looks_right(), (machine.frames[-3:], machine.mixed)
        frames += len({frame.token for frame in machine.frames}) > 1
    assert walks < 250 or frames > 10, "hardly any walk has two owners that write"


def test_w02_of_two_claims_at_once_one_stands() -> None:
    """The smallest interleaving, without chance."""
    machine = Workers()
    for name in NAMES:
        machine.claims(name, 0.0)
    assert [name for name in NAMES if machine.held[name].owns(SITE)] == ["anna"]


def test_w02_an_owner_that_slept_over_its_lease_sends_nothing_when_it_wakes() -> None:
    machine = Workers()
    machine.claims("anna", 0.0)
    machine.writes("anna")
    machine.beats("anna", 0.0)
    machine.time_goes_by(13.0)
    machine.claims("bo", 0.0)
    machine.writes("anna")
    machine.writes("bo")
    assert len(machine.frames) == 1
    for _ in range(10):
        machine.time_goes_by(3.0)
        machine.beats("bo", 0.0)
    machine.writes("bo")
    machine.writes("anna")
    assert len(machine.frames) == 2
    assert machine.frames[1].token > machine.frames[0].token
    assert machine.mixed == []
