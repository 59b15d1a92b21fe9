"""Reads many properties of a device in few requests, as large as it supports."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bms.errors import DeviceError
from drivers.bacnet.batching import Batch, batch_spans
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import ReplyTooLong, ServiceNotSupported
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import NoReply, quality_of
from drivers.fieldbus.reading import Decoded

T = TypeVar("T")
PropertyAnswer = list[Tag] | PropertyError | DeviceError
BUDGET_TIMEOUTS = 10


@dataclass(frozen=True, slots=True)
class AnswerDecoder(Generic[T]):
    """Decodes an acknowledgement of many properties, of one property, and an error."""

    many: Callable[[Batch, bytes], Sequence[T]]
    one: Callable[[list[Tag]], T]
    none: Callable[[DeviceError], T]


def _number_none(error: DeviceError) -> Decoded:
    return Decoded(None, quality_of(error), str(error))


def _tags_many(batch: Batch, ack: bytes) -> Sequence[PropertyAnswer]:
    return codec.read_property_multiple_ack(batch.references, ack)


def _as_it_is(answer: PropertyAnswer) -> PropertyAnswer:
    return answer


NUMBERS: AnswerDecoder[Decoded] = AnswerDecoder(Batch.numbers, values.decode_number, _number_none)
TAGS: AnswerDecoder[PropertyAnswer] = AnswerDecoder(_tags_many, _as_it_is, _as_it_is)


@dataclass(slots=True)
class ReadPlan:
    """The batches of some references; valid while the device's capabilities stay as assumed."""

    references: tuple[Reference, ...]
    max_properties: int
    max_apdu: int
    batches: tuple[Batch, ...]

    @classmethod
    def of(cls, references: Sequence[Reference], session: BacnetSession) -> ReadPlan:
        """The plan for the capabilities that the device has now."""
        able = session.capabilities
        max_properties = able.max_properties if able.read_multiple else 1
        asked = tuple(references)
        spans = batch_spans(asked, able.max_apdu, max_properties)
        parts = (Batch.of(range(first, end), asked[first:end]) for first, end in spans)
        return cls(asked, max_properties, able.max_apdu, tuple(parts))

    def fits(self, session: BacnetSession) -> bool:
        """Whether the device's capabilities are still those that the plan was made for."""
        able = session.capabilities
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
        try:
            answers = await self._request(batch)
        except NoReply:
            raise
        except DeviceError as error:
            if self._learned(batch, error):
                await self._parts(batch)
            else:
                self._outcome[batch.places[0]] = self._form.none(error)
            return
        for place, answer in zip(batch.places, answers, strict=True):
            self._outcome[place] = answer

    async def _request(self, batch: Batch) -> Sequence[T]:
        if len(batch.places) == 1:
            return (self._form.one(await self._session.read_property(batch.references[0])),)
        ack = await self._session.request(codec.READ_PROPERTY_MULTIPLE, batch.request)
        return self._form.many(batch, ack)

    def _learned(self, batch: Batch, error: DeviceError) -> bool:
        """Lower the capabilities by what the error says; whether to read the parts instead."""
        several = len(batch.places) > 1
        able = self._session.capabilities
        if isinstance(error, ReplyTooLong) and several:
            able.max_properties = max(1, min(able.max_properties, len(batch.places) // 2))
        elif isinstance(error, ServiceNotSupported) and several:
            able.read_multiple = False
        return several

    async def _parts(self, batch: Batch) -> None:
        size = max(1, len(batch.places) // 2) if self._session.capabilities.read_multiple else 1
        for at in range(0, len(batch.places), size):
            part = slice(at, at + size)
            await self.batch(Batch.of(batch.places[part], batch.references[part]))


async def read_plan(session: BacnetSession, plan: ReadPlan, form: AnswerDecoder[T]) -> list[T]:
    """One answer per reference, in their order. Never raises ``DeviceError``.

    Once the device does not reply, or after ``BUDGET_TIMEOUTS`` of its time-outs, the remaining
    references get that error and are not requested.
    """
    outcome: list[T | None] = [None] * len(plan.references)
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
    """Read batches concurrently. The first goes alone: it finds out size, service and silence."""
    if waiting:
        await reading.batch(waiting.popleft())

    async def work() -> None:
        while waiting:
            try:
                await reading.batch(waiting.popleft())
            except DeviceError:
                waiting.clear()
                raise

    workers = (work() for _ in range(min(session.capabilities.max_outstanding, len(waiting))))
    for error in await asyncio.gather(*workers, return_exceptions=True):
        if error is not None:
            raise error
