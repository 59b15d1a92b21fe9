"""Every parser of bytes that come from outside: an answer or the error that it names, in bounded
time. A new one that is in neither list fails here; ``make fuzz`` tries as many examples as wanted.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.errors import BmsError
from bms.feeds.calendars import ics
from bms.feeds.client.payload import json_object
from bms.feeds.electricity import energidata, entsoe, nordpool
from bms.feeds.suppliers import aalborg, csv_reader, decoding, eloverblik, kredsloeb
from bms.feeds.suppliers.csv_mapping import CsvMapping
from bms.feeds.tariffs import datahub_pricelist
from bms.feeds.upstream.answers import consumption_year, savings_page
from bms.feeds.weather import dmi, metno, open_meteo
from bms.journal.entries import Book, Head
from bms.journal.hands_off import HandsOffState
from bms.model.assets.address import DataType, ModbusAddress, Table, TextAddress
from bms.model.codec import from_json
from bms.model.planning.problem import Problem
from bms.store.spool import frames as spool_frames
from drivers.bacnet.batching import Batch
from drivers.bacnet.encoding import application_values, errors, frames, primitives, services
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.encoding.tags import TagReader
from drivers.bacnet.transactions import BacnetTransactions
from drivers.discovery.ede import read_ede
from drivers.fieldbus.write_budget import WriteCounts
from drivers.mbus import value_types
from drivers.mbus.fixed_structure import fixed_records
from drivers.mbus.frames import ReplyReader, UserData, request_data, response
from drivers.mbus.telegram import telegram
from drivers.mbus.value_information import value_information
from drivers.modbus import frames as modbus_frames
from drivers.modbus import register_codec, sunspec
from drivers.modbus.frames import RtuFramer, TcpFramer
from drivers.modbus.identification import objects
from drivers.mqtt.payload import JunkPayload, decoded_payload
from drivers.mqtt.sparkplug import metrics
from sites.loader import load_site_text
from tests.rigs.examples import examples
from tests.rigs.paths import ROOT

PEER = Peer("10.0.0.9", 47808)
TEMP = Reference(0, 1, 85)
TWO = [TEMP, Reference(2, 1, 85)]
LONGEST_S = 5.0
TRIES = int(os.environ.get("BMS_EXAMPLES", examples(60)))


class Parser(NamedTuple):
    """A call, what it may raise, and something that it accepts or nearly does."""

    call: Callable[[bytes], object]
    raises: tuple[type[Exception], ...] = (BmsError,)
    seeds: tuple[bytes, ...] = ()


def _datagram(data: bytes) -> object:
    async def received() -> bool:
        return BacnetTransactions(_Nobody()).received(data, PEER.address)

    return asyncio.run(received())


METER = bytes.fromhex("785634122d2c1b04010000000c0611470000046d1e284f3b0dfd0b0141")


def _telegram(data: bytes) -> object:
    return telegram(UserData(5, 0x72, data), ZoneInfo("Europe/Copenhagen"))


def _value_information(data: bytes) -> object:
    return value_information(data[0], data[1:]) if data else None


class _Nobody:
    def sendto(self, data: bytes, addr: tuple[str, int], /) -> None:
        """Sends nothing."""


def _polled(ack: bytes) -> object:
    return Batch.of((0, 1), TWO).polled(ack)


def _modbus(
    make: type[TcpFramer | RtuFramer], request: modbus_frames.Request
) -> Callable[[bytes], object]:
    """A reply on the wire: framed, then its payload, then what it identifies."""

    def call(data: bytes) -> object:
        framer = make()
        framer.frame(1, request)
        reply = framer.feed(data) if data else None  # no transport hands on nothing
        if reply is None:
            return None
        unit, pdu = reply
        payload = modbus_frames.payload(request, unit, pdu)
        if request is IDENTIFY:
            return objects.decode_identification(request, payload)
        return payload

    return call


def tags(data: bytes) -> object:
    reader = TagReader(data)
    return [reader.next() for _ in range(20)]


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


IDENTIFY = objects.identification_request(1)
SERIAL = TextAddress(table=Table.HOLDING, address=0, registers=4)
MAPPINGS = (b"interval_s: 3600\n", b"a: &x [*x]\n")
MBAP = bytes.fromhex("00010000000b010308") + b"12345678"
READ = modbus_frames.read(1, Table.HOLDING, 0, 4)
FLOAT = ModbusAddress(table=Table.HOLDING, address=0, type=DataType.FLOAT32)
ROW = b'{"op": "settle", "point": "a/b", "command": "c", "n": 1}'
I_AM = bytes.fromhex("810a0014 01 00 1000 c402000007 2205c4 9100 210f".replace(" ", ""))
CSV = b"meter_id,timestamp_utc,kwh\n571,2026-01-01T00:00:00Z,1.5\n"
SITE = next((ROOT / "sites" / "examples").glob("*.yaml")).read_bytes()
JSON = (b"{}", b"[]", b'{"records": [{"HourUTC": "2026-01-01T00:00:00", "x": 1e400}]}')
YEAR = b'{"year": 2026, "until": "2026-11-30", "together": {"totals": []}}'
XML = b"<Publication_MarketDocument><TimeSeries/></Publication_MarketDocument>"
CALENDAR = b"""BEGIN:VCALENDAR\r
BEGIN:VEVENT\r
DTSTART:20260105T170000Z\r
DTEND:20260105T190000Z\r
RRULE:FREQ=WEEKLY;COUNT=3\r
END:VEVENT\r
END:VCALENDAR\r
"""
STORED = (BmsError, ValueError, KeyError, TypeError)
"""What the readers of our own files take for a damaged line, which they tell and leave out."""

PARSERS: dict[str, Parser] = {
    "drivers/bacnet/batching.py:Batch.polled": Parser(_polled),
    "drivers/bacnet/encoding/application_values.py:flags_of": Parser(application_values.flags_of),
    "drivers/bacnet/encoding/errors.py:error_reply": Parser(errors.error_reply),
    "drivers/bacnet/encoding/frames.py:decode_apdu": Parser(
        partial(frames.decode_apdu, sender=PEER.address), (), (I_AM,)
    ),
    "drivers/bacnet/encoding/frames.py:bvlc_result": Parser(frames.bvlc_result, (), (I_AM,)),
    "drivers/bacnet/encoding/primitives.py:decode_date": Parser(primitives.decode_date),
    "drivers/bacnet/encoding/primitives.py:decode_time": Parser(primitives.decode_time),
    "drivers/bacnet/encoding/services.py:read_property_ack": Parser(
        partial(services.read_property_ack, TEMP)
    ),
    "drivers/bacnet/encoding/services.py:read_property_multiple_ack": Parser(
        partial(services.read_property_multiple_ack, TWO)
    ),
    "drivers/bacnet/encoding/services.py:device_instance": Parser(services.device_instance),
    "drivers/bacnet/encoding/services.py:i_am": Parser(
        partial(services.i_am, PEER), seeds=(I_AM[8:],)
    ),
    "drivers/bacnet/encoding/services.py:cov_notification": Parser(services.cov_notification),
    "drivers/bacnet/encoding/tags.py:TagReader": Parser(tags),
    "drivers/bacnet/transactions.py:BacnetTransactions.received": Parser(_datagram, (), (I_AM,)),
    "drivers/discovery/ede.py:read_ede": Parser(read_ede, seeds=(b"PROJECT_NAME;x\nkeyname;a\n",)),
    "drivers/fieldbus/write_budget.py:WriteCounts.take": Parser(
        lambda line: WriteCounts().take(line), STORED, (b'{"writes": {"a/b": ["2026-01-01"]}}',)
    ),
    "drivers/mbus/frames.py:ReplyReader.feed": Parser(
        lambda data: ReplyReader(request_data(5, fcb=True)).feed(data),
        seeds=(response(5, 0x72, METER),),
    ),
    "drivers/mbus/telegram.py:telegram": Parser(_telegram, seeds=(METER,)),
    "drivers/mbus/fixed_structure.py:fixed_records": Parser(fixed_records),
    "drivers/mbus/value_information.py:value_information": Parser(_value_information),
    "drivers/mbus/value_types.py:integer": Parser(value_types.integer, (value_types.NoValue,)),
    "drivers/mbus/value_types.py:unsigned": Parser(value_types.unsigned, (value_types.NoValue,)),
    "drivers/mbus/value_types.py:bcd": Parser(value_types.bcd, (value_types.NoValue,)),
    "drivers/mbus/value_types.py:real": Parser(value_types.real, (value_types.NoValue,)),
    "drivers/mbus/value_types.py:text": Parser(value_types.text),
    "drivers/mbus/value_types.py:moment": Parser(
        partial(value_types.moment, zone=ZoneInfo("Europe/Copenhagen")), (value_types.NoValue,)
    ),
    "drivers/mqtt/payload.py:decoded_payload": Parser(
        decoded_payload, (JunkPayload,), (b'{"object": {"temperature": 21.5}}',)
    ),
    "drivers/mqtt/sparkplug.py:metrics": Parser(metrics, (JunkPayload,), (b"\x12\x03\x0a\x01a",)),
    "drivers/modbus/frames.py:TcpFramer.feed": Parser(
        _modbus(TcpFramer, READ),
        seeds=(MBAP,),
    ),
    "drivers/modbus/frames.py:RtuFramer.feed": Parser(
        _modbus(RtuFramer, READ), seeds=(bytes.fromhex("010308") + b"12345678ab",)
    ),
    "drivers/modbus/frames.py:payload": Parser(partial(modbus_frames.payload, READ, 1)),
    "drivers/modbus/identification/objects.py:decode_identification": Parser(
        _modbus(TcpFramer, IDENTIFY),
        seeds=(bytes.fromhex("000100000010012b0e0101000002000141010142"),),
    ),
    "drivers/modbus/register_codec.py:decode": Parser(
        partial(register_codec.decode, FLOAT), (ValueError,), (b"\x7f\xc0\0\0",)
    ),
    "drivers/modbus/register_codec.py:decode_text": Parser(
        partial(
            register_codec.decode_text, TextAddress(table=Table.HOLDING, address=0, registers=4)
        ),
        (ValueError,),
    ),
    "drivers/modbus/sunspec.py:common_block": Parser(sunspec.common_block),
    "bms/feeds/client/payload.py:json_object": Parser(partial(json_object, name="x"), seeds=JSON),
    "bms/feeds/electricity/energidata.py:records": Parser(
        partial(energidata.records, name="x"), seeds=JSON
    ),
    "bms/feeds/electricity/energidata.py:read_day_ahead": Parser(
        energidata.read_day_ahead, seeds=JSON
    ),
    "bms/feeds/electricity/energidata.py:read_newest": Parser(energidata.read_newest, seeds=JSON),
    "bms/feeds/electricity/energidata.py:read_elspot": Parser(energidata.read_elspot, seeds=JSON),
    "bms/feeds/electricity/energidata.py:read_emissions": Parser(
        partial(energidata.read_emissions, name="CO2Emis"), seeds=JSON
    ),
    "bms/feeds/electricity/entsoe.py:read_prices": Parser(entsoe.read_prices, seeds=(XML,)),
    "bms/feeds/electricity/nordpool.py:read_prices": Parser(nordpool.read_prices, seeds=JSON),
    "bms/feeds/calendars/ics.py:spans_in": Parser(
        partial(
            ics.spans_in,
            start=datetime(2026, 1, 1, tzinfo=UTC),
            end=datetime(2026, 2, 1, tzinfo=UTC),
            timezone="Europe/Copenhagen",
        ),
        seeds=(CALENDAR,),
    ),
    "bms/feeds/upstream/answers.py:consumption_year": Parser(consumption_year, seeds=(YEAR,)),
    "bms/feeds/upstream/answers.py:savings_page": Parser(savings_page, seeds=JSON),
    "bms/feeds/suppliers/aalborg.py:read_aalborg": Parser(
        partial(aalborg.read_aalborg, name="x", mapping=None), seeds=JSON
    ),
    "bms/feeds/suppliers/csv_reader.py:read_csv": Parser(
        partial(csv_reader.read_csv, name="x", mapping=CsvMapping(interval_s=3600)), seeds=(CSV,)
    ),
    "bms/feeds/suppliers/csv_mapping.py:CsvMapping.from_yaml": Parser(
        lambda data: CsvMapping.from_yaml(text(data)),
        seeds=MAPPINGS,
    ),
    "bms/feeds/suppliers/decoding.py:decoded_text": Parser(
        partial(decoding.decoded_text, name="x", wanted="CSV")
    ),
    "bms/feeds/suppliers/decoding.py:decoded_json": Parser(
        partial(decoding.decoded_json, name="x"), seeds=JSON
    ),
    "bms/feeds/suppliers/eloverblik.py:read_eloverblik": Parser(
        partial(eloverblik.read_eloverblik, name="x"), seeds=JSON
    ),
    "bms/feeds/suppliers/kredsloeb.py:read_kredsloeb": Parser(
        partial(kredsloeb.read_kredsloeb, name="x"), seeds=(CSV.replace(b",", b";"),)
    ),
    "bms/feeds/tariffs/datahub_pricelist.py:read_pricelist": Parser(
        datahub_pricelist.read_pricelist, seeds=JSON
    ),
    "bms/feeds/weather/dmi.py:read_forecast": Parser(dmi.read_forecast, seeds=JSON),
    "bms/feeds/weather/dmi.py:read_stations": Parser(
        partial(dmi.read_stations, latitude=56.0, longitude=10.0), seeds=JSON
    ),
    "bms/feeds/weather/dmi.py:read_observations": Parser(
        partial(dmi.read_observations, parameter="temp_dry"), seeds=JSON
    ),
    "bms/feeds/weather/metno.py:read_forecast": Parser(
        partial(metno.read_forecast, latitude=56.0, longitude=10.0), seeds=JSON
    ),
    "bms/feeds/weather/open_meteo.py:read_forecast": Parser(open_meteo.read_forecast, seeds=JSON),
    "bms/journal/entries.py:Head.parse": Parser(Head.parse, STORED, (b'{"op": "head"}',)),
    "bms/journal/entries.py:Book.take": Parser(lambda line: Book().take(line), STORED, (ROW,)),
    "bms/journal/hands_off.py:HandsOffState.take": Parser(
        lambda line: HandsOffState().take(line),
        STORED,
        (b'{"op": "nameless", "before": "2026-01-01T00:00:00+00:00"}',),
    ),
    "bms/store/spool/frames.py:content": Parser(spool_frames.content, STORED),
    "sites/loader.py:load_site_text": Parser(load_site_text, seeds=(SITE,)),
    "bms/model/codec.py:from_json": Parser(
        partial(from_json, Problem),
        (ValueError,),
        ((ROOT / "docs" / "examples" / "problem.json").read_bytes(),),
    ),
}

NO_PARSERS = frozenset(
    {
        # What we send or write ourselves, and what hands on what another one parses.
        "api/json_bytes.py:escaped",
        "drivers/bacnet/encoding/frames.py:confirmed",
        "drivers/bacnet/encoding/frames.py:unconfirmed",
        "drivers/bacnet/encoding/frames.py:global_broadcast",
        "drivers/bacnet/encoding/primitives.py:encode_application",
        "drivers/bacnet/encoding/services.py:write_property",
        "drivers/bacnet/encoding/application_values.py:single",  # four octets by its tag
        "drivers/bacnet/link.py:BacnetLink.confirmed",
        "drivers/bacnet/link.py:BacnetLink.unconfirmed",
        "drivers/bacnet/local_port.py:segmented_request",
        "drivers/bacnet/objects/exception_schedule.py:write_entries",
        "drivers/bacnet/session.py:BacnetSession.request",
        "drivers/bacnet/session.py:BacnetSession.write_property",
        "drivers/bacnet/trace.py:BacnetTrace.add",
        "drivers/bacnet/transactions.py:BacnetTransactions.request",
        "drivers/bacnet/transactions.py:Sender.sendto",
        "drivers/modbus/connection.py:ModbusConnection.data_received",
        "drivers/modbus/frames.py:Framer.feed",
        "drivers/modbus/frames.py:crc",
        "drivers/modbus/frames.py:distinguishable_read",
        "drivers/modbus/frames.py:write_registers",
        "drivers/modbus/read_blocks.py:Block.decoded",
        "drivers/fieldbus/serial_port.py:SerialPort.send",
        "drivers/fieldbus/wire.py:Port.send",
        "drivers/fieldbus/wire.py:WireTransport.write",
        "bms/store/database/tables.py:unpacked",  # what we packed ourselves
        "drivers/mqtt/publisher.py:SchedulePublisher.publish",
        "drivers/mbus/frames.py:response",
        "drivers/mbus/frames.py:select",
        "drivers/mbus/link.py:MbusConnection.data_received",
        "drivers/mbus/trace.py:MbusTrace.add",
        "drivers/mqtt/link.py:TopicListener.take",
        "drivers/modbus/trace.py:ModbusTrace.add",
        "bms/feeds/client/disk_cache.py:DiskCache.put",
        "bms/feeds/client/disk_cache.py:replace_file",
        "bms/journal/entries.py:entry_of",
        "bms/journal/entries.py:object_of",
        "bms/outgoing/http.py:HttpxClient.post",
        "bms/outgoing/http.py:HttpxClient.send",
        "bms/outgoing/http.py:PostingClient.post",
        "bms/feeds/suppliers/eloverblik_api.py:EloverblikApi.ask",
        "bms/services/collect/file_ingest.py:ingest_answers",
        "bms/journal/locks.py:replace_file",
        "bms/journal/reader.py:JournalReader.wrote",
        "bms/services/collect/file_ingest.py:ingest_file",
        "bms/services/collect/held_folder.py:HeldFolder.write_new",
        "bms/store/evidence/chain.py:digest",
        "bms/store/rollups/buckets.py:unpack",
        "bms/store/spool/frames.py:frame",
        "bms/store/spool/frames.py:unpack",  # behind a checksum of ours
        "bms/store/spool/segments.py:OpenSegment.write",
    }
)
ROOMS = (
    *("drivers", "sites", "api"),
    *("bms/feeds", "bms/journal", "bms/model", "bms/outgoing", "bms/services", "bms/store"),
)


def takers() -> Iterator[str]:
    """Every public function that takes bytes, but for the simulator's."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            if "simulator" not in file.parts:
                yield from _takers(file)


