"""Other backends that are read beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bms.model.savings.upstream import UpstreamLook


class Federation(Protocol):
    """The upstreams in the order in which they were named."""

    def looks(self) -> Sequence[UpstreamLook]:
        """How each of them was seen last; nothing is waited for."""
        ...
