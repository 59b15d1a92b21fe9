"""Records of EN 13757-3, each beside a foreign decoder (pyMeterBus) where that one knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import meterbus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.errors import DeviceError
from bms.model.assets.address import MbusFunction, MbusQuantity
from drivers.fieldbus.errors import InvalidReply, TemporaryRefusal
from drivers.mbus.frames import UserData, response
from drivers.mbus.record import DataRecord
from drivers.mbus.telegram import Telegram, telegram
from drivers.simulator.servers import mbus_telegrams as made

ZONE = ZoneInfo("Europe/Copenhagen")
METER = made.MeterIdentity("12345678", "KAM", 27, 4)
Q = MbusQuantity


def decoded(*records: bytes, status: int = 0, maker_data: bytes = b"") -> Telegram:
    (one,) = made.telegrams(METER, records, status=status, maker_data=maker_data)
    return telegram(UserData(1, one[0], one[1:]), ZONE)


def only(record: bytes) -> DataRecord:
    (found,) = decoded(record).records
    return found


def foreign(record: bytes) -> float:
    """What pyMeterBus reads in the same frame, in its own unit."""
    (one,) = made.telegrams(METER, [record])
    frame = meterbus.load(response(1, one[0], one[1:]))
    return float(frame.records[0].value)


def test_the_header() -> None:
    header = decoded(made.integer(b"\x06", 1)).header
    assert header is not None
    assert (header.number, header.maker, header.version, header.medium) == (
        "12345678",
        "KAM",
        27,
        4,
    )
    assert header.secondary == "123456782D2C1B04"
    assert header.fingerprint.model == "heat (return), version 27"


@pytest.mark.parametrize(
    ("record", "quantity", "unit", "value"),
    [
        (made.integer(b"\x06", 12345), Q.ENERGY, "watt-hours", 12_345_000),
        (made.bcd(b"\x06", 12345), Q.ENERGY, "watt-hours", 12_345_000),
        (made.bcd(b"\x0e", 77), Q.ENERGY, "joules", 77e6),
        (made.bcd(b"\x06", -1234), Q.ENERGY, "watt-hours", -1_234_000),
        (made.integer(b"\x13", 4711), Q.VOLUME, "cubic-meters", 4.711),
        (made.integer(b"\x13", -3, 8), Q.VOLUME, "cubic-meters", -0.003),
        (made.real(b"\x3e", 1.5), Q.FLOW, "cubic-meters-per-hour", 1.5),
        (made.integer(b"\x2b", -50, 2), Q.POWER, "watts", -50),
        (made.bcd(b"\x5a", 712, 2), Q.SUPPLY_TEMP, "degrees-celsius", 71.2),
        (made.integer(b"\x5e", -35, 2), Q.RETURN_TEMP, "degrees-celsius", -3.5),
        (made.integer(b"\x61", 1234, 3), Q.TEMP_DIFFERENCE, "delta-degrees-kelvin", 12.34),
        (made.integer(b"\xfd\x48", 2301, 2), Q.VOLTAGE, "volts", 230.1),
        (made.integer(b"\xfd\x59", 1234, 4), Q.CURRENT, "amperes", 1.234),
        (made.integer(b"\xfb\x01", 42), Q.ENERGY, "megawatt-hours", 42),
        (made.integer(b"\xfb\x08", 42), Q.ENERGY, "megajoules", 4200),
        (made.integer(b"\x22", 100, 2), Q.ON_TIME, "no-units", 360_000),
        (made.integer(b"\x6a", 15, 2), Q.PRESSURE, "no-units", 1.5),
        (made.integer(b"\x16", 7, 6), Q.VOLUME, "cubic-meters", 7),
    ],
)
def test_numbers_in_their_units(record: bytes, quantity: Q, unit: str, value: float) -> None:
    found = only(record)
    assert (found.quantity, found.unit, found.value) == (quantity, unit, value)
    if found.header[1] != 0xFB and not (found.header[0] & 0x0F in (9, 10, 11, 12) and value < 0):
        assert foreign(record) == pytest.approx(value, rel=1e-6)


def test_what_the_foreign_decoder_reads_otherwise() -> None:
    """Why it stands beside ours in tests only: by the standard ours are right."""
    assert only(made.integer(b"\xfb\x08", 42)).value == 4200  # megajoules: 0.1 GJ each
    assert only(made.bcd(b"\x06", -1234)).value == -1_234_000
    with pytest.raises(Exception):  # noqa: B017
        foreign(made.dib(0x0D) + b"\xfd\x10" + b"\xc4" + bytes(4))


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (made.dib(0x0C) + b"\x06" + b"\xbb\xbb\xbb\xbb", "digits BBBBBBBB"),
        (made.dib(0x02) + b"\x5a" + b"\x00\x80", "not valid"),
        (made.dib(0x05) + b"\x3e" + b"\x00\x00\xc0\x7f", "not a number"),
        (made.dib(0x00) + b"\x06", "no data"),
        (made.dib(0x04) + b"\x86\x18" + bytes(4), "data error"),
        (made.dib(0x02) + b"\x6c" + b"\xff\xff", "every year"),
        (made.dib(0x04) + b"\x6d" + b"\x80\x00\x21\x31", "clock"),
    ],
)
def test_what_stands_for_no_value(record: bytes, problem: str) -> None:
    found = only(record)
    assert found.value is None
    assert problem in (found.problem or "")


@pytest.mark.parametrize(
    ("data", "moment"),
    [
        (b"\x04\x6d\x1e\x28\x4f\x3b", datetime(2026, 11, 15, 7, 30, tzinfo=UTC)),
        (b"\x04\x6d\x1e\x88\x4f\x36", datetime(2026, 6, 15, 6, 30, tzinfo=UTC)),
        (b"\x02\x6c\x4f\x3b", datetime(2026, 11, 14, 23, 0, tzinfo=UTC)),
        (b"\x06\x6d\x0f\x1e\x08\x4f\x3b\x00", datetime(2026, 11, 15, 7, 30, 15, tzinfo=UTC)),
        (b"\x04\x6d\x04\x03\x62\xc1", datetime(1999, 1, 2, 2, 4, tzinfo=UTC)),
    ],
)
def test_moments_of_types_f_g_and_i(data: bytes, moment: datetime) -> None:
    found = only(data)
    assert found.quantity is Q.TIME
    assert found.at == moment
    assert found.value == moment.timestamp()


@given(st.integers(0, 79 * 365 * 1440))
def test_a_clock_of_type_f_both_ways(minutes: int) -> None:
    shown = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
    at = only(made.clock(shown)).at
    assert at is not None
    local = at.astimezone(ZONE).replace(tzinfo=None)
    assert abs((local - shown).total_seconds()) in (0.0, 3600.0)  # in spring an hour is no time


@given(
    st.integers(0, 2**41 - 1), st.integers(0, 2**18 - 1), st.integers(0, 2**9 - 1),
    st.integers(0, 3), st.integers(-(2**31) + 1, 2**31 - 1),
)  # fmt: skip
def test_storage_tariff_subunit_and_function(
    storage: int, tariff: int, subunit: int, function: int, number: int
) -> None:
    found = only(
        made.integer(
            b"\x05", number, storage=storage, tariff=tariff, subunit=subunit, function=function
        )
    )
    assert (found.storage, found.tariff, found.subunit) == (storage, tariff, subunit)
    assert found.function is list(MbusFunction)[function]
    assert found.value == number * 100


def test_extensions_that_change_the_meaning_or_the_size() -> None:
    per_hour = only(made.integer(b"\x94\x22", 5))
    assert (per_hour.quantity, per_hour.modified) == (Q.VOLUME, True)
    tenth = only(made.integer(b"\x94\x75", 50))
    assert (tenth.value, tenth.modified) == (0.05, False)
    thousand = only(made.integer(b"\x94\x7d", 5))
    assert thousand.value == 50


def test_texts_flags_and_what_is_the_makers_own() -> None:
    text = b"\x0d\xfd\x0b\x05OLLEH"
    own = made.integer(b"\xff\x07", 99)
    plain = b"\x04\x7c\x03TIB" + (7).to_bytes(4, "little")
    flagged, numbered = made.integer(b"\xfd\x17", -128, 1), made.bcd(b"\x78", 12)
    found = decoded(text, flagged, own, plain, numbered, maker_data=b"\x01\x02")
    words, flags, makers, unit, number = found.records
    assert (words.text, words.value) == ("HELLO", None)
    assert (flags.quantity, flags.value) == (Q.ERROR_FLAGS, 0x80)
    assert (makers.quantity, makers.number, makers.header) == (None, 99, b"\x04\xff\x07")
    assert (unit.quantity, unit.number) == (None, 7)
    assert number.number == 12
    assert found.rest == b"\x01\x02"


@pytest.mark.parametrize(
    ("lvar", "data", "number"),
    [(0xC2, b"\x34\x12", 1234), (0xD2, b"\x34\x12", -1234), (0xE2, b"\xfe\xff", -2)],
)
def test_numbers_of_variable_length(lvar: int, data: bytes, number: int) -> None:
    assert only(b"\x0d\x06" + bytes((lvar,)) + data).number == number


def test_fillers_and_more_that_follows() -> None:
    many = [made.integer(b"\x06", n, storage=n) for n in range(60)]
    parts = [telegram(UserData(1, t[0], t[1:]), ZONE) for t in made.telegrams(METER, many)]
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert [r.storage for part in parts for r in part.records] == list(range(60))
    assert decoded(b"\x2f\x2f", made.integer(b"\x06", 1), b"\x2f").records[0].value == 1000


def test_the_old_fixed_structure() -> None:
    data = bytes.fromhex("785634120A00E97E0100000035010000")
    found = telegram(UserData(5, 0x73, data), ZONE)
    assert found.header is not None
    assert (found.header.number, found.header.medium_name) == ("12345678", "water")
    first, second = found.records
    assert (first.quantity, first.unit, first.value) == (Q.VOLUME, "milliliters", 1000)
    assert (second.storage, second.value) == (1, 135_000)


def test_errors_of_the_application_and_other_kinds() -> None:
    with pytest.raises(TemporaryRefusal, match="none left for now"):
        telegram(UserData(1, 0x70, b"\x08"), ZONE)
    for ci, data in ((0x72, bytes(3)), (0x51, b""), (0x73, bytes(9))):
        with pytest.raises(InvalidReply):
            telegram(UserData(1, ci, data), ZONE)


def test_an_encrypted_answer_is_said_to_be_one() -> None:
    (one,) = made.telegrams(METER, [made.integer(b"\x06", 1)])
    data = bytearray(one[1:])
    data[11] = 0x05
    found = telegram(UserData(1, 0x72, bytes(data)), ZONE)
    assert found.header is not None
    assert found.header.encrypted
    assert found.records == ()


@given(st.binary(max_size=252), st.sampled_from([0x72, 0x73, 0x7A, 0x78, 0x70]))
def test_whatever_arrives_is_decoded_or_refused(data: bytes, ci: int) -> None:
    try:
        found = telegram(UserData(1, ci, data), ZONE)
    except DeviceError:
        return
    assert all(r.value is None or r.problem is None for r in found.records)


@given(st.binary(max_size=240))
def test_records_of_any_octets_end(data: bytes) -> None:
    head = METER.secondary + bytes(4)
    found = telegram(UserData(1, 0x72, head + data), ZONE)
    used = sum(len(r.header) + len(r.data) for r in found.records)
    assert used + len(found.rest) <= len(data)
