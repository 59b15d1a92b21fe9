"""The families of words and statements that reports consist of."""

from __future__ import annotations

from enum import StrEnum

from bms.model.fact import MessageCode, TermCode


class Sheet(StrEnum):
    """The tables that reports have."""

    SAVINGS = "savings"
    MEASURES = "measures"
    MONTHS = "months"
    CONSUMPTION = "consumption"
    DAYS = "days"
    RANKING_HEAT = "ranking_heat_kwh_m2"
    RANKING_ELECTRICITY = "ranking_electricity_kwh_m2"
    RANKING_NIGHT = "ranking_night_share"
    RANKING_WEEKEND = "ranking_weekend_share"
    RANKING_BASE_LOAD = "ranking_base_load_w_m2"
    RANKING_WEATHER_SLOPE = "ranking_weather_slope_w_m2_k"
    RANKING_COVERAGE = "ranking_coverage"
    MISSING = "missing"
    METER_STATES = "meter_states"
    QUALITY = "quality"
    METERS = "meters"
    EXCHANGES = "exchanges"
    YEAR = "year"
    OPEN_DAYS = "open_days"
    METERS_OF_YEAR = "meters_of_year"
    COOLING = "cooling"


class Chart(StrEnum):
    """The charts that reports have."""

    BUILDINGS = "buildings"
    MONTHS = "months"
    USE_HEAT = "use_heat"
    USE_ELECTRICITY = "use_electricity"
    USE_WATER = "use_water"
    USE_GAS = "use_gas"
    COVERAGE = "coverage"


class RowLevel(StrEnum):
    """What a row of savings is about."""

    METER = "meter"
    BUILDING = "building"
    TOTAL = "total"


class Method(StrEnum):
    """How a number was made."""

    METER = "meter"
    SUM = "sum"


class ReportFact(MessageCode):
    """What a report says first."""

    SAVED = "report_saved"
    SAVING_UNKNOWN = "report_saving_unknown"
    WORTH = "report_worth"
    VERIFIED = "report_verified"
    USED = "report_used"
    USED_ALONE = "report_used_alone"
    USE_UNKNOWN = "report_use_unknown"
    RANKED = "report_ranked"
    COVERED = "report_covered"
    SILENT = "report_silent"
    METERS = "report_meters"
    OPEN = "report_open"


class MethodFact(MessageCode):
    """How the numbers of a report were made."""

    SAVINGS = "how_savings"
    INTERVAL = "how_interval"
    VERDICT = "how_verdict"
    WORTH = "how_worth"
    USE = "how_use"
    LAST_YEAR = "how_last_year"
    BUDGET = "how_budget"
    COVERAGE = "how_coverage"
    CLIMATE = "how_climate"
    RANKING = "how_ranking"
    QUALITY = "how_quality"
    METERS = "how_meters"
    UNKNOWN = "how_unknown"
    SUPPRESSION = "how_suppression"
    PROVENANCE = "how_provenance"
    LICENCE = "how_licence"
    LOCAL_DAYS = "how_local_days"


class CellTerm(TermCode):
    """The words of cells: the family of their column and their code."""

    LEVEL_METER = "level_meter"
    LEVEL_BUILDING = "level_building"
    LEVEL_TOTAL = "level_total"
    METHOD_METER = "method_meter"
    METHOD_SUM = "method_sum"
    COMMODITY_HEAT = "commodity_heat"
    COMMODITY_ELECTRICITY = "commodity_electricity"
    COMMODITY_WATER = "commodity_water"
    COMMODITY_GAS = "commodity_gas"
    VERDICT_VERIFIED = "verdict_verified"
    VERDICT_INDICATIVE = "verdict_indicative"
    VERDICT_NOT_CLAIMABLE = "verdict_not_claimable"
    USE_OFFICE = "use_office"
    USE_SCHOOL = "use_school"
    USE_KINDERGARTEN = "use_kindergarten"
    USE_SPORTS_HALL = "use_sports_hall"
    USE_CULTURE = "use_culture"
    USE_HEALTH = "use_health"
    USE_OTHER = "use_other"
    STATE_NO_READINGS = "state_no_readings"
    STATE_SILENT = "state_silent"
    STATE_INCOMPLETE = "state_incomplete"
    STATE_FLAWED = "state_flawed"
    STATE_GOOD = "state_good"
    FLAW_GAP = "flaw_gap"
    FLAW_RESET = "flaw_reset"
    FLAW_ROLLOVER = "flaw_rollover"
    FLAW_EXCHANGE = "flaw_exchange"
    FLAW_DUPLICATE = "flaw_duplicate"
    FLAW_OUT_OF_ORDER = "flaw_out_of_order"
    FLAW_FLAT_LINE = "flaw_flat_line"
    FLAW_SPIKE = "flaw_spike"
    FLAW_UNIT_SLIP = "flaw_unit_slip"
    FLAW_NEGATIVE = "flaw_negative"
    FLAW_INTERPOLATED = "flaw_interpolated"
    FLAW_ROUNDING = "flaw_rounding"
    FLAW_IMPLAUSIBLE = "flaw_implausible"
    FLAW_UNIT_ERROR = "flaw_x1000"
    FLAW_STUCK = "flaw_stuck"
    FLAW_ZEROS = "flaw_zeros"
    FLAW_CLOCK_SHIFT = "flaw_clock_shift"
    FLAW_CLOCK_UNSEEN = "flaw_clock_unseen"
    FLAW_STEP = "flaw_step_change"
    FLAW_STEP_UNCLEAR = "flaw_step_change_unclear"
    FLAW_DRIFT = "flaw_drift"
    FLAW_OUTAGE = "flaw_outage"
    FLAW_CHANGED_USE = "flaw_changed_use"
    DIRECTION_IMPORT = "direction_import"
    DIRECTION_EXPORT = "direction_export"
    DIRECTION_NET = "direction_net"
    DIRECTION_PRODUCTION = "direction_production"
    DIRECTION_VIRTUAL = "direction_virtual"
    KIND_CONTROL = "kind_control"
    KIND_WINDOWS = "kind_windows"
    KIND_INSULATION = "kind_insulation"
    KIND_LED = "kind_led"
    KIND_VENTILATION_HOURS = "kind_ventilation_hours"
    KIND_HEATING_PLANT = "kind_heating_plant"
    KIND_CAMPAIGN = "kind_campaign"
    KIND_OTHER = "kind_other"
    METRIC_HEAT = "metric_heat_kwh_m2"
    METRIC_ELECTRICITY = "metric_electricity_kwh_m2"
    METRIC_NIGHT = "metric_night_share"
    METRIC_WEEKEND = "metric_weekend_share"
    METRIC_BASE_LOAD = "metric_base_load_w_m2"
    METRIC_WEATHER_SLOPE = "metric_weather_slope_w_m2_k"
    METRIC_COVERAGE = "metric_coverage"
    PEERS_USE_AND_SIZE = "peers_use_and_size"
    PEERS_USE = "peers_use"
    PEERS_ALL = "peers_all"
