"""Schedules for controllers that ask in numbers: keys and schedules of all who ask at once are
looked up by one question, off the loop."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import NamedTuple

from api.ports import ApiPorts
from api.schemas.base import FactAnswer
from api.schemas.plans import ScheduleAnswer
from bms.errors import NotFound
from bms.model.access.actor import Actor
from bms.ports.storage.time_limit import database_time_limit
from bms.services.api_keys import KnownKeys, actor_by, id_in
from bms.services.batched_lookups import InBatches
from bms.services.control.site_state import RecordsOf, records_of
from bms.services.controllers.kept_records import KeptRecords
from bms.services.controllers.schedule import ControllerSchedule, controller_schedules, device_of

LINGER_S = 0.005
"""How long a controller waits for others that ask, too."""


class ScheduleText(NamedTuple):
    """A schedule as it is sent. Its tag says nothing of the end of the lease."""

    body: str
    tag: str
    lease_end: str


class AskedSchedule(NamedTuple):
    """The text of a key, and the controller whose schedule it asks for."""

    key: str
    device: str


class GivenSchedule(NamedTuple):
    """Who asked, None for nobody, and what was asked for where there is such a controller."""

    actor: Actor | None
    text: ScheduleText | None


class Schedules:
    """The schedules of the controllers of a city as they are now."""

    def __init__(self, ports: ApiPorts, keys: KnownKeys) -> None:
        self._ports = ports
        self._keys = keys
        self._records = KeptRecords(ports.evidence)
        self._batches = InBatches(self._given, LINGER_S)

    async def get(self, asked: AskedSchedule) -> GivenSchedule:
        """The schedule for whoever shows a key; whether it may be shown is asked elsewhere.

        Raises what ``controller_schedules`` raises.
        """
        return await self._batches.get(asked)

    def texts(self, devices: Collection[str]) -> dict[str, ScheduleText]:
        """The schedules of these controllers. Raises what ``controller_schedules`` raises."""
        answers = schedule_answers(self._ports, devices, self._records)
        return {device: _text(answer) for device, answer in answers.items()}

    def _given(self, asked: Collection[AskedSchedule]) -> dict[AskedSchedule, GivenSchedule]:
        with database_time_limit(None):
            actors = self._actors(asked)
        wanted = {each.device for each, actor in actors.items() if actor is not None}
        texts = self.texts([device for device in wanted if self._knows(device)])
        return {
            each: GivenSchedule(actor, texts.get(each.device)) for each, actor in actors.items()
        }

    def _actors(self, asked: Collection[AskedSchedule]) -> dict[AskedSchedule, Actor | None]:
        now, ids = self._ports.clock.now(), {each: id_in(each.key) for each in asked}
        kept = self._keys.keys_of({id_ for id_ in ids.values() if id_ is not None})
        return {each: actor_by(kept.get(id_ or ""), each.key, now) for each, id_ in ids.items()}

    def _knows(self, device: str) -> bool:
        try:
            device_of(self._ports.sites, device)
        except NotFound:
            return False
        return True


def schedule_answers(
    ports: ApiPorts, devices: Collection[str], records: RecordsOf = records_of
) -> dict[str, ScheduleAnswer]:
    """What each controller may apply now; the same for one that fetches it and one that listens.

    Raises what ``controller_schedules`` raises.
    """
    with database_time_limit(None):
        found = controller_schedules(
            ports.sites,
            devices,
            now=ports.clock.now(),
            ports=ports.control,
            lease=ports.settings.lease,
            records=records,
        )
    return {
        device: _answer(given, ports.sites[given.site].timezone) for device, given in found.items()
    }


def _answer(given: ControllerSchedule, zone: str) -> ScheduleAnswer:
    return ScheduleAnswer(
        device=given.device,
        site=given.site,
        plan=given.plan,
        lease_s=int(given.lease.total_seconds()),
        lease_end=given.lease_end,
        setpoints=given.setpoints,
        reasons=tuple(FactAnswer.of(reason, zone) for reason in given.reasons),
    )


def _text(answer: ScheduleAnswer) -> ScheduleText:
    """The tag is weak: two answers with the same setpoints differ in the end of their lease."""
    content = answer.model_dump_json(exclude={"lease_end"})
    end = answer.model_dump_json(include={"lease_end"})
    tag = hashlib.sha256(content.encode()).hexdigest()[:32]
    return ScheduleText(f"{content[:-1]},{end[1:]}", f'W/"{tag}"', answer.lease_end.isoformat())
