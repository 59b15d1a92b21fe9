"""Reports that are made beside the requests, one at a time, and kept as files until they expire.

Each has a folder of its own with the file and a record of how far it is, so that another process
makes it or answers for it, and one that died is taken up again.
"""

from __future__ import annotations

import hashlib
import logging
import queue
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from bms.errors import BmsError, ConfigError, NotFound, StoreError
from bms.model.codec import from_json, to_json
from bms.model.reporting.export import Export, ExportState
from bms.model.reporting.request import FileForm, ReportRequest
from bms.ports.reports import Reporter
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.reporting.build import build
from bms.services.reporting.scope import chosen_sites, days_of

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
STALLED = timedelta(minutes=5)
"""A file that has not gone on for so long was being made by a process that is gone."""
TOLD_EVERY = 0.05
MOST_UNFINISHED = 20
"""Files that one may wait for at once."""
MOST_KEPT = 200
"""Files of one [1] that are kept: the disk is for readings."""
RECORD, PART = "export.json", "part"
PIECE = 1 << 20
THREAD = "exports"


class Exports:
    """The files of ``folder``, made by ``reporter`` from the numbers of ``cache``. Thread-safe.

    ``elsewhere`` has the export of an id made by another process and waits for it; without it they
    are made here.
    """

    def __init__(
        self,
        folder: Path,
        cache: SavingsCache,
        reporter: Reporter,
        elsewhere: Callable[[str], object] | None = None,
    ) -> None:
        self._folder, self._cache, self._reporter = folder, cache, reporter
        self._maker = elsewhere or self.make
        self._waiting: queue.SimpleQueue[Export] = queue.SimpleQueue()
        self._mine: dict[str, Export] = {}
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._taken: set[tuple[str, str]] = set()
        self._thread: threading.Thread | None = None

    def submit(
        self, request: ReportRequest, form: FileForm, *, owner: str, repeat: str | None = None
    ) -> Export:
        """Ask for a file. Asked again by the same owner with the same ``repeat`` it is the same.

        Raises ``ConfigError`` for a request that is wrong, and for a ``repeat`` of another one;
        ``NotFound`` for an unknown building or group.
        """
        chosen_sites(self._cache.ports.sites, request)
        if request.period is not None:
            days_of(request.period)
        self.forget_old()
        now = self._now()
        name = secrets.token_hex(12) if repeat is None else _digest(owner, repeat)
        export = Export(
            id=name,
            owner=owner,
            request=request,
            form=form,
            state=ExportState.WAITING,
            created=now,
            seen=now,
            expires=now + KEPT,
        )
        with self._asking:
            known = self._known(name)
            if known is None:
                self._keep(export)
                self._start(export)
                return export
        if (known.request, known.form) != (request, form):
            raise ConfigError("this Idempotency-Key stands for another export; take a new one")
        return self._resumed(known)

    def find(self, export_id: str, owner: str) -> Export:
        """How far a file of ``owner`` is. Raises ``NotFound``."""
        known = self._known(export_id)
        if known is None or known.owner != owner or known.expires <= self._now():
            raise NotFound(f"no export {export_id!r}; it may have expired: ask for it again")
        return self._resumed(known)

    def file(self, export: Export) -> Path:
        """Where the finished file is. Raises ``NotFound`` where there is none."""
        path = self._folder / export.id / export.file_name
        if export.state is not ExportState.DONE or not path.is_file():
            raise NotFound(f"the file of export {export.id!r} is not there")
        return path

    def has_room(self, owner: str) -> bool:
        """Whether ``owner`` may ask for one more file: so many wait, and so many are kept."""
        own = [each for each in self._all() if each.owner == owner]
        waiting = sum(not each.finished for each in own)
        return waiting < MOST_UNFINISHED and len(own) < MOST_KEPT

    def first_taken(self, export: Export, by: str) -> bool:
        """Whether ``by`` takes the file, or a part of it, for the first time since we began."""
        with self._lock:
            known = (export.id, by) in self._taken
            self._taken.add((export.id, by))
            return not known

    def forget_old(self) -> None:
        """Delete what has expired."""
        now = self._now()
        for each in self._all():
            if each.expires <= now:
                self._taken = {taken for taken in self._taken if taken[0] != each.id}
                shutil.rmtree(self._folder / each.id, ignore_errors=True)

    def settle(self, patience_s: float | None = None) -> None:
        """Wait until nothing is being made, for ``patience_s`` [s, real] where that is given."""
        thread = self._thread
        if thread is not None:
            thread.join(patience_s)

    def _resumed(self, export: Export) -> Export:
        """The export, begun again where nobody makes it any more."""
        stalled = self._now() - export.seen > STALLED
        if export.finished or export.id in self._mine or not stalled:
            return export
        again = replace(export, state=ExportState.WAITING, share=0.0, seen=self._now())
        self._keep(again)
        self._start(again)
        return again

    def _start(self, export: Export) -> None:
        with self._lock:
            self._mine[export.id] = export
            self._waiting.put(export)
            if self._thread is None:
                thread = threading.Thread(target=self._work, name=THREAD)
                thread.start()
                self._thread = thread

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._waiting.empty():
                    self._thread = None
                    return
                export = self._waiting.get()
            try:
                self._maker(export.id)
            except BmsError as error:
                self._fail(export, str(error))
            except Exception:
                log.exception("export %s failed", export.id)
                self._fail(export, "an error that nobody expected; it is in the log of the backend")
            finally:
                self._mine.pop(export.id, None)

    def make(self, export_id: str) -> None:
        """Make the file of an export; nothing where it is there already. A request that cannot be
        answered ends as an export that failed.

        Raises ``NotFound`` where its record is not in our folder, ``StoreError`` where the database
        is away.
        """
        export = self._known(export_id)
        if export is None:
            raise NotFound(
                f"there is no export {export_id!r} in {self._folder}; where several computers do"
                " the jobs, BMS_EXPORTS_DIR names a folder that all of them see"
            )
        if export.finished:
            return
        try:
            done = self._written(export)
        except StoreError:
            raise
        except BmsError as error:
            self._fail(export, str(error))
        else:
            self._keep(replace(done, seen=self._now()))

    def _fail(self, export: Export, told: str) -> None:
        self._keep(replace(export, state=ExportState.FAILED, error=told, seen=self._now()))

    def _written(self, export: Export) -> Export:
        running = replace(export, state=ExportState.RUNNING)
        told = [0.0]

        def progress(share: float) -> None:
            _while_running()
            if share >= told[0]:
                told[0] = share + TOLD_EVERY
                self._keep(replace(running, share=0.9 * share, seen=self._now()))

        progress(0.0)
        report = build(self._cache, export.request, progress)
        part = self._folder / export.id / f"{PART}.{secrets.token_hex(4)}"
        with part.open("w+b") as out:
            self._reporter.write(report, export.form, out)
        digest, size = _digest_of(part)
        part.replace(self._folder / export.id / export.file_name)
        return replace(running, state=ExportState.DONE, share=1.0, size=size, digest=digest)

    def _keep(self, export: Export) -> None:
        place = self._folder / export.id
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place / f"{RECORD}.{threading.get_ident()}.new"
        fresh.write_text(to_json(export), "utf-8")
        fresh.replace(place / RECORD)

    def _known(self, export_id: str) -> Export | None:
        if not export_id.isalnum():
            return None
        try:
            return from_json(Export, (self._folder / export_id / RECORD).read_bytes())
        except (OSError, ValueError):
            return None

    def _all(self) -> Iterator[Export]:
        if not self._folder.is_dir():
            return
        for place in self._folder.iterdir():
            known = self._known(place.name)
            if known is not None:
                yield known

    def _now(self) -> datetime:
        return self._cache.ports.clock.now()


def _digest(owner: str, repeat: str) -> str:
    return hashlib.sha256(f"{owner}\0{repeat}".encode()).hexdigest()[:24]


def _digest_of(path: Path) -> tuple[str, int]:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            whole.update(piece)
        return whole.hexdigest(), file.tell()


def _while_running() -> None:
    """Raises ``SystemExit``, which ends the thread without a word, once the process ends."""
    if not threading.main_thread().is_alive():
        raise SystemExit
