"""A store without a disk: the fake of every test, and the shortest description of a store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from bms.errors import NotFound, StoreError
from bms.model.assets.site import Mode
from bms.model.control.booking import Booking
from bms.model.control.command import Override, Receipt, ReleaseReceipt
from bms.model.epoch import to_micros
from bms.model.planning.plan import Plan
from bms.model.planning.prediction import PredictionDay, UseStart
from bms.model.planning.problem import BuildingModel
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.store.memory.ledgers import MemoryBookings, MemoryEvents
from bms.store.memory.readings import MemoryReadings
from bms.store.records import Action, AuditEntry, site_of
from bms.store.rollups.local_days import TIMEZONE, LocalDays


class _Plans:
    def __init__(self) -> None:
        super().__init__()
        self._plans: dict[str, Plan] = {}
        self._models: dict[str, BuildingModel] = {}
        self._receipts: list[tuple[datetime, Receipt | ReleaseReceipt]] = []

    def add_plan(self, plan: Plan) -> None:
        """Keep a plan; the same one again changes nothing. Raises StoreError for another one."""
        to_micros(plan.created_at)
        if self._plans.setdefault(plan.id, plan) != plan:
            raise StoreError(f"another plan is kept as {plan.id} already; plans never change")

    def plan(self, plan_id: str) -> Plan:
        """Raises NotFound."""
        if plan_id not in self._plans:
            raise NotFound(f"there is no plan {plan_id}")
        return self._plans[plan_id]

    def plan_in_force(self, site: str) -> Plan | None:
        """The newest plan of the site; of two made at the same moment the one kept last."""
        plans = [plan for plan in reversed(list(self._plans.values())) if plan.site == site]
        return max(plans, key=lambda plan: plan.created_at, default=None)

    def save_model(self, model: BuildingModel) -> None:
        """Keep a model."""
        to_micros(model.identified_at)
        current = self._models.get(model.site)
        if current is None or current.identified_at <= model.identified_at:
            self._models[model.site] = model

    def model(self, site: str) -> BuildingModel | None:
        """The model that was identified last."""
        return self._models.get(site)

    def add_receipts(self, receipts: Iterable[Receipt | ReleaseReceipt], at: datetime) -> None:
        """Keep what became of writes and releases."""
        to_micros(at)
        self._receipts.extend((at, receipt) for receipt in receipts)

    def receipts(
        self, site: str, since: datetime
    ) -> list[tuple[datetime, Receipt | ReleaseReceipt]]:
        """Receipts of a site at or after ``since``, oldest first."""
        to_micros(since)
        found = [
            (at, receipt)
            for at, receipt in list(self._receipts)
            if at >= since and site_of(receipt) == site
        ]
        return sorted(found, key=lambda row: row[0])


@dataclass(frozen=True, slots=True)
class _Key:
    digest: str
    scope: str
    name: str
    created: datetime
    revoked: datetime | None = None


class _People:
    def __init__(self) -> None:
        super().__init__()
        self._modes: dict[str, Mode] = {}
        self._overrides: dict[str, Override] = {}
        self._removed: dict[str, datetime] = {}
        self._audit: list[AuditEntry] = []
        self._keys: dict[str, _Key] = {}

    def mode(self, site: str) -> Mode | None:
        """The mode that a person set last."""
        return self._modes.get(site)

    def set_mode(self, site: str, mode: Mode, *, actor: str, at: datetime, reason: str) -> None:
        """Set the mode, with a line in the audit."""
        self._note(at, actor, Action.SET_MODE, site, mode.value, reason)
        self._modes[site] = mode

    def _note(
        self, at: datetime, actor: str, action: Action, site: str, subject: str, reason: str
    ) -> None:
        to_micros(at)
        entry = AuditEntry(
            at=at, actor=actor, action=action, site=site, subject=subject, reason=reason
        )
        self._audit.append(entry)

    def audit(self, site: str, since: datetime) -> list[AuditEntry]:
        """What people did to a site at or after ``since``, in the order it was done."""
        to_micros(since)
        return [entry for entry in list(self._audit) if entry.site == site and entry.at >= since]

    def add_override(self, override: Override) -> None:
        """Keep an override, with a line in the audit. Raises StoreError where the id is taken."""
        to_micros(override.since)
        known = self._overrides.setdefault(override.id, override)
        if known is not override:
            if known != override:
                raise StoreError(f"another override is kept as {override.id} already")
            return
        self._note(
            override.since,
            override.actor,
            Action.ADD_OVERRIDE,
            override.site,
            override.id,
            override.reason,
        )

    def remove_override(self, override_id: str, *, actor: str, at: datetime) -> None:
        """End an override, with a line in the audit; twice is once. Raises NotFound."""
        to_micros(at)
        if override_id not in self._overrides:
            raise NotFound(f"there is no override {override_id}")
        if override_id in self._removed:
            return
        site = self._overrides[override_id].site
        self._note(at, actor, Action.REMOVE_OVERRIDE, site, override_id, "")
        self._removed[override_id] = at

    def overrides(self, site: str, at: datetime) -> list[Override]:
        """Overrides of a site in force at ``at``, oldest first."""
        to_micros(at)
        found = [o for o in list(self._overrides.values()) if o.site == site and self._holds(o, at)]
        return sorted(found, key=lambda override: (override.since, override.id))

    def _holds(self, override: Override, at: datetime) -> bool:
        ends = (override.until, self._removed.get(override.id))
        return override.since <= at and all(end is None or at < end for end in ends)

    def add_key(self, key_id: str, digest: str, scope: str, name: str, at: datetime) -> None:
        """Keep a key. Raises StoreError where the id is taken."""
        if key_id in self._keys:
            raise StoreError(f"a key {key_id} exists already; choose another id")
        to_micros(at)
        self._keys[key_id] = _Key(digest, scope, name, at)

    def key(self, key_id: str) -> tuple[str, str, str] | None:
        """(digest, scope, name) of a key that is not revoked."""
        key = self._keys.get(key_id)
        return None if key is None or key.revoked else (key.digest, key.scope, key.name)

    def keys(self) -> list[tuple[str, str, str, datetime, datetime | None]]:
        """(id, scope, name, created, revoked), oldest first."""
        rows = [(i, k.scope, k.name, k.created, k.revoked) for i, k in list(self._keys.items())]
        return sorted(rows, key=lambda row: (row[3], row[0]))

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """Revoke a key; twice is once. Raises NotFound."""
        to_micros(at)
        if key_id not in self._keys:
            raise NotFound(f"there is no key {key_id}")
        key = self._keys[key_id]
        if key.revoked is None:
            self._keys[key_id] = _Key(key.digest, key.scope, key.name, key.created, at)


class _Trials(_People):
    def __init__(self) -> None:
        super().__init__()
        self._trials: dict[str, Trial] = {}
        self._ends: dict[str, TrialEnd] = {}

    def add_trial(self, trial: Trial) -> None:
        """See ``TrialStore``."""
        to_micros(trial.started_at)
        known = self._trials.setdefault(trial.id, trial)
        if known is not trial:
            if known != trial:
                raise StoreError(f"another trial is kept as {trial.id}; trials never change")
            return
        at, by, reason = trial.started_at, trial.by, trial.reason
        self._note(at, by, Action.START_TRIAL, trial.site, trial.id, reason)

    def end_trial(self, end: TrialEnd) -> None:
        """See ``TrialStore``."""
        to_micros(end.at)
        if end.trial not in self._trials:
            raise NotFound(f"there is no trial {end.trial}")
        if self._ends.setdefault(end.trial, end) is end:
            self._note(end.at, end.by, Action.END_TRIAL, end.site, end.trial, end.reason)

    def trials(self, site: str) -> list[KeptTrial]:
        """See ``TrialStore``."""
        mine = [trial for trial in list(self._trials.values()) if trial.site == site]
        return [KeptTrial(trial=trial, ended=self._ends.get(trial.id)) for trial in mine]


class _Bookings(_Trials):
    def __init__(self) -> None:
        super().__init__()
        self._booked = MemoryBookings(self._audit)

    def add_booking(self, booking: Booking) -> None:
        """See ``DecisionStore``."""
        self._booked.add(booking)

    def remove_booking(self, site: str, booking_id: str, *, actor: str, at: datetime) -> None:
        """See ``DecisionStore``."""
        self._booked.remove(site, booking_id, actor=actor, at=at)

    def bookings(self, site: str, start: datetime, end: datetime | None = None) -> list[Booking]:
        """See ``DecisionStore``."""
        return self._booked.find(site, start, end)


class _Predictions:
    def __init__(self) -> None:
        super().__init__()
        self._predictions: dict[tuple[str, date, str, int], PredictionDay] = {}
        self._use_starts: dict[tuple[str, date, str], UseStart] = {}

    def keep_predictions(self, rows: Iterable[PredictionDay]) -> None:
        """See ``DecisionStore``."""
        for row in rows:
            to_micros(row.model_at)
            self._predictions[row.site, row.day, row.zone, row.lead_h] = row

    def predictions(self, site: str, since: date) -> list[PredictionDay]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._predictions).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]

    def keep_use_starts(self, rows: Iterable[UseStart]) -> None:
        """See ``PlanStore``."""
        self._use_starts.update({(row.site, row.day, row.zone): row for row in rows})

    def use_starts(self, site: str, since: date) -> list[UseStart]:
        """See ``PlanStore``."""
        kept = sorted(dict(self._use_starts).items(), key=lambda item: item[0])
        return [row for _, row in kept if row.site == site and row.day >= since]


class MemoryStore(MemoryReadings, MemoryEvents, _Plans, _Bookings, _Predictions):
    """Implements ``Store`` in memory; also ``corrections`` and ``audit``.

    Days are those of ``timezone``. Raises ConfigError for a time zone that cannot be served.
    """

    def __init__(self, timezone: str = TIMEZONE) -> None:
        super().__init__(LocalDays(timezone))

    def close(self) -> None:
        """Nothing to close."""
