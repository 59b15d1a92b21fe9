"""What a device says it is, on the command line: discovered, drafted, accepted, compared (W1)."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from bms.cli.main import app
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, free_udp_port, identifier, real, text
from tests.rigs.fieldbus.bacnet_session import Router
from tests.rigs.fieldbus.bacnet_thread import in_a_thread


def controller(model: str = "A1", **knobs: object) -> TinyDevice:
    made = TinyDevice(instance=77, **knobs)  # type: ignore[arg-type]
    made.properties |= {
        (8, 77, 121): text("Alfa"),
        (8, 77, 70): text(model),
        (8, 77, 77): text("AHU east"),
        (8, 77, 76): [identifier(8, 77), identifier(0, 1)],
        (0, 1, 77): text("Rum temp"),
        (0, 1, 85): real(21.0),
    }
    return made


def bms(home: Path, *arguments: str) -> Result:
    env = {"BMS_HOME": str(home), "BMS_SITES": str(home / "sites"), "COLUMNS": "200"}
    done = CliRunner().invoke(app, arguments, env=env)
    assert "Traceback" not in done.output
    return done


def drafted(home: Path, port: int) -> Path:
    (home / "sites").mkdir()
    out = home / "sites" / "school.yaml"
    draft = ("sites", "draft", f"127.0.0.1:{port}", "--timeout", "0.2", "--site", "school")
    done = bms(home, *draft, "--out", str(out))
    assert done.exit_code == 0, done.output
    return out


def test_w01_a_draft_has_the_fingerprint_and_another_device_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    port = free_udp_port()
    with in_a_thread(controller(), port):
        file = drafted(tmp_path, port)
        assert '{vendor: "Alfa", model: "A1", name: "AHU east"}' in file.read_text("utf-8")
        assert bms(tmp_path, "sites", "check", str(tmp_path / "sites")).exit_code == 0
        (row,) = json.loads(bms(tmp_path, "read", "school", "--json").stdout)
        assert (row["value"], row["quality"]) == (21.0, "good")
        assert row["device"] == {
            "id": "school/AHU_east",
            "fingerprint": {"vendor": "Alfa", "model": "A1", "name": "AHU east"},
            "wrong_device": None,
            "announced_elsewhere": {},
        }
        assert "school/AHU_east is: Alfa · A1 · AHU east" in bms(tmp_path, "read", "school").stdout
    with in_a_thread(controller("B2"), port):
        done = bms(tmp_path, "read", "school", "--json")
        (row,) = json.loads(done.stdout)
        assert (done.exit_code, row["value"], row["quality"]) == (1, None, "wrong_device")
        assert row["device"]["fingerprint"]["model"] == "B2"
        assert "its model is 'B2', not 'A1'" in row["device"]["wrong_device"]
        table = bms(tmp_path, "read", "school").stdout
        assert "wrong_device" in table
        assert "school/AHU_east is: Alfa · B2 · AHU east" in table


def test_w01_a_draft_names_the_place_behind_a_router(tmp_path: Path) -> None:
    with in_a_thread(Router(controller(max_apdu=480))) as port:
        file = drafted(tmp_path, port)
        assert 'network: 2001, mac: "05"' in file.read_text("utf-8")
        (row,) = json.loads(bms(tmp_path, "read", "school", "--json").stdout)
        assert row["value"] == 21.0


def test_w01_an_announcement_from_elsewhere_is_shown(tmp_path: Path) -> None:
    class Twin(TinyDevice):
        """Announces itself to whoever asked the first one."""

        def on_unconfirmed(self, service: int, payload: bytes) -> bytes | None:
            return None

    twin = Twin(instance=77)

    class Watched(TinyDevice):
        def _answer(self, invoke: int, service: int, payload: bytes) -> bytes | None:
            twin.peer = self.peer
            twin.transport.get_extra_info("socket")
            twin.send(twin.i_am())
            return super()._answer(invoke, service, payload)

    ours = Watched(instance=77)
    ours.properties |= controller().properties
    with in_a_thread(twin, host="127.0.0.3") as other, in_a_thread(ours) as port:
        drafted(tmp_path, port)
        (row,) = json.loads(bms(tmp_path, "read", "school", "--json").stdout)
        assert row["value"] == 21.0
        (place,) = row["device"]["announced_elsewhere"]
        assert place == f"127.0.0.3:{other}"
        assert f"announces itself from {place} as well" in bms(tmp_path, "read", "school").stdout
