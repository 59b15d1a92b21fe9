"""Answers that a job makes and everybody reads, with the versions of what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AnswerKind(StrEnum):
    """What an answer is about."""

    SAVINGS = "savings"
    SAVINGS_SUM = "savings_sum"
    MEASURE = "measure"
    METER_DAYS = "meter_days"
    FIGURES = "figures"
    COOLING = "cooling"
    CONSUMPTION = "consumption"
    METER_STATES = "meter_states"
    SIGNATURE = "signature"
    TRIAL_READINGS = "trial_readings"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerVersion:
    """What an answer rests on; digests, that of the ``data`` by point. ``calendar`` says which
    periods were meant, ``terms`` are tariffs and factors, ``ledger`` is what people entered:
    events, measures and baselines, with the beginning of control."""

    data: Mapping[str, str] = field(default_factory=dict)
    calendar: str = ""
    ledger: str = ""
    terms: str = ""
    site: str = ""
    code: str = ""

    def __hash__(self) -> int:
        return hash((self.calendar, self.ledger, self.terms, self.site, self.code))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """Which answer: of ``kind`` about ``subject`` (a site, or ``portfolio``), to ``question``
    (empty: as it stands now). ``edition`` counts from 1 how often it was kept, 0 while it is not.
    ``outdated_at`` is when something newer was seen of what it rests on,
    None while it is up to date."""

    kind: AnswerKind
    subject: str
    question: str
    made_at: datetime
    version: AnswerVersion
    outdated_at: datetime | None = None
    edition: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer with its ``body``, JSON of what the service that makes it returns."""

    head: AnswerHead
    body: str


@dataclass(frozen=True, slots=True)
class AnswerState:
    """The edition of an answer, and whether something newer was seen of what it rests on."""

    edition: int
    outdated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How new the answers of a kind are: the oldest of ``answers`` was ``made_at``, None where
    there is none; ``outdated`` of them are being made anew."""

    answers: int
    made_at: datetime | None
    outdated: int
