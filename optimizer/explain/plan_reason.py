"""Why a plan is as it is."""

from __future__ import annotations

from bms.model.fact import MessageCode, TermCode


class PlanReason(MessageCode):
    """Reasons of plans, of what was missing as well as of what was decided."""

    PLANNED = "planned"
    OWN_CONTROL_AS_GOOD = "own_control_as_good"
    NO_LEVER = "no_lever"
    NO_MODEL = "no_model"
    NO_POWER = "no_power"
    NO_SOLUTION = "no_solution"
    REFUSED = "refused"
    ZONE_WITHOUT_MODEL = "zone_without_model"
    LEARNED_START = "learned_start"
    EXCITATION_NIGHT = "excitation_night"
    CAPACITY_BY_CLASS = "capacity_by_class"
    PROBABLE_WINDOW = "probable_window"
    NO_STATE = "no_state"
    OLD_HISTORY = "old_history"
    NO_FORECAST = "no_forecast"
    HELD_FORECAST = "held_forecast"
    NO_SUN_FORECAST = "no_sun_forecast"
    PRICE_UNKNOWN = "price_unknown"
    FACTOR_UNKNOWN = "factor_unknown"
    NO_COP = "no_cop"
    WARM_UP_FROM = "warm_up_from"
    CURVE_LOWERED = "curve_lowered"
    NEW_PEAK = "new_peak"
    SPIKES_TOO_SHORT = "price_spikes_too_short"
    OWN_FLOW_KEPT = "own_flow_kept"
    FLOW_PLANNED = "flow_planned"
    SUPPLY_COOLER = "supply_cooler"
    LEVER_HELD = "lever_held"


class FlowText(MessageCode):
    """An air flow inside a sentence: one share of the full flow, or from one to another."""

    STEADY = "flow_steady"
    SPAN = "flow_span"


class HeldText(MessageCode):
    """A value at which somebody holds a lever, inside a sentence."""

    TEMPERATURE = "held_temperature"
    DIFFERENCE = "held_difference"
    PERCENT = "held_percent"
    ON = "held_on"
    OFF = "held_off"


class HoldEnd(TermCode):
    """Until when a lever is held where no end inside the horizon is known."""

    HORIZON = "end_of_horizon"


class InputTerm(TermCode):
    """What a problem brings, as a word of a sentence."""

    OUTDOOR_TEMPERATURE = "planned_outdoor_temperature"
    HEATING_POWER = "planned_heating_power"
    VENTILATION_HOURS = "planned_ventilation_hours"
    WEATHER_FORECAST = "planned_weather_forecast"
    MEASURED_DATA = "planned_measured_data"
    ELECTRICITY = "planned_electricity"
    HEAT = "planned_heat"
