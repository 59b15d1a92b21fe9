"""Kept answers in SQL: one row each, the newest in the place of the one before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text

from bms.model.codec import from_json, to_json
from bms.model.epoch import from_micros, to_micros
from bms.model.savings.kept_answer import (
    AnswerHead,
    AnswerKind,
    AnswerState,
    AnswerVersion,
    Freshness,
    KeptAnswer,
)
from bms.store.database.connection import Linked
from bms.store.database.tables import packed, unpacked

ASKED_AT_ONCE = 500
"""Subjects of one statement [1]."""
_KEEP = text(
    "INSERT INTO answers (kind, subject, question, edition, made_at, version,"
    " outdated_at, body)"
    " VALUES (:kind, :subject, :question, 1, :made_at, :version, :outdated_at, :body)"
    " ON CONFLICT (kind, subject, question) DO UPDATE SET edition = answers.edition + 1,"
    " made_at = excluded.made_at,"
    " version = excluded.version, outdated_at = excluded.outdated_at, body = excluded.body"
    " RETURNING edition"
)
_ANSWERS = text(
    "SELECT subject, kind, question, edition, made_at, version, outdated_at, body FROM answers"
    " WHERE kind = :kind AND question = :question AND subject IN :subjects"
).bindparams(bindparam("subjects", expanding=True))
_STATES = text(
    "SELECT subject, edition, outdated_at FROM answers"
    " WHERE kind = :kind AND question = :question AND subject IN :subjects"
).bindparams(bindparam("subjects", expanding=True))
_HEADS = text(
    "SELECT subject, kind, question, edition, made_at, version, outdated_at FROM answers"
    " WHERE subject = :subject ORDER BY kind, question"
)
_MARK = text(
    "UPDATE answers SET outdated_at = :at WHERE kind = :kind AND subject = :subject"
    " AND question = :question AND outdated_at IS NULL"
)
_FRESHNESS = text(
    "SELECT count(*), min(made_at), count(outdated_at) FROM answers"
    " WHERE kind = :kind AND question = :question AND subject IN :subjects"
).bindparams(bindparam("subjects", expanding=True))
_FORGET = text("DELETE FROM answers WHERE made_at < :before")


class SqlAnswers(Linked):
    """Implements ``AnswerStore``."""

    def keep_answer(self, answer: KeptAnswer) -> int:
        """See ``AnswerStore``."""
        head = answer.head
        row = {
            "kind": head.kind.value,
            "subject": head.subject,
            "question": head.question,
            "made_at": to_micros(head.made_at),
            "version": to_json(head.version),
            "outdated_at": None if head.outdated_at is None else to_micros(head.outdated_at),
            "body": packed(answer.body),
        }
        with self._link.writing(durable=False) as session:
            return int(session.connection().execute(_KEEP, row).scalar_one())

    def answer(self, kind: AnswerKind, subject: str, question: str) -> KeptAnswer | None:
        """See ``AnswerStore``."""
        return self.answers(kind, [subject], question).get(subject)

    def answers(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, KeptAnswer]:
        """See ``AnswerStore``."""
        return {
            row[0]: KeptAnswer(head=_head(row), body=unpacked(row[7]))
            for row in self._of_kind(_ANSWERS, kind, subjects, question)
        }

    def answer_states(
        self, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> dict[str, AnswerState]:
        """See ``AnswerStore``."""
        found = self._of_kind(_STATES, kind, subjects, question)
        return {row[0]: AnswerState(row[1], row[2] is not None) for row in found}

    def _of_kind(
        self, statement: Any, kind: AnswerKind, subjects: Collection[str], question: str
    ) -> Iterator[Any]:
        names = sorted(set(subjects))
        asked = {"kind": kind.value, "question": question}
        with self._link.reading() as session:
            for first in range(0, len(names), ASKED_AT_ONCE):
                some = {"subjects": names[first : first + ASKED_AT_ONCE]}
                yield from session.connection().execute(statement, asked | some).all()

    def answer_heads(self, subject: str) -> list[AnswerHead]:
        """See ``AnswerStore``."""
        with self._link.reading() as session:
            rows = session.connection().execute(_HEADS, {"subject": subject}).all()
        return [_head(row) for row in rows]

    def mark_outdated(
        self, subject: str, questions: Collection[tuple[AnswerKind, str]], at: datetime
    ) -> None:
        """See ``AnswerStore``."""
        rows = [
            {"kind": kind.value, "subject": subject, "question": question, "at": to_micros(at)}
            for kind, question in questions
        ]
        if not rows:
            return
        with self._link.writing(durable=False) as session:
            session.connection().execute(_MARK, rows)

    def freshness(self, kind: AnswerKind, subjects: Collection[str], question: str) -> Freshness:
        """See ``AnswerStore``."""
        parts = [row for row in self._of_kind(_FRESHNESS, kind, subjects, question) if row[0]]
        return Freshness(
            answers=sum(row[0] for row in parts),
            made_at=from_micros(min(row[1] for row in parts)) if parts else None,
            outdated=sum(row[2] for row in parts),
        )

    def forget_answers(self, before: datetime) -> int:
        """See ``AnswerStore``."""
        with self._link.writing(durable=False) as session:
            done = session.connection().execute(_FORGET, {"before": to_micros(before)})
            return int(done.rowcount)


def _head(row: Any) -> AnswerHead:
    return AnswerHead(
        subject=row[0],
        kind=AnswerKind(row[1]),
        question=row[2],
        edition=row[3],
        made_at=from_micros(row[4]),
        version=from_json(AnswerVersion, row[5]),
        outdated_at=None if row[6] is None else from_micros(row[6]),
    )
