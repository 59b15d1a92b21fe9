"""The network: away, one way only, clogged, or with somebody else at the other end."""

from __future__ import annotations

from typing import ClassVar

from bms.bench.chaos.backend import NAMES
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.network import StreamLine, Traffic
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
            line = town.lines[self.name, protocol]
            self.notes[protocol] = line.target
            line.target = town.lines[NAMES[1], protocol].target
            _hang_up(line)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        for protocol in PROTOCOLS:
            line = town.lines[self.name, protocol]
            line.target = int(str(self.notes[protocol]))
            _hang_up(line)


def _swap(town: Town) -> None:
    for protocol in PROTOCOLS:
        one, other = (town.lines[name, protocol] for name in NAMES)
        one.target, other.target = other.target, one.target
        _hang_up(one)
        _hang_up(other)


def _hang_up(line: object) -> None:
    if isinstance(line, StreamLine):
        line.hang_up()
