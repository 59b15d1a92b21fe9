"""What may stand in a site file: one table that drives the checking and the documentation.

Units are in the names of the keys or in their descriptions.
"""

from __future__ import annotations

from bms.model.assets.address import DataType, MbusFunction, MbusQuantity, Order, Table
from bms.model.assets.device import Framing, MqttPreset, Parity
from bms.model.assets.equipment import HeatSourceKind, MeterDirection
from bms.model.assets.point import Privacy, Role
from bms.model.assets.site import Mode
from bms.model.assets.write_rule import ReleaseKind
from bms.model.readings.device_units import DEVICE_UNITS
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Commodity, Unit
from sites.protocols import PROTOCOLS
from sites.schema.sections import REQUIRED, Field, SectionSchema
from sites.schema.value_types import (
    BacnetObject,
    BacnetObjectOr,
    DateValue,
    Integer,
    ListOf,
    MappingOf,
    NonZero,
    Number,
    NumberOrTimetable,
    NumberPair,
    OneOf,
    Text,
    TextOr,
    TimeOfDay,
    Timestamp,
    ValueType,
    Weekdays,
    WordOr,
)

USES = ("office", "school", "kindergarten", "sports_hall", "culture", "health", "other")
ENERGY_LABELS = ("A2020", "A2015", "A2010", "B", "C", "D", "E", "F", "G")
PRICE_AREAS = ("DK1", "DK2")
HOLIDAYS = ("DK", "none")
FLAG = ("true", "false")

_NAME = Text()
_NUMBER = Text(
    r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,61}[A-Za-z0-9])?",
    "letters, digits, blank, dot, dash or underscore, at most 63",
)
_ID = Text(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", "letters, digits, dot, dash or underscore, at most 63"
)
_SITE_ID = Text(
    r"[a-z0-9][a-z0-9_-]{0,62}", "lower-case letters, digits, dash or underscore, at most 63"
)
_FILE = Text(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}\.csv", "name of a .csv file in the same folder")
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_HOST = Text(
    rf"(?=.{{1,253}}$)(?:{_LABEL}(?:\.{_LABEL})*\.?"
    r"|(?=(?:[^:]*:){2})[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]{1,15})?)",
    "host name or IP address, IPv6 without brackets",
)
_IDENTITY = Text()
_NONE_IN_TOPICS = r"\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff#+/"
"""What brokers hang up on (MQTT 3.1.1, 1.5.3, and mosquitto): one topic would cost all others."""
_LEVEL = rf"(?:\+|[^{_NONE_IN_TOPICS}]*)"
_TOPIC = Text(
    rf"(?=.{{1,201}}$)(?!\$)(?!(?:[^/]*/){{201}}){_LEVEL}(?:/{_LEVEL})*",
    "an MQTT topic; + for any one level",
)
_PATH_OF_FILE = Text(r"/[^\x00-\x1f\x7f]{1,300}", "an absolute path")
_RECORD = Text(
    r"(?:[0-9A-Fa-f]{2}){2,40}", "octets in hexadecimal such as 04FF07: DIF, DIFEs, VIF, VIFEs"
)
_SECONDARY = Text(
    r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{16}",
    "8 digits of the identification, or 16 with maker, version and medium as on the line; F is any",
)
_MAC = Text(r"(?:[0-9A-Fa-f]{2}){1,7}", "octets in hexadecimal, at most 7, such as 05")
_ZONE_NAME = Text(
    r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}", "a time zone such as Europe/Copenhagen"
)


def _field(name: str, value_type: ValueType, says: str, default: object = None) -> Field:
    return Field(name=name, value_type=value_type, says=says, default=default)


