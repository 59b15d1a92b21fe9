"""The network: away, one way only, clogged, or with somebody else at the other end."""

from __future__ import annotations

from typing import ClassVar

from bms.bench.chaos.backend import NAMES
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.network import Traffic
from bms.bench.chaos.town import PROTOCOLS, Town


class _TrafficFault(Fault):
    """Both lines of a building carry nothing, or not all."""

    traffic: ClassVar[Traffic]

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        for protocol in PROTOCOLS:
            town.lines[self.name, protocol].traffic = self.traffic

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        for protocol in PROTOCOLS:
            town.lines[self.name, protocol].traffic = Traffic.FREE


class NetworkAway(_TrafficFault):
    """Nothing comes through."""

    traffic = Traffic.AWAY


class NetworkOneWay(_TrafficFault):
    """What we send arrives; no answer comes back."""

    traffic = Traffic.ONE_WAY


class NetworkClogged(_TrafficFault):
    """Answers come later than anybody waits for them."""

    traffic = Traffic.CLOGGED


class AddressesSwapped(Fault):
    """The two buildings have each other's addresses."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        _swap(town)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        _swap(town)


class OtherAnswers(Fault):
    """The neighbour's controllers answer at the address of a building."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        for protocol in PROTOCOLS:
            town.lines[self.name, protocol].move(town.buildings[NAMES[1]].controllers[protocol])

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        for protocol in PROTOCOLS:
            town.lines[self.name, protocol].move(self.building(town).controllers[protocol])


def _swap(town: Town) -> None:
    for protocol in PROTOCOLS:
        one, other = (town.lines[name, protocol] for name in NAMES)
        was = one.target
        one.move(other.target)
        other.move(was)
