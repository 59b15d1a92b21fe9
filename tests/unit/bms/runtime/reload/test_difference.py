"""What differs between the sites that run and those of the files."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.site import Site
from bms.runtime.reload.difference import Difference, outdated_leases
from tests.rigs.fakes.safety import NULL, command, hut, lease_on


def of(*sites: Site) -> dict[str, Site]:
    return {site.id: site for site in sites}


A, B, C = (replace(hut(), id=name) for name in "abc")


def test_each_site_is_in_one_of_the_four() -> None:
    changed = replace(B, name_da="Ny")
    found = Difference.between(of(A, B), of(changed, C))
    assert found == Difference(added=("c",), changed=("b",), removed=("a",), unchanged=())
    assert found.touched == ("b", "a")


def test_a_lease_is_outdated_where_its_point_or_device_is_another_or_gone() -> None:
    site = hut()
    lease = lease_on(site, command(NULL, 21.0))
    assert outdated_leases([lease], of(site)) == []
    assert outdated_leases([lease], of(replace(site, name_da="Ny"))) == []
    assert outdated_leases([lease], {}) == [lease]
    fewer = tuple(p for p in site.points if p.id != NULL)
    assert outdated_leases([lease], of(replace(site, points=fewer))) == [lease]
    devices = tuple(replace(d, port=d.port + 1) for d in site.devices)
    assert outdated_leases([lease], of(replace(site, devices=devices))) == [lease]
