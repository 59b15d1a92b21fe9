"""From a site file to a signed protocol and back: ``bms commission`` and ``bms mode``."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from bms.bench.control.city import responding
from bms.cli.main import app

TEXT = """\
site: depot
name: {{da: Depotet, en: Depot}}
use: other
area_m2: 500
position: {{latitude: 56.2, longitude: 10.2}}
timezone: Europe/Copenhagen
mode: auto
heat_source: {{kind: district_heating, capacity_kw: 50}}
tariffs: {{electricity: konstant_c, heat: kredslob, price_area: DK1}}
timetables:
  open_hours: {{default: 0, closed: 0, periods: [
    {{days: mon-fri, from: 08:00, to: 16:00, value: 1}}]}}
  own_hall: {{default: 17, periods: []}}
zones:
  - {{id: hall, name: Hall, area_m2: 200, occupancy: open_hours, own_setpoint: own_hall,
     comfort: {{low_c: 17, high_c: 24, floor_c: 13, ceiling_c: 28}}}}
devices:
  - {{id: plant, protocol: modbus, host: 127.0.0.1, port: {port}, unit: 1, timeout_s: 1.0}}
points:
  - id: curve.shift
    device: plant
    role: heating_curve_shift
    unit: K
    modbus: {{table: holding, address: 100, scale: 0.1}}
    write: {{min: -5, max: {high}, resolution: 0.1, hold_safe: [-5, 4],
      release: {{kind: constant, value: 0}}}}
"""


def bms(home: Path, *arguments: str) -> Result:
    env = {"BMS_HOME": str(home), "BMS_SITES": str(home / "sites"), "LC_ALL": "en"}
    done = CliRunner().invoke(app, arguments, env=env)
    assert "Traceback" not in done.output
    return done


def write(home: Path, port: int, high: float = 5) -> None:
    (home / "sites").mkdir(exist_ok=True)
    (home / "sites" / "depot.yaml").write_text(TEXT.format(port=port, high=high))


def codes(done: Result) -> list[str]:
    return [row["code"] for row in json.loads(done.stdout)["uncommissioned"]]


def test_a_point_is_tried_signed_kept_and_stale_once_its_limits_change(tmp_path: Path) -> None:
    with responding(0.0) as port:
        write(tmp_path, port)
        before = bms(tmp_path, "mode", "depot", "--json")
        assert json.loads(before.stdout)["mode"] == "advise", "the file alone puts nothing to auto"
        assert codes(before) == ["not_commissioned"]
        refused = bms(tmp_path, "mode", "depot", "auto", "--reason", "now", "--by", "Mette")
        assert refused.exit_code == 1
        assert "bms commission depot depot/curve.shift" in refused.output
        assert bms(tmp_path, "commission", "depot").exit_code == 2, "nobody can be asked"
        done = bms(tmp_path, "commission", "depot", "--yes", "--by", "Mette", "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert (told["passed"], told["signed"]) == (True, True)
        text, as_json = map(Path, told["files"])
        assert "Signed on" in text.read_text("utf-8")
        assert json.loads(as_json.read_text("utf-8"))["points"][0]["by"] == "Mette"
        assert text.stat().st_mode & 0o077 == 0
        shown = bms(tmp_path, "commission", "depot", "--show", "--lang", "da")
        assert "depot/curve.shift: bestået" in shown.stdout
        assert codes(bms(tmp_path, "mode", "depot", "--json")) == []
        write(tmp_path, port, high=4.5)
        assert codes(bms(tmp_path, "mode", "depot", "--json")) == ["commissioning_stale"]


def test_a_dead_device_does_not_pass_and_the_exit_code_says_so(tmp_path: Path) -> None:
    write(tmp_path, 1)
    done = bms(tmp_path, "commission", "depot", "curve.shift", "--yes", "--by", "Mette")
    assert done.exit_code == 1
    assert "FAILED" in done.output
    assert codes(bms(tmp_path, "mode", "depot", "--json")) == ["commissioning_failed"]


def test_wrong_calls(tmp_path: Path) -> None:
    write(tmp_path, 1)
    unknown = bms(tmp_path, "commission", "depot", "attic.setpoint", "--yes")
    assert unknown.exit_code == 2
    assert "depot/curve.shift" in unknown.output
    assert bms(tmp_path, "commission", "depot", "--yes", "--lang", "se").exit_code == 2
    assert bms(tmp_path, "mode", "depot", "auto").exit_code == 2
    assert bms(tmp_path, "mode", "depot", "advise", "--agree", "--reason", "x").exit_code == 2