def _takers(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, (ast.Module, ast.ClassDef)):
            continue
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for part in node.body:
            if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if _takes_bytes(part) and not (part.name.startswith("_") or owner.startswith("_")):
                yield f"{file.relative_to(ROOT)}:{owner}{part.name}"


def _takes_bytes(part: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given_ = [*part.args.posonlyargs, *part.args.args]
    return any(a.annotation is not None and "bytes" in ast.unparse(a.annotation) for a in given_)


@pytest.mark.slow
def test_every_parser_of_bytes_is_in_the_list() -> None:
    found = set(takers())
    assert found - set(PARSERS) - NO_PARSERS == set(), "add it to PARSERS, or say that it is none"
    of_other_kinds = {
        "drivers/bacnet/encoding/tags.py:TagReader",
        "bms/feeds/suppliers/csv_mapping.py:CsvMapping.from_yaml",
        "drivers/mbus/telegram.py:telegram",
    }
    assert (set(PARSERS) | NO_PARSERS) - found == of_other_kinds, "it is gone: take it out"


@st.composite
def spoilt(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few stretches replaced, or any bytes."""
    data = draw(st.sampled_from(seeds)) if seeds else draw(st.binary(max_size=40))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(data)))
        last = first + draw(st.sampled_from((0, 1, 2, 7, 60)))
        data = data[:first] + draw(st.binary(max_size=8)) + data[last:]
    return data


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_whatever_comes_in_is_an_answer_or_a_named_error(name: str) -> None:
    parser = PARSERS[name]

    @settings(
        max_examples=TRIES,
        deadline=None,
        derandomize="BMS_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.binary(max_size=200) | spoilt(parser.seeds))
    def holds(data: bytes) -> None:
        started = time.monotonic()
        with contextlib.suppress(*parser.raises):
            parser.call(data)
        assert time.monotonic() - started < LONGEST_S

    holds()
