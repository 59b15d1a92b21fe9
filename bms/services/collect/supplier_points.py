"""Whose values are these: from a supplier's number and quantity to a point of a site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bms.model.assets.address import SupplierAddress
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.readings.metering import Quantity


@dataclass(frozen=True, slots=True)
class SupplierPoint:
    """A point that its supplier fills, and how."""

    point: Point
    address: SupplierAddress


@dataclass(frozen=True, slots=True)
class SupplierBook:
    """The points of a city that their suppliers fill, by number and by our own ``site/meter``.

    The site files see to it that a number stands once, or once for import and once for export; it
    has no slash. A number of export alone takes energy, too: not every file tells them apart.
    """

    by_number: Mapping[str, Mapping[Quantity, SupplierPoint]]

    @classmethod
    def of(
        cls, sites: Iterable[Site], may: Callable[[Point], bool] = lambda _: True
    ) -> SupplierBook:
        """The points of the sites; with ``may`` only those for which it is true."""
        book: dict[str, dict[Quantity, SupplierPoint]] = {}
        for site in sites:
            for point in site.points:
                address = point.address
                if isinstance(address, SupplierAddress) and may(point):
                    found = SupplierPoint(point, address)
                    for name in (address.number, f"{site.id}/{point.meter}"):
                        book.setdefault(name, {})[address.quantity] = found
        for quantities in book.values():
            if Quantity.EXPORT in quantities:
                quantities.setdefault(Quantity.ENERGY, quantities[Quantity.EXPORT])
        return cls(book)
