"""A key of the API as it is kept: never its secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """``digest`` is the SHA-256 of the secret; ``scope`` is ``read``, ``operate``, ``ingest``,
    ``ingest:<site id>`` or ``controller:<device id>``.

    From ``expires`` on it is no key any more; None is until it is revoked.
    """

    id: str
    digest: str
    scope: str
    name: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def good_at(self, now: datetime) -> bool:
        """Whether it may be used at ``now``."""
        return self.revoked is None and (self.expires is None or now < self.expires)
