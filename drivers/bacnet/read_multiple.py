"""Many properties of a device in few requests, adapted to what it can take."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bms.errors import DeviceError
from drivers.bacnet.batching import Batch, batches
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import NotSupported, TooLong
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.session import BacnetSession
from drivers.fieldbus.errors import Silence, quality_of
from drivers.fieldbus.reading import Decoded

T = TypeVar("T")
Answer = list[Tag] | PropertyError | DeviceError
BUDGET_TIMEOUTS = 10


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What an answer is turned into: one of many, one alone, none."""

    many: Callable[[Batch, bytes], Sequence[T]]
    one: Callable[[list[Tag]], T]
    none: Callable[[DeviceError], T]


def _number_none(error: DeviceError) -> Decoded:
    return Decoded(None, quality_of(error), str(error))


def _tags_many(batch: Batch, ack: bytes) -> Sequence[Answer]:
    return codec.read_property_multiple_ack(batch.references, ack)


def _as_it_is(answer: Answer) -> Answer:
    return answer


NUMBERS: Form[Decoded] = Form(Batch.numbers, values.decoded, _number_none)
TAGS: Form[Answer] = Form(_tags_many, _as_it_is, _as_it_is)


@dataclass(slots=True)
class Plan:
    """The batches of some references, as long as the device takes as much as was thought."""

    references: tuple[Reference, ...]
    most: int
    max_apdu: int
    batches: tuple[Batch, ...]

    @classmethod
    def of(cls, references: Sequence[Reference], session: BacnetSession) -> Plan:
        able = session.ability
        most = able.most if able.multiple else 1
        asked = tuple(references)
        spans = batches(asked, able.max_apdu, most)
        parts = (Batch.of(range(first, end), asked[first:end]) for first, end in spans)
        return cls(asked, most, able.max_apdu, tuple(parts))

    def fits(self, session: BacnetSession) -> bool:
        """Whether nothing was learned of the device since it was made."""
        able = session.ability
        return (self.most, self.max_apdu) == (able.most if able.multiple else 1, able.max_apdu)


class _Reading(Generic[T]):
    """One reading of a plan."""

    def __init__(self, session: BacnetSession, form: Form[T], outcome: list[T | None]) -> None:
        self._session = session
        self._form = form
        self._outcome = outcome

    async def batch(self, batch: Batch) -> None:
        """Fill the outcome; raises only what concerns the whole device."""
        try:
            answers = await self._ask(batch)
        except Silence:
            raise
        except DeviceError as error:
            if self._learned(batch, error):
                await self._parts(batch)
            else:
                self._outcome[batch.places[0]] = self._form.none(error)
            return
        for place, answer in zip(batch.places, answers, strict=True):
            self._outcome[place] = answer

    async def _ask(self, batch: Batch) -> Sequence[T]:
        if len(batch.places) == 1:
            return (self._form.one(await self._session.look(batch.references[0])),)
        ack = await self._session.ask(codec.READ_PROPERTY_MULTIPLE, batch.request)
        return self._form.many(batch, ack)

    def _learned(self, batch: Batch, error: DeviceError) -> bool:
        """Note what the error says of the device; whether its parts are worth asking for."""
        several = len(batch.places) > 1
        able = self._session.ability
        if isinstance(error, TooLong) and several:
            able.most = max(1, min(able.most, len(batch.places) // 2))
        elif isinstance(error, NotSupported) and several:
            able.multiple = False
        return several

    async def _parts(self, batch: Batch) -> None:
        size = max(1, len(batch.places) // 2) if self._session.ability.multiple else 1
        for at in range(0, len(batch.places), size):
            part = slice(at, at + size)
            await self.batch(Batch.of(batch.places[part], batch.references[part]))


async def read_plan(session: BacnetSession, plan: Plan, form: Form[T]) -> list[T]:
    """One answer per reference, in their order. Never raises ``DeviceError``.

    When the device falls silent, or after ``BUDGET_TIMEOUTS`` of its time-outs, what is left is
    not asked for any more.
    """
    outcome: list[T | None] = [None] * len(plan.references)
    try:
        async with asyncio.timeout(BUDGET_TIMEOUTS * session.device.timeout_s):
            await _read_batches(session, deque(plan.batches), _Reading(session, form, outcome))
        left = None
    except TimeoutError:
        left = form.none(Silence("it took too long to answer for all"))
    except DeviceError as error:
        left = form.none(error)
    return [left if answer is None else answer for answer in outcome]  # type: ignore[misc]


async def read_tags(session: BacnetSession, references: Sequence[Reference]) -> list[Answer]:
    """The tags of each reference, or what stood in the way."""
    return await read_plan(session, Plan.of(references, session), TAGS)


async def _read_batches(
    session: BacnetSession, waiting: deque[Batch], reading: _Reading[T]
) -> None:
    """A few at a time. The first goes alone: what it teaches (size, service, silence) spares the
    others."""
    if waiting:
        await reading.batch(waiting.popleft())

    async def work() -> None:
        while waiting:
            try:
                await reading.batch(waiting.popleft())
            except DeviceError:
                waiting.clear()
                raise

    workers = (work() for _ in range(min(session.ability.outstanding, len(waiting))))
    for error in await asyncio.gather(*workers, return_exceptions=True):
        if error is not None:
            raise error
