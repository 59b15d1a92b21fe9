"""What in a problem makes no sense and is therefore left alone or not counted on."""

from __future__ import annotations

from bms.model.fact import MessageCode


class ProblemFlaw(MessageCode):
    """Flaws of a problem that is planned nevertheless, or that has no horizon at all."""

    BAD_HORIZON = "bad_horizon"
    BAD_STEP = "bad_step"
    NO_OFFSET = "no_offset"
    BAD_TEMPERATURE_UNIT = "bad_temperature_unit"
    BAD_ZONE = "bad_zone"
    BAD_LEVER = "bad_lever"
    BAD_VENTILATION = "bad_ventilation"
    BAD_AIR = "bad_air"
    NO_COIL = "no_coil"
    LOOKS_LIKE_KELVIN = "looks_like_kelvin"
    BAND_LOOKS_LIKE_KELVIN = "band_looks_like_kelvin"
    BAND_LOOKS_LIKE_FAHRENHEIT = "band_looks_like_fahrenheit"
    IMPLAUSIBLE = "implausible_temperatures"
    LOOKS_LIKE_WATTS = "looks_like_watts"
    NO_CAPACITY = "no_capacity"
    BAD_COP_GAIN = "bad_cop_gain"
    BAD_SOURCE = "bad_source"
    BAD_POWER = "bad_power"
    NO_POWER_LIMIT = "no_power_limit"
    BAD_WEIGHTS = "bad_weights"
