"""``bms feeds skill`` shows the record that is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from bms.cli.main import app
from bms.config import Settings
from bms.model.planning.prediction import Foreseen, UseForecastDay
from bms.runtime.municipality import EXAMPLES
from bms.store.sql.store import SqlStore


def test_the_stored_record_of_load_and_use_is_printed(tmp_path: Path) -> None:
    store = SqlStore(Settings(home=tmp_path).database)
    today = datetime.now(UTC).date()
    store.keep_use_forecasts(
        UseForecastDay(
            site="school",
            what=what,
            zone=zone,
            lead_h=24,
            day=today - timedelta(days=back),
            n=24,
            bias=0.5,
            rmse=2.0 * back,
        )
        for what, zone in ((Foreseen.LOAD, None), (Foreseen.OCCUPANCY, "gym"))
        for back in (3, 4, 40)
    )
    store.close()
    env = {"BMS_HOME": str(tmp_path), "BMS_SITES": str(EXAMPLES), "BMS_FEED": "archive"}
    done = CliRunner().invoke(app, ["feeds", "skill", "--site", "school", "--json"], env=env)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["use"]
    assert [(row["what"], row["zone"], row["n"]) for row in rows] == [
        ("load", None, 48),
        ("occupancy", "gym", 48),
    ]
    assert rows[0]["bias"] == 0.5
    assert rows[0]["rmse"] == 50**0.5
    shown = CliRunner().invoke(app, ["feeds", "skill", "--site", "school"], env=env)
    assert "≥ 24 h" in shown.output