NAME = SectionSchema(
    "name",
    (
        _field("da", _NAME, "Danish name", REQUIRED),
        _field("en", _NAME, "English name", REQUIRED),
    ),
)
POSITION = SectionSchema(
    "position",
    (
        _field("latitude", Number(-90, 90), "degrees north (WGS 84)", REQUIRED),
        _field("longitude", Number(-180, 180), "degrees east (WGS 84)", REQUIRED),
    ),
)
HEAT_SOURCE = SectionSchema(
    "heat_source",
    (
        _field("kind", OneOf(HeatSourceKind), "where the heat comes from", REQUIRED),
        _field("capacity_kw", Number(above=0, high=1e5), "heating capacity [kW]", REQUIRED),
        _field(
            "cop",
            ListOf(NumberPair(rising=False), least=1),
            "[outdoor temperature [degC], COP] rising",
        ),
        _field(
            "cop_gain_per_k", Number(0, 0.2), "gain in COP per kelvin of cooler water [1/K]", 0.0
        ),
        _field("least_kw", Number(0, 1e5), "least heat while it runs [kW]", 0.0),
        _field("least_run_min", Number(0, 720), "runs at least so long [min]", 0.0),
        _field("least_stop_min", Number(0, 720), "rests at least so long [min]", 0.0),
    ),
)
TARIFFS = SectionSchema(
    "tariffs",
    (
        _field("electricity", _ID, "electricity tariff", "konstant_c"),
        _field("heat", _ID, "district heating tariff", "kredslob"),
        _field("price_area", OneOf(PRICE_AREAS), "area of the day-ahead price", "DK1"),
    ),
)
WEIGHTS = SectionSchema(
    "weights",
    (
        _field("comfort_dkk_per_kh", Number(0, 1e6), "a kelvin-hour outside the band", 60.0),
        _field("co2_dkk_per_kg", Number(0, 1e3), "a kilogram of CO2", 0.75),
    ),
)
POWER = SectionSchema(
    "power",
    (
        _field("limit_kw", Number(above=0, high=1e5), "power that must not be exceeded [kW]"),
        _field("peak_dkk_per_kw", Number(0, 1e5), "price of the month's peak [DKK/kW]"),
    ),
)
CLOSURE = SectionSchema(
    "closure",
    (
        _field("from", DateValue(), "first closed day", REQUIRED),
        _field("to", DateValue(), "last closed day", REQUIRED),
        _field("reason", _NAME, "why, for people"),
    ),
)
GOAL = SectionSchema(
    "goal",
    (
        _field("year", Integer(1990, 2199), "calendar year", REQUIRED),
        _field("commodity", OneOf(Commodity), "of what", REQUIRED),
        _field("budget", Number(0, 1e10), "what may be used in the year [kWh; water: m3]"),
        _field("target", Number(0, 1e10), "what is aimed at [kWh; water: m3]"),
    ),
)
PERIOD = SectionSchema(
    "period",
    (
        _field("days", Weekdays(), "weekdays", REQUIRED),
        _field("from", TimeOfDay(), "local time", REQUIRED),
        _field("to", TimeOfDay(end=True), "local time of the same day", REQUIRED),
        _field("value", Number(), "value in the period", REQUIRED),
    ),
)
TIMETABLE = SectionSchema(
    "timetable",
    (
        _field("default", Number(), "value outside all periods", REQUIRED),
        _field("closed", Number(), "value on closed days; without it they are like any other"),
        _field("periods", ListOf(PERIOD), "periods that do not overlap", ()),
    ),
)
COMFORT = SectionSchema(
    "comfort",
    (
        _field("low_c", Number(5, 35), "lower limit in use [degC]", 20.0),
        _field("high_c", Number(5, 35), "upper limit in use [degC]", 25.0),
        _field("floor_c", Number(5, 35), "never below [degC]", 16.0),
        _field("ceiling_c", Number(5, 40), "never above [degC]", 28.0),
        _field("co2_limit_ppm", Number(600, 5000), "highest CO2 while people are in [ppm]"),
    ),
)
ZONE = SectionSchema(
    "zone",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("name", _NAME, "name for people", REQUIRED),
        _field("area_m2", Number(above=0, high=1e6), "floor area [m2]", REQUIRED),
        _field("occupancy", _ID, "timetable: 1 in use, 0 out of use", REQUIRED),
        _field("own_setpoint", _ID, "timetable of the building's own setpoint [degC]", REQUIRED),
        _field("comfort", COMFORT, "temperature and CO2 limits"),
        _field("people", Number(0, 1e5), "people who are in while it is in use"),
        _field("volume_m3", Number(above=0, high=1e7), "volume of its air [m3]"),
    ),
)
VENTILATION = SectionSchema(
    "ventilation",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("zones", ListOf(_ID, least=1), "zones that it serves", REQUIRED),
        _field("flow_m3_h", Number(above=0, high=1e6), "air flow [m3/h]", REQUIRED),
        _field("fan_kw", Number(0, 1e4), "fan power at that flow [kW]", REQUIRED),
        _field("recovery", Number(0, 1), "heat recovery efficiency", REQUIRED),
        _field("own_run", _ID, "timetable of the unit's own control, 1 runs", REQUIRED),
        _field("lead_min", Integer(0, 720), "has to run this long before use [min]", 30),
        _field(
            "own_flow_pct",
            NumberOrTimetable(_ID),
            "own flow while it runs, a number or timetable [% of flow_m3_h]",
            100.0,
        ),
        _field("least_flow_pct", Number(0, 100), "least flow while people are in [% of flow_m3_h]"),
        _field(
            "own_supply_c",
            NumberOrTimetable(_ID),
            "own setpoint of the supply air, a number or timetable [degC]; none: no heating coil",
        ),
    ),
)
MODBUS = SectionSchema(
    "modbus",
    (
        _field("table", OneOf(Table), "Modbus table", REQUIRED),
        _field("address", Integer(0, 65535), "zero-based address on the wire", REQUIRED),
        _field("type", OneOf(DataType), "how the value lies in the registers"),
        _field("scale", NonZero(), "value = raw * scale + offset", 1.0),
        _field("offset", Number(), "value = raw * scale + offset", 0.0),
        _field("word_order", OneOf(Order), "order of the words of a value", Order.BIG),
        _field("byte_order", OneOf(Order), "order of the bytes of a word", Order.BIG),
        _field("bit", Integer(0, 15), "one bit of a register"),
        _field("mask", Integer(1), "a field of the number: (number & mask) >> shift"),
        _field("shift", Integer(0, 63), "a field of the number: (number & mask) >> shift"),
        _field("sentinels", ListOf(Integer()), "raw numbers that mean no value", ()),
        _field("exponent", Integer(0, 65535), "register with the power of ten of the value"),
        _field("model", Integer(1, 65534), "SunSpec model from whose start the address counts"),
        _field("write_function", Integer(5, 22), "5, 6, 15, 16 or 22, where the usual is refused"),
    ),
)
MBUS = SectionSchema(
    "mbus",
    (
        _field("quantity", OneOf(MbusQuantity), "what the record measures"),
        _field("function", OneOf(MbusFunction), "which value of it", MbusFunction.INSTANTANEOUS),
        _field("storage", Integer(0, 2**41 - 1), "storage number; 0 is the present value", 0),
        _field("tariff", Integer(0, 2**20 - 1), "tariff number", 0),
        _field("subunit", Integer(0, 2**10 - 1), "subunit of the meter", 0),
        _field("nth", Integer(0, 255), "which of several records that are alike", 0),
        _field("record", _RECORD, "instead of quantity: its DIF and VIF octets"),
        _field("scale", NonZero(), "value = raw * scale + offset, whatever the meter states"),
        _field("offset", Number(), "value = raw * scale + offset, whatever the meter states"),
    ),
)
_PATH = Text(r"[^\x00-\x1f\x7f+#]{1,200}", "names with dots such as object.temperature")
MQTT = SectionSchema(
    "mqtt",
    (
        _field("topic", _TOPIC, "its topic, where it is not that of the device"),
        _field("path", _PATH, "where it stands in the payload; without it the whole payload"),
        _field("time", _PATH, "where the moment of measurement stands in the payload"),
        _field("scale", NonZero(), "value = raw * scale + offset", 1.0),
        _field("offset", Number(), "value = raw * scale + offset", 0.0),
    ),
)
MQTT_ACCESS = SectionSchema(
    "mqtt",
    (
        _field("username", _IDENTITY, "name of the account"),
        _field("password_file", _PATH_OF_FILE, "file with the password"),
        _field("ca_file", _PATH_OF_FILE, "file with the certificates to trust; TLS"),
        _field("cert_file", _PATH_OF_FILE, "file with our certificate, where the broker asks; TLS"),
        _field("key_file", _PATH_OF_FILE, "file with its key, where that is another file"),
        _field("tls", OneOf(FLAG), "TLS with the certificates that the system trusts", "false"),
        _field("client_id", _ID, "the broker keeps messages for this name while we are away"),
        _field("status_topic", _TOPIC, "says offline by last will"),
    ),
)
SERIAL = SectionSchema(
    "serial",
    (
        _field(
            "path",
            Text(r"/dev/[A-Za-z0-9._/-]{1,200}", "a port such as /dev/ttyUSB0"),
            "port",
            REQUIRED,
        ),
        _field("baud", Integer(300, 4_000_000), "speed [1/s]", 9600),
        _field("parity", OneOf(Parity), "parity", Parity.EVEN),
        _field("stop_bits", Integer(1, 2), "stop bits", 1),
    ),
)
READABLE_RANGE = SectionSchema(
    "range",
    (
        _field("table", OneOf(Table), "Modbus table", REQUIRED),
        _field("first", Integer(0, 65535), "first address", REQUIRED),
        _field("last", Integer(0, 65535), "last address", REQUIRED),
    ),
)
BBMD = SectionSchema(
    "bbmd",
    (
        _field("host", _HOST, "host name or IP address of the BBMD", REQUIRED),
        _field("port", Integer(1, 65535), "its UDP port", 47808),
        _field("ttl_s", Integer(30, 65535), "how long a registration lasts [s]", 120),
    ),
)
FINGERPRINT = SectionSchema(
    "fingerprint",
    (
        _field("vendor", _IDENTITY, "vendor name"),
        _field("model", _IDENTITY, "model name"),
        _field("name", _IDENTITY, "BACnet object name; Modbus user application name"),
        _field("serial", _IDENTITY, "serial number"),
    ),
)
DEVICE = SectionSchema(
    "device",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("protocol", OneOf(tuple(PROTOCOLS)), "how to talk to it", REQUIRED),
        _field("host", _HOST, "address; a serial line has none"),
        _field(
            "port",
            Integer(1, 65535),
            "UDP or TCP port; 47808 for bacnet, 502 for modbus, 1883 for mqtt, none for mbus",
        ),
        _field("unit", Integer(0, 255), "Modbus unit id", 1),
        _field("instance", Integer(0, 4_194_302), "BACnet device instance"),
        _field("network", Integer(1, 65534), "BACnet network behind the router at host"),
        _field("bbmd", BBMD, "BACnet: asked as a foreign device there; host may be left out"),
        _field("mac", _MAC, "BACnet MAC address in that network"),
        _field("fingerprint", FINGERPRINT, "what the device says it is; else nothing is sent"),
        _field("timeout_s", Number(above=0, high=60), "time-out of a request [s]", 2.0),
        _field("template", _ID, "device model whose named registers are used"),
        _field("framing", OneOf(Framing), "how Modbus frames travel", Framing.TCP),
        _field("serial", SERIAL, "serial line, for framing rtu"),
        _field("max_registers", Integer(1, 125), "largest count of one read"),
        _field("max_gap", Integer(0, 124), "registers that a read may span unasked"),
        _field("ranges", ListOf(READABLE_RANGE), "what can be read in one go"),
        _field("pause_s", Number(0, 60), "rest of the unit between two requests [s]"),
        _field("close_after_s", Number(0, 3600), "close a connection that nobody uses after [s]"),
        _field("line_pause_s", Number(0, 60), "rest of the line between two requests [s]", 0.0),
        _field("any_transaction", OneOf(FLAG), "its replies bear numbers of their own", "false"),
        _field(
            "heartbeat",
            BacnetObjectOr(MODBUS),
            "register or object that is toggled in each round of writes, while we hold something",
        ),
        _field("shared", OneOf(FLAG), "serves other sites, too, which name it as well", "false"),
        _field("fetches", OneOf(FLAG), "fetches its setpoint schedule by itself", "false"),
        _field("max_outstanding", Integer(1, 4), "BACnet: requests that it takes at once"),
        _field("set_clock", OneOf(FLAG), "BACnet: its clock may be set by us", "false"),
        _field("primary", Integer(0, 250), "M-Bus: primary address"),
        _field("secondary", _SECONDARY, "M-Bus: secondary address"),
        _field("topic", _TOPIC, "MQTT: its topic, as the preset has it"),
        _field("preset", OneOf(MqttPreset), "MQTT: whose payloads it has", MqttPreset.PLAIN),
        _field("mqtt", MQTT_ACCESS, "MQTT: how the broker is reached"),
        _field("reads_per_day", Integer(1, 1440), "M-Bus: asked so often a day at most (battery)"),
    ),
)
SUPPLIER = SectionSchema(
    "supplier",
    (
        _field("number", _NUMBER, "what the supplier calls the meter", REQUIRED),
        _field(
            "quantities",
            ListOf(OneOf(Quantity), least=1),
            "what is kept of its files; without it what the meter measures: energy or volume",
        ),
        _field("interval", OneOf(("true", "false")), "amounts per interval, no register", "false"),
        _field(
            "interval_s",
            Integer(60, 2_678_400),
            "length of an interval, or how often the register comes [s]",
            3600,
        ),
    ),
)
EXCHANGE = SectionSchema(
    "exchange",
    (
        _field("at", Timestamp(), "when another meter took over", REQUIRED),
        _field("final", Number(0), "last register of the old meter", REQUIRED),
        _field("first", Number(0), "first register of the new meter", REQUIRED),
    ),
)
CALORIFIC = SectionSchema(
    "calorific_value",
    (
        _field("from", DateValue(), "first day on which it holds", REQUIRED),
        _field("kwh_per_m3", Number(above=0, high=50), "heat of combustion [kWh/m3]", REQUIRED),
    ),
)
METER = SectionSchema(
    "meter",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("commodity", OneOf(Commodity), "what it measures", REQUIRED),
        _field("billed", OneOf(("true", "false")), "counts in the site's use", "true"),
        _field("register_max", Number(above=0), "where the register rolls over"),
        _field("multiplier", Number(above=0, high=1e6), "register to unit of the point", 1.0),
        _field("max_kw", Number(above=0, high=1e6), "no more than this is plausible [kW]"),
        _field("calorific_value", ListOf(CALORIFIC), "gas in m3: what it holds, by day", ()),
        _field(
            "direction",
            OneOf(MeterDirection),
            "electricity: from the grid, to it, their difference, or what panels give",
            MeterDirection.IMPORT,
        ),
        _field("behind", _ID, "export, production: the meter of import beside which it is"),
        _field("supplier", SUPPLIER, "its values come in files or pushes of its supplier"),
        _field("exchanges", ListOf(EXCHANGE), "when another meter took its place", ()),
    ),
)
VIRTUAL_METER = SectionSchema(
    "virtual meter",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("commodity", OneOf(Commodity), "what it measures", REQUIRED),
        _field("sum", ListOf(_ID, least=1), "meters whose use is added", ()),
        _field("minus", ListOf(_ID, least=1), "meters whose use is taken away", ()),
        _field("share_of", _ID, "meter of whose use it has a share, by area"),
        _field("zones", ListOf(_ID, least=1), "share_of: the zones whose area counts"),
    ),
)
RELEASE = SectionSchema(
    "release",
    (
        _field(
            "kind",
            OneOf(ReleaseKind, null=ReleaseKind.NULL),
            "the way back to the building's own control",
            REQUIRED,
        ),
        _field("enable", MODBUS, "remote_enable: the register that hands control to us"),
        _field("timetable", _ID, "timetable: whose value is written"),
        _field("value", Number(), "constant: what is written"),
        _field(
            "schedule", Integer(0, 4_194_302), "schedule: BACnet Schedule object to write through"
        ),
    ),
)
WRITE = SectionSchema(
    "write",
    (
        _field("min", Number(), "lowest value that may be written", REQUIRED),
        _field("max", Number(), "highest value that may be written", REQUIRED),
        _field("release", RELEASE, "the way back", REQUIRED),
        _field(
            "resolution",
            Number(above=0),
            "smallest step that the point takes; 0.1 where not given, or the step of its number "
            "where that is coarser",
        ),
        _field("tolerance", Number(0), "how far a read-back may lie off", 0.06),
        _field("priority", Integer(9, 15), "BACnet priority", 13),
        _field("hold_safe", NumberPair(), "values that can stand for days without harm"),
        _field("max_change", Number(above=0), "most that it may change in an hour [unit/h]"),
        _field("minimum_on", Number(0, 1440), "on/off: stays on at least so long [min]", 0.0),
        _field("minimum_off", Number(0, 1440), "on/off: stays off at least so long [min]", 0.0),
        _field("watchdog_s", Number(above=0, high=86_400), "the device's own time-out [s]"),
        _field("writes_per_day", Integer(1), "how often it may be written on one day"),
        _field("writes_lifetime", Integer(1), "how often its memory may be written at all"),
        _field("own_program", Integer(1, 16), "BACnet priority of the building's own timetable"),
        _field(
            "local_override_hold",
            Number(2, 168),
            "setpoint register of a room: how long a change at the building is respected [h]",
            24.0,
        ),
    ),
)
POINT = SectionSchema(
    "point",
    (
        _field("id", _ID, "identifier within the site", REQUIRED),
        _field("device", _ID, "device that has it", REQUIRED),
        _field("role", OneOf(Role), "what it means", REQUIRED),
        _field("unit", OneOf(Unit), "unit of its values", REQUIRED),
        _field("zone", _ID, "zone that it belongs to"),
        _field("meter", _ID, "meter that it belongs to"),
        _field("ventilation", _ID, "air-handling unit that it belongs to"),
        _field("bacnet", BacnetObject(), "BACnet object"),
        _field("modbus", MODBUS, "Modbus register"),
        _field("mqtt", WordOr(MQTT, "path", _PATH), "value in the messages of an MQTT topic"),
        _field("mbus", WordOr(MBUS, "quantity", OneOf(MbusQuantity)), "M-Bus record"),
        _field("register", _ID, "named register of the device's template"),
        _field("scale", NonZero(), "BACnet: value = number of the object * scale + offset"),
        _field("offset", Number(), "BACnet: value = number of the object * scale + offset"),
        _field("device_unit", OneOf(DEVICE_UNITS), "BACnet: unit of the object, if it is wrong"),
        _field("low", Number(), "lowest plausible value"),
        _field("high", Number(), "highest plausible value"),
        _field("interval_s", Integer(1, 86_400), "how often it is read [s]", 900),
        _field(
            "max_age",
            Integer(1, 604_800),
            "how old a value may be that something is decided on [s]; by its role where not given, "
            "longer for a sensor on a battery",
        ),
        _field("privacy", OneOf(Privacy), "who may see it"),
        _field("retention_days", Integer(1, 36_500), "how long it is kept [days]"),
        _field("write", WRITE, "what may be written to it; without it, nothing"),
        _field("cov", OneOf(FLAG), "BACnet: the device tells us of changes", "false"),
        _field("trend_log", Integer(0, 4_194_302), "BACnet: Trend Log object that records it"),
        _field("name", _NAME, "what it is called at the building, on drawings or in its device"),
    ),
)
SITE = SectionSchema(
    "site",
    (
        _field("site", _SITE_ID, "identifier of the site", REQUIRED),
        _field("name", TextOr(NAME), "name for people, one or one by language", REQUIRED),
        _field("address", _NAME, "street address"),
        _field("use", OneOf(USES), "what the building is for", REQUIRED),
        _field("area_m2", Number(above=0, high=1e6), "heated floor area [m2]", REQUIRED),
        _field("position", POSITION, "where it stands; without it the weather is that of Aarhus"),
        _field("timezone", _ZONE_NAME, "local time", "Europe/Copenhagen"),
        _field("mode", OneOf(Mode), "highest mode that people may put it to", Mode.OBSERVE),
        _field("heat_source", HEAT_SOURCE, "where the heat comes from"),
        _field("tariffs", TARIFFS, "prices"),
        _field("weights", WEIGHTS, "what comfort and CO2 are worth [DKK]"),
        _field(
            "excitation_nights",
            Integer(0, 20),
            "nights on which a zone without a model may be set back further, to learn from",
            0,
        ),
        _field("power", POWER, "limit and price of the power that heat is billed by"),
        _field("energy_label", OneOf(ENERGY_LABELS), "the label that the building was given"),
        _field("goals", ListOf(GOAL), "budget and target of calendar years", ()),
        _field("holidays", OneOf(HOLIDAYS), "public holidays on which it is closed", "DK"),
        _field("closures", ListOf(CLOSURE), "other closed days", ()),
        _field("timetables", MappingOf(TIMETABLE, _ID), "weekly timetables in local time"),
        _field("zones", ListOf(ZONE, least=1), "parts heated and used as one"),
        _field("ventilation", ListOf(VENTILATION), "air-handling units", ()),
        _field("devices", ListOf(DEVICE), "controllers, meters and gateways"),
        _field("meters", ListOf(METER), "meters", ()),
        _field("virtual_meters", ListOf(VIRTUAL_METER), "meters that nobody installed", ()),
        _field("points", ListOf(POINT), "values of devices", ()),
        _field("points_file", _FILE, "CSV file with more points"),
    ),
)
CONTROLLED = ("position", "heat_source", "timetables", "zones", "devices")
"""What a site needs unless it has meters of suppliers alone."""
