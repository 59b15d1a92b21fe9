"""What is kept about people: what, why, for how long, and who saw it (GDPR Art. 15 and 30)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.access.people import KeptPerson, KeptSession
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Site
from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.control.retention import Erased
from bms.model.fact import MessageCode
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.people import PeopleStore
from bms.ports.storage.retention import RetentionStore
from bms.services.access.sessions import KEPT, good_at
from bms.services.collect.retention import kept_days
from bms.services.evidence.retention import NAMES

SEEN = (Action.SEE_PERSONAL, Action.EXPORT)


class PurposeCode(MessageCode):
    """Why something is kept."""

    VENTILATION = "purpose_ventilation"
    COMFORT = "purpose_comfort"
    CONTROL = "purpose_control"
    ENERGY = "purpose_energy"
    WEATHER = "purpose_weather"
    DECLARED = "purpose_declared"
    SIGN_IN = "purpose_sign_in"
    ACCOUNTABILITY = "purpose_accountability"


class RecordCode(MessageCode):
    """What is kept about people beside series."""

    DECISIONS = "record_decisions"
    PEOPLE = "record_people"
    SESSIONS = "record_sessions"
    KEYS = "record_keys"


_METERS = (
    *(Role.METER_ENERGY, Role.METER_VOLUME, Role.METER_POWER),
    *(Role.METER_FLOW_TEMP, Role.METER_RETURN_TEMP),
)
PURPOSES: Mapping[Role, PurposeCode] = {
    Role.ZONE_CO2: PurposeCode.VENTILATION,
    Role.ZONE_TEMP: PurposeCode.COMFORT,
    Role.OUTDOOR_TEMP: PurposeCode.WEATHER,
    Role.OTHER: PurposeCode.DECLARED,
    **dict.fromkeys(_METERS, PurposeCode.ENERGY),
}
"""Why the readings of a point are kept, by its role; those of others to control the building."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointKept:
    """A point: its class, why its readings are kept, and how many days; None is for good."""

    point: str
    role: Role
    privacy: Privacy
    purpose: PurposeCode
    kept_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKept:
    """A kind of records with names of people. ``kept_days`` count from its end."""

    what: RecordCode
    purpose: PurposeCode
    kept_days: int
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKept:
    """Somebody who signs in; ``sessions`` counts those that are open [1]."""

    name: str
    roles: tuple[str, ...]
    created: datetime
    revoked: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyReport:
    """``seen`` are the entries of the audit since ``since``, newest first."""

    at: datetime
    since: datetime
    points: tuple[PointKept, ...]
    records: tuple[RecordKept, ...]
    people: tuple[PersonKept, ...]
    seen: tuple[AuditEntry, ...]
    erased: tuple[Erased, ...]


def purpose_of(point: Point) -> PurposeCode:
    """Why the readings of a point are kept."""
    return PURPOSES.get(point.role, PurposeCode.CONTROL)


def point_kept(point: Point) -> PointKept:
    """What is said of a point."""
    return PointKept(
        point=point.id,
        role=point.role,
        privacy=point.privacy,
        purpose=purpose_of(point),
        kept_days=kept_days(point),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyPorts:
    """What the report is made of; ``people_now`` is the moment that sessions end by."""

    people: PeopleStore
    ledgers: LedgerStore
    retention: RetentionStore
    keys: int
    people_now: datetime


def privacy_report(
    sites: Iterable[Site], ports: PrivacyPorts, *, now: datetime, since: datetime
) -> PrivacyReport:
    """What is kept about people at ``now`` at these sites, and who saw it from ``since`` on."""
    chosen = tuple(sites)
    names = {site.id for site in chosen}
    people, sessions = ports.people.people(), ports.people.sessions()
    seen = [
        e for action in SEEN for e in ports.ledgers.audit(AuditSearch(action=action, since=since))
    ]
    return PrivacyReport(
        at=now,
        since=since,
        points=tuple(point_kept(point) for site in chosen for point in site.points),
        records=_records(len(people), len(sessions), ports.keys),
        people=tuple(_person(each, sessions, ports.people_now) for each in people if each.name),
        seen=tuple(
            sorted(
                (entry for entry in seen if entry.site is None or entry.site in names),
                key=lambda entry: -entry.number,
            )
        ),
        erased=tuple(row for row in ports.retention.erasures(since) if row.site in names),
    )


def _records(people: int, sessions: int, keys: int) -> tuple[RecordKept, ...]:
    account = PurposeCode.ACCOUNTABILITY
    return tuple(
        RecordKept(what=what, purpose=purpose, kept_days=lasts.days, rows=rows)
        for what, purpose, lasts, rows in (
            (RecordCode.DECISIONS, account, NAMES, None),
            (RecordCode.PEOPLE, PurposeCode.SIGN_IN, NAMES, people),
            (RecordCode.SESSIONS, PurposeCode.SIGN_IN, KEPT, sessions),
            (RecordCode.KEYS, account, NAMES, keys),
        )
    )


def _person(person: KeptPerson, sessions: Iterable[KeptSession], now: datetime) -> PersonKept:
    theirs = [each for each in sessions if each.of == person.id and good_at(each, now)]
    roles = person.grants or ";".join(sorted({each.grants for each in theirs}))
    return PersonKept(
        name=person.name,
        roles=tuple(part for part in roles.split(";") if part),
        created=person.created,
        revoked=person.revoked,
        sessions=len(theirs),
    )


USUAL = timedelta(days=30)
"""How far back it is told who saw what, where nobody says it."""
