"""People whom the provider of sign-ins knows: kept from their first sign-in on, so that they can be
revoked here, too."""

from __future__ import annotations

import secrets
from datetime import datetime

from bms.errors import NotPermitted
from bms.model.access.people import KeptPerson
from bms.ports.sign_in import ProvidedIdentity
from bms.ports.storage.people import PeopleStore


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
    known = people.person_of(identity.subject)
    if known is not None and known.revoked is not None:
        raise NotPermitted(f"{known.name} was signed out for good by whoever runs this system")
    if known is not None:
        return known
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
