"""The evidence: hash chains over what was decided, commanded and planned (clause W16).

Each site has a chain, and the city has one for what concerns no site. An entry proves one row by
its digest, and all entries before it by the hash of the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.fact import Fact, MessageCode

CITY = ""
"""Name of the chain of what concerns no site; those of the sites have the site's id."""
FIRST = ""
"""Stands where the hash of an earlier entry would, in the first entry of a chain."""


class EvidenceKind(StrEnum):
    """What an entry proves. The ends of overrides, bookings, trials and keys are entries of their
    own: what they end was proven before."""

    AUDIT = "audit"
    MODE = "mode"
    OVERRIDE = "override"
    OVERRIDE_END = "override_end"
    BOOKING = "booking"
    BOOKING_END = "booking_end"
    KEY = "key"
    KEY_EXPIRY = "key_expiry"
    KEY_END = "key_end"
    RECEIPT = "receipt"
    PLAN = "plan"
    TRIAL = "trial"
    TRIAL_END = "trial_end"
    TRIAL_RESULT = "trial_result"
    EVENT = "event"
    BASELINE = "baseline"
    COMMISSIONING = "commissioning"
    STEP_BACK = "step_back"
    AGREEMENT = "agreement"
    MEASURE = "measure"
    MEASURE_END = "measure_end"
    GOAL = "goal"
    WORK_EVENT = "work_event"
    NOTICE = "notice"
    ERASURE = "erasure"
    REMOVAL = "removal"
    PERSON = "person"
    PERSON_END = "person_end"


class Part(StrEnum):
    """What of a row was removed: all of it, or what stands apart in its entry (personal fields, the
    problem of a plan)."""

    ROW = "row"
    APART = "apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The last entry of a chain: its number and hash (SHA-256, hexadecimal digits)."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """An entry of a chain. ``number`` counts from 1 without gaps; ``row`` is the key of what is
    proven in the table of its kind.

    ``content`` is the digest of the fields that stay for good, ``apart`` that of those that may be
    removed while the chain stays whole. All digests are SHA-256 in hexadecimal digits;
    ``bms.store.evidence.chain`` says over which bytes.
    """

    chain: str
    number: int
    kind: EvidenceKind
    row: str
    content: str
    apart: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """Remove ``part`` of the rows of ``kind`` of a site from before ``before``, for good."""

    site: str
    kind: EvidenceKind
    part: Part
    before: datetime
    actor: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The checkpoint of a removal: what the entries ``first`` to ``last`` of a kind prove need not
    be there any more.

    ``rows`` counts what went, ``digest`` is the SHA-256 over the numbers, contents and parts apart
    of their entries.
    """

    site: str
    kind: EvidenceKind
    part: Part
    first: int
    last: int
    rows: int
    digest: str
    actor: str
    at: datetime
    reason: str


class FlawReason(MessageCode):
    """What is wrong with a chain."""

    ROW_CHANGED = "evidence_row_changed"
    ROW_ELSEWHERE = "evidence_row_elsewhere"
    ROW_GONE = "evidence_row_gone"
    ROW_ADDED = "evidence_row_added"
    APART_CHANGED = "evidence_apart_changed"
    APART_GONE = "evidence_apart_gone"
    ENTRY_CHANGED = "evidence_entry_changed"
    ENTRY_GONE = "evidence_entry_gone"
    HEAD_CHANGED = "evidence_head_changed"
    TAIL_CUT = "evidence_tail_cut"
    HISTORY_REWRITTEN = "evidence_history_rewritten"
    UNREADABLE = "evidence_unreadable"
    KNOWN_UNREADABLE = "evidence_known_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFlaw:
    """Something in a chain that is not as it was written.

    ``number``, ``kind`` and ``row`` name the entry, as far as they are known; ``found`` is what is
    there now: the fields of the row as JSON, or a digest; ``expected`` the digest that the chain
    asks for. ``what`` says it.
    """

    chain: str
    number: int | None
    kind: EvidenceKind | None
    row: str | None
    what: Fact
    found: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of chains came to: how many chains, entries and rows [1], and their flaws."""

    chains: int
    entries: int
    rows: int
    flaws: tuple[ChainFlaw, ...]
