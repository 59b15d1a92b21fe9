"""Answers that a job makes and everybody reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from bms.model.savings.kept_answer import AnswerHead, AnswerKind, AnswerState, Freshness, KeptAnswer


class AnswerStore(Protocol):
    """The newest answer of each kind, subject and question. Synchronous: call it off the event
    loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def keep_answer(self, answer: KeptAnswer) -> int:
        """Keep an answer in the place of the one before it. Returns its edition."""
        ...

    def answer(self, kind: AnswerKind, subject: str, question: str) -> KeptAnswer | None:
        """The answer that is kept; None where there is none."""
        ...

    def answers(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, KeptAnswer]:
        """``answer`` of each of these subjects that has one."""
        ...

    def answer_states(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, AnswerState]:
        """The state of the answer of each of these subjects; those without one are missing."""
        ...

    def answer_heads(self, subject: str) -> list[AnswerHead]:
        """What is kept of a subject, without the bodies."""
        ...

    def mark_outdated(
        self, subject: str, questions: Collection[tuple[AnswerKind, str]], at: datetime
    ) -> None:
        """Say that something newer was seen of what these answers rest on; the first time stands
        until the answer is made anew."""
        ...

    def freshness(self, kind: AnswerKind, subjects: Collection[str], question: str) -> Freshness:
        """How new the answers to a question about these subjects are."""
        ...

    def forget_answers(self, before: datetime) -> int:
        """Delete the answers that were made before a moment; how many they were."""
        ...
