"""Passwords of people: kept as Argon2id hashes (RFC 9106) and compared so that nobody learns from
the time it takes whether a name is known."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from bms.errors import ConfigError
from bms.model.access.people import KeptPerson
from bms.ports.storage.people import PeopleStore

if TYPE_CHECKING:
    from pwdlib import PasswordHash

LEAST, MOST = 8, 1024
"""Characters of a password [1] (NIST SP 800-63B §5.1.1.2)."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""A hash takes 64 MB: no crowd of guesses takes the memory of the backend."""


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(),))


@cache
def _nobodys() -> str:
    """A hash that is compared where there is none."""
    return _hasher().hash("nobody has this password")


def hashed(name: str, password: str) -> str:
    """The hash of a new password. Raises ``ConfigError`` for one that is none."""
    if not LEAST <= len(password) <= MOST:
        raise ConfigError(f"a password has {LEAST} to {MOST} characters; choose another")
    if password.casefold() in (name.casefold(), "password", "12345678", "123456789"):
        raise ConfigError("this password is the first that anybody tries; choose another")
    with _AT_ONCE:
        return _hasher().hash(password)


def person_with(people: PeopleStore, name: str, password: str) -> KeptPerson | None:
    """Who has this name and this password; it takes as long where nobody has."""
    person = people.person(name)
    known = person.password if person is not None and person.revoked is None else None
    with _AT_ONCE:
        right = _hasher().verify(password[:MOST], known or _nobodys())
    return person if right and known is not None else None
