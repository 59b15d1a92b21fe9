"""The store of a running backend: everything in one SQL database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bms.store.database.availability import Availability
from bms.store.database.connection import PATIENCE_S, Link
from bms.store.database.reconnecting import ReconnectingLink
from bms.store.rollups.local_days import TIMEZONE, LocalDays
from bms.store.rollups.stale_days import ensure_timezone
from bms.store.sql.access.keys import SqlKeys
from bms.store.sql.access.people import SqlPeople
from bms.store.sql.answers import SqlAnswers
from bms.store.sql.chains.evidence import SqlEvidence
from bms.store.sql.chains.proofs import witness
from bms.store.sql.decisions import SqlDecisions
from bms.store.sql.ledgers import SqlLedgers
from bms.store.sql.plans import SqlPlans
from bms.store.sql.predictions import SqlPredictions
from bms.store.sql.retention import SqlRetention
from bms.store.sql.trials import SqlTrials
from bms.store.sql.trust import SqlTrust
from bms.store.sql.work.items import SqlWorkItems
from bms.store.sql.work.notices import SqlNotices


class SqlStore(
    SqlRetention,
    SqlPlans,
    SqlPredictions,
    SqlDecisions,
    SqlLedgers,
    SqlKeys,
    SqlPeople,
    SqlTrials,
    SqlTrust,
    SqlWorkItems,
    SqlNotices,
    SqlAnswers,
    SqlEvidence,
):
    """Implements ``Store``; also ``corrections``.

    ``url`` is an SQLAlchemy URL such as ``sqlite:///var/bms.db``. Folder, file and tables are
    made where they are missing, and tables of an earlier version are brought up to date.
    ``patience_s`` [s] is how long a statement waits for another process that writes. Days are those
    of ``timezone``. With ``availability`` a database that is away is no error: the first call that
    finds it opens it, and until then every call raises ``StoreUnavailable``; without ``at_once`` it
    is not even looked for before that. Raises ConfigError,
    ``StoreUnavailable`` or StoreError, each with the place and the way out.
    """

    def __init__(
        self,
        url: str,
        *,
        patience_s: float = PATIENCE_S,
        timezone: str = TIMEZONE,
        availability: Availability | None = None,
        at_once: bool = True,
    ) -> None:
        days = LocalDays(timezone)

        def opened() -> Link:
            return _opened(url, patience_s, days)

        if availability is None:
            super().__init__(opened(), days)
            return
        link = ReconnectingLink(opened, availability)
        if at_once:
            link.open()
        super().__init__(link, days)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See ``Store``."""
        with self._link.reading():
            yield

    def close(self) -> None:
        """Close the connections."""
        self._link.close()


def _opened(url: str, patience_s: float, days: LocalDays) -> Link:
    """A link to a database whose tables are up to date and whose roll-ups are of these days."""
    link = Link(url, patience_s, witness)
    try:
        ensure_timezone(link, days)
    except BaseException:
        link.close()
        raise
    return link
