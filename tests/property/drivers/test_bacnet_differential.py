"""Our decoders against those of bacpypes3, over values that it encoded.

The driver reaches past the stack's own decoder; this is the guard that they agree.
"""

from __future__ import annotations

import math
import struct
from datetime import date, time
from itertools import groupby
from typing import Any

import pytest
from bacpypes3.apdu import (
    ComplexAckPDU,
    IAmRequest,
    ReadAccessResult,
    ReadPropertyACK,
    ReadPropertyMultipleACK,
    ReadPropertyMultipleRequest,
    ReadPropertyRequest,
    SubscribeCOVRequest,
    UnconfirmedCOVNotificationRequest,
    WhoIsRequest,
)
from bacpypes3.basetypes import (
    ErrorType,
    PriorityArray,
    PriorityValue,
    PropertyValue,
    ReadAccessResultElement,
    ReadAccessResultElementChoice,
)
from bacpypes3.constructeddata import Any as AnyValue
from bacpypes3.primitivedata import (
    BitString,
    Boolean,
    CharacterString,
    Date,
    Double,
    Enumerated,
    Integer,
    Null,
    ObjectIdentifier,
    OctetString,
    Real,
    Time,
    Unsigned,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.bacnet.batching import Batch, batch_spans, result_octets
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.application_values import StatusFlags
from drivers.bacnet.encoding.frames import Peer, decode_apdu
from drivers.bacnet.encoding.primitives import DatePattern, TimePattern
from drivers.bacnet.encoding.primitives import decode as decode_primitive
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import TagReader
from drivers.fieldbus.errors import InvalidReply
from drivers.fieldbus.reading import Decoded
from tests.rigs.examples import examples

PEER = Peer("10.0.0.1", 47808)
Primitive = Any

singles = st.floats(width=32)
numbers = st.one_of(
    singles.map(Real),
    st.floats().map(Double),
    st.integers(0, 2**32 - 1).map(Unsigned),
    st.integers(-(2**31), 2**31 - 1).map(Integer),
    st.integers(0, 2**16).map(Enumerated),
    st.booleans().map(Boolean),
)
others = st.one_of(
    st.just(Null(())),
    st.text(max_size=40).map(CharacterString),
    st.binary(max_size=300).map(OctetString),
    st.lists(st.integers(0, 1), max_size=20).map(BitString),
    st.tuples(*[st.integers(0, 255)] * 4).map(Date),
    st.tuples(*[st.integers(0, 255)] * 4).map(Time),
    st.tuples(st.integers(0, 127), st.integers(0, 2**22 - 1)).map(ObjectIdentifier),
)
errors = st.builds(
    lambda c, e: ErrorType(errorClass=c, errorCode=e), st.integers(0, 6), st.integers(0, 80)
)
references = st.builds(
    Reference,
    st.one_of(st.integers(0, 1), st.integers(0, 127)),
    st.one_of(st.integers(1, 2), st.integers(0, 2**22 - 2)),
    st.sampled_from([85, 77, 87, 111, 512, 4_194_303]),
    st.one_of(st.none(), st.integers(0, 70_000)),
)


def expected(value: Primitive) -> float | None:
    """The number that the stock decoder gives, None where there is none."""
    if isinstance(value, (Null, CharacterString, OctetString, BitString, Date, Time)):
        return None
    if isinstance(value, (ObjectIdentifier, ErrorType)):
        return None
    return float(value)


def result(reference: Reference, value: Primitive) -> ReadAccessResultElement:
    choice = (
        ReadAccessResultElementChoice(propertyAccessError=value)
        if isinstance(value, ErrorType)
        else ReadAccessResultElementChoice(propertyValue=AnyValue(value))
    )
    return ReadAccessResultElement(
        propertyIdentifier=reference.property_id,
        propertyArrayIndex=reference.index,
        readResult=choice,
    )


def stock_ack(pairs: list[tuple[Reference, Primitive]]) -> bytes:
    objects = groupby(pairs, lambda pair: (pair[0].object_type, pair[0].instance))
    ack = ReadPropertyMultipleACK(
        listOfReadAccessResults=[
            ReadAccessResult(
                objectIdentifier=identifier, listOfResults=[result(r, v) for r, v in parts]
            )
            for identifier, parts in objects
        ]
    )
    return bytes(ack.encode().pduData)


def decoded_by_stock(ack: bytes) -> list[Any]:
    """What the stock client would hand out, with the numbers cast as they were encoded."""
    apdu = ComplexAckPDU(service_choice=14, invoke_id=1)
    apdu.pduData = bytearray(ack)
    found = ReadPropertyMultipleACK.decode(apdu)
    return [
        element.readResult
        for each in found.listOfReadAccessResults
        for element in each.listOfResults
    ]


def same(ours: float | None, theirs: float | None) -> bool:
    if theirs is None or not math.isfinite(theirs):
        return ours is None
    if ours == theirs:
        return True
    return ours is not None and struct.pack(">f", ours) == struct.pack(">f", theirs)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.tuples(references, st.one_of(numbers, others, errors)), min_size=1, max_size=8))
