"""The table of rules: every row, in the order of its wings."""

from __future__ import annotations

from bms.faults.air import coils, mixing_box, recovery
from bms.faults.air import running as running_times
from bms.faults.hydronics import circuit, rooms
from bms.faults.meters import cooling, counting, electricity, load_shape, seasons, water
from bms.faults.residuals import conformal
from bms.faults.rule import Rule
from bms.faults.sensors import neighbours, values

RULES: tuple[Rule, ...] = (
    *cooling.RULES,
    *load_shape.RULES,
    *seasons.RULES,
    *counting.RULES,
    *electricity.RULES,
    *water.RULES,
    *circuit.RULES,
    *rooms.RULES,
    *mixing_box.RULES,
    *coils.RULES,
    *recovery.RULES,
    *running_times.RULES,
    *values.RULES,
    *neighbours.RULES,
    *conformal.RULES,
)
