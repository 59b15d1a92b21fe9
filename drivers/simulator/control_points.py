"""The writable signals of the simulated buildings: priority arrays and registers.

Nothing expires: a written value stands until it is released, or, in a timetable register, until the
building's own timetable switches.
"""

from __future__ import annotations

from typing import Protocol

from drivers.simulator.interfaces import SimulatedBuildings

QUARTER_S = 900


class ControlPoint(Protocol):
    """One writable signal."""

    @property
    def kind(self) -> str:
        """How it is released: a value of ``bms.model.assets.write_rule.ReleaseKind``."""
        ...

    @property
    def effective(self) -> float:
        """The value that acts now."""
        ...

    @property
    def command(self) -> float | None:
        """The value that is held from outside; None while the building's own control acts."""
        ...

    def follow_programme(self, value: float) -> None:
        """Take over ``value``, which the building's own programme has from now on."""
        ...

    def held(self) -> dict[str, float]:
        """Its slots, enable bit or value, for the state report."""
        ...


class PriorityArray:
    """A commandable value with 16 slots; the lowest occupied one acts (ASHRAE 135, 19.2)."""

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

    def follow_programme(self, value: float) -> None:
        self._own = value

    def write(self, priority: int, value: float | None) -> None:
        """Write a slot (1 to 16), or relinquish it with None."""
        if value is None:
            self.slots.pop(priority, None)
        else:
            self.slots[priority] = value

    def held(self) -> dict[str, float]:
        return {str(slot): value for slot, value in sorted(self.slots.items())}


class RemoteSetpoint:
    """A remote value with an enable register: 0 lets the own programme act, 1 the remote value.

    Reading gives the effective value, writing sets the remote one.
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

    def follow_programme(self, value: float) -> None:
        self._own = value

    def held(self) -> dict[str, float]:
        return {"enable": float(self.enabled)}


class ConstantRegister:
    """A register that the building's own control never overwrites."""

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

    def follow_programme(self, value: float) -> None:
        if self._own is None:
            self.value = value
        self._own = value

    def held(self) -> dict[str, float]:
        return {"value": self.value}


class TimetableRegister(ConstantRegister):
    """A register that the building's own timetable overwrites, at its switching times only."""

    kind = "timetable"

    def follow_programme(self, value: float) -> None:
        if value != self._own:
            self.value = value
        self._own = value


class ControlPoints:
    """All control points of a municipality; it advances time and keeps them and the physics in
    step."""

    def __init__(self, physics: SimulatedBuildings) -> None:
        self._physics = physics
        self._control_points: dict[tuple[str, str], ControlPoint] = {}

    def attach(self, site: str, signal: str, control_point: ControlPoint) -> None:
        """Add the control point of a signal; it starts at the own programme's value."""
        self._control_points[site, signal] = control_point
        control_point.follow_programme(self._physics.own_value(site, signal))

    def control_point(self, site: str, signal: str) -> ControlPoint | None:
        """The control point of a signal; None where it has none."""
        return self._control_points.get((site, signal))

    def advance(self, seconds: int) -> None:
        """Advance time by ``seconds`` [s]; own programmes switch on the quarter hour.

        Raises ValueError unless that is a positive multiple of 60.
        """
        if seconds < 0 or seconds % 60:
            raise ValueError(f"time passes in whole minutes, not in {seconds} s")
        while seconds > 0:
            step = min(seconds, QUARTER_S - int(self._physics.now.timestamp()) % QUARTER_S)
            self.apply_commands()
            self._physics.advance(step)
            self.follow_programmes()
            seconds -= step

    def apply_commands(self) -> None:
        """Command the physics with all values that are held."""
        for (site, signal), control_point in self._control_points.items():
            self._physics.command(site, signal, control_point.command)

    def follow_programmes(self) -> None:
        """Update every control point with the value of the own programme."""
        for (site, signal), control_point in self._control_points.items():
            control_point.follow_programme(self._physics.own_value(site, signal))

    def state(self, site: str) -> dict[str, object]:
        """The control points of a site, for JSON.

        ``held`` lists the signals that are not under own control; ``slots``, ``enables`` and
        ``registers`` have what holds them, ``effective`` the values that act.
        """
        control_points = {
            signal: control_point
            for (owner, signal), control_point in self._control_points.items()
            if owner == site
        }
        return {
            "held": [
                signal
                for signal, control_point in control_points.items()
                if control_point.command is not None
            ],
            "slots": {
                s: control_point.held()
                for s, control_point in control_points.items()
                if control_point.kind == "null"
            },
            "enables": {
                s: control_point.held()["enable"]
                for s, control_point in control_points.items()
                if control_point.kind == "remote_enable"
            },
            "registers": {
                s: control_point.held()["value"]
                for s, control_point in control_points.items()
                if control_point.kind in ("timetable", "constant")
            },
            "effective": {
                s: control_point.effective for s, control_point in control_points.items()
            },
        }
