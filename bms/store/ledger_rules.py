"""Rules that every store keeps for its ledgers: what may replace what, and what the audit says."""

from __future__ import annotations

from collections.abc import Sequence

from bms.errors import ConfigError, NotFound, StoreError
from bms.model.access.people import KeptPerson
from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action
from bms.model.control.command import Accepted, AnyReceipt, Clamped
from bms.model.control.kept_key import KeptKey
from bms.model.savings.avoided_use import KeptBaseline
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.goal import KeptGoal
from bms.model.savings.measure import Measure
from bms.model.trust.commissioning import Commissioning, TestOutcome
from bms.model.work.item import WorkAct, WorkEvent


def id_taken(event: NonRoutineEvent) -> str:
    """What is said where another entry has the id of ``event``."""
    return f"another event is kept as {event.id}; entries of the ledger never change"


def measure_taken(measure: Measure) -> str:
    """What is said where another measure has the id of ``measure``."""
    return f"another measure is kept as {measure.id}; measures never change"


def goal_subject(kept: KeptGoal) -> str:
    """What the audit says of a goal: of what, of which year, how much."""
    amounts = (("budget", kept.goal.budget), ("target", kept.goal.target))
    told = ", ".join(f"{name} {value:g}" for name, value in amounts if value is not None)
    return f"{kept.goal.commodity} {kept.goal.year}: {told or 'none'}"


def check_superseded(event: NonRoutineEvent, earlier: NonRoutineEvent | None, again: bool) -> None:
    """Whether ``event`` may take the place of ``earlier``; ``again``: another entry did already.

    Raises ``NotFound`` where there is no such entry, StoreError where it may not.
    """
    if earlier is None:
        raise NotFound(f"there is no event {event.supersedes} to supersede")
    if earlier.meter != event.meter:
        raise StoreError(
            f"event {earlier.id} is about {earlier.meter}; an entry about {event.meter} cannot "
            "supersede it"
        )
    if again:
        raise StoreError(
            f"event {earlier.id} has been superseded already; supersede the entry that stands"
        )


def is_current(newest_first: Sequence[KeptBaseline], kept: KeptBaseline) -> bool:
    """Whether the baseline of ``kept`` is the last one of its meter and period."""
    for known in newest_first:
        same = known.baseline.meter_id == kept.baseline.meter_id
        if same and known.baseline.period == kept.baseline.period:
            return known.baseline.id == kept.baseline.id
    return False


def site_of(receipt: AnyReceipt) -> str:
    """The site of a receipt: point ids are ``site/point``."""
    point = receipt.command.point if hasattr(receipt, "command") else receipt.point
    return point.partition("/")[0]


def acts(receipt: AnyReceipt) -> bool:
    """Whether the receipt shows that a value of ours acts at its point."""
    return isinstance(receipt, Accepted | Clamped)


def key_reason(key: KeptKey) -> str:
    """What the audit says of a new key: its scope, whose it is, and until when it is good."""
    until = "" if key.expires is None else f", until {key.expires.isoformat(timespec='seconds')}"
    return f"{key.scope}: {key.name}{until}"


def person_reason(person: KeptPerson) -> str:
    """What the audit says of a new person: who, and with which roles."""
    return f"{person.name}: {person.grants or 'roles of the provider'}"


def name_taken(name: str) -> str:
    """What is said where somebody is, or was, known by a name or subject."""
    return f"somebody is or was known as {name!r} already; choose another name"


def no_person(name: str) -> str:
    """What is said where nobody is known by a name."""
    return f"there is nobody {name!r} who signs in with it; 'bms users list' says who there is"


def no_session(session_id: str) -> str:
    """What is said where no session has an id."""
    return f"there is no session {session_id}; 'bms users sessions' lists those there are"


def commissioning_reason(made: Commissioning) -> str:
    """What the audit says of a commissioning: whether it passed, else which tests failed."""
    failed = [t.test.value for t in made.tests if t.outcome is TestOutcome.FAILED]
    return "passed" if made.passed else f"not passed: {', '.join(failed) or 'nothing was tried'}"


def applied_reason(report: AppliedReport) -> str:
    """What the audit says of a controller's report: its plan and its values."""
    values = ", ".join(
        f"{each.point} {each.effective:g}{' (local override)' if each.local_override else ''}"
        for each in report.values
    )
    return f"{f'plan {report.plan}' if report.plan else 'own control'}: {values}"


def same_report(report: AppliedReport, kept: str) -> bool:
    """Whether the report of that moment which is ``kept`` says the same. Raises ``ConfigError``
    where it does not."""
    if kept != applied_reason(report):
        raise ConfigError(f"another report of {report.id} is kept: {kept}")
    return True


NAME_GONE = "–"
"""Stands for who entered something and why, once that was removed for its age."""


def problem_gone(plan_id: str) -> str:
    """What is said of a plan whose problem was removed."""
    return f"plan {plan_id} has only its schedule left; its problem was removed for its age"


WORK_ACTIONS = {
    WorkAct.ACKNOWLEDGE: Action.ACKNOWLEDGE_WORK,
    WorkAct.ASSIGN: Action.ASSIGN_WORK,
    WorkAct.SNOOZE: Action.SNOOZE_WORK,
    WorkAct.CLOSE: Action.CLOSE_WORK,
}
"""What the audit calls what people do with an item of the work list."""


def work_reason(event: WorkEvent) -> str:
    """What the audit says of what somebody did with an item."""
    until = "" if event.until is None else f"until {event.until.isoformat(timespec='minutes')}"
    told = (event.closing and event.closing.value, event.assignee, until, event.measure, event.note)
    return ": ".join(part for part in told if part)


def closed_already(item: str) -> str:
    """What is said where somebody does something with an item that is closed."""
    return f"item {item} is closed; what comes back later is a new one"
