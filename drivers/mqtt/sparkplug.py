"""Payloads of Sparkplug B: what its protobuf messages say of metrics. Pure.

Eclipse Sparkplug specification 3.0, 6.4: a payload is a timestamp and metrics; a metric has a name
or an alias that an earlier birth gave it, a timestamp [ms since 1970] and one value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from drivers.mqtt.payload import JunkPayload

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PAYLOAD_TIME, _PAYLOAD_METRIC = 1, 2
_NAME, _ALIAS, _TIME, _TYPE, _NULL = 1, 2, 3, 4, 7
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of the signed types: their numbers come as unsigned ones."""
_LONGEST_VARINT = 10
MOST_OCTETS = 1_048_576
"""Longer payloads are not looked at [B]: a birth names all metrics of a node."""
_KEPT = 4
_SESSION = "bdSeq"
_NODE, _DEVICE = "N", "D"
_BIRTH, _DEATH = "BIRTH", "DEATH"
_Field = tuple[int, int | bytes]


@dataclass(frozen=True, slots=True)
class SparkplugMetric:
    """One metric; ``value`` is None where it is null, ``time_ms`` [ms since 1970] where known."""

    name: str | None
    alias: int | None
    value: float | str | None
    time_ms: int | None


Metrics = tuple[SparkplugMetric, ...]


class SparkplugSession:
    """What the births of a node, or of a device below it, said of one metric.

    An alias counts from the birth that gives it to the next; a death counts for the session whose
    number (``bdSeq``) it bears: the last will of an earlier one may come after a new birth.
    """

    def __init__(self, metric: str, *, of_device: bool) -> None:
        self._metric = metric
        self._own = _DEVICE if of_device else _NODE
        self._alias: int | None = None
        self._number: float | str | None = None
        self.nameless = False
        """Whether metrics came by aliases that no birth has given a name."""

    def ended(self, kind: str, found: Metrics) -> bool:
        """Whether a message of this kind (``NDEATH``) says that node or device has gone."""
        if kind[1:] != _DEATH:
            return False
        numbers = [each.value for each in found if each.name == _SESSION and kind[0] == _NODE]
        return self._number is None or numbers[-1:] in ([], [self._number])

    def values(self, kind: str, found: Metrics) -> list[SparkplugMetric]:
        """What a birth, or data, say of the metric."""
        if kind[1:] == _BIRTH:
            self._born(kind[0], found)
        return [each for each in found if self._is_ours(each)] if kind[0] == self._own else []

    def _born(self, who: str, found: Metrics) -> None:
        self._alias, self.nameless = None, False
        if who == _NODE:
            self._number = next((each.value for each in found if each.name == _SESSION), None)
        if who == self._own:
            self._alias = next((each.alias for each in found if each.name == self._metric), None)

    def _is_ours(self, metric: SparkplugMetric) -> bool:
        if metric.name is not None:
            return metric.name == self._metric
        self.nameless |= self._alias is None
        return metric.alias is not None and metric.alias == self._alias


def metrics(payload: bytes) -> Metrics:
    """The metrics of a payload. Raises ``JunkPayload``."""
    if len(payload) > MOST_OCTETS:
        raise JunkPayload(f"{len(payload)} octets")
    found = _decoded(payload)
    if isinstance(found, str):
        raise JunkPayload(found)
    return found


@lru_cache(maxsize=_KEPT)
def _decoded(payload: bytes) -> Metrics | str:
    """The metrics, or why there are none: all points of a node ask for the same payload."""
    try:
        return _metrics(payload)
    except JunkPayload as junk:
        return str(junk)


def _metrics(payload: bytes) -> Metrics:
    found = list(_fields(payload))
    times = [value for key, value in found if key == _PAYLOAD_TIME and isinstance(value, int)]
    usual = times[-1] if times else None
    return tuple(
        _metric(value, usual)
        for key, value in found
        if key == _PAYLOAD_METRIC and isinstance(value, bytes)
    )


def _metric(data: bytes, usual_ms: int | None) -> SparkplugMetric:
    fields = dict(_fields(data))
    name, alias, time_ms = fields.get(_NAME), fields.get(_ALIAS), fields.get(_TIME, usual_ms)
    return SparkplugMetric(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else None,
        alias if isinstance(alias, int) else None,
        None if fields.get(_NULL) else _value(fields),
        time_ms if isinstance(time_ms, int) else None,
    )


def _value(fields: dict[int, int | bytes]) -> float | str | None:
    kind = fields.get(_TYPE)
    for key in (_INT, _LONG):
        found = fields.get(key)
        if isinstance(found, int):
            return float(_signed(found, kind if isinstance(kind, int) else 0))
    single, double = fields.get(_FLOAT), fields.get(_DOUBLE)
    if isinstance(single, bytes) and len(single) == struct.calcsize("<f"):
        return float(f"{struct.unpack('<f', single)[0]:.7g}")
    if isinstance(double, bytes) and len(double) == struct.calcsize("<d"):
        return float(struct.unpack("<d", double)[0])
    truth, text = fields.get(_BOOLEAN), fields.get(_STRING)
    if isinstance(truth, int):
        return float(bool(truth))
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else None


def _signed(number: int, kind: int) -> int:
    bits = _SIGNED.get(kind)
    if bits is None or number < 1 << (bits - 1):
        return number
    return (number & ((1 << bits) - 1)) - (1 << bits) if number >> (bits - 1) & 1 else number


def _fields(data: bytes) -> Iterator[_Field]:
    """Number and value of each field; the octets of fixed and long ones. Raises ``JunkPayload``."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 0x07
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(data, place)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise JunkPayload(f"wire type {kind}")
        if place + size > len(data):
            raise JunkPayload("cut off")
        yield tag >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(_LONGEST_VARINT):
        if place >= len(data):
            raise JunkPayload("cut off")
        octet = data[place]
        place += 1
        number |= (octet & 0x7F) << (7 * shift)
        if not octet & 0x80:
            return number, place
    raise JunkPayload("a number without an end")
