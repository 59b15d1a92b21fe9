"""A lease: a point that we may be holding, with all it takes to give it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.assets.site import Device, Point
from bms.model.control.command import Command


@dataclass(frozen=True, slots=True)
class Lease:
    """A write that was announced and not yet given back.

    Self-contained, so that whoever gives the point back needs no site file and no database.
    ``command`` is the newest one; its ``lease_end`` is building time.
    """

    command: Command
    point: Point
    device: Device

    @property
    def command_id(self) -> str:
        return self.command.id

    @property
    def lease_end(self) -> datetime:
        return self.command.lease_end

    def ended(self, at: datetime) -> bool:
        """Whether the lease is over at ``at`` (building time)."""
        return self.command.lease_end <= at
