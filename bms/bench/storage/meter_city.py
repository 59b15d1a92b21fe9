"""A city of utility meters, and the files that its utility would send."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import HeatSource, HeatSourceKind, Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.metering import Quantity
from bms.model.readings.units import Commodity, Unit

PER_SITE = 30
PER_FILE = 1_000
"""Meters of a building, and of a file."""


def a_city(meters: int) -> tuple[Site, ...]:
    """Buildings of ``PER_SITE`` meters each that a utility reads by the hour."""
    return tuple(
        _site(first // PER_SITE, range(first, min(first + PER_SITE, meters)))
        for first in range(0, meters, PER_SITE)
    )


def _site(number: int, meters: range) -> Site:
    site = f"building{number}"
    return Site(
        id=site,
        name_da=site,
        name_en=site,
        use="school",
        area_m2=1_000.0,
        latitude=56.15,
        longitude=10.2,
        timezone="Europe/Copenhagen",
        heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=100.0),
        zones=(),
        devices=(),
        points=tuple(
            Point(
                id=f"{site}/m{m}.energy",
                site=site,
                device="",
                role=Role.METER_ENERGY,
                unit=Unit.KWH,
                address=SupplierAddress(
                    number=str(571_313_000_000_000_000 + m), quantity=Quantity.ENERGY, interval=True
                ),
                meter=f"m{m}",
                interval_s=3600,
            )
            for m in meters
        ),
        meters=tuple(
            Meter(
                id=f"m{m}",
                commodity=Commodity.ELECTRICITY,
                number=str(571_313_000_000_000_000 + m),
            )
            for m in meters
        ),
    )


def utility_files(meters: int, start: datetime, *, hours: int) -> list[tuple[str, bytes]]:
    """Name and content of CSV files, ``PER_FILE`` meters each, hour by hour."""
    stamps = [f"{start + timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in range(hours)]
    return [
        (
            f"utility-{first // PER_FILE}.csv",
            "\n".join(
                (
                    "meter_id,timestamp_utc,kwh",
                    *(
                        f"{571_313_000_000_000_000 + m},{stamp},{(m * 7 + h * 3) % 97 / 10}"
                        for m in range(first, min(first + PER_FILE, meters))
                        for h, stamp in enumerate(stamps)
                    ),
                    "",
                )
            ).encode(),
        )
        for first in range(0, meters, PER_FILE)
    ]
