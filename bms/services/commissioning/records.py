"""Commissioning: the functional tests of a site's points, signed and kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.trust.commissioning import Commissioning, declaration
from bms.ports.storage.trust import TrustStore
from bms.services.commissioning.functional_test import PointTest, Surroundings
from bms.services.off_loop import off_loop


def to_commission(site: Site) -> tuple[Point, ...]:
    """The points of a site that have to be commissioned: those that we write to. What a controller
    fetches it reports itself (clause W15)."""
    fetching = {device.id for device in site.devices if device.fetches}
    return tuple(
        point
        for point in site.points
        if point.write is not None and point.device and point.device not in fetching
    )


async def try_points(
    site: Site, points: Iterable[Point], around: Surroundings, *, simulated: bool = False
) -> list[Commissioning]:
    """Try points one after the other. Returns a record of each that was tried, which is kept
    nowhere yet; one whose write the attendant declined, or that the plan holds, is left out. Raises
    ``GuardError`` where no guard can be started."""
    await around.ports.keeper.ensure()
    made = []
    for point in points:
        if point.write is None:
            continue
        test = PointTest(site, point, point.write, around)
        await test.run()
        if not test.declined:
            made.append(_record(site, test, around, simulated))
    return made


def _record(site: Site, test: PointTest, around: Surroundings, simulated: bool) -> Commissioning:
    return Commissioning(
        id=uuid.uuid4().hex,
        site=site.id,
        point=test.point.id,
        at=around.ports.clock.now(),
        by=around.by,
        declared=declaration(test.point, test.device),
        tests=tuple(test.lines),
        resolution=test.resolution,
        settling_s=test.settling_s,
        simulated=simulated,
    )


async def sign(made: Sequence[Commissioning], trust: TrustStore) -> None:
    """Keep records for good: from now on they count. Raises ``StoreUnavailable``."""
    await off_loop(trust.add_commissionings, made)


def newest(records: Iterable[Commissioning]) -> dict[str, Commissioning]:
    """The record that counts for each point, by its id; ``records`` oldest first."""
    return {each.point: each for each in records}


def signed_at(records: Sequence[Commissioning]) -> datetime:
    """When the last of them was signed."""
    return max(each.at for each in records)
