"""What was learned of the objects of a device: their units, what they lack, their names.

Read with the first read or before the first write of an object, and again after the device was
silent, because another one may stand in its place. Source: ANSI/ASHRAE 135, clauses 12.2.2
(Object_Name), 12.2.6 (Description) and 12.2.11 (Units) for an analog input, and their like for the
other types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bms.errors import DeviceError
from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point, Role
from bms.model.assets.protected import protection_of
from bms.model.readings.device_units import SAME, LinearScale, device_scale
from drivers.bacnet.batching import PolledValue
from drivers.bacnet.encoding import names, primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import error_of
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.link import property_reference
from drivers.bacnet.read_multiple import PropertyAnswer, polled_answer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import WriteTarget, write_target
from drivers.fieldbus.errors import PermanentRefusal
from drivers.fieldbus.reading import Decoded
from drivers.fieldbus.receipts import protected

_ACCUMULATOR, _LOOP, _PULSE_CONVERTER = 23, 12, 24
# analog, integer, large analog, positive integer, and those
_WITH_UNITS = frozenset({0, 1, 2, 45, 46, 48, _ACCUMULATOR, _LOOP, _PULSE_CONVERTER})
_IN_UNITS = frozenset({22, 25, 45, 59, 65, 69, 104, 106, codec.PRESENT_VALUE})
"""Properties in the unit of their object: COV increment, deadband, high and low limit, maximum and
minimum present value, relinquish default, resolution, present value."""
_UNREAD = -1


class UnitMismatch(ValueError):
    """The unit of the object cannot be converted to that of the point, or is not known yet."""


@dataclass(slots=True)
class ObjectProfile:
    """One object. ``lacks`` are the properties that it does not have; ``unit`` is the number of its
    engineering unit, None where it states none. ``factor`` [1] is what the count of an accumulator
    is multiplied by (clause 12.1), None where it was not read. ``doubted``: its reliability and its
    fault flag contradict one another.
    ``checked_at`` is when a poll learned all this [s], on the clock of the wire."""

    lacks: set[int] = field(default_factory=set)
    unit: int | None = _UNREAD
    factor: float | None = None
    doubted: bool = False
    checked_at: float = float("-inf")

    @property
    def knows_unit(self) -> bool:
        """Whether the unit, or that there is none, was read."""
        return self.unit != _UNREAD

    def knows(self, point: Point) -> bool:
        """Whether all is known that decides what the number of the object means at the point."""
        if asks_unit(point) and not self.knows_unit:
            return False
        return not asks_scale(point) or self.factor is not None

    def learn_factor(self, answer: PolledValue) -> None:
        """Keep the factor of an accumulator. An error that may pass teaches nothing."""
        if isinstance(answer, Decoded) and answer.value:
            self.factor = answer.value
        elif is_lacking(answer):
            self.factor = 1.0

    def learn_unit(self, answer: PolledValue) -> None:
        """Keep the unit that an answer gives. An error that may pass teaches nothing."""
        if isinstance(answer, Decoded) and answer.value is not None:
            self.unit = int(answer.value)
        elif is_lacking(answer):
            self.unit = None

    def scale_of(self, point: Point) -> LinearScale:
        """How the numbers of the object become values of the point. Raises ``UnitMismatch``."""
        address = point.address
        assert isinstance(address, BacnetAddress)
        if address.scale is not None or address.offset is not None:
            return LinearScale(address.scale or 1.0, address.offset or 0.0)
        found = self._unit_scale(point, address)
        if not asks_scale(point):
            return found
        if self.factor is None:
            raise UnitMismatch("the scale of the object could not be read")
        return LinearScale(found.scale * self.factor, found.offset)

    def _unit_scale(self, point: Point, address: BacnetAddress) -> LinearScale:
        if not asks_unit(point):
            name = address.unit
        elif not self.knows_unit:
            raise UnitMismatch("the unit of the object could not be read")
        else:
            name = None if self.unit is None else names.unit(self.unit)
        if name is None:
            return SAME
        shift = point.role is Role.HEATING_CURVE_SHIFT
        found = device_scale(name, point.unit, shift=shift)
        if found is None:
            raise UnitMismatch(
                f"the object is in {name}, which cannot be converted to {point.unit}; correct unit "
                "in the site file, or state what its number means by scale, offset or device_unit"
            )
        return found


class ObjectProfiles:
    """The profiles of the objects of a device, by object identifier. Forgotten when the device was
    silent meanwhile."""

    def __init__(self, session: BacnetSession) -> None:
        self._session = session
        self._silences = session.silences
        self._known: dict[int, ObjectProfile] = {}
        self._other_units = 0

    @property
    def generation(self) -> int:
        """Another number after each silence of the device, when all profiles are forgotten, and
        when an object had another unit than before [1]."""
        if self._silences != self._session.silences:
            self._silences = self._session.silences
            self._known.clear()
        return self._silences + self._other_units

    def of(self, reference: Reference) -> ObjectProfile:
        """The profile of the object of a property."""
        _ = self.generation
        return self._known.setdefault(reference.object_id, ObjectProfile())

    async def with_unit(self, point: Point, reference: Reference) -> ObjectProfile:
        """The profile, with its unit read where the point depends on it. Raises ``DeviceError``."""
        await self._learn_units([(point, reference)])
        return self.of(reference)

    async def targets(self, points: Sequence[Point]) -> list[WriteTarget]:
        """The targets of writes to points, with the scale of each. Raises ValueError for a point
        that cannot be written or released, or whose unit is another, and ``DeviceError``."""
        found: list[WriteTarget] = []
        for each in await self.targets_or_errors(points):
            if isinstance(each, ValueError):
                raise each
            found.append(each)
        return found

    async def targets_or_errors(self, points: Sequence[Point]) -> list[WriteTarget | ValueError]:
        """The targets, or for each point why there is none. Raises ``DeviceError``."""
        found = [_target(point) for point in points]
        wanted = [
            (point, target.present_value)
            for point, target in zip(points, found, strict=True)
            if isinstance(target, WriteTarget)
        ]
        await self._learn_units(wanted)
        return [
            self._scaled(point, target) if isinstance(target, WriteTarget) else target
            for point, target in zip(points, found, strict=True)
        ]

    async def writable(self, point: Point) -> WriteTarget:
        """The target of a write that is about to be sent. Its object is asked for its name,
        description and unit before each. Raises ``Unwritable`` for
        what is never written (CONTRACT, W18), and as ``targets``."""
        _refuse_protected(point)
        reference = write_target(point).present_value
        await self._session.identify(again=True)
        _refuse_protected(point, *await self.names_of(reference))
        return await self.target_now(point)

    async def target_now(self, point: Point) -> WriteTarget:
        """The target in the unit that the object has at this moment, whatever was learned of it
        before: a number in another unit is another value. Raises as ``targets``."""
        reference = write_target(point).present_value
        profile = self.of(reference)
        before, profile.unit = profile.unit, _UNREAD
        (target,) = await self.targets([point])
        if before not in (_UNREAD, self.of(reference).unit) and asks_unit(point):
            self._other_units += 1
        return target

    def _scaled(self, point: Point, target: WriteTarget) -> WriteTarget | ValueError:
        try:
            return replace(target, scale=self.of(target.present_value).scale_of(point))
        except UnitMismatch as error:
            return error

    async def _learn_units(self, wanted: Sequence[tuple[Point, Reference]]) -> None:
        asked = [
            _property(reference, units_of(reference))
            for point, reference in wanted
            if asks_unit(point) and not self.of(reference).knows_unit
        ]
        if not asked:
            return
        await self._session.identify()
        answers = await read_tags(self._session, asked)
        for reference, answer in zip(asked, answers, strict=True):
            if isinstance(answer, DeviceError) and not is_lacking(answer):
                raise answer
            self.of(reference).learn_unit(polled_answer(answer))

    async def names_of(self, reference: Reference) -> tuple[str, ...]:
        """The name and description that the object has at this moment, as far as it has them: it
        may be renamed without a restart. Raises ``DeviceError``."""
        asked = [_property(reference, name) for name in (codec.OBJECT_NAME, codec.DESCRIPTION)]
        answers = await read_tags(self._session, asked)
        for answer in answers:
            if isinstance(answer, DeviceError) and not is_lacking(answer):
                raise answer
        return tuple(filter(None, map(_text, answers)))


def _target(point: Point) -> WriteTarget | ValueError:
    try:
        return write_target(point)
    except ValueError as error:
        return error


def _refuse_protected(point: Point, *names_of: str) -> None:
    found = protection_of(point, *names_of)
    if found is not None:
        raise protected(point.id, found)


def _property(reference: Reference, name: int) -> Reference:
    return Reference(reference.object_type, reference.instance, name)


def asks_unit(point: Point) -> bool:
    """Whether the unit of the object decides what its number means at the point: where the site
    file states neither that unit nor a scale or offset, and the property is in that unit."""
    address = point.address
    assert isinstance(address, BacnetAddress)
    if address.unit is not None or address.scale is not None or address.offset is not None:
        return False
    reference = property_reference(address)
    return reference.object_type in _WITH_UNITS and reference.property_id in _IN_UNITS


def asks_scale(point: Point) -> bool:
    """Whether the object counts, and its scale says how much one is."""
    address = point.address
    assert isinstance(address, BacnetAddress)
    if address.scale is not None or address.offset is not None:
        return False
    reference = property_reference(address)
    return (reference.object_type, reference.property_id) == (_ACCUMULATOR, codec.PRESENT_VALUE)


def units_of(reference: Reference) -> int:
    """The property with the unit of an object: a loop has those of its output and its input."""
    return codec.OUTPUT_UNITS if reference.object_type == _LOOP else codec.UNITS


def is_lacking(answer: object) -> bool:
    """Whether an answer says that the object does not have, or does not show, the property."""
    if isinstance(answer, PropertyError):
        answer = error_of(answer)
    return isinstance(answer, PermanentRefusal)


def _text(answer: PropertyAnswer) -> str | None:
    return primitives.decode_text(answer) if isinstance(answer, list) else None
