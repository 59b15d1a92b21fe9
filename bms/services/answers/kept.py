"""Answers as they are kept: read as they stand, or made anew where what they rest on has changed.

A job keeps the answers to standing questions up to date; whoever reads them computes nothing. What
is not kept yet is made once, by a few at a time, and nobody waits for others' questions.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from typing import Any, Generic, TypeVar

from bms.errors import NotMadeYet, StoreError
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerHead, AnswerKind, AnswerVersion, KeptAnswer
from bms.ports.clock import Clock
from bms.ports.storage.answers import AnswerStore
from bms.services.answers.versions import Versions
from bms.services.periods import local_date, midnight

T = TypeVar("T")
MAKERS = 2
"""Answers that readers have made at once [1]; the others go on reading."""
PATIENCE_S = 8.0
"""How long a reader waits for an answer that is not kept [s]."""
AT_ONCE_S = 1.5
"""CPU that one reader spends on what is missing of many answers [s]; the job makes the rest."""
LEAST_REMEMBERED = 256
REMEMBERED_PER_SITE = 8


@dataclass(frozen=True, slots=True)
class Planned(Generic[T]):
    """What it takes to answer: the ``span`` of the data, the periods as ``calendar``, the work."""

    span: Span
    calendar: str
    work: Callable[[], T]


@dataclass(frozen=True, slots=True, eq=False)
class Question(Generic[T]):
    """A question about a site. ``text`` is empty for how it stands now. ``kept_current`` says that
    a job makes it anew, ``ledger`` that it rests on what people entered. ``plan`` is asked only
    where there is something to compute."""

    kind: AnswerKind
    site: Site
    returns: Any
    plan: Callable[[], Planned[T]]
    text: str = ""
    kept_current: bool = True
    ledger: bool = False

    @property
    def key(self) -> tuple[AnswerKind, str, str]:
        return self.kind, self.site.id, self.text


@dataclass(frozen=True, slots=True, eq=False)
class Told(Generic[T]):
    """An answer, when it was made, and whether something newer is under way."""

    answer: T
    made_at: datetime
    newer_under_way: bool = False
    edition: int = 0
    version: AnswerVersion = field(default_factory=AnswerVersion)


class KeptAnswers:
    """Answers of ``store``. Thread-safe.

    ``reader``: what a job keeps up to date is read as it stands; otherwise every answer is held
    against the versions of what it rests on, and made anew where they differ. Answers that were
    read once are remembered, at most ``size``; one that was made anew since is read again. A reader
    waits ``patience_s`` [s] for an answer that is not kept.
    """

    def __init__(
        self,
        store: AnswerStore,
        versions: Versions,
        clock: Clock,
        *,
        size: int,
        reader: bool,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.store, self.versions, self._clock = store, versions, clock
        self._size, self._reader, self._patience_s = size, reader, patience_s
        self._known: OrderedDict[tuple[AnswerKind, str, str], Told[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._makers = threading.BoundedSemaphore(MAKERS)
        self._under_way: dict[tuple[AnswerKind, str, str], threading.Lock] = {}

    def one(self, question: Question[T], *, checked: bool = False) -> Told[T]:
        """The answer to a question; ``checked``: held against all that it rests on, whoever asks.

        Raises ``NotMadeYet`` where it is not kept and others are being made, and what its work
        raises.
        """
        if not self._reader:
            return self._fresh(question)
        known = self._kept(question)
        if known is not None and not checked and self._stands(question, known):
            return known
        with self._turn(question):
            return self._fresh(question)

    def many(self, questions: Sequence[Question[T]]) -> list[Told[T] | None]:
        """The answers to questions of one kind and text about many sites; None for those that are
        not kept yet and could not be made at once. Nothing that is kept is held against versions by
        a reader."""
        if not self._reader:
            return [self._fresh(question) for question in questions]
        found = self._all_kept(questions)
        missing = [at for at, each in enumerate(found) if each is None]
        if missing and self._makers.acquire(blocking=False):
            try:
                until = time.thread_time() + AT_ONCE_S
                for at in missing:
                    found[at] = self._fresh(questions[at])
                    if time.thread_time() > until:
                        break
            finally:
                self._makers.release()
        return found

    def stale(
        self, questions: Sequence[Question[Any]]
    ) -> list[tuple[Question[Any], Callable[[], object]]]:
        """The questions about one site whose answers are not kept, or rest on what has changed
        since; each with what makes its answer anew."""
        heads = {(h.kind, h.question): h for h in self.store.answer_heads(questions[0].site.id)}
        found: list[tuple[Question[Any], Callable[[], object]]] = []
        for question in questions:
            plan = question.plan()
            version = self._version(question, plan)
            head = heads.get((question.kind, question.text))
            if head is None or head.version != version:
                found.append((question, partial(self._made, question, plan, version)))
        return found

    def _version(self, question: Question[T], plan: Planned[T]) -> AnswerVersion:
        return self.versions.of(question.site, plan.span, plan.calendar, ledger=question.ledger)

    def _fresh(self, question: Question[T]) -> Told[T]:
        plan = question.plan()
        version = self._version(question, plan)
        known = self._kept(question)
        if known is not None and known.version == version:
            return known
        return self._made(question, plan, version)

    def _made(self, question: Question[T], plan: Planned[T], version: AnswerVersion) -> Told[T]:
        """The answer, computed and kept; what the work itself has entered in the ledger is in its
        version."""
        answer = plan.work()
        if question.ledger:
            version = replace(version, ledger=self.versions.ledger(question.site))
        now = self._clock.now()
        kind, subject, text = question.key
        head = AnswerHead(kind=kind, subject=subject, question=text, made_at=now, version=version)
        kept = KeptAnswer(head=head, body=to_json(answer, question.returns))
        try:
            edition = self.store.keep_answer(kept)
        except StoreError:  # a replica keeps nothing
            return Told(answer, now, version=version)
        return self._remember(question, Told(answer, now, edition=edition, version=version))

    def _kept(self, question: Question[T]) -> Told[T] | None:
        """The answer that is kept, whatever it rests on."""
        return self._all_kept([question])[0]

    def _all_kept(self, questions: Sequence[Question[T]]) -> list[Told[T] | None]:
        if not questions:
            return []
        kind, _, text = questions[0].key
        names = [question.site.id for question in questions]
        states = self.store.answer_states(kind, names, text)
        with self._lock:
            known = {q.site.id: self._known.get(q.key) for q in questions}
        other = [
            name
            for name, state in states.items()
            if (told := known[name]) is None or told.edition != state.edition
        ]
        newer = self.store.answers(kind, other, text) if other else {}
        found: list[Told[T] | None] = []
        today = self._today()
        for question in questions:
            name = question.site.id
            told = known[name] if name in states else None
            if name in newer:
                told = self._decoded(question, newer[name])
            if told is not None:
                old = question.kept_current and told.made_at < today(question.site.timezone)
                told = replace(told, newer_under_way=states[name].outdated or old)
            found.append(told)
        return found

    def _today(self) -> Callable[[str], datetime]:
        """When today began in a time zone: an answer from before it is not the newest."""
        now = self._clock.now()
        return cache(lambda timezone: midnight(local_date(now, timezone), timezone))

    def _decoded(self, question: Question[T], kept: KeptAnswer) -> Told[T] | None:
        """The answer of a row; None where another version of the product wrote it."""
        try:
            answer: T = from_json(question.returns, kept.body)
        except ValueError:
            return None
        head = kept.head
        return self._remember(
            question, Told(answer, head.made_at, edition=head.edition, version=head.version)
        )

    def _remember(self, question: Question[T], told: Told[T]) -> Told[T]:
        with self._lock:
            self._known[question.key] = told
            self._known.move_to_end(question.key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return told

    def _stands(self, question: Question[T], known: Told[T]) -> bool:
        """Whether a reader may have an answer as it is kept: nobody has entered anything since, and
        a job looks after its data; of any other one all is looked at."""
        if not question.kept_current:
            return known.version == self._version(question, question.plan())
        site = question.site
        ledger = self.versions.ledger(site) if question.ledger else ""
        return (ledger, self.versions.site(site)) == (known.version.ledger, known.version.site)

    @contextmanager
    def _turn(self, question: Question[T]) -> Iterator[None]:
        """One reader makes an answer and the others wait for it; a few answers at once. Raises
        ``NotMadeYet`` where that takes longer than the patience."""
        until = time.monotonic() + self._patience_s
        with self._lock:
            own = self._under_way.setdefault(question.key, threading.Lock())
        if not own.acquire(timeout=self._patience_s):
            raise NotMadeYet(question.kind.value, question.site.id)
        try:
            if not self._makers.acquire(timeout=max(until - time.monotonic(), 0.0)):
                raise NotMadeYet(question.kind.value, question.site.id)
            try:
                yield
            finally:
                self._makers.release()
        finally:
            own.release()
            with self._lock:
                self._under_way.pop(question.key, None)
