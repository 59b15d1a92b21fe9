"""What a controller that fetches its setpoint schedule says that it applies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedValue:
    """The value that acts at a point [unit of the point]; ``local_override`` says that somebody at
    the building has put it there."""

    point: str
    effective: float
    local_override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedReport:
    """What the controller ``device`` (``site/device``) had in effect at ``time``; ``plan`` is None
    where it followed its own control. A controller reports a moment once."""

    device: str
    site: str
    plan: str | None
    time: datetime
    values: tuple[AppliedValue, ...]

    @property
    def id(self) -> str:
        """By controller and moment; two reports of one id have to say the same."""
        return f"{self.device}@{self.time.isoformat()}"
