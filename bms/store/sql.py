"""The store of a running backend: everything in one SQL database."""

from __future__ import annotations

from bms.store.bookings import SqlBookings
from bms.store.events import SqlEvents
from bms.store.link import PATIENCE_S, Link
from bms.store.local_days import TIMEZONE, LocalDays
from bms.store.people import SqlPeople
from bms.store.plans import SqlPlans
from bms.store.predictions import SqlPredictions
from bms.store.retention import SqlRetention
from bms.store.trials import SqlTrials
from bms.store.zone import settle_zone


class SqlStore(
    SqlRetention, SqlPlans, SqlPeople, SqlTrials, SqlEvents, SqlBookings, SqlPredictions
):
    """Implements ``bms.ports.Store``; also ``corrections`` and ``audit``.

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
