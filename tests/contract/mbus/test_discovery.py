"""Which meters are on a line, and the draft of a site file with them."""

from __future__ import annotations

import pytest

from drivers.discovery.mbus_scan import MbusScan, mbus_endpoint_at
from drivers.discovery.site_draft import draft_site
from drivers.fieldbus.errors import NoReply
from drivers.simulator.servers import mbus_telegrams as made
from drivers.simulator.servers.mbus import LineMeter
from drivers.templates import load_templates
from sites.loader import load_site_text
from tests.rigs.fieldbus.mbus_rig import SpoiltLine

HEAT, WATER = 4, 6
NUMBERS = ("00000001", "12345678", "12345679", "12399999", "22222222", "90000000")


def a_town(numbers: tuple[str, ...] = NUMBERS) -> SpoiltLine:
    return SpoiltLine([_meter(place + 1, number) for place, number in enumerate(numbers)])


def _meter(primary: int, number: str) -> LineMeter:
    water = primary % 3 == 0
    who = made.MeterIdentity(number, "KAM", 27, WATER if water else HEAT)
    records = [made.bcd(b"\x06", primary), made.integer(b"\x2b", 50, 2)] if not water else []
    records += [made.integer(b"\x14", 100 * primary), made.integer(b"\x06", 1, storage=1)]
    parts = made.telegrams(who, [*records, made.integer(b"\xff\x22", 3)])
    return LineMeter(primary, who.secondary, lambda: parts)


async def test_meters_are_found_by_their_numbers_through_collisions() -> None:
    line = a_town()
    port = await line.start()
    shares: list[float] = []
    scan = MbusScan(
        f"127.0.0.1:{port}", timeout_s=0.02, report=lambda share, _: shares.append(share)
    )
    await scan.by_secondary()
    await scan.close()
    await line.close()
    assert sorted(str(each.serial_number) for each in scan.found) == sorted(NUMBERS)
    assert scan.notes == []
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert all(meter.reads < 12 for meter in line.meters)


async def test_two_meters_of_one_number_are_said_to_be_there() -> None:
    line = a_town(("12345678", "12345678"))
    port = await line.start()
    scan = MbusScan(f"127.0.0.1:{port}", timeout_s=0.01)
    await scan.by_secondary()
    await scan.close()
    await line.close()
    assert scan.found == []
    assert "several meters bear the number 12345678" in scan.notes[0]


async def test_primary_addresses_one_after_the_other() -> None:
    line = a_town()
    port = await line.start()
    scan = MbusScan(f"127.0.0.1:{port}", timeout_s=0.02)
    await scan.by_primary(range(4, 9))
    await scan.close()
    await line.close()
    assert [each.primary for each in scan.found] == [4, 5, 6]


async def test_a_draft_of_what_was_found_passes_the_check() -> None:
    line = a_town()
    port = await line.start()
    scan = MbusScan(f"127.0.0.1:{port}", timeout_s=0.02)
    await scan.by_secondary()
    await scan.close()
    await line.close()
    text = draft_site(scan.found, site="kaelder")
    site = load_site_text(text, "kaelder.yaml", load_templates())
    assert {device.protocol for device in site.devices} == {"mbus"}
    assert len(site.meters) == len(NUMBERS)
    assert {meter.commodity.value for meter in site.meters} == {"heat", "water"}
    roles = [point.role.value for point in site.points]
    assert roles.count("meter_energy") == 4
    assert roles.count("meter_volume") == 6
    assert '{record: "04FF22"}' in text


@pytest.mark.parametrize("target", ["10.0.0.1", "10.0.0.1:x", "serial:", "serial:/dev/x?baud=9"])
def test_a_malformed_target_says_what_is_allowed(target: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|baud"):
        mbus_endpoint_at(target)


def test_serial_lines_of_meters_have_their_own_usual_speed() -> None:
    line = mbus_endpoint_at("serial:/dev/ttyUSB0").serial
    assert line is not None
    assert (line.baud, line.parity.value) == (2400, "even")


async def test_no_gateway_is_an_error_that_names_it() -> None:
    scan = MbusScan("127.0.0.1:1", timeout_s=0.02)
    with pytest.raises(NoReply, match=r"127\.0\.0\.1:1"):
        await scan.by_secondary()
    await scan.close()
