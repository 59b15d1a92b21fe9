"""Reads many properties of a device in few requests, as large as it supports."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from bms.errors import DeviceError
from drivers.bacnet.batching import Batch, PolledValue, batch_spans, polled_value
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import ReplyTooLong, ServiceNotSupported
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.session import UNKNOWN_OBJECT, BacnetSession
from drivers.fieldbus.errors import DeviceRefusal, NoReply

T = TypeVar("T")
PropertyAnswer = list[Tag] | PropertyError | DeviceError
BUDGET_TIMEOUTS = 10


@dataclass(frozen=True, slots=True)
class AnswerDecoder(Generic[T]):
    """Decodes an acknowledgement of many properties, of one property, and an error."""

    many: Callable[[Batch, bytes], Sequence[T]]
    one: Callable[[list[Tag]], T]
    none: Callable[[DeviceError], T]


def _tags_many(batch: Batch, ack: bytes) -> Sequence[PropertyAnswer]:
    return codec.read_property_multiple_ack(batch.references, ack)


def _as_it_is(answer: PropertyAnswer) -> PropertyAnswer:
    return answer


def polled_answer(answer: PropertyAnswer) -> PolledValue:
    """The number or status flags of an answer, or its error."""
    return answer if isinstance(answer, DeviceError) else polled_value(answer)


def _error_itself(error: DeviceError) -> PolledValue:
    return error


POLLED: AnswerDecoder[PolledValue] = AnswerDecoder(Batch.polled, polled_value, _error_itself)
TAGS: AnswerDecoder[PropertyAnswer] = AnswerDecoder(_tags_many, _as_it_is, _as_it_is)


@dataclass(slots=True)
class ReadPlan:
    """The batches of some references; valid while the device's capabilities stay as assumed."""

    references: tuple[Reference, ...]
    max_properties: int
    max_apdu: int
    batches: tuple[Batch, ...]
    left_out: tuple[tuple[int, DeviceError], ...]
    version: int
    until: float

    @classmethod
    def of(cls, references: Sequence[Reference], session: BacnetSession) -> ReadPlan:
        """The plan for the capabilities that the device has now."""
        able = session.capabilities
        max_properties = able.max_properties if able.read_multiple else 1
        refused, every = session.refused, tuple(references)
        errors = [(place, refused.error(each.object_id)) for place, each in enumerate(every)]
        left_out = tuple((place, error) for place, error in errors if error is not None)
        due = [place for place, error in errors if error is None]
        together = [place for place in due if not refused.alone(every[place].object_id)]
        asked = [every[place] for place in together]
        spans = batch_spans(asked, able.max_apdu, max_properties)
        parts = [Batch.of(together[first:end], asked[first:end]) for first, end in spans]
        alone = groupby(
            (place for place in due if refused.alone(every[place].object_id)),
            key=lambda place: every[place].object_id,
        )
        for _, group in alone:
            places = list(group)
            parts.append(Batch.of(places, [every[place] for place in places]))
        return cls(
            every,
            max_properties,
            able.max_apdu,
            tuple(parts),
            left_out,
            refused.version,
            refused.next_at,
        )

    def fits(self, session: BacnetSession) -> bool:
        """Whether the device's capabilities are still those that the plan was made for."""
        able = session.capabilities
        if self.version != session.refused.version or session.clock.monotonic() >= self.until:
            return False
        return (self.max_properties, self.max_apdu) == (
            able.max_properties if able.read_multiple else 1,
            able.max_apdu,
        )


