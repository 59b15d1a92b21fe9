"""What PostgreSQL refuses, in the words of an operator and with the way out.

A refusal has an SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), but one
that comes while connecting is told apart by its text only. Whatever may go away by itself or by
the hand of an operator is ``StoreUnavailable``: readings wait until it has.
"""

from __future__ import annotations

from urllib.parse import quote

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bms.errors import StoreError, StoreUnavailable

_LOGIN = (
    "refuses the user or the password; set both right in BMS_DATABASE_URL,"
    " and see pg_hba.conf on the server"
)
_MISSING = "does not exist; make it with createdb, or name another one in BMS_DATABASE_URL"
_CROWDED = "has no connection left for us; raise max_connections on it, or stop what holds them"
_STARTING = "is being started or stopped; wait until it is back"
_UNHEARD = "does not answer; see that the server runs, and that host and port are right"
_GONE = "broke the connection; see that the server runs"
_NO_HOST = "cannot be found; put the name of the host right in BMS_DATABASE_URL"
_OPTION = "cannot be asked for like this; put the options right in BMS_DATABASE_URL"
_ENCRYPTION = "does not agree on encryption; set sslmode in BMS_DATABASE_URL as the server has it"
_MEANWHILE = "met another writer of the same; try again"

_AWAY: dict[str, str] = {
    "23505": _MEANWHILE,  # made between our question and our answer; asked again, it is known
    "23514": _MEANWHILE,  # a month of readings that was taken away under our hands
    "25006": "is read-only, a replica perhaps; name the primary server in BMS_DATABASE_URL",
    "28000": _LOGIN,
    "28P01": _LOGIN,
    "3D000": _MISSING,
    "40001": _MEANWHILE,
    "40P01": _MEANWHILE,
    "42501": "may not be used like this by our user; make it the owner of the tables",
    "53100": "cannot grow, the disk of the server is full; free space on it",
    "53200": "is out of memory; give the server more, or let it do less at a time",
    "53300": _CROWDED,
    "55P03": "is held by another session; end that session or wait until it is done",
    "57014": "cut us off in the middle; raise statement_timeout for our user, or ask who did it",
    "57P01": _STARTING,
    "57P02": _STARTING,
    "57P03": _STARTING,
    "58030": "cannot be read or written; see whether the disk of the server is well",
    "XX001": "is damaged; stop the backend and restore the last backup",
    "XX002": "is damaged; rebuild its indexes with REINDEX, or restore the last backup",
}
#: Classes of SQLSTATE that speak of the server and not of what was asked.
_AWAY_CLASSES: dict[str, str] = {
    "08": _GONE,
    "40": _MEANWHILE,
    "53": "lacks something that it needs; see the log of the server",
    "57": "cut us off in the middle; see the log of the server",
    "58": "has trouble with its system; see the log of the server",
}
#: What stands in a refused connection, the first one that fits.
_TELLTALES: tuple[tuple[str, str], ...] = (
    ("too many", _CROWDED),
    ("connection slots", _CROWDED),
    ("password", _LOGIN),
    ("pg_hba.conf", _LOGIN),
    ('role "', _LOGIN),
    ("invalid", _OPTION),
    ("starting up", _STARTING),
    ("shutting down", _STARTING),
    ("recovery", _STARTING),
    ("terminating connection", _STARTING),
    ("resolve host", _NO_HOST),
    ("translate host", _NO_HOST),
    ("SSL", _ENCRYPTION),
    ("certificate", _ENCRYPTION),
    ("refused", _UNHEARD),
    ("No such file", _UNHEARD),
    ("timeout", _UNHEARD),
    ("does not exist", _MISSING),
    ("closed", _GONE),
    ("lost", _GONE),
)


def explained(error: Exception, place: str, password: str | None) -> StoreError:
    """The refusal ``error`` of the database ``place``; ``password`` is kept out of the words."""
    if isinstance(error, PoolTimeout):
        return StoreUnavailable(f"{place} is busy: all our connections to it are in use; try again")
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    said = _without(password, str(cause).partition("\n")[0])
    reason = _of_connecting(cause, said) if state is None else _of_state(state)
    if reason is None:
        return StoreError(f"{place} refused: {said}")
    return StoreUnavailable(f"{place} {reason} ({said})")


def _of_state(state: str) -> str | None:
    return _AWAY.get(state) or _AWAY_CLASSES.get(state[:2])


def _of_connecting(cause: BaseException | None, said: str) -> str | None:
    if not isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return None  # a value or a question that psycopg itself does not send
    return next((reason for telltale, reason in _TELLTALES if telltale in said), _UNHEARD)


def _without(password: str | None, said: str) -> str:
    if not password:
        return said
    for form in (password, quote(password, safe="")):
        said = said.replace(form, "***")
    return said
