"""The audit: who did what, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What a person or a controller did."""

    SET_MODE = "set_mode"
    ADD_OVERRIDE = "add_override"
    REMOVE_OVERRIDE = "remove_override"
    DECLARE_GONE = "declare_gone"
    START_TRIAL = "start_trial"
    END_TRIAL = "end_trial"
    CHANGE_TRIAL_INPUTS = "change_trial_inputs"
    ADD_BOOKING = "add_booking"
    REMOVE_BOOKING = "remove_booking"
    CREATE_KEY = "create_key"
    REVOKE_KEY = "revoke_key"
    ADD_MEASURE = "add_measure"
    END_MEASURE = "end_measure"
    SET_GOAL = "set_goal"
    REPORT_APPLIED = "report_applied"
    COMMISSION = "commission"
    APPROVE = "approve"
    LOGIN = "login"
    EXPORT = "export"
    REPORT_SENDING = "report_sending"
    REPORT_SENT = "report_sent"
    REPORT_FAILED = "report_failed"
    STEP_BACK = "step_back"
    AGREE = "agree"
    ACKNOWLEDGE_WORK = "acknowledge_work"
    ASSIGN_WORK = "assign_work"
    SNOOZE_WORK = "snooze_work"
    CLOSE_WORK = "close_work"
    CREATE_USER = "create_user"
    SET_PASSWORD = "set_password"  # noqa: S105 - an action, not the secret
    REVOKE_USER = "revoke_user"
    END_SESSION = "end_session"
    SEE_PERSONAL = "see_personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action of a person; never changed.

    ``number`` counts up in the order in which entries were written. ``site`` is None where the
    action concerns no site; ``subject`` is the id or value that it is about.
    """

    number: int
    at: datetime
    actor: str
    action: Action
    site: str | None
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    """Which entries are wanted; what is None limits nothing.

    ``sites``: only about one of these.
    ``since`` <= time < ``until``. ``before``: only entries with a smaller number, the page after
    the one that ended with it. ``most``: how many at once [1].
    """

    site: str | None = None
    sites: frozenset[str] | None = None
    actor: str | None = None
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    most: int | None = None
