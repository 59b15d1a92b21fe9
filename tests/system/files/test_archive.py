"""``bms archive``, its files read by others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.dataset as ds
from click.testing import Result
from typer.testing import CliRunner

from bms.cli.main import app
from bms.model.readings.measurement import Reading
from bms.runtime.municipality import EXAMPLES
from bms.store.sql.store import SqlStore
from tests.rigs.feeds.server import FeedServer, Reply
from tests.rigs.feeds.upstream import SAVINGS, a_page


def call(env: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(app, words, env=env)


def test_old_months_move_and_can_be_read_by_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    env = {"BMS_HOME": str(home), "BMS_SITES": str(EXAMPLES)}
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=500)
    point = "school/heat.energy"
    store = SqlStore(f"sqlite:///{home / 'bms.db'}")
    store.add_readings(
        Reading(point, first + timedelta(hours=6 * i), float(i)) for i in range(2000)
    )
    store.close()
    done = call(env, "archive", "run", "school", "--older-than", "13", "--move", "--json")
    assert done.exit_code == 0, done.stderr
    made = json.loads(done.stdout)
    assert made
    table = ds.dataset(home / "archive", format="parquet", partitioning="hive").to_table()
    assert table.num_rows == sum(each["readings"] for each in made)
    assert set(table.column("point").to_pylist()) == {point}
    listed = json.loads(call(env, "archive", "list", "--json").stdout)
    assert listed == made
    store = SqlStore(f"sqlite:///{home / 'bms.db'}")
    left = len(store.readings(point, first, datetime.now(UTC)))
    store.close()
    assert left + table.num_rows == 2000


def test_months_of_upstreams_are_one_file_and_a_silent_one_is_named(tmp_path: Path) -> None:
    keys, out = tmp_path / "keys", tmp_path / "region.parquet"
    with FeedServer() as a, FeedServer() as b:
        a.says(SAVINGS, Reply(a_page("hall")))
        b.says(SAVINGS, Reply(hang_up=True))
        keys.write_text(f"{a.address} key-a Aarhus\n{b.address} key-b Skive\n")
        keys.chmod(0o600)
        env = {"BMS_HOME": str(tmp_path / "home"), "BMS_UPSTREAM_KEYS": str(keys)}
        words = ("archive", "upstreams", a.address, b.address, "--out", str(out), "--json")
        done = call(env, *words)
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"file": str(out), "months": 1, "silent": ["Skive"]}
    assert "Skive is silent" in done.stderr
    (row,) = ds.dataset(out).to_table().to_pylist()
    assert (row["upstream"], row["site"], row["saving_kwh"]) == ("Aarhus", "hall", 5.0)
