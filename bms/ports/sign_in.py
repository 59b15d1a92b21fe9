"""A provider of sign-ins: whose word on who somebody is we take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """One attempt of one browser. ``back`` is the address that the provider sends it to; the others
    are secrets of the browser that the answer has to fit to."""

    back: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidedIdentity:
    """Somebody as the provider knows them. ``subject`` names them for good, ``name`` is for
    people."""

    subject: str
    name: str
    groups: tuple[str, ...]


class SignInProvider(Protocol):
    """Synchronous: call it off the event loop. Raises ``FeedError`` where the provider cannot be
    asked."""

    def address(self, attempt: SignInAttempt) -> str:
        """Where the browser is sent to sign in."""
        ...

    def identity(self, attempt: SignInAttempt, code: str) -> ProvidedIdentity:
        """Who it was. Raises ``NotPermitted`` where the answer does not prove that."""
        ...
