"""Controllers that forget, do not obey, or let go; sensors that are wrong."""

from __future__ import annotations

import math
from datetime import timedelta

from bms.bench.chaos.building import Obedience
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import Town


class RebootForgets(Fault):
    """The controllers start anew and have forgotten what was written to them."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.reboot(self.name)


class Ignores(Fault):
    """The controllers acknowledge writes and do nothing."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).obedience = Obedience.IGNORES

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).obedience = Obedience.NORMAL


class AppliesLate(Ignores):
    """The controllers do what was written to them a minute later."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).obedience = Obedience.LATE


class WatchdogChanged(Fault):
    """The controllers let go what has not been renewed for five minutes."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).watchdog = timedelta(minutes=5)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).watchdog = None


class _SensorFault(Fault):
    """The rooms of a building are seen wrongly."""

    longest = 60

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).seen = self.shown

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        self.building(town).seen = dict

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """What the sensors show [degC] of what the rooms have."""
        raise NotImplementedError


class SensorsMissing(_SensorFault):
    """No number at all, or the end of the scale."""

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """See ``_SensorFault``."""
        return {"office": math.nan, "hall": -3000.0}


class SensorsStuck(_SensorFault):
    """The same value for ever."""

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """See ``_SensorFault``."""
        return {"office": 20.0, "hall": 18.0}


class SensorsImpossible(_SensorFault):
    """A thousand degrees."""

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """See ``_SensorFault``."""
        return {"office": 1000.0, "hall": -300.0}


class SensorsSwapped(_SensorFault):
    """Each room has the other's sensor."""

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """See ``_SensorFault``."""
        return {"office": temps["hall"], "hall": temps["office"]}


class ZeroAfterReboot(_SensorFault):
    """The controllers start anew, and show 0 degC in their first minutes."""

    longest = 2

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        await town.reboot(self.name)
        await super().strike(town)

    def shown(self, temps: dict[str, float]) -> dict[str, float]:
        """See ``_SensorFault``."""
        return dict.fromkeys(temps, 0.0)
