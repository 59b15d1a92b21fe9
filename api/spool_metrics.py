"""Readings that wait for the database, in the text format of Prometheus and in a sentence."""

from __future__ import annotations

from bms.model.readings.spool import Importance, Loss, SpoolState
from bms.services.city import City


def spool_state(city: City) -> SpoolState:
    """What waits and what was lost; nothing where the store cannot be away."""
    return SpoolState() if city.forwarding is None else city.forwarding.state()


def spool_lines(state: SpoolState) -> list[str]:
    """Samples by class of readings and, for the losses, by reason. 0 is said, too: an alarm needs
    something to compare with."""
    waiting = [
        f'bms_spool_waiting{{class="{kind.name.lower()}"}} {state.waiting.get(kind, 0)}'
        for kind in Importance
    ]
    dropped = [
        f'bms_spool_dropped_total{{class="{kind.name.lower()}",reason="{loss}"}} '
        f"{state.lost.get((kind, loss), 0)}"
        for kind in Importance
        for loss in Loss
    ]
    return [
        "# TYPE bms_spool_waiting gauge",
        *waiting,
        "# TYPE bms_spool_bytes gauge",
        f"bms_spool_bytes {state.size_bytes}",
        "# TYPE bms_spool_dropped_total counter",
        *dropped,
        "# TYPE bms_spool_torn_total counter",
        f"bms_spool_torn_total {state.torn}",
    ]


def spool_sentence(state: SpoolState) -> str:
    """How many readings wait and are lost; empty where there are none."""
    waiting, lost = sum(state.waiting.values()), sum(state.lost.values())
    if not waiting and not lost:
        return ""
    return f"{waiting} readings wait on disk, {lost} were lost so far"
