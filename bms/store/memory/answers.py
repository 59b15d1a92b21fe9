"""Kept answers in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from bms.model.epoch import to_micros
from bms.model.savings.kept_answer import AnswerHead, AnswerKind, AnswerState, Freshness, KeptAnswer

_Key = tuple[AnswerKind, str, str]


class MemoryAnswers:
    """Implements ``AnswerStore``."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[_Key, KeptAnswer] = {}

    def keep_answer(self, answer: KeptAnswer) -> int:
        """See ``AnswerStore``."""
        head = answer.head
        to_micros(head.made_at)
        key = head.kind, head.subject, head.question
        before = self._answers.get(key)
        edition = 1 if before is None else before.head.edition + 1
        self._answers[key] = replace(answer, head=replace(head, edition=edition))
        return edition

    def answer(self, kind: AnswerKind, subject: str, question: str) -> KeptAnswer | None:
        """See ``AnswerStore``."""
        return self._answers.get((kind, subject, question))

    def answers(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, KeptAnswer]:
        """See ``AnswerStore``."""
        found = {subject: self.answer(kind, subject, question) for subject in subjects}
        return {subject: each for subject, each in found.items() if each is not None}

    def answer_states(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, AnswerState]:
        """See ``AnswerStore``."""
        found = self.answers(kind, subjects, question)
        return {
            subject: AnswerState(each.head.edition, each.head.outdated_at is not None)
            for subject, each in found.items()
        }

    def answer_heads(self, subject: str) -> list[AnswerHead]:
        """See ``AnswerStore``."""
        return [kept.head for key, kept in sorted(self._answers.items()) if key[1] == subject]

    def mark_outdated(
        self, subject: str, questions: Collection[tuple[AnswerKind, str]], at: datetime
    ) -> None:
        """See ``AnswerStore``."""
        to_micros(at)
        for kind, question in questions:
            kept = self._answers.get((kind, subject, question))
            if kept is not None and kept.head.outdated_at is None:
                marked = replace(kept, head=replace(kept.head, outdated_at=at))
                self._answers[kind, subject, question] = marked

    def freshness(self, kind: AnswerKind, subjects: Collection[str], question: str) -> Freshness:
        """See ``AnswerStore``."""
        heads = [kept.head for kept in self.answers(kind, subjects, question).values()]
        return Freshness(
            answers=len(heads),
            made_at=min((head.made_at for head in heads), default=None),
            outdated=sum(head.outdated_at is not None for head in heads),
        )

    def forget_answers(self, before: datetime) -> int:
        """See ``AnswerStore``."""
        old = [key for key, kept in self._answers.items() if kept.head.made_at < before]
        for key in old:
            del self._answers[key]
        return len(old)
