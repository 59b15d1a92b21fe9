"""A person's leased write: one value at one point, for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.errors import StoreUnavailable
from bms.model.assets.site import Site
from bms.model.control.command import AnyReceipt, Command, Receipt, Refused
from bms.model.fact import Fact
from bms.services.control.authority import Permitted, Withheld, Writer, may_write
from bms.services.control.decision import PermittedCommand, decide, new_command
from bms.services.control.inspection import inspect
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import SiteState, state_of
from bms.services.control.write_path import WriteOrder, carry_out
from bms.services.evidence.receipts import receipts_kept
from bms.services.off_loop import off_loop


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWrite:
    """What a person wants: ``value`` [unit of the point] at the point of this id for the time of
    ``lease``; who, why, and whether as one who tries the point."""

    point: str
    value: float
    lease: timedelta
    actor: str
    reason: str | Fact
    writer: Writer = Writer.PERSON


async def write_once(
    site: Site,
    wanted: PersonWrite,
    *,
    now: datetime,
    ports: ControlPorts,
) -> Receipt:
    """Write a value in any mode. Until its lease ends the plan keeps away from the point.

    It goes the same way as a planned one: the gate, limits, journal, guard, read-back. Raises
    ``StoreUnavailable`` or ``GuardError`` when overrides or leases cannot be read; nothing is
    written then. No other home writes there meanwhile (W2).
    """
    command = new_command(
        wanted.point, wanted.value, now, wanted.lease, wanted.reason, wanted.actor
    )
    try:
        await off_loop(ports.owned.reserve, site, wanted.lease)
        state = await off_loop(state_of, site, now, ports)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"{wanted.point} is not written: whether somebody holds it, and who needs its air, "
            f"stands in the database, which does not answer ({error}). Wait for it, or set the "
            "value at the controller; to give a point back, bms release needs no database"
        ) from error
    answer = may_write(state, wanted.point, wanted.writer)
    async with receipts_kept(ports.ledgers, ports.journal, now) as done:
        if isinstance(answer, Withheld):
            done.append(Refused(command, answer.reason))
        else:
            await _carry_out_one(state, command, answer, ports, done.append)
    return next(o for o in done if isinstance(o, Receipt) and o.command.id == command.id)


async def _carry_out_one(
    state: SiteState,
    command: Command,
    permission: Permitted,
    ports: ControlPorts,
    told: Callable[[AnyReceipt], None],
) -> None:
    point = permission.point
    held = state.leases.get(point.id)
    seen = await inspect(
        {point.id: (point, state.site.device(point.device))},
        [] if held is None else [held],
        at=state.at,
        drivers=ports.drivers,
        journal=ports.journal,
        told=told,
    )
    permitted = [PermittedCommand(command, permission)]
    # what a person writes is written, even where it stands already
    [decision] = await off_loop(decide, state, permitted, seen, ports.readings, renewing=False)
    if not isinstance(decision, WriteOrder):
        told(decision)
        return
    await carry_out([decision], now=state.now, ports=ports, told=told)
