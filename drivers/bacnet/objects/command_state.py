"""How an object is commanded: its priority array, minimum times, and who wrote the acting value.

Source: ANSI/ASHRAE 135-2020, clauses 19.2 (command prioritisation), 19.5 (value source) and 21
(BACnetValueSource, BACnetTimeStamp).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command_state import (
    CommandState,
    NoCommandState,
    OccupiedSlot,
)
from bms.model.readings.measurement import Quality
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import names, primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.primitives import DatePattern, TimePattern
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.read_multiple import PropertyAnswer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import WriteTarget
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, PermanentRefusal
from drivers.fieldbus.reading import Decoded
from drivers.fieldbus.receipts import no_command_state, no_reply
from drivers.fieldbus.release_values import home_values

_UNKNOWN_PROPERTY = (2, 32)
_BINARY = (4, 5)
_IP_OCTETS = 6

Answers = dict[Reference, PropertyAnswer]


@dataclass(frozen=True, slots=True)
class Commanded:
    """A writable point, its properties, and the present value as it was just read."""

    point: Point
    target: WriteTarget
    present: Decoded


class CommandabilityReader:
    """Reads how the objects of one device are commanded; its time stamps are local in ``zone``."""

    def __init__(self, session: BacnetSession, zone: tzinfo) -> None:
        self._session = session
        self._zone = zone
        self._unknown: set[Reference] = set()

    async def states(
        self, targets: Sequence[Commanded], at: datetime
    ) -> list[CommandState | NoCommandState]:
        """One answer per target, in their order. Never raises ``DeviceError``."""
        device = self._session.device.id
        try:
            await self._session.identify(again=True)
        except DeviceError as error:
            return [no_command_state(each.point.id, device, error) for each in targets]
        restart = self._restart()
        asked = [each for known in targets for each in _asked(known.target)]
        found = await self._read([restart, *asked])
        sources = [each for known in targets for each in _sources(known.target, found)]
        found |= await self._read(sources) if sources else {}
        boot = _boot(found[restart])
        return [self._state(each, at, found, boot) for each in targets]

    async def has_minimum_times(self, value: Reference) -> bool:
        """Whether the object has a minimum on or off time. Never raises ``DeviceError``."""
        times = _minimum_times(value)
        found = await self._read(times) if times else {}
        return any(_positive(answer) for answer in found.values())

    def _state(
        self, known: Commanded, at: datetime, found: Answers, boot: str | None
    ) -> CommandState | NoCommandState:
        point, target, present = known.point, known.target, known.present
        if present.quality is Quality.NO_REPLY:
            return no_reply(point.id, self._session.device.id, present)
        try:
            slots = _slots(found[target.priority_array])
        except DeviceError as error:
            return no_command_state(point.id, self._session.device.id, error)
        if slots is None and present.value is None and not _by_null(point):
            return no_reply(point.id, self._session.device.id, present)
        own = None if slots is None else target.shown(slots.get(target.priority))
        value = target.present_value
        source, stamp = _sources(target, found) or (None, None)
        return CommandState(
            point=point.id,
            at=at,
            effective=present.value,
            doubt=present.doubt,
            own=_own(point, present.value) if slots is None else own,
            own_is_no_number=own is None and target.priority in (slots or {}),
            home=()
            if slots is not None or point.write is None
            else home_values(point.write, at, self._zone, self._session.health.clock_drift_s),
            above=occupied_above(slots or {}, target),
            below=_occupied_below(slots or {}, target),
            minimum_times=any(_positive(found[each]) for each in _minimum_times(value)),
            source=None if source is None else _source_text(found[source]),
            since=None if stamp is None else _moment(found[stamp], self._zone),
            boot=boot,
            silent_at=self._session.health.silent_at,
            minimum_on_s=_seconds(found, value, codec.MINIMUM_ON_TIME),
            minimum_off_s=_seconds(found, value, codec.MINIMUM_OFF_TIME),
        )

    async def _read(self, references: Sequence[Reference]) -> Answers:
        """The answers by reference; what the device does not know is not asked for again."""
        unknown = PropertyError(*_UNKNOWN_PROPERTY)
        wanted = [each for each in dict.fromkeys(references) if each not in self._unknown]
        answers = await read_tags(self._session, wanted)
        found: Answers = dict.fromkeys(references, unknown)
        found.update(zip(wanted, answers, strict=True))
        self._unknown.update(each for each in wanted if _is_optional(each, found[each]))
        return found

    def _restart(self) -> Reference:
        instance = self._session.device.instance
        instance = codec.ANY_INSTANCE if instance is None else instance
        return Reference(codec.DEVICE, instance, codec.TIME_OF_DEVICE_RESTART)


def _own(point: Point, effective: float | None) -> float | None:
    """What stands in our place of an object without slots; one that is to be relinquished has no
    place for us, and the write says so."""
    return None if _by_null(point) else effective


def _by_null(point: Point) -> bool:
    return point.write is None or point.write.release.kind is ReleaseKind.NULL


def _asked(target: WriteTarget) -> tuple[Reference, ...]:
    value = target.present_value
    return (target.priority_array, *_minimum_times(value))


def _sources(target: WriteTarget, found: Answers) -> tuple[Reference, ...]:
    """Who commanded the acting value, and when; nothing where no slot is occupied."""
    try:
        slots = _slots(found[target.priority_array])
    except DeviceError:
        return ()
    if not slots:
        return ()
    kind, instance = target.present_value.object_type, target.present_value.instance
    return (
        Reference(kind, instance, codec.VALUE_SOURCE),
        Reference(kind, instance, codec.COMMAND_TIME_ARRAY, min(slots)),
    )


def _minimum_times(value: Reference) -> tuple[Reference, ...]:
    """Only binary outputs and values have them (clauses 12.7 and 12.8)."""
    if value.object_type not in _BINARY:
        return ()
    kind, instance = value.object_type, value.instance
    times = (codec.MINIMUM_OFF_TIME, codec.MINIMUM_ON_TIME)
    return tuple(Reference(kind, instance, each) for each in times)


def _is_optional(reference: Reference, answer: PropertyAnswer) -> bool:
    """Whether it is a property that the standard leaves open, and that the device lacks."""
    needed = (codec.PRESENT_VALUE, codec.PRIORITY_ARRAY)
    return reference.property_id not in needed and _is_missing(answer)


def _is_missing(answer: PropertyAnswer) -> bool:
    if isinstance(answer, PropertyError):
        return True
    return isinstance(answer, DeviceRefusal) and not isinstance(answer, InvalidReply)


def _tags(answer: PropertyAnswer) -> list[Tag]:
    if isinstance(answer, PropertyError):
        where = f"error class {answer.error_class} code {answer.error_code}"
        raise PermanentRefusal(where, "property-error")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _slots(answer: PropertyAnswer) -> dict[int, float | None] | None:
    """The occupied slots; None when the object has no priority array."""
    if answer == PropertyError(*_UNKNOWN_PROPERTY):
        return None
    if isinstance(answer, DeviceRefusal) and answer.code == "unknown-property":
        return None
    return values.occupied_slots(_tags(answer))


def occupied_above(
    slots: Mapping[int, float | None], target: WriteTarget
) -> tuple[OccupiedSlot, ...]:
    """The occupied slots of a higher priority than that of ``target``, the highest first; their
    values in the unit of the point."""
    above = (each for each in sorted(slots) if each < target.priority)
    return tuple(OccupiedSlot(each, target.shown(slots[each])) for each in above)


def _occupied_below(
    slots: Mapping[int, float | None], target: WriteTarget
) -> tuple[OccupiedSlot, ...]:
    """Those of a lower priority."""
    below = (each for each in sorted(slots) if each > target.priority)
    return tuple(OccupiedSlot(each, target.shown(slots[each])) for each in below)


def _positive(answer: PropertyAnswer) -> bool:
    if not isinstance(answer, list):
        return False
    return (values.decode_number(answer).value or 0.0) > 0.0


def _seconds(found: Answers, value: Reference, time: int) -> float:
    """A minimum time of the object [s], 0 where it has none."""
    answer = found.get(Reference(value.object_type, value.instance, time))
    if not isinstance(answer, list):
        return 0.0
    return max(0.0, values.decode_number(answer).value or 0.0)


def _boot(answer: PropertyAnswer) -> str | None:
    """The restart time as octets; None where the device does not tell."""
    if not isinstance(answer, list) or not answer:
        return None
    return "".join(tag.data.hex() for tag in answer) or None


def _source_text(answer: PropertyAnswer) -> str | None:
    """The object or address that commanded the value, in words; None where it is not known."""
    if not isinstance(answer, list) or not answer or answer[0].kind != "opening":
        return None
    if answer[0].number == 1:
        objects = [_object(tag) for tag in answer if tag.kind == "context" and len(tag.data) == 4]
        return ", ".join(objects) or None
    return next((_address(tag.data) for tag in answer if _is_octets(tag) and tag.data), None)


def _object(tag: Tag) -> str:
    number = int.from_bytes(tag.data, "big")
    return f"{names.object_type(number >> 22)} {number & codec.ANY_INSTANCE}"


def _is_octets(tag: Tag) -> bool:
    return (tag.kind, tag.number) == ("application", primitives.OCTETS)


def _address(mac: bytes) -> str:
    if len(mac) != _IP_OCTETS:
        return mac.hex(":")
    return f"{'.'.join(map(str, mac[:4]))}:{int.from_bytes(mac[4:], 'big')}"


def _moment(answer: PropertyAnswer, zone: tzinfo) -> datetime | None:
    """The date and time of a time stamp; None for one that has neither, or is not set."""
    if not isinstance(answer, list):
        return None
    try:
        found = [primitives.decode(tag) for tag in answer if tag.kind == "application"]
    except InvalidReply:
        return None
    match found:
        case [DatePattern() as day, TimePattern() as clock]:
            return primitives.datetime_of(day, clock, zone)
    return None
