"""Readings over HTTP: what is taken, what comes back, and what the meters then say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.routes.ingest import MOST_BYTES
from api.schemas.readings import MOST_PUSHED
from bms.errors import StoreUnavailable
from bms.model.readings.measurement import Ingested, Reading
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites
from tests.rigs.fakes.api import NOW, World, a_world
from tests.rigs.fakes.city import HOUR, lodge
from tests.rigs.paths import ROOT

SITES = (*load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters"), lodge())
EL = "571313115100000001"
START = datetime(2019, 1, 20, 23, tzinfo=UTC)
CSV = "meter_id,timestamp_utc,kwh\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path, sites=SITES)


def row(hour: int = 0, value: object = 1.0, **more: object) -> dict[str, object]:
    return {"meter": EL, "time": (START + hour * HOUR).isoformat(), "value": value, **more}


async def push(world: World, body: object, scope: str = "ingest"):
    async with world.browser(**world.key(scope)) as browser:
        return await browser.post("/v1/ingest", json=body)


async def push_raw(world: World, content: bytes | str, kind: str, scope: str = "ingest"):
    headers = {**world.key(scope), "content-type": kind}
    async with world.browser(**headers) as browser:
        return await browser.post("/v1/ingest", content=content)


async def get(world: World, path: str, **query: str):
    async with world.browser(**world.key("read")) as browser:
        return await browser.get(f"/v1/meters{path}", params=query)


class TestAPushOfReadings:
    async def test_is_stored_once_whatever_is_sent_again(self, world: World) -> None:
        body = {"readings": [row(0), row(1), row(2, unit="MWh", value=0.002)]}
        first, again = await push(world, body), await push(world, body)
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == {
            "new": 3,
            "known": 0,
            "corrected": 0,
            "waiting": 0,
            "expired": 0,
            "refused_rows": 0,
            "refused": [],
        }
        assert (again.json()["new"], again.json()["known"]) == (0, 3)
        values = [r.value for r in world.store.readings("school/el.energy", START, NOW)]
        assert values == [1.0, 1.0, 2.0]

    async def test_answers_each_row_that_cannot_be_used_with_its_index(self, world: World) -> None:
        wrong = [
            {"point": "school/el.energy", "time": "2019-01-21T00:00:00", "value": 1},
            row(1, "2.5"),
            row(2, True),
            row(3, unit="m3"),
            row(4, colour="red"),
            {**row(5), "time": 1_548_000_000},
            {"meter": EL, "time": "2019-01-21T05:00:00Z"},
            row(6, quality="excellent"),
            "no row",
        ]
        answer = await push(world, {"readings": [*wrong, row(7)]})
        told = answer.json()
        assert (answer.status_code, told["new"], told["refused_rows"]) == (200, 1, 9)
        assert [each["index"] for each in told["refused"]] == list(range(9))
        says = ("timezone", "number", "number", "kWh", "Extra", "text", "required", "good", "dict")
        for each, word in zip(told["refused"], says, strict=True):
            assert word in each["message"], each

    async def test_of_which_no_row_can_be_used_is_refused(self, world: World) -> None:
        answer = await push(world, {"readings": [{**row(), "meter": "999"}]})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"] == [
            {
                "index": 0,
                "message": "no meter '999' that this key may push to; a site file has its number "
                "under supplier",
            }
        ]

    async def test_of_nothing_is_no_mistake(self, world: World) -> None:
        assert (await push(world, {"readings": []})).status_code == 200

    @pytest.mark.parametrize(
        "content",
        ["", "{", "[]", '{"rows": []}', '{"readings": {}}', "[" * 100_000, '{"readings":[],"x":1}'],
    )
    async def test_that_is_no_such_body_is_refused(self, world: World, content: str) -> None:
        answer = await push_raw(world, content, "application/json")
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_of_another_kind_or_packed_is_refused(self, world: World) -> None:
        assert (await push_raw(world, "<x/>", "application/xml")).status_code == 415
        assert (await push_raw(world, b"\x1f\x8b\x08", "text/csv")).status_code == 415

    async def test_that_is_too_large_is_refused_before_it_is_read(self, world: World) -> None:
        rows = {"readings": [row()] * (MOST_PUSHED + 1)}
        assert (await push(world, rows)).status_code == 413
        assert (await push_raw(world, b" " * (MOST_BYTES + 1), "text/csv")).status_code == 413
        assert world.store.latest(["school/el.energy"]) == {}

    async def test_is_acknowledged_only_when_it_outlives_a_power_cut(self, tmp_path: Path) -> None:
        class Watching(MemoryStore):
            durable: bool | None = None

            def add_readings(self, readings, *, durable=False):
                self.durable = durable
                return super().add_readings(readings, durable=durable)

        for body in ({"readings": [row()]}, None):
            store = Watching()
            world = a_world(tmp_path, store=store, sites=SITES)
            sent = (
                await push(world, body)
                if body
                else await push_raw(world, f"{CSV}{EL},2019-01-21T00:00:00Z,1\n", "text/csv")
            )
            assert sent.status_code == 200
            assert store.durable is True

    async def test_that_waits_on_disk_is_accepted(self, tmp_path: Path) -> None:
        class Waiting(MemoryStore):
            def add_readings(self, readings, *, durable=False):
                return Ingested(waiting=len(list(readings)))

        world = a_world(tmp_path, store=Waiting(), sites=SITES)
        answer = await push(world, {"readings": [row()]})
        assert (answer.status_code, answer.json()["waiting"]) == (202, 1)

    async def test_that_cannot_be_kept_comes_again_later(self, tmp_path: Path) -> None:
        class Away(MemoryStore):
            def add_readings(self, readings, *, durable=False):
                raise StoreUnavailable("the database is away")

        world = a_world(tmp_path, store=Away(), sites=SITES)
        answer = await push(world, {"readings": [row()]})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


class TestAPushOfCsv:
    async def test_names_its_refused_lines(self, world: World) -> None:
        text = CSV + "".join(
            f"{EL},2019-01-21T{hour:02}:00:00Z,{value}\n"
            for hour, value in enumerate(["1", "2", "many", "4"])
        )
        answer = await push_raw(world, text, "text/csv; charset=utf-8")
        told = answer.json()
        assert (answer.status_code, told["new"], told["refused_rows"]) == (200, 3, 1)
        assert told["refused"][0]["line"] == 4
        assert told["refused"][0]["index"] is None

    async def test_that_is_no_csv_is_refused(self, world: World) -> None:
        answer = await push_raw(world, "<html>login</html>", "text/csv")
        assert answer.status_code == 422
        assert "HTML" in answer.json()["detail"]

    async def test_of_a_key_of_one_site_reaches_no_other(self, world: World) -> None:
        text = f"{CSV}{EL},2019-01-21T00:00:00Z,1\n"
        assert (await push_raw(world, text, "text/csv", "ingest:lodge")).status_code == 422
        assert (await push_raw(world, text, "text/csv", "ingest:school")).status_code == 200


class TestTheMeters:
    async def test_are_listed_by_page(self, world: World) -> None:
        world.store.add_readings([Reading("school/heat.energy", START, 12.0)])
        first = (await get(world, "", limit="4")).json()
        rest = (await get(world, "", cursor=first["next"])).json()
        rows = {each["id"]: each for each in (*first["meters"], *rest["meters"])}
        assert list(rows) == sorted(rows)
        assert set(rows) >= {"lodge/heat", "school/heat", "school/rest", "school/water"}
        heat, virtual = rows["school/heat"], rows["school/rest"]
        assert (heat["number"], heat["unit"], heat["latest"]["value"]) == ("6841234", "kWh", 12.0)
        assert (virtual["virtual"], virtual["billed"], virtual["point"]) == (True, False, None)
        assert rest["next"] is None

    async def test_say_what_they_used_per_hour_and_why_not(self, world: World) -> None:
        await push(world, {"readings": [row(0), row(1), row(3, 4)]})
        answer = await get(
            world,
            "/school/el/consumption",
            start=START.isoformat(),
            end=(START + 4 * HOUR).isoformat(),
        )
        told = answer.json()
        assert [each["value"] for each in told["use"]] == [1.0, 1.0, None, 4.0]
        assert (told["unit"], told["total"], told["step"]) == ("kWh", None, "1h")
        (event,) = told["events"]
        assert event["flaw"] == "gap"
        assert datetime.fromisoformat(event["start"]) == START + 2 * HOUR
        assert event["words"]["da"] != event["words"]["en"]

    async def test_say_what_they_used_on_local_days(self, world: World) -> None:
        await push(world, {"readings": [row(hour, 2) for hour in range(48)]})
        answer = await get(
            world,
            "/school/el/consumption",
            step="1d",
            start="2019-01-21T15:00:00Z",
            end="2019-01-22T15:00:00Z",
        )
        told = answer.json()
        assert [each["value"] for each in told["use"]] == [48.0, 48.0]
        assert told["total"] == 96.0
        assert datetime.fromisoformat(told["start"]) == START
        assert datetime.fromisoformat(told["end"]) == START + 48 * HOUR

    async def test_say_how_far_they_can_be_trusted(self, world: World) -> None:
        await push(world, {"readings": [row(0), row(1), row(2, None), row(3)]})
        answer = await get(
            world,
            "/school/el/quality",
            start=START.isoformat(),
            end=(START + 4 * HOUR).isoformat(),
        )
        told = answer.json()
        assert (told["steps"], told["missing"], told["coverage"]) == (4, 1, 0.75)
        assert (told["without_value"], told["counts"]) == (1, {"gap": 1})
        assert told["verdict"]["code"] == "incomplete"
        assert told["worst"]["reason"]["flaw"] == "gap"
        assert told["silent_for_s"] == timedelta(hours=1).total_seconds()

    async def test_say_how_far_the_water_is_cooled(self, world: World) -> None:
        registers = (
            ("energy", 17.0),
            ("volume", 0.5),
            ("flow_energy", 40.0),
            ("return_energy", 25.0),
        )
        rows = [
            {**row(hour, step * hour), "meter": "6841234", "quantity": quantity}
            for quantity, step in registers
            for hour in range(5)
        ]
        assert (await push(world, {"readings": rows})).json()["new"] == 20
        query = {"start": START.isoformat(), "end": (START + 4 * HOUR).isoformat()}
        told = (await get(world, "/school/heat/cooling", **query)).json()
        assert (told["mean_k"], told["volume_m3"], told["coverage"]) == (30.0, 2.0, 1.0)
        assert told["energy_ratio"] == pytest.approx(17 / (1.146 * 15))
        assert (await get(world, "/school/el/cooling", **query)).status_code == 404

    async def test_of_a_virtual_kind_answer_as_well(self, world: World) -> None:
        answer = await get(world, "/school/rest/quality")
        assert answer.status_code == 200
        assert answer.json()["verdict"]["code"] == "no_readings"

    @pytest.mark.parametrize(
        ("path", "query", "status"),
        [
            ("/school/nobody/quality", {}, 404),
            ("/nowhere/el/quality", {}, 404),
            ("/school/el/consumption", {"step": "1w"}, 422),
            ("/school/el/consumption", {"start": "2019-01-02T00:00:00Z", "step": "15m"}, 200),
            ("/school/el/consumption", {"start": "2018-01-02T00:00:00Z", "step": "15m"}, 422),
            ("/school/el/consumption", {"start": "2012-01-02T00:00:00Z", "step": "1d"}, 422),
            ("/school/el/quality", {"start": "2030-01-02T00:00:00Z"}, 422),
            ("/school/el/quality", {"start": "2019-01-02T00:00:00"}, 422),
            ("/school/%2e%2e/quality", {}, 422),
        ],
    )
    async def test_refuse_what_cannot_be_answered(
        self, world: World, path: str, query: dict[str, str], status: int
    ) -> None:
        assert (await get(world, path, **query)).status_code == status
