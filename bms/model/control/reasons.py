"""Why a write was refused, limited or failed, who holds a point, and why we write: without words.

The families are shared by the drivers and the services that make receipts. A text that a device or
its library gave is the parameter ``text`` of such a fact, in the words that it came in.
"""

from __future__ import annotations

from bms.model.fact import MessageCode


class RefusalReason(MessageCode):
    """Why our own rules forbid a write (``Refused``).

    ``wrong_device``: what answers is not, or not surely, the device that the site file names.
    """

    UNKNOWN_POINT = "unknown_point"
    NOT_WRITABLE = "point_not_writable"
    NO_SAFE_END = "no_safe_end"
    BENEATH_OWN_PROGRAM = "beneath_own_program"
    MEANING_UNKNOWN = "meaning_unknown"
    FETCHES = "controller_fetches"
    NOT_COMMISSIONED = "not_commissioned"
    COMMISSIONING_FAILED = "commissioning_failed"
    COMMISSIONING_STALE = "commissioning_stale"
    NOT_A_NUMBER = "wish_not_a_number"
    NOT_ON_OR_OFF = "wish_not_on_or_off"
    RAMP_FROM_UNKNOWN = "ramp_from_unknown"
    OUTSIDE_HOLD_SAFE = "outside_hold_safe"
    TOO_LITTLE_AIR = "too_little_air"
    LEASE_RUNS_OUT = "lease_runs_out"
    NOT_ENCODABLE = "not_encodable"
    NO_SLOTS = "no_slots_for_null"
    SLOTS_WANT_NULL = "slots_want_null"
    WRITES_SPENT_TODAY = "writes_spent_today"
    WRITES_SPENT = "writes_spent"
    WEAR_UNKNOWN = "wear_unknown"
    NEVER_WRITTEN = "never_written"
    WRONG_DEVICE = "wrong_device"


class ReceiptReason(MessageCode):
    """What limited a write (``Clamped``), and why it or a release failed (``Failed``,
    ``StillHeld``)."""

    LIMITS_NOW = "limits_now"
    AT_MAXIMUM = "at_maximum"
    AT_MINIMUM = "at_minimum"
    LEAST_AIR = "least_air"
    LEAST_TIME_ON = "least_time_on"
    LEAST_TIME_OFF = "least_time_off"
    SWITCHED_UNKNOWN = "switched_unknown"
    UNREADABLE = "standing_unreadable"
    NOT_READ_BACK = "not_read_back"
    READS_BACK = "reads_back_otherwise"
    TAKES_STEPS = "takes_steps"
    CHANGED_SINCE = "changed_since_write"
    GAVE_BACK_READS = "gave_back_reads_otherwise"
    DEVICE_ERROR = "device_error"
    DEVICE_SLOW = "device_slow"
    TOO_LATE = "write_too_late"
    CUT_OFF = "write_cut_off"
    UNTOLD = "write_untold"
    DRIVER_FAILED = "driver_failed"
    NO_GUARD = "guard_missing"
    BEING_GIVEN_BACK = "being_given_back"
    WRITTEN_SINCE = "written_since"
    NOT_RELEASABLE = "not_releasable"
    DECLARED_GONE = "declared_gone"
    SLOTS_GONE = "slots_gone"
    SLOT_EMPTY = "slot_empty_after_write"
    SLOT_STILL_HELD = "slot_still_held"
    ENABLE_STILL_SET = "enable_still_set"
    NO_SIGNAL = "no_signal"


class Holder(MessageCode):
    """Who holds a point in place of us (``Overridden``)."""

    PERSON = "held_by_person"
    LOCAL = "held_locally"
    OPERATOR = "held_by_operator"
    PROGRAM = "held_by_program"
    OUR_PLACE = "held_in_our_place"
    SCHEDULE_EXCEPTION = "held_by_schedule_exception"


class CommandReason(MessageCode):
    """Why we write, where no person said so."""

    PLAN = "by_plan"
    PLAN_IN_TRIAL = "by_plan_in_trial"
    PLAN_UNSEEN = "by_plan_unseen"
    FETCHED = "applied_by_controller"
    COMMISSIONING = "by_commissioning"