def test_many_properties_decode_as_the_stock_decoder_does(
    pairs: list[tuple[Reference, Primitive]],
) -> None:
    ack = stock_ack(pairs)
    wanted = [r for r, _ in pairs]
    theirs = decoded_by_stock(ack)
    ours = Batch.of(range(len(wanted)), wanted).polled(ack)
    tags = codec.read_property_multiple_ack(wanted, ack)
    for (_, value), element, number, tag in zip(pairs, theirs, ours, tags, strict=True):
        if isinstance(value, ErrorType):
            error = element.propertyAccessError
            assert tag == PropertyError(int(error.errorClass), int(error.errorCode))
            assert number == tag
            continue
        assert isinstance(tag, list)
        if isinstance(number, StatusFlags):
            bits = [number.in_alarm, number.fault, number.overridden, number.out_of_service]
            assert bits == [bool(bit) for bit in value]
            continue
        assert isinstance(number, Decoded)
        again = element.propertyValue.cast_out(type(value))
        assert same(number.value, expected(again))
        assert (number.value is None) == (not number.quality.has_value)
        assert values.decode_number(tag) == number


@settings(max_examples=examples(150), deadline=None)
@given(references, st.one_of(numbers, others))
def test_one_property_decodes_as_the_stock_decoder_does(
    reference: Reference, value: Primitive
) -> None:
    stock = ReadPropertyACK(
        objectIdentifier=(reference.object_type, reference.instance),
        propertyIdentifier=reference.property_id,
        propertyArrayIndex=reference.index,
        propertyValue=AnyValue(value),
    )
    tags = codec.read_property_ack(reference, bytes(stock.encode().pduData))
    assert same(values.decode_number(tags).value, expected(value))
    assert simplified(decode_primitive(tags[0])) == simplified(native(value))


def native(value: Primitive) -> Any:
    """A stock value in plain Python."""
    if isinstance(value, Date):
        year, *rest = (None if part == 255 else part for part in value)
        return DatePattern(None if year is None else year + 1900, *rest)
    if isinstance(value, Time):
        return TimePattern(*(None if part == 255 else part for part in value))
    if isinstance(value, ObjectIdentifier):
        return int(value[0]), value[1]
    if isinstance(value, BitString):
        return tuple(bool(bit) for bit in value)
    casts: dict[type, Any] = {
        Null: lambda v: None,
        Boolean: bool,
        CharacterString: str,
        OctetString: bytes,
    }
    for kind, cast in casts.items():
        if isinstance(value, kind):
            return cast(value)
    return float(value)


