"""What is held at a device that is gone for good: given up by name, and only there (W12, W17)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.errors import ConfigError, NotFound, StoreUnavailable
from bms.model.assets.site import Site
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import Released, StillHeld
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.services import operator
from bms.services.control.ports import ControlPorts
from bms.services.overview.buildings import failed_now
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.drivers import device_said
from tests.rigs.fakes.ports import control_ports
from tests.rigs.fakes.safety import CONSTANT, ENABLE, LEVERS, NOW, NULL, OWN, hut

SITE = hut()
GAVE_UP = StillHeld(NULL, fact(ReceiptReason.DECLARED_GONE, device="hut/bacnet"), retryable=False)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ports(store, drivers, journal) -> ControlPorts:
    return control_ports(store, drivers=drivers, journal=journal)


def elsewhere(*points: str) -> Site:
    """The hut; its file has the points at another device by now."""
    second = replace(SITE.devices[0], id="hut/second", port=3)
    moved = tuple(replace(p, device=second.id) if p.id in points else p for p in SITE.points)
    return replace(SITE, devices=(*SITE.devices, second), points=moved)


async def declared(ports: ControlPorts, target: str, site: Site | None) -> list[object]:
    done = await operator.declare_gone(
        target, site, now=NOW, ports=ports, actor="anna", reason="scrapped"
    )
    assert done.recorded
    return list(done.receipts)


@pytest.mark.parametrize("site", [elsewhere(NULL), None], ids=["moved", "building gone"])
async def test_w12_what_was_never_seen_free_is_given_up_by_name_and_not_told_as_free(
    store, drivers, journal, ports, site: Site | None
) -> None:
    drivers.device("hut/bacnet").dead = True
    assert await declared(ports, NULL, site) == [GAVE_UP]
    assert set(journal.leases()) == set(LEVERS) - {NULL}
    (entry,) = store.audit(AuditSearch(action=Action.DECLARE_GONE))
    assert (entry.actor, entry.site, entry.subject) == ("anna", "hut", NULL)
    assert entry.reason == "hut/bacnet: scrapped"
    (kept,) = store.receipts("hut", NOW)
    assert kept[1] == GAVE_UP


async def test_w17_nothing_is_blocked_and_no_alarm_stands_afterwards(
    store, drivers, journal, ports
) -> None:
    drivers.device("hut/bacnet").dead = True
    silent = StillHeld(NULL, device_said("no reply"))
    store.add_receipts([silent], NOW)
    assert failed_now(store.receipts("hut", NOW)) == [(NOW, silent)]
    await declared(ports, NULL, elsewhere(NULL))
    assert failed_now(store.receipts("hut", NOW)) == []


async def test_w12_of_a_site_what_answers_is_given_back_and_the_rest_is_given_up(
    drivers, journal, ports
) -> None:
    drivers.device("hut/bacnet").dead = True
    receipts = await declared(ports, "hut", None)
    assert GAVE_UP in receipts
    assert Released(ENABLE, OWN[ENABLE]) in receipts
    assert journal.leases() == {}


async def test_w12_a_device_that_the_site_file_still_has_is_tried_on(
    drivers, journal, ports
) -> None:
    drivers.device("hut/bacnet").dead = True
    with pytest.raises(ConfigError, match=r"site file still has hut/.* at hut/bacnet"):
        await declared(ports, NULL, SITE)
    with pytest.raises(ConfigError, match="hut/bacnet, hut/modbus"):
        await declared(ports, "hut", SITE)
    assert set(journal.leases()) == set(LEVERS)


async def test_w12_a_device_that_answers_and_refuses_is_not_gone(drivers, journal, ports) -> None:
    drivers.device("hut/modbus").bad_points.add(CONSTANT)
    (receipt,) = await declared(ports, CONSTANT, elsewhere(CONSTANT))
    assert isinstance(receipt, StillHeld)
    assert not receipt.given_up
    assert CONSTANT in journal.leases()


async def test_w12_what_has_moved_with_our_value_is_given_back_where_it_is(
    drivers, journal, ports
) -> None:
    old, second = drivers.device("hut/bacnet"), drivers.device("hut/second")
    second.own[NULL], second.held[NULL] = OWN[NULL], old.held[NULL]
    old.dead = True
    assert await declared(ports, NULL, elsewhere(NULL)) == [Released(NULL, OWN[NULL])]
    assert NULL not in second.held
    assert NULL not in journal.leases()


async def test_w16_where_the_audit_cannot_take_it_nothing_is_given_up(drivers, journal) -> None:
    class Away(MemoryStore):
        def note(self, *args: object, **fields: object) -> None:
            raise StoreUnavailable("away")

    drivers.device("hut/bacnet").dead = True
    with pytest.raises(StoreUnavailable):
        await declared(
            control_ports(Away(), drivers=drivers, journal=journal), NULL, elsewhere(NULL)
        )
    assert NULL in journal.leases()


@pytest.mark.parametrize("target", ["cabin", "hut/nothing"])
async def test_nothing_of_ours_is_nothing_to_give_up(ports, target: str) -> None:
    with pytest.raises(NotFound, match=f"nothing of ours is held at {target}"):
        await declared(ports, target, None)
