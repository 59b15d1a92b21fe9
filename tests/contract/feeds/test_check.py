"""``bms feeds check`` against a local server: each provider is asked once, and what is wrong is
told with what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.feeds.live import ADDRESSES
from bms.runtime.municipality import EXAMPLES
from tests.rigs.feeds.answers import (
    HOUR,
    dmi_forecast,
    emissions,
    metno_forecast,
    observations,
    prices,
)
from tests.rigs.feeds.server import Asked, FeedServer, Reply, payload

Check = Callable[..., tuple[int, dict[str, Any]]]
DAY = timedelta(days=1)
DMI, METNO, PRICES, LIST = (
    "/v1/forecastedr", "/weatherapi", "/dataset/DayAheadPrices", "/dataset/DatahubPricelist",
)  # fmt: skip
PROGNOSIS = "/dataset/CO2EmisProg"


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as made:
        made.says(DMI, Reply(dmi_forecast(this_hour() - 4 * HOUR, 60)))
        made.says("/v2/metObs", Reply(observations))
        made.says(METNO, Reply(metno_forecast(this_hour(), 90)))
        made.says(PRICES, Reply(partial(prices, last=this_hour() + 3 * DAY)))
        made.says(PROGNOSIS, Reply(partial(emissions, last=this_hour() + 10 * HOUR)))
        made.says("/dataset/CO2Emis", Reply(partial(emissions, last=this_hour())))
        made.says(LIST, Reply(payload("eds_DatahubPricelist_Konstant_Energinet")))
        yield made


@pytest.fixture
def check(server: FeedServer, tmp_path: Path) -> Check:
    def run(*more: str, **env: str) -> tuple[int, dict[str, Any]]:
        urls = ",".join(f"{name}={server.address}" for name in ADDRESSES)
        settings = {
            "BMS_HOME": str(tmp_path / "home"),
            "BMS_SITES": str(EXAMPLES),
            "BMS_FEED": "live",
            "BMS_FEED_URLS": urls,
            "BMS_CONTACT": "energy@example.org",
            **env,
        }
        done = CliRunner().invoke(app, ["feeds", "check", "--json", *more], env=settings)
        assert done.exit_code in (0, 1), done.output
        return done.exit_code, json.loads(done.stdout)

    return run


def verdicts(told: dict[str, Any]) -> dict[str, str]:
    return {
        row["provider"].split(" (")[0].split(" at ")[0]: row["verdict"]["code"]
        for row in told["providers"]
    }


def test_each_is_asked_once_and_told(server: FeedServer, check: Check) -> None:
    code, told = check()
    assert set(verdicts(told)) >= {"DMI", "MET Norway", "DayAheadPrices", "CO2EmisProg"}
    assert verdicts(told)["DMI stations of temp_mean_past1h"] == "feed_check_no_station"
    dmi = next(row for row in told["providers"] if row["provider"].startswith("DMI (CC"))
    assert dmi["verdict"]["code"] == "feed_check_good"
    assert dmi["complete"] == 1.0
    assert 3.9 < dmi["age_h"] < 5.1
    assert dmi["values"] == 60
    assert told["plan"]["weather"]["source"].startswith("DMI")
    for path in (DMI, METNO, PRICES, PROGNOSIS, LIST):
        assert len(server.paths(path)) == 1, path
    assert (code == 0) == all(row["good"] for row in told["providers"])


def test_a_second_look_within_the_minute_asks_nobody(server: FeedServer, check: Check) -> None:
    check()
    before = len(server.paths(DMI))
    _, told = check()
    assert len(server.paths(DMI)) == before
    assert verdicts(told)["DMI"] == "feed_check_too_soon"


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        (Reply(b"<html>Log in</html>"), "feed_check_unreadable"),
        (Reply(status=429, headers={"Retry-After": "600"}), "feed_check_busy"),
        (Reply(status=503), "feed_check_busy"),
        (Reply(status=403), "feed_check_refused"),
        (Reply(status=404), "feed_check_status"),
        (Reply(hang_up=True), "feed_check_away"),
        (Reply(status=302, headers={"Location": "https://example.org/"}), "feed_check_away"),
        (Reply(dmi_forecast(this_hour() - 4 * HOUR, 20)), "feed_check_short"),
        (Reply(dmi_forecast(this_hour() - 38 * HOUR, 90)), "feed_check_stale"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    server: FeedServer, check: Check, wrong: Reply, verdict: str
) -> None:
    server.says(DMI, wrong)
    code, told = check()
    assert verdicts(told)["DMI"] == verdict
    assert code == 1
    row = next(row for row in told["providers"] if row["verdict"]["code"] == verdict)
    assert row["verdict"]["da"] != row["verdict"]["en"]
    assert told["plan"]["weather"]["notes"], "the plan says what it does instead"


def test_an_empty_list_is_no_answer(server: FeedServer, check: Check) -> None:
    def none(_: Asked) -> bytes:
        return b'{"total": 0, "records": []}'

    server.says(PRICES, Reply(none))
    server.says(LIST, Reply(none))
    _, told = check()
    assert verdicts(told)["DayAheadPrices"] == "feed_check_unreadable"
    assert verdicts(told)["DatahubPricelist"] == "feed_check_unreadable"
    assert "error" in told["plan"]["prices"]


def test_keys_come_from_files(server: FeedServer, check: Check, tmp_path: Path) -> None:
    server.says("/api", Reply(status=401))
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    _, told = check(BMS_ENTSOE_TOKEN_FILE=str(token))
    assert verdicts(told)["ENTSO-E Transparency Platform, prices of DK1"] == "feed_check_refused"
    assert "secret-token" not in json.dumps(told)
    (asked,) = (one for one in server.asked if one.path == "/api")
    assert asked.query["securityToken"] == "secret-token"


def test_the_table_is_for_people(server: FeedServer, check: Check, tmp_path: Path) -> None:
    check()
    urls = ",".join(f"{name}={server.address}" for name in ADDRESSES)
    env = {"BMS_HOME": str(tmp_path / "home"), "BMS_SITES": str(EXAMPLES), "BMS_FEED": "live",
           "BMS_FEED_URLS": urls, "COLUMNS": "200", "LC_ALL": "da_DK.UTF-8"}  # fmt: skip
    done = CliRunner().invoke(app, ["feeds", "check"], env=env)
    assert "spurgt for under et minut siden" in done.output
    assert "DayAheadPrices: blev spurgt" in done.output
    assert "weather: DMI" in done.output


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"BMS_FEED_URLS": "dmj=https://a"}, "no provider 'dmj'"),
        ({"BMS_FEED_URLS": "dmi=ftp://a"}, "no address"),
        ({"BMS_ENTSOE_TOKEN_FILE": "/does/not/exist"}, "cannot be read"),
        ({"BMS_FEED": "archive"}, "asks no provider"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, env: dict[str, str], why: str) -> None:
    own = {"BMS_HOME": str(tmp_path), "BMS_SITES": str(EXAMPLES), "BMS_FEED": "live"}
    done = CliRunner().invoke(app, ["feeds", "check"], env={**own, **env})
    assert done.exit_code == 1 or done.exit_code == 2
    assert why in done.output
