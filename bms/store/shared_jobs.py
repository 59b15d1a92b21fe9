"""The list of jobs that the workers of a city share: procrastinate on their PostgreSQL.

Nothing here listens or relies on a session, so that it works behind pgbouncer, also where that
lends a connection for one transaction only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from bms.errors import ConfigError, JobFailed, StoreUnavailable
from bms.ports.job_retries import MOST_TRIES, tried
from bms.ports.jobs import JobHandlers, JobKind, JobOrder, Priority

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.jobs import Job

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often it is looked for jobs, and whether those that were asked for are done [s]."""
BEAT_S = 5.0
DEAD_S = 20.0
"""A worker whose heart has not beaten for so long is dead, and its jobs are taken up again [s]."""
APART = 3.0
"""Over so many times that what died with two workers is begun again [1]."""
AGAIN_S = 5.0
"""The pause after the database was away [s]."""
CONNECTIONS = 4
WAIT_S = 10.0
"""How long a connection is waited for [s]."""
FAILED_KEPT_H = 72
GRACE_S = 20.0
"""How long what runs may take [s] once the worker is told to end."""
_SCHEMA_LOCK = 0x626D73_02

_WAITING = "SELECT id FROM procrastinate_jobs WHERE queueing_lock = %(name)s AND status = 'todo'"
_RAISE = (
    "UPDATE procrastinate_jobs SET priority = GREATEST(priority, %(priority)s)"
    " WHERE id = %(id)s AND status = 'todo'"
)
_STATES = "SELECT id, status::text FROM procrastinate_jobs WHERE id = ANY(%(ids)s)"
#: A job whose name waits once more needs no second turn: two of one name may not wait. What died
#: with two workers waits for a while: of those that died together one may be what kills them.
_TAKEN_UP = (
    "WITH dead AS MATERIALIZED (SELECT job.id, job.attempts, EXISTS ("
    "SELECT 1 FROM procrastinate_jobs AS other"
    " WHERE other.queueing_lock = job.queueing_lock AND other.status = 'todo') AS again"
    " FROM procrastinate_jobs AS job"
    " LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id"
    " WHERE job.status = 'doing' AND (worker.id IS NULL"
    " OR worker.last_heartbeat < now() - make_interval(secs => %(dead_s)s))"
    " FOR UPDATE OF job SKIP LOCKED) SELECT id, CASE"
    " WHEN again THEN procrastinate_finish_job_v1(id, 'aborted', false)::text"
    " WHEN attempts + 1 >= %(most)s THEN procrastinate_finish_job_v1(id, 'failed', false)::text"
    " ELSE procrastinate_retry_job_v2(id, CASE WHEN attempts > 0"
    " THEN now() + random() * make_interval(secs => %(apart_s)s) END, NULL, NULL, NULL)::text"
    " END FROM dead"
)


