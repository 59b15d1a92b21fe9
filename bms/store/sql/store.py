"""The store of a running backend: everything in one SQL database."""

from __future__ import annotations

from bms.store.database.connection import PATIENCE_S, Link
from bms.store.rollups.local_days import TIMEZONE, LocalDays
from bms.store.rollups.timezone import settle_zone
from bms.store.sql.bookings import SqlBookings
from bms.store.sql.decisions import SqlPeople
from bms.store.sql.events import SqlEvents
from bms.store.sql.plans import SqlPlans
from bms.store.sql.predictions import SqlPredictions
from bms.store.sql.retention import SqlRetention
from bms.store.sql.trials import SqlTrials


class SqlStore(
    SqlRetention, SqlPlans, SqlPeople, SqlTrials, SqlEvents, SqlBookings, SqlPredictions
):
    """Implements ``Store``; also ``corrections`` and ``audit``.

    ``url`` is an SQLAlchemy URL such as ``sqlite:///var/bms.db``. Folder, file and tables are
    made where they are missing, and tables of an earlier version are brought up to date.
    ``patience_s`` [s] is how long a statement waits for another process that writes. Days are those
    of ``timezone``. Raises ConfigError, ``StoreUnavailable`` or StoreError, each with the place and
    the way out.
    """

    def __init__(
        self, url: str, *, patience_s: float = PATIENCE_S, timezone: str = TIMEZONE
    ) -> None:
        days = LocalDays(timezone)
        link = Link(url, patience_s)
        super().__init__(link, days)
        try:
            settle_zone(link, days)
        except BaseException:
            link.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._link.close()
