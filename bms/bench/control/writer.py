"""A backend that holds the points of a small city until it is killed.

``python -m bms.bench.control.writer HOME PORT SITES LEASE_S [DATABASE OWNER_S]`` prints the end of
its leases, in seconds since 1970, once it holds them all. It starts a guard of its own, as ``bms
run`` does. With the folder of a database it owns its sites there for ``OWNER_S`` [s].
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from bms.bench.control.city import bench_city
from bms.model.control.ownership import OwningWorker
from bms.services.control.dispatch import dispatch_site


async def hold(
    home: Path,
    port: int,
    sites: int,
    lease: timedelta,
    database: Path | None = None,
    owner_s: float = 0.0,
) -> None:
    """Dispatch once with leases of this length, and then do nothing any more."""
    made = bench_city(home, sites, port, guarded=True, database=database)
    if database is not None:
        me = OwningWorker(id="killed", place="the killed writer")
        stands_s, sites_of_city = lease.total_seconds(), [*made.city.sites, me.presence]
        made.city.stores.owners.claim(
            me, sites_of_city, lasts_s=owner_s, stands_s=stands_s, grace_s=0.0
        )
    now = made.now
    await asyncio.gather(
        *(
            dispatch_site(site, now=now, ports=made.city.control, lease=lease)
            for site in made.city.sites.values()
        )
    )
    leases = made.city.journal.leases().values()
    if not leases:
        sys.exit("the machine is too busy: every lease ended before its write could leave")
    sys.stdout.write(f"{max(held.lease_end for held in leases).timestamp()} {len(leases)}\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    _, home, port, sites, lease_s, *owning = sys.argv
    lease = timedelta(seconds=float(lease_s))
    owned = (Path(owning[0]), float(owning[1])) if owning else ()
    asyncio.run(hold(Path(home), int(port), int(sites), lease, *owned))
