"""People: at slot 8, at our own slot, at the thermostat, before, during and after a lease, in the
API."""

from __future__ import annotations

from typing import ClassVar

from bms.bench.chaos.backend import Wish
from bms.bench.chaos.building import CURVE, HALL, OFFICE, OUR_SLOT
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import StrikeMoment, Town

OPERATOR_SLOT = 8


class _Hand(Fault):
    """Somebody at the building wants another value, until he takes it back."""

    signal: ClassVar[str] = OFFICE
    slot: ClassVar[int | None] = None
    value: ClassVar[float] = 21.7

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await self.building(town).say(self.signal, self.value, self.slot)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        await self.building(town).unsay()
        await town.take_back()


class HandAbove(_Hand):
    """At slot 8."""

    slot = OPERATOR_SLOT


class SameValueAbove(_Hand):
    """At slot 8, the very value that we hold."""

    slot = OPERATOR_SLOT

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        value = self.building(town).place(OFFICE)
        await self.building(town).say(OFFICE, self.value if value is None else value, self.slot)


class HandInOurSlot(_Hand):
    """At the slot that we write to."""

    slot = OUR_SLOT


class HandAtThermostat(_Hand):
    """At the register behind an enable bit."""

    signal, value = HALL, 20.3


class HandAtCurve(_Hand):
    """At a register that is constant by nature."""

    signal, value = CURVE, 4.0


class HandBeforeLease(_Hand):
    """At our slot, while we hold nothing there."""

    slot = OUR_SLOT
    moments = (StrikeMoment.HELD,)

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.wish(Wish.ADVISE, self.name)
        await town.minute()
        await super().strike(town)
        await town.wish(Wish.AUTO, self.name)


class HandWhileDown(_Hand):
    """At our slot, while the backend is down and its leases have ended."""

    slot = OUR_SLOT
    moments = (StrikeMoment.HELD,)

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.kill()
        for _ in range(32):
            await town.minute()
        await super().strike(town)
        await town.restart()


class OverrideInApi(Fault):
    """A person takes a site from us."""

    moments = (StrikeMoment.HELD, StrikeMoment.BETWEEN, StrikeMoment.WRITE)

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.wish(Wish.OVERRIDE, self.name)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        await town.take_back()


class SiteReleased(Fault):
    """A person gives a site back and leaves it in observe."""

    moments = (StrikeMoment.HELD, StrikeMoment.BETWEEN, StrikeMoment.WRITE)

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.wish(Wish.RELEASE, self.name)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        await town.wish(Wish.AUTO, self.name)
