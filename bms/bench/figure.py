"""One measured figure beside what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

Progress = Callable[[str, float], None]
"""Called with what is being done and how much of it is (0..1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``at_least`` and ``stretch`` are the asked-for values in words; ``rival`` ran beside us."""

    name: str
    value: float
    unit: str
    ok: bool
    at_least: str = ""
    stretch: str = ""
    rival: str | None = None
    rival_value: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
