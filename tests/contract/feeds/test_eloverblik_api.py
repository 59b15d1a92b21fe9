"""Eloverblik's interface against a local server: tokens, limits, answers that are stored as files
are, and metering points that fail alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.clock import VirtualClock
from bms.errors import FeedError
from bms.feeds.client.disk_cache import DiskCache
from bms.feeds.suppliers.eloverblik import read_eloverblik
from bms.feeds.suppliers.eloverblik_api import EloverblikApi
from bms.model.assets.address import SupplierAddress
from bms.model.readings.metering import Quantity
from bms.outgoing.http import HttpxClient
from bms.runtime.municipality import EXAMPLES
from bms.services.collect.file_ingest import IngestReport, ingest_answers
from bms.services.collect.supplier_points import SupplierBook
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import HOUR, lodge
from tests.rigs.feeds.server import Asked, FeedServer, Reply, payload

NOW = datetime(2026, 1, 14, 10, 0, tzinfo=UTC)
POINT = "571313100000000001"
OTHER = "571313100000000002"
SERIES = "/customerapi/api/meterdata/gettimeseries"
TOKEN = "/customerapi/api/token"
REFRESH = "our-refresh-token"


def series(asked: Asked) -> bytes:
    """A day of hours of each point that is asked for, one kWh each; ``OTHER`` has no data."""
    points = json.loads(asked.body)["meteringPoints"]["meteringPoint"]
    template = json.loads(payload("eloverblik_timeseries"))
    results = []
    for number in points:
        if number == OTHER:
            results.append(
                {"success": False, "errorCode": 30015, "errorText": "NoData", "id": number}
            )
            continue
        one = json.loads(json.dumps(template["result"][0]))
        for each in one["MyEnergyData_MarketDocument"]["TimeSeries"]:
            each["MarketEvaluationPoint"]["mRID"]["name"] = number
        results.append(one)
    return json.dumps({"result": results}).encode()


class Rig:
    """The interface, its server and its clock."""

    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server, self.folder, self.clock = server, folder, VirtualClock(NOW)
        server.says(TOKEN, Reply(b'{"result": "short-lived"}'))
        server.says(SERIES, Reply(series))
        self.api = EloverblikApi(
            HttpxClient(user_agent="bms", timeout_s=2, deadline_s=5),
            DiskCache(folder),
            self.clock,
            REFRESH,
            base=server.address,
        )

    def answers(self, *numbers: str) -> list[tuple[str, bytes] | FeedError]:
        return list(self.api.answers(numbers))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        yield Rig(server, tmp_path / "feeds")


def test_the_refresh_token_is_exchanged_once_in_its_24_hours(rig: Rig) -> None:
    rig.answers(POINT)
    rig.clock.advance(22 * HOUR)
    rig.answers(POINT)
    assert len(rig.server.paths(TOKEN)) == 1
    rig.clock.advance(22 * HOUR)
    rig.answers(POINT)
    assert len(rig.server.paths(TOKEN)) == 2
    first, asked = rig.server.asked[:2]
    assert first.headers["authorization"] == f"Bearer {REFRESH}"
    assert asked.headers["authorization"] == "Bearer short-lived"
    assert asked.path == f"{SERIES}/2025-12-31/2026-01-14/Actual"
    assert json.loads(asked.body) == {"meteringPoints": {"meteringPoint": [POINT]}}


def test_ten_points_are_asked_at_once_and_nothing_that_is_no_metering_point(rig: Rig) -> None:
    points = [str(int(POINT) + i) for i in range(23)]
    assert len(rig.answers(*points, "school/el", "4711")) == 3
    sizes = [
        len(json.loads(one.body)["meteringPoints"]["meteringPoint"])
        for one in rig.server.asked
        if one.path.startswith(SERIES)
    ]
    assert sizes == [10, 10, 3]


def test_who_has_answered_is_not_asked_again_on_that_day(rig: Rig) -> None:
    for _ in range(30):
        rig.answers(POINT)
        rig.clock.advance(HOUR)
    assert len(rig.server.paths(SERIES)) == 2


def test_a_token_that_is_refused_is_exchanged_once_more(rig: Rig) -> None:
    rig.answers(POINT)
    rig.clock.advance(21 * HOUR)
    rig.server.says(SERIES, Reply(status=401), Reply(series))
    ((_, body),) = rig.answers(POINT)
    assert b"MyEnergyData" in body
    assert len(rig.server.paths(TOKEN)) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_limit_is_kept_to_and_tried_again_afterwards(rig: Rig, status: int) -> None:
    rig.server.says(SERIES, Reply(status=status, headers={"Retry-After": "7200"}))
    (error,) = rig.answers(POINT)
    assert isinstance(error, FeedError)
    rig.server.says(SERIES, Reply(series))
    for _ in range(2):
        rig.clock.advance(timedelta(minutes=50))
        (error,) = rig.answers(POINT)
        assert isinstance(error, FeedError)
    assert len(rig.server.paths(SERIES)) == 1
    rig.clock.advance(timedelta(minutes=30))
    ((_, _),) = rig.answers(POINT)


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(b"<html>Maintenance</html>"),
        Reply(b'{"result": "none"}'),
        Reply(status=302, headers={"Location": "https://example.org/"}),
        Reply(hang_up=True),
        Reply(series, cut=50),
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_reading(rig: Rig, wrong: Reply) -> None:
    rig.server.says(SERIES, wrong)
    (error,) = rig.answers(POINT)
    assert isinstance(error, FeedError)
    assert REFRESH not in str(error)


def test_a_refresh_token_that_is_refused_is_named_and_kept_out_of_files(rig: Rig) -> None:
    rig.server.says(TOKEN, Reply(status=401))
    (error,) = rig.answers(POINT)
    assert "refresh token" in str(error)
    assert rig.api.check().verdict.code == "feed_check_refused"
    kept = b"".join(file.read_bytes() for file in rig.folder.rglob("*") if file.is_file())
    for secret in (REFRESH, "short-lived", POINT):
        assert secret.encode() not in kept
    assert REFRESH not in repr(rig.api)


def a_book(*numbers: str) -> SupplierBook:
    """The lodge, whose meters are those of the numbers."""
    site = lodge()
    first = next(point for point in site.points if point.meter == "el")
    points = [
        replace(
            first,
            id=f"lodge/el{i}",
            address=SupplierAddress(number=number, quantity=Quantity.ENERGY, interval=True),
        )
        for i, number in enumerate(numbers)
    ]
    return SupplierBook.of([replace(site, points=tuple(points))])


def test_what_comes_is_stored_as_a_file_is_and_twice_is_once(rig: Rig) -> None:
    store, book = MemoryStore(), a_book(POINT, OTHER)

    def taken() -> list[IngestReport | FeedError]:
        answers = rig.api.answers([POINT, OTHER])
        return list(
            ingest_answers(answers, read_eloverblik, book=book, readings=store, now=rig.clock.now())
        )

    (report,) = taken()
    assert isinstance(report, IngestReport)
    assert report.accepted == 24
    assert "NoData" in str(report.refused[0]), "the other one fails alone"
    rig.clock.advance(21 * HOUR)
    (again,) = taken()
    assert isinstance(again, IngestReport)
    assert again.stored.new == 0


def test_by_the_command_line(rig: Rig, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{REFRESH}\n")
    env = {
        "BMS_HOME": str(tmp_path / "home"),
        "BMS_SITES": str(EXAMPLES),
        "BMS_FEED_URLS": f"eloverblik={rig.server.address}",
        "BMS_ELOVERBLIK_TOKEN_FILE": str(token),
    }
    done = CliRunner().invoke(app, ["feeds", "meters", "--json"], env=env)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"answers": [], "failed": []}
    del env["BMS_ELOVERBLIK_TOKEN_FILE"]
    done = CliRunner().invoke(app, ["feeds", "meters"], env=env)
    assert done.exit_code != 0
    assert "BMS_ELOVERBLIK_TOKEN_FILE" in done.output