class SharedJobs:
    """Implements ``bms.ports.jobs.Jobs`` for every process on the database of ``url``.

    ``open`` comes first. A process does the kinds of job that it has handlers for. Raises
    ``ConfigError`` where procrastinate is not installed or the database is no PostgreSQL.
    """

    shared = True

    def __init__(self, url: str, *, look_s: float = LOOK_S, dead_s: float = DEAD_S) -> None:
        self._look_s, self._dead_s = look_s, dead_s
        self._app = _app(url)
        self._ends: dict[int, asyncio.Future[str]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._connecting, self._connected = asyncio.Lock(), False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[SharedJobs]:
        """The list, while the block runs; a database that is away is looked for when it is
        needed."""
        try:
            yield self
        finally:
            if self._looking is not None:
                self._looking.cancel()
                await asyncio.gather(self._looking, return_exceptions=True)
            await self._app.close_async()

    async def _ready(self) -> None:
        """Connect, and make the tables where there are none. Raises ``StoreUnavailable``."""
        async with self._connecting:
            if self._connected:
                return
            with _told():
                try:
                    await self._app.open_async()
                    await _ensure_tables(self._app)
                except BaseException:
                    await self._app.close_async()
                    raise
            self._connected = True

    async def done(self, order: JobOrder) -> bool:
        """See ``Jobs``."""
        await self._ready()
        with _told():
            id_ = await self._deferred(order)
        if id_ is None:
            return False
        state = await self._end_of(id_)
        if state == "aborted":  # its worker died, and it was asked for once more meanwhile
            return False
        if state != "succeeded":
            raise JobFailed(f"failed {MOST_TRIES} times; the log of the worker says why")
        return True

    async def work(self, handlers: JobHandlers, at_once: int) -> None:
        """Do jobs until the task is cancelled, ``at_once`` side by side [1]; what runs then is
        waited for a while. One place is for plans alone. While the database is away there are
        none."""
        _register(self._app, handlers)
        kinds = [kind.value for kind in handlers]
        places = [(kinds, max(1, at_once - 1)), ([JobKind.PLAN.value], 1)]
        async with asyncio.TaskGroup() as group:
            for queues, places_of in places:
                group.create_task(self._work_on(queues, places_of))
            group.create_task(self._take_up())

    async def _work_on(self, queues: list[str], at_once: int) -> None:
        while True:
            with contextlib.suppress(Exception):  # the database is away: its own readers say so
                await self._ready()
                await self._app.run_worker_async(
                    queues=queues,
                    concurrency=at_once,
                    fetch_job_polling_interval=self._look_s,
                    abort_job_polling_interval=3600.0,
                    listen_notify=False,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=min(BEAT_S, self._dead_s / 4),
                    stalled_worker_timeout=self._dead_s,
                    shutdown_graceful_timeout=GRACE_S,
                )
            await asyncio.sleep(AGAIN_S)

    async def _take_up(self) -> None:
        """Hand the jobs of dead workers out again."""
        while True:
            await asyncio.sleep(self._dead_s / 4)
            with contextlib.suppress(Exception):
                await self._ready()
                rows = await self._app.connector.execute_query_all_async(
                    _TAKEN_UP, dead_s=self._dead_s, most=MOST_TRIES, apart_s=APART * self._dead_s
                )
                if rows:
                    log.warning("%d jobs of workers that died are taken up again", len(rows))

    async def forget_failed(self) -> None:
        """Delete the jobs that failed days ago. Raises ``StoreUnavailable``."""
        await self._ready()
        with _told():
            await self._app.job_manager.delete_old_jobs(
                nb_hours=FAILED_KEPT_H,
                include_failed=True,
                include_cancelled=True,
                include_aborted=True,
            )

    async def _deferred(self, order: JobOrder) -> int | None:
        """The job that became of the order; None where its slot was asked for before."""
        from procrastinate.exceptions import AlreadyEnqueued

        manager, job = self._app.job_manager, _job(order)
        while True:
            try:
                if order.slot is None:
                    return (await manager.defer_job_async(job)).id
                return await manager.defer_periodic_job(job, order.name, order.slot)
            except AlreadyEnqueued:
                rows = await self._app.connector.execute_query_all_async(_WAITING, name=order.name)
            for row in rows:  # it may have begun meanwhile: then it is asked for once more
                await self._app.connector.execute_query_async(
                    _RAISE, id=row["id"], priority=int(order.priority)
                )
                return int(row["id"])

    async def _end_of(self, id_: int) -> str:
        """How a job ended. It is looked for with all others that are waited for."""
        end = self._ends.setdefault(id_, asyncio.get_running_loop().create_future())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(end)

    async def _look(self) -> None:
        while self._ends:
            await asyncio.sleep(self._look_s)
            asked = list(self._ends)  # others may join while the database answers
            with contextlib.suppress(Exception):  # away: looked for again
                rows = await self._app.connector.execute_query_all_async(_STATES, ids=asked)
                told = {row["id"]: row["status"] for row in rows}
                # those that succeed are deleted
                self._settle({id_: told.get(id_, "succeeded") for id_ in asked})

    def _settle(self, states: dict[int, str]) -> None:
        for id_, state in states.items():
            if state not in ("todo", "doing"):
                end = self._ends.pop(id_)
                if not end.done():
                    end.set_result(state)


def _app(url: str) -> App:
    made = make_url(url)
    if made.get_backend_name() != "postgresql":
        raise ConfigError(
            "BMS_JOBS=cluster needs a PostgreSQL that the workers share; name it in "
            "BMS_DATABASE_URL, or leave BMS_JOBS out"
        )
    try:
        from procrastinate import App, PsycopgConnector

        from bms.store.database.postgres.dialect import without_pool_mode
    except ImportError as error:
        raise ConfigError(
            "BMS_JOBS=cluster needs procrastinate: pip install 'bms[cluster]'"
        ) from error
    plain = without_pool_mode(made).set(drivername="postgresql")
    place, asks, options = plain.render_as_string(hide_password=False).partition("?")
    conninfo = place + asks + options.replace("+", "%20")  # libpq takes a plus for itself
    return App(
        connector=PsycopgConnector(
            conninfo=conninfo,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_S,
            kwargs={"prepare_threshold": None, "application_name": "bms jobs"},
        )
    )


async def _ensure_tables(app: App) -> None:
    """Make the tables of procrastinate where there are none; of several processes one does."""
    if await app.check_connection_async():
        return
    schema = app.schema_manager.get_schema().replace("%", "%%")
    lock = f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK});"
    try:
        await app.connector.execute_query_async(f"BEGIN;{lock}{schema};COMMIT")
    except Exception:
        if not await app.check_connection_async():
            raise


def _job(order: JobOrder) -> Job:
    from procrastinate.jobs import Job

    return Job(
        id=None,
        lock=order.subject or "the city",
        queueing_lock=order.name,
        task_name=order.kind.value,
        queue=order.kind.value,  # whoever cannot do a kind leaves it to others
        priority=int(order.priority),
        task_kwargs={
            "subject": order.subject,
            "at": order.at.isoformat(),
            "priority": int(order.priority),
            "slot": order.slot,
            "known": order.known,
            "timestamp": order.slot,
        },
    )


def _register(app: App, handlers: JobHandlers) -> None:
    for kind in handlers:
        if kind.value not in app.tasks:
            app.task(name=kind.value)(_task(kind, handlers))


def _task(kind: JobKind, handlers: JobHandlers) -> Any:
    async def task(
        subject: str, at: str, priority: int, slot: int | None, known: str, timestamp: int | None
    ) -> None:
        order = JobOrder(
            kind=kind,
            subject=subject,
            at=datetime.fromisoformat(at),
            priority=Priority(priority),
            slot=slot,
            known=known,
        )
        try:
            await tried(handlers[kind], order)
        except JobFailed as error:
            log.error("%s failed at %s: %s", order.name, at, error)
            raise

    return task


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors of the list in our words."""
    from procrastinate.exceptions import ConnectorException
    from psycopg import Error
    from psycopg_pool import PoolTimeout

    try:
        yield
    except (ConnectorException, Error, PoolTimeout, OSError) as error:
        why = " ".join(str(error.__cause__ or error).split())
        raise StoreUnavailable(f"the list of jobs cannot be used: {why}") from error
