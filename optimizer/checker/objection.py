"""Why a plan may not be written."""

from __future__ import annotations

from bms.model.fact import MessageCode


class CheckObjection(MessageCode):
    """Objections of the independent checker to a plan or to the values of one point."""

    OTHER_PROBLEM = "other_problem"
    UNKNOWN_POINT = "check_unknown_point"
    TWICE = "check_twice"
    MISSING = "check_missing"
    UNIT = "check_unit"
    HOLE = "check_hole"
    COVERAGE = "check_coverage"
    NOT_FINITE = "check_not_finite"
    LIMIT = "check_limit"
    RESOLUTION = "check_resolution"
    CHANGES = "check_changes"
    RAMP = "check_ramp"
    SHORT_RUN = "check_short_run"
    HELD = "check_held"
    COMFORT = "check_comfort"
    FLOOR = "check_floor"
    CEILING = "check_ceiling"
    CURVE = "check_curve"
    VENTILATION = "check_ventilation"
    FLOW = "check_flow"
    SUPPLY = "check_supply"
    CO2 = "check_co2"
