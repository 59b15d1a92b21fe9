"""One fault: how it strikes, how it ends, and what it may last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from bms.bench.chaos.building import RecordingBuilding
from bms.bench.chaos.town import StrikeMoment, Town


@dataclass
class Fault:
    """A fault of one kind at the building ``name``, for ``minutes`` [min] of building time.

    ``moments`` are those at which it can strike; ``longest`` [min] bounds how long it lasts.
    """

    moments: ClassVar[tuple[StrikeMoment, ...]] = tuple(StrikeMoment)
    longest: ClassVar[int] = 40
    name: str = "east"
    notes: dict[str, object] = field(default_factory=dict)

    @classmethod
    def title(cls) -> str:
        """Its name in the table."""
        return "".join(f" {c.lower()}" if c.isupper() else c for c in cls.__name__).strip()

    def building(self, town: Town) -> RecordingBuilding:
        """The building at which it strikes."""
        return town.buildings[self.name]

    async def strike(self, town: Town) -> None:
        """Let it happen."""
        raise NotImplementedError

    async def heal(self, town: Town) -> None:
        """Let it be over."""
