"""People whom the provider of sign-ins knows: kept from their first sign-in on, so that they can be
revoked here, too."""

from __future__ import annotations

import secrets
from datetime import datetime

from bms.errors import NotPermitted, StoreError, StoreUnavailable
from bms.model.access.people import KeptPerson
from bms.ports.sign_in import ProvidedIdentity
from bms.ports.storage.people import PeopleStore

TRIES = 5
"""How often a new person is added [1]: others may take the same name meanwhile."""


def person_of_provider(
    people: PeopleStore, identity: ProvidedIdentity, grants: str, now: datetime
) -> KeptPerson:
    """The person of an identity, kept now where nobody knew them.

    Raises ``NotPermitted`` where they were revoked, and where no group of theirs has a role.
    """
    if not grants:
        raise NotPermitted(
            "none of your groups has a role here; whoever runs this system can give it one"
        )
    known = people.person_of(identity.subject) or _kept_now(people, identity, now)
    if known.revoked is not None:
        raise NotPermitted(f"{known.name} was signed out for good by whoever runs this system")
    return known


def _kept_now(people: PeopleStore, identity: ProvidedIdentity, now: datetime) -> KeptPerson:
    """The person, kept by us or by a sign-in of the same moment: whichever comes second finds the
    first, and a name that somebody else took meanwhile is chosen anew."""
    for _ in range(TRIES - 1):
        try:
            return _add(people, identity, now)
        except StoreUnavailable:
            raise
        except StoreError:
            known = people.person_of(identity.subject)
            if known is not None:
                return known
    return _add(people, identity, now)


def _add(people: PeopleStore, identity: ProvidedIdentity, now: datetime) -> KeptPerson:
    made = KeptPerson(
        id=secrets.token_hex(4),
        name=_free_name(people.people(), identity),
        grants="",
        created=now,
        subject=identity.subject,
    )
    people.add_person(made, actor=made.name)
    return made


def _free_name(people: list[KeptPerson], identity: ProvidedIdentity) -> str:
    """The name of an identity; with its subject where somebody else has one that reads alike."""
    name = _printable(identity.name)
    taken = {person.name.casefold() for person in people}
    if name.casefold() not in taken:
        return name
    longer = f"{name} ({_printable(identity.subject.rpartition(' ')[2])[:32]})"
    return longer if longer.casefold() not in taken else f"{name} ({secrets.token_hex(4)})"


def _printable(text: str) -> str:
    return " ".join("".join(c for c in text if c.isprintable()).split()) or "?"