class _PlanReader(Generic[T]):
    """Reads the batches of a plan once, and splits those that the device refuses."""

    def __init__(
        self, session: BacnetSession, form: AnswerDecoder[T], outcome: list[T | None]
    ) -> None:
        self._session = session
        self._form = form
        self._outcome = outcome

    async def batch(self, batch: Batch) -> None:
        """Read a batch into the outcome. Raises only ``NoReply``, which concerns all batches."""
        if len(batch.places) == 1 or not self._session.capabilities.read_multiple:
            await self._parts(batch)
            return
        try:
            ack = await self._session.request(codec.READ_PROPERTY_MULTIPLE, batch.request)
            answers = self._form.many(batch, ack)
        except NoReply:
            raise
        except DeviceError as error:
            self._learn(batch, error)
            await self._parts(batch)
            return
        for place, answer in zip(batch.places, answers, strict=True):
            self._outcome[place] = answer

    def _learn(self, batch: Batch, error: DeviceError) -> None:
        """Lower the capabilities by what the error says."""
        able = self._session.capabilities
        if isinstance(error, ReplyTooLong):
            able.max_properties = max(1, min(able.max_properties, len(batch.places) // 2))
        elif isinstance(error, ServiceNotSupported):
            able.read_multiple = False

    async def _parts(self, batch: Batch) -> None:
        """Read a batch in parts: halves with whole objects, or the properties of one object."""
        spans = self._parts_of(batch.references)
        for first, end in spans:
            part = slice(first, end)
            each = Batch.of(batch.places[part], batch.references[part])
            await (self._one_object(each) if len(spans) == 1 else self.batch(each))

    async def _one_object(self, batch: Batch) -> None:
        """Read the properties of an object one by one; the others are not asked for where its
        present value is refused."""
        first, *others = zip(batch.places, batch.references, strict=True)
        error = await self._single(*first)
        if isinstance(error, DeviceRefusal) and error.code == UNKNOWN_OBJECT:
            self._session.refused.add(first[1].object_id, error)
        else:
            self._session.refused.discard(first[1].object_id)
        if error is not None and first[1].property_id == codec.PRESENT_VALUE:
            for place, _ in others:
                self._outcome[place] = self._form.none(error)
            return
        for place, reference in others:
            await self._single(place, reference)

    async def _single(self, place: int, reference: Reference) -> DeviceError | None:
        try:
            self._outcome[place] = self._form.one(await self._session.read_property(reference))
        except NoReply:
            raise
        except DeviceError as error:
            self._outcome[place] = self._form.none(error)
            return error
        return None

    def _parts_of(self, references: Sequence[Reference]) -> list[tuple[int, int]]:
        """(first, end) of two parts that leave objects whole; of every object where the device has
        no ReadPropertyMultiple."""
        count = len(references)
        starts = [n for n in range(1, count) if _object_begins(references, n)]
        if starts and self._session.capabilities.read_multiple:
            starts = [min(starts, key=lambda place: abs(2 * place - count))]
        return list(zip([0, *starts], [*starts, count], strict=True))


def _object_begins(references: Sequence[Reference], place: int) -> bool:
    return references[place].object_id != references[place - 1].object_id


async def read_plan(session: BacnetSession, plan: ReadPlan, form: AnswerDecoder[T]) -> list[T]:
    """One answer per reference, in their order. Never raises ``DeviceError``.

    Once the device does not reply, or after ``BUDGET_TIMEOUTS`` of its time-outs, the remaining
    references get that error and are not requested.
    """
    outcome: list[T | None] = [None] * len(plan.references)
    for place, error in plan.left_out:
        outcome[place] = form.none(error)
    try:
        async with asyncio.timeout(BUDGET_TIMEOUTS * session.device.timeout_s):
            await _read_batches(session, deque(plan.batches), _PlanReader(session, form, outcome))
        left = None
    except TimeoutError:
        left = form.none(NoReply("it took too long to answer for all"))
    except DeviceError as error:
        left = form.none(error)
    return [left if answer is None else answer for answer in outcome]  # type: ignore[misc]


async def read_tags(
    session: BacnetSession, references: Sequence[Reference]
) -> list[PropertyAnswer]:
    """The tags of each reference, or its error."""
    return await read_plan(session, ReadPlan.of(references, session), TAGS)


async def _read_batches(
    session: BacnetSession, waiting: deque[Batch], reading: _PlanReader[T]
) -> None:
    """Read batches concurrently, as many as the device takes. The first goes alone: it finds out
    size, service and silence. What got no reply beside others is asked once more, alone."""
    able = session.capabilities
    if waiting:
        await reading.batch(waiting.popleft())
    again: deque[Batch] = deque()

    async def work(number: int) -> None:
        while waiting and number < able.max_outstanding:
            batch = waiting.popleft()
            try:
                await reading.batch(batch)
            except NoReply:
                session.limit_outstanding(1)
                again.append(batch)
                return
            except DeviceError:
                waiting.clear()
                raise

    workers = (work(number) for number in range(min(able.max_outstanding, len(waiting))))
    for error in await asyncio.gather(*workers, return_exceptions=True):
        if error is not None:
            raise error
    for batch in (*again, *waiting):
        await reading.batch(batch)