def simplified(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return struct.pack(">d", value if abs(value) > 1e38 else _single(value))
    return value


def _single(value: float) -> float:
    """What a REAL keeps of a number: the shortest decimal is another double."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.one_of(st.none(), singles), min_size=16, max_size=16))
@example([None] * 14 + [math.inf, math.nan])
def test_a_priority_array_decodes_slot_by_slot(slots: list[float | None]) -> None:
    array = PriorityArray(
        [PriorityValue(null=()) if s is None else PriorityValue(real=s) for s in slots]
    )
    reference = Reference(2, 1, codec.PRIORITY_ARRAY)
    stock = ReadPropertyACK(
        objectIdentifier=(2, 1), propertyIdentifier=87, propertyValue=AnyValue(array)
    )
    tags = codec.read_property_ack(reference, bytes(stock.encode().pduData))
    found = values.occupied_slots(tags)
    assert list(found) == [place for place, s in enumerate(slots, 1) if s is not None]
    for place, value in found.items():
        wanted = slots[place - 1]
        assert wanted is not None
        if value is None:  # what is no number occupies its slot all the same
            assert not math.isfinite(wanted)
        else:
            assert struct.pack(">f", value) == struct.pack(">f", wanted)


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(references, min_size=1, max_size=6))
def test_requests_are_the_bytes_of_the_stock_encoder(wanted: list[Reference]) -> None:
    from bacpypes3.apdu import PropertyReference, ReadAccessSpecification

    stock = ReadPropertyMultipleRequest(
        listOfReadAccessSpecs=[
            ReadAccessSpecification(
                objectIdentifier=identifier,
                listOfPropertyReferences=[
                    PropertyReference(propertyIdentifier=r.property_id, propertyArrayIndex=r.index)
                    for r in parts
                ],
            )
            for identifier, parts in groupby(wanted, lambda r: (r.object_type, r.instance))
        ]
    )
    assert codec.read_property_multiple(wanted) == bytes(stock.encode().pduData)
    one = ReadPropertyRequest(
        objectIdentifier=(wanted[0].object_type, wanted[0].instance),
        propertyIdentifier=wanted[0].property_id,
        propertyArrayIndex=wanted[0].index,
    )
    assert codec.read_property(wanted[0]) == bytes(one.encode().pduData)


@given(st.integers(0, 4_194_303), st.integers(0, 4_194_303))
def test_a_question_for_instances_is_the_stock_one(low: int, high: int) -> None:
    stock = WhoIsRequest(deviceInstanceRangeLowLimit=low, deviceInstanceRangeHighLimit=high)
    assert codec.who_is(low, high) == bytes(stock.encode().pduData)


@given(st.integers(0, 4_194_303), st.integers(50, 1497), st.integers(0, 3), st.integers(0, 65_535))
def test_an_announcement_says_what_the_stock_one_says(
    instance: int, size: int, segmentation: int, vendor: int
) -> None:
    stock = IAmRequest(
        iAmDeviceIdentifier=("device", instance),
        maxAPDULengthAccepted=size,
        segmentationSupported=segmentation,
        vendorID=vendor,
    )
    found = codec.i_am(PEER, bytes(stock.encode().pduData))
    assert (found.instance, found.max_apdu) == (instance, size)
    assert (found.segmentation, found.vendor) == (segmentation, vendor)


@given(st.integers(1, 2**22), st.integers(0, 4_194_302), singles, st.integers(1, 2**31))
def test_a_change_of_value_says_what_the_stock_one_says(
    process: int, instance: int, number: float, lifetime: int
) -> None:
    stock = UnconfirmedCOVNotificationRequest(
        subscriberProcessIdentifier=process,
        initiatingDeviceIdentifier=("device", 77),
        monitoredObjectIdentifier=("analog-input", instance),
        timeRemaining=10,
        listOfValues=[
            PropertyValue(propertyIdentifier=85, value=AnyValue(Real(number)), priority=9),
            PropertyValue(propertyIdentifier=111, value=AnyValue(BitString([0, 0, 0, 1]))),
        ],
    )
    found = codec.cov_notification(bytes(stock.encode().pduData))
    assert found[:3] == (process, 77, instance)
    assert set(found[3]) == {85, 111}
    assert same(values.decode_number(found[3][85]).value, number)
    subscription = SubscribeCOVRequest(
        subscriberProcessIdentifier=process,
        monitoredObjectIdentifier=("analog-input", instance),
        issueConfirmedNotifications=True,
        lifetime=lifetime,
    )
    ours = codec.subscribe_cov(
        process, Reference(0, instance, 85), confirmed=True, lifetime_s=lifetime
    )
    assert ours == bytes(subscription.encode().pduData)


@settings(max_examples=examples(400))
@given(st.binary(max_size=120), st.lists(references, min_size=1, max_size=3))
def test_junk_is_garbled_and_nothing_worse(junk: bytes, wanted: list[Reference]) -> None:
    for decode in (
        lambda: Batch.of(range(len(wanted)), wanted).polled(junk),
        lambda: codec.read_property_ack(wanted[0], junk),
        lambda: codec.i_am(PEER, junk),
        lambda: codec.cov_notification(junk),
        lambda: [decode_primitive(TagReader(junk).next())],
    ):
        try:
            decode()
        except InvalidReply:
            continue
    decode_apdu(b"\x81\x0a" + (len(junk) + 4).to_bytes(2, "big") + junk, ("10.0.0.1", 47808))
    decode_apdu(junk, ("10.0.0.1", 47808))


@pytest.mark.slow
@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(references, numbers), min_size=1, max_size=4), st.data())
def test_a_changed_octet_is_never_another_objects_value(
    pairs: list[tuple[Reference, Primitive]], data: st.DataObject
) -> None:
    """Whatever octet outside the values changes, it is noticed or changes nothing."""
    ack = bytearray(stock_ack(pairs))
    wanted = [r for r, _ in pairs]
    batch = Batch.of(range(len(wanted)), wanted)
    honest = batch.polled(bytes(ack))
    at = data.draw(st.integers(0, 4))
    ack[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = batch.polled(bytes(ack))
    except InvalidReply:
        return
    assert changed == honest


@given(st.lists(references, max_size=60), st.integers(50, 1476), st.integers(1, 200))
def test_batches_hold_every_reference_once_and_fit(
    wanted: list[Reference], size: int, most: int
) -> None:
    spans = batch_spans(wanted, size, most)
    assert [place for first, end in spans for place in range(first, end)] == list(
        range(len(wanted))
    )
    for first, end in spans:
        assert end - first <= most
        if end - first > 1:
            objects = len(list(codec.by_object(wanted[first:end])))
            assert 7 * objects + sum(result_octets(r) for r in wanted[first:end]) <= size - 3
            assert len(codec.read_property_multiple(wanted[first:end])) <= size


@pytest.mark.parametrize(
    ("day", "exact"),
    [
        (DatePattern(2019, 2, 28, 4), date(2019, 2, 28)),
        (DatePattern(2019, 2, 30), None),
        (DatePattern(2019, 2, 32), None),
        (DatePattern(None, 12, 24), None),
    ],
)
def test_a_date_with_any_in_it_is_no_day(day: DatePattern, exact: date | None) -> None:
    assert day.exact == exact


def test_a_time_with_any_seconds_is_the_full_minute() -> None:
    assert TimePattern(6, 30).exact == time(6, 30)
    assert TimePattern(24, 0).exact is None
    assert TimePattern(None, 0).exact is None
