"""The ways in which a building's controls can be moved from outside, and who holds them.

Nothing in here expires by itself: what was written stands until it is taken back, or, on a
timetable register, until the building's own timetable switches.
"""

from __future__ import annotations

from typing import Protocol

from drivers.simulator.interfaces import Physics

QUARTER_S = 900


class Lever(Protocol):
    """One writable signal. ``kind`` names the way back in the words of ``ReleaseKind``."""

    @property
    def kind(self) -> str: ...

    @property
    def effective(self) -> float:
        """The value that acts now."""
        ...

    @property
    def command(self) -> float | None:
        """What is held from outside; None while the building's own control has it."""
        ...

    def own_asks(self, value: float) -> None:
        """The building's own programme asks for ``value`` from now on."""
        ...

    def holds(self) -> dict[str, float]:
        """Who holds it, as the state report shows it."""
        ...


class PrioritySlots:
    """A commandable value: sixteen slots, the lowest occupied number acts (ASHRAE 135, 19.2)."""

    kind = "null"

    def __init__(self) -> None:
        self.slots: dict[int, float] = {}
        self._own = 0.0

    @property
    def effective(self) -> float:
        return self.slots[min(self.slots)] if self.slots else self._own

    @property
    def command(self) -> float | None:
        return self.effective if self.slots else None

    def own_asks(self, value: float) -> None:
        self._own = value

    def write(self, priority: int, value: float | None) -> None:
        """Fill a slot (1..16), or with None relinquish it."""
        if value is None:
            self.slots.pop(priority, None)
        else:
            self.slots[priority] = value

    def holds(self) -> dict[str, float]:
        return {str(slot): value for slot, value in sorted(self.slots.items())}


class RemoteSetpoint:
    """A remote value beside an enable register: with 0 the own programme acts, with 1 the remote.

    Reading the point gives the effective value; writing it sets the remote one.
    """

    kind = "remote_enable"

    def __init__(self) -> None:
        self.remote: float | None = None
        self.enabled = False
        self._own = 0.0

    @property
    def effective(self) -> float:
        return self._own if self.command is None else self.command

    @property
    def command(self) -> float | None:
        return self.remote if self.enabled else None

    def own_asks(self, value: float) -> None:
        self._own = value

    def holds(self) -> dict[str, float]:
        return {"enable": float(self.enabled)}


class PlainRegister:
    """One register without memory of whose value it holds; its own control never touches it."""

    kind = "constant"

    def __init__(self) -> None:
        self._own: float | None = None
        self.value = 0.0

    @property
    def effective(self) -> float:
        return self.value

    @property
    def command(self) -> float | None:
        return None if self.value == self._own else self.value

    def own_asks(self, value: float) -> None:
        if self._own is None:
            self.value = value
        self._own = value

    def holds(self) -> dict[str, float]:
        return {"value": self.value}


class TimetableRegister(PlainRegister):
    """One register that the building's own timetable overwrites, at its switching moments only."""

    kind = "timetable"

    def own_asks(self, value: float) -> None:
        if value != self._own:
            self.value = value
        self._own = value


class LeverPanel:
    """All levers of a municipality; it lets time pass and keeps levers and physics together."""

    def __init__(self, physics: Physics) -> None:
        self._physics = physics
        self._levers: dict[tuple[str, str], Lever] = {}

    def attach(self, site: str, signal: str, lever: Lever) -> None:
        """Put a lever on a signal; it starts at the own programme's value."""
        self._levers[site, signal] = lever
        lever.own_asks(self._physics.own_value(site, signal))

    def lever(self, site: str, signal: str) -> Lever | None:
        return self._levers.get((site, signal))

    def advance(self, seconds: int) -> None:
        """Let ``seconds`` [s] pass (a multiple of 60); own programmes switch on the quarter hour.

        Raises ValueError for a step that is negative or no multiple of a minute.
        """
        if seconds < 0 or seconds % 60:
            raise ValueError(f"time passes in whole minutes, not in {seconds} s")
        while seconds > 0:
            step = min(seconds, QUARTER_S - int(self._physics.now.timestamp()) % QUARTER_S)
            self.act()
            self._physics.advance(step)
            self.follow()
            seconds -= step

    def act(self) -> None:
        """Hand what is held to the physics."""
        for (site, signal), lever in self._levers.items():
            self._physics.command(site, signal, lever.command)

    def follow(self) -> None:
        """Tell every lever what the own programme asks for now."""
        for (site, signal), lever in self._levers.items():
            lever.own_asks(self._physics.own_value(site, signal))

    def state(self, site: str) -> dict[str, object]:
        """Who holds what in a site, ready for JSON.

        ``held`` lists the signals that are not under their own control; ``slots``, ``enables``
        and ``registers`` say by what; ``effective`` is what acts.
        """
        levers = {signal: lever for (owner, signal), lever in self._levers.items() if owner == site}
        return {
            "held": [signal for signal, lever in levers.items() if lever.command is not None],
            "slots": {s: lever.holds() for s, lever in levers.items() if lever.kind == "null"},
            "enables": {
                s: lever.holds()["enable"]
                for s, lever in levers.items()
                if lever.kind == "remote_enable"
            },
            "registers": {
                s: lever.holds()["value"]
                for s, lever in levers.items()
                if lever.kind in ("timetable", "constant")
            },
            "effective": {s: lever.effective for s, lever in levers.items()},
        }
