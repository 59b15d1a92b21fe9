"""Reads many points of a device with what says whether, and in which unit, their values hold.

With a present value its status flags are read, in the same access specification. The first read,
and one now and then, also asks for the reliability and the unit of each object. Source: ANSI/ASHRAE
135, clauses 12.2.7 (Status_Flags), 12.2.9 (Reliability), 12.2.10 (Out_Of_Service) and 12.2.11
(Units) for an analog input, and their like for the other types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.readings.device_units import SAME, LinearScale
from bms.model.readings.measurement import Quality
from drivers.bacnet.batching import PolledValue
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.application_values import StatusFlags
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.objects.profile import (
    ObjectProfile,
    ObjectProfiles,
    UnitMismatch,
    asks_scale,
    asks_unit,
    is_lacking,
    units_of,
)
from drivers.bacnet.objects.status import NO_FAULT, judged, scaled
from drivers.bacnet.read_multiple import POLLED, ReadPlan, polled_answer, read_plan
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import point_reference
from drivers.fieldbus.errors import PermanentRefusal, quality_of
from drivers.fieldbus.reading import Decoded

RECHECK_S = 300.0
"""How long what an object says of its unit and reliability is taken for granted [s]. Its fault flag
is TRUE where its reliability is not no-fault-detected (clause 12.2.7), but not every device keeps
the two in step."""
_POLLS_KEPT = 8
_SUSPENDED = Decoded(None, Quality.NO_REPLY, "left alone for a while: it did not answer")


@dataclass(frozen=True, slots=True)
class _UsualRead:
    """The plan of a poll, and where it has the answers of each of its references."""

    plan: ReadPlan
    spans: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _BacnetPoll:
    """How a list of points is read: ``references`` of the points at ``places`` of the caller's
    list; ``unreadable`` has the reason by place for points of another protocol. ``scales`` say how
    their numbers become values, or why they do not; ``usual`` is how they are read until the next
    check, after ``checked_at`` [s] on the clock of the wire."""

    points: tuple[Point, ...]
    places: tuple[int, ...]
    references: tuple[Reference, ...]
    unreadable: dict[int, str]
    usual: _UsualRead | None = None
    scales: list[LinearScale | Decoded] = field(default_factory=list)
    checked_at: float = float("-inf")
    generation: int = 0


class BacnetPoller:
    """Polls one device. What it learns of the objects stands in ``profiles``; writes share it."""

    def __init__(self, session: BacnetSession, profiles: ObjectProfiles) -> None:
        self._session = session
        self._profiles = profiles
        self._polls: list[_BacnetPoll] = []
        # A property of the device object is read with the points, in the same request: it is there
        # only while the device of this instance answers.
        self._itself: tuple[Reference, ...] = ()
        if session.device.instance is not None:
            self._itself = (Reference(codec.DEVICE, session.device.instance, codec.SEGMENTATION),)

    async def values(self, points: Sequence[Point]) -> list[Decoded]:
        """One value or reason per point, in their order. Never raises ``DeviceError``."""
        poll = self._poll(points)
        outcome: list[Decoded] = [_SUSPENDED] * len(poll.points)
        for place, text in poll.unreadable.items():
            outcome[place] = Decoded(None, Quality.DEVICE_ERROR, text)
        if poll.references and not self._session.breaker.open:
            for place, found in zip(poll.places, await self._read(poll), strict=True):
                outcome[place] = found
        return outcome

    def notified(self, point: Point, found: Mapping[int, list[Tag]]) -> Decoded | None:
        """The value of a point in a notification of changes, by property (clause 13.1); None where
        it has no present value, the unit of the object is not known yet, or its flags are not to be
        trusted: it is polled, too."""
        value, reference = found.get(codec.PRESENT_VALUE), point_reference(point)
        profile = self._profiles.of(reference)
        unknown = not profile.knows(point)
        if value is None or unknown or profile.doubted:
            return None
        flags = found.get(codec.STATUS_FLAGS)
        answers: dict[int, PolledValue] = {codec.PRESENT_VALUE: polled_answer(value)}
        if flags is not None:
            answers[codec.STATUS_FLAGS] = polled_answer(flags)
        decoded = _judged(reference, answers)
        return scaled(decoded, _scale_of(profile, point))

    def _poll(self, points: Sequence[Point]) -> _BacnetPoll:
        wanted = tuple(points)
        for poll in self._polls:
            if poll.points == wanted:
                return poll
        asked: dict[int, Reference] = {}
        unreadable: dict[int, str] = {}
        for place, point in enumerate(wanted):
            try:
                asked[place] = point_reference(point)
            except ValueError as error:
                unreadable[place] = str(error)
        poll = _BacnetPoll(wanted, tuple(asked), tuple(asked.values()), unreadable)
        self._take_known(poll)
        self._polls = [poll, *self._polls[: _POLLS_KEPT - 1]]
        return poll

    def _take_known(self, poll: _BacnetPoll) -> None:
        """Spare a poll its first check where others have learned of all its objects."""
        checked = [
            self._checked_at(poll.points[place], reference)
            for place, reference in zip(poll.places, poll.references, strict=True)
        ]
        poll.checked_at = min(checked, default=float("-inf"))
        poll.scales, poll.generation = self._scales(poll), self._profiles.generation

    def _checked_at(self, point: Point, reference: Reference) -> float:
        profile = self._profiles.of(reference)
        unknown = not profile.knows(point)
        return float("-inf") if unknown else profile.checked_at

    async def _read(self, poll: _BacnetPoll) -> list[Decoded]:
        try:
            await self._session.identify()
            return await self._read_of_ours(poll)
        except DeviceError as error:
            return [Decoded(None, quality_of(error), str(error))] * len(poll.references)

    async def _read_of_ours(self, poll: _BacnetPoll) -> list[Decoded]:
        """The values. Raises ``DeviceError`` where they came from another device."""
        now = self._session.clock.monotonic()
        if now - poll.checked_at >= RECHECK_S or poll.generation != self._profiles.generation:
            return await self._check(poll, now)
        usual = poll.usual
        if usual is None or not usual.plan.fits(self._session):
            usual = poll.usual = self._usual(poll)
        answers = await self._polled(usual.plan)
        return await self._composed(poll, usual, answers)

    async def _polled(self, plan: ReadPlan) -> list[PolledValue]:
        """The answers of a plan that ends with ``_itself``.

        Where that is refused, who answers is asked. Raises ``DeviceError`` where it is another.
        """
        answers = await read_plan(self._session, plan, POLLED)
        if self._itself and isinstance(answers[-1], PropertyError | PermanentRefusal):
            await self._session.identify(again=True)
            self._itself = ()  # it is ours and does not show the property
            for poll in self._polls:
                poll.usual = None
        return answers

    def _usual(self, poll: _BacnetPoll) -> _UsualRead:
        asked: list[Reference] = []
        spans: list[tuple[int, int]] = []
        for reference in poll.references:
            start = len(asked)
            asked += _with_status(reference, self._profiles.of(reference))
            spans.append((start, len(asked)))
        plan = ReadPlan.of([*asked, *self._itself], self._session)
        return _UsualRead(plan, tuple(spans))

    async def _check(self, poll: _BacnetPoll, now: float) -> list[Decoded]:
        """Read the points with everything that says how they are to be read from now on."""
        asked: list[Reference] = []
        spans = []
        for place, reference in zip(poll.places, poll.references, strict=True):
            start = len(asked)
            asked += self._all_of(poll.points[place], reference)
            spans.append((start, len(asked)))
        plan = ReadPlan.of([*asked, *self._itself], self._session)
        answers = await self._polled(plan)
        found = [
            dict(zip((r.property_id for r in asked[a:b]), answers[a:b], strict=True))
            for a, b in spans
        ]
        for i, (reference, each) in enumerate(zip(poll.references, found, strict=True)):
            if isinstance(each[reference.property_id], Decoded):
                _learn(self._profiles.of(reference), each)
            if self._is_known(poll, i, each) and reference.property_id == codec.PRESENT_VALUE:
                self._profiles.of(reference).checked_at = now
        poll.scales, poll.usual = self._scales(poll), None
        if all(self._is_known(poll, i, each) for i, each in enumerate(found)):
            poll.checked_at, poll.generation = now, self._profiles.generation
        return [
            scaled(_judged(reference, each), scale)
            for reference, each, scale in zip(poll.references, found, poll.scales, strict=True)
        ]

    def _all_of(self, point: Point, reference: Reference) -> list[Reference]:
        profile = self._profiles.of(reference)
        asked = [reference]
        if reference.property_id == codec.PRESENT_VALUE:
            asked += _others(reference, profile, codec.STATUS_FLAGS, codec.RELIABILITY)
        if asks_unit(point):
            asked += _others(reference, profile, units_of(reference))
        if asks_scale(point):
            asked += _others(reference, profile, codec.SCALE)
        return asked

    def _scales(self, poll: _BacnetPoll) -> list[LinearScale | Decoded]:
        return [
            _scale_of(self._profiles.of(reference), poll.points[place])
            for place, reference in zip(poll.places, poll.references, strict=True)
        ]

    def _is_known(self, poll: _BacnetPoll, i: int, found: Mapping[int, PolledValue]) -> bool:
        """Whether the unit need not be asked for again at once: what cannot be read has time."""
        reference = poll.references[i]
        if self._profiles.of(reference).knows(poll.points[poll.places[i]]):
            return True
        return not isinstance(found[reference.property_id], Decoded)

    async def _composed(
        self, poll: _BacnetPoll, usual: _UsualRead, answers: list[PolledValue]
    ) -> list[Decoded]:
        asked = usual.plan.references
        outcome: list[Decoded] = []
        faulty: dict[int, dict[int, PolledValue]] = {}
        for i, (start, end) in enumerate(usual.spans):
            value, scale = answers[start], poll.scales[i]
            fine = end - start == 1 or (end - start == 2 and answers[start + 1] is values.CLEAR)
            if fine and scale is SAME and isinstance(value, Decoded):
                outcome.append(value)
                continue
            names_of = (r.property_id for r in asked[start:end])
            found = dict(zip(names_of, answers[start:end], strict=True))
            if _is_faulty(found):
                faulty[i] = found
            if isinstance(value, Decoded) and not self._is_known(poll, i, found):
                poll.checked_at = float("-inf")  # it could not be read until now
            outcome.append(scaled(_judged(poll.references[i], found), scale))
        for i, found in (await self._why(poll, faulty) if faulty else {}).items():
            outcome[i] = scaled(_judged(poll.references[i], found), poll.scales[i])
        return outcome

    async def _why(
        self, poll: _BacnetPoll, faulty: dict[int, dict[int, PolledValue]]
    ) -> dict[int, dict[int, PolledValue]]:
        """The answers of faulty objects with their reliability, which says why."""
        asked: dict[int, Reference] = {}
        for i in faulty:
            reference = poll.references[i]
            for other in _others(reference, self._profiles.of(reference), codec.RELIABILITY):
                asked[i] = other
        plan = ReadPlan.of(tuple(asked.values()), self._session)
        answers = await read_plan(self._session, plan, POLLED)
        for i, answer in zip(asked, answers, strict=True):
            faulty[i][codec.RELIABILITY] = answer
        return {i: faulty[i] for i in asked}


def _judged(reference: Reference, found: Mapping[int, PolledValue]) -> Decoded:
    decoded = _number(found[reference.property_id])
    if reference.property_id != codec.PRESENT_VALUE or decoded.value is None:
        return decoded
    flags, reliability = found.get(codec.STATUS_FLAGS), found.get(codec.RELIABILITY)
    if isinstance(flags, DeviceError | PropertyError) and not is_lacking(flags):
        text = f"its status flags could not be read: {flags}"
        return Decoded(decoded.value, Quality.UNCERTAIN, text)
    if isinstance(flags, Decoded):
        text = "its status flags are no flags"
        return Decoded(decoded.value, Quality.UNCERTAIN, text)
    return judged(
        decoded,
        flags if isinstance(flags, StatusFlags) else None,
        _whole(reliability),
    )


def _whole(answer: PolledValue | None) -> int | None:
    if not isinstance(answer, Decoded) or answer.value is None:
        return None
    return int(answer.value)


def _number(answer: PolledValue) -> Decoded:
    match answer:
        case Decoded():
            return answer
        case StatusFlags():
            return Decoded(None, Quality.DEVICE_ERROR, "the property is not a number")
        case PropertyError():
            return values.decode_error(answer.error_class, answer.error_code)
        case _:
            return Decoded(None, quality_of(answer), str(answer))


def _learn(profile: ObjectProfile, found: Mapping[int, PolledValue]) -> None:
    profile.lacks |= {name for name, answer in found.items() if is_lacking(answer)}
    for name in (codec.UNITS, codec.OUTPUT_UNITS):
        if name in found:
            profile.learn_unit(found[name])
    if codec.SCALE in found:
        profile.learn_factor(found[codec.SCALE])
    unreliable = _whole(found.get(codec.RELIABILITY)) not in (None, NO_FAULT)
    profile.doubted |= unreliable and not _is_faulty(found)


def _is_faulty(found: Mapping[int, PolledValue]) -> bool:
    flags = found.get(codec.STATUS_FLAGS)
    return isinstance(flags, StatusFlags) and flags.fault


def _with_status(reference: Reference, profile: ObjectProfile) -> list[Reference]:
    if reference.property_id != codec.PRESENT_VALUE:
        return [reference]
    doubted = profile.doubted or codec.STATUS_FLAGS in profile.lacks
    more = (codec.STATUS_FLAGS, codec.RELIABILITY) if doubted else (codec.STATUS_FLAGS,)
    return [reference, *_others(reference, profile, *more)]


def _others(reference: Reference, profile: ObjectProfile, *wanted: int) -> list[Reference]:
    return [
        Reference(reference.object_type, reference.instance, name)
        for name in wanted
        if name not in profile.lacks
    ]


def _scale_of(profile: ObjectProfile, point: Point) -> LinearScale | Decoded:
    try:
        return profile.scale_of(point)
    except UnitMismatch as error:
        return Decoded(None, Quality.BAD, str(error))
