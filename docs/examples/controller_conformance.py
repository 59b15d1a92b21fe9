"""Whether a controller that fetches its schedule keeps to the contract: a stand-in for the backend.

Standard library only. Start it, point the controller under test at it, and read the verdict:

    python controller_conformance.py --port 8099 --device school/rooms --key bms_test \\
        --point school/hall.setpoint --lease 6

The controller has to fetch at least twice a lease. The run takes nine leases; exit code 0: it
conforms, 1: it does not, and every line says what was seen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FIRST, SECOND, THIRD = 19.0, 20.0, 21.0
"""The values [unit of the point] that the schedule has one after the other."""
SLACK = 0.75
"""Part of a lease [1] that a controller may take to follow."""


@dataclass
class Seen:
    """A request: ``at`` [s after the start], the stage it fell into, what it said."""

    at: float
    stage: str
    path: str
    tag: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    allowed: bool = True
    status: int = 0


STAGES = ("plan", "renewed", "step", "changed", "away", "gone", "back", "refused", "empty", "end")
"""What the stand-in does, a lease long each: it gives a plan; says twice that nothing has changed,
while the planned value steps in the second; gives another plan; gives no schedule (503) for two
leases, but takes reports; gives it again; refuses the key (403) for the schedule; gives one without
setpoints."""


class StandIn(ThreadingHTTPServer):
    """The backend's two endpoints, by the stage that the time falls into."""

    daemon_threads = True

    def __init__(self, port: int, device: str, key: str, point: str, lease_s: float) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.path = f"/v1/controllers/{device}"
        self.device, self.key, self.point, self.lease_s = device, key, point, lease_s
        self.began, self.started = time.monotonic(), datetime.now(UTC)
        self.seen: list[Seen] = []

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def stage(self) -> str:
        return STAGES[min(int(self.elapsed() / self.lease_s), len(STAGES) - 1)]

    def steps(self, stage: str) -> list[dict[str, Any]]:
        """The planned values; one plan steps in the middle of its time."""
        lease = timedelta(seconds=self.lease_s)
        change, end = self.started + 2 * lease, self.started + 100 * lease
        if stage in ("plan", "renewed", "step"):
            rows = [(self.started, change, FIRST), (change, end, SECOND)]
        else:
            rows = [(self.started, end, THIRD)]
        return [{"start": s.isoformat(), "end": e.isoformat(), "value": v} for s, e, v in rows]

    def schedule(self, stage: str) -> tuple[str, dict[str, Any]]:
        """The tag and the body of an answer."""
        plan = {"empty": None, "plan": "p1", "renewed": "p1", "step": "p1"}.get(stage, "p2")
        row = {"point": self.point, "unit": "degC", "steps": self.steps(stage)}
        body = {
            "device": self.device,
            "site": self.device.split("/")[0],
            "plan": plan,
            "lease_s": self.lease_s,
            "lease_end": (datetime.now(UTC) + timedelta(seconds=self.lease_s)).isoformat(),
            "setpoints": [] if plan is None else [row],
            "reasons": [],
        }
        return f'W/"{plan}"', body


class Handler(BaseHTTPRequestHandler):
    """Answers as the backend does, and notes what was asked."""

    server: StandIn
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        seen, server = self._note("schedule"), self.server
        stage = seen.stage
        if seen.allowed and stage not in ("away", "gone", "refused"):
            tag, body = server.schedule(stage)
            known = tag in seen.tag
            headers = {"ETag": tag, "Lease-End": body["lease_end"]}
            self._answer(seen, 304 if known else 200, {} if known else body, headers)
        else:
            self._answer(seen, 503 if stage != "refused" and seen.allowed else 403, {}, {})

    def do_POST(self) -> None:
        seen = self._note("applied")
        try:
            length = int(self.headers.get("Content-Length") or 0)
            seen.body = json.loads(self.rfile.read(length))
        except ValueError:
            self._answer(seen, 422, {}, {})
            return
        self._answer(seen, 200 if seen.allowed else 403, {"values": []}, {})

    def _note(self, path: str) -> Seen:
        server = self.server
        key = self.headers.get("Authorization") == f"Bearer {server.key}"
        right = self.path == f"{server.path}/{path}"
        tag = self.headers.get("If-None-Match", "")
        seen = Seen(server.elapsed(), server.stage(), path, tag, allowed=key and right)
        server.seen.append(seen)
        return seen

    def _answer(self, seen: Seen, status: int, body: object, headers: dict[str, str]) -> None:
        seen.status = status
        data = b"" if status == 304 else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing on the screen for each request."""


def verdict(seen: list[Seen], point: str, lease_s: float) -> list[tuple[bool, str]]:
    """Every demand with whether it was met."""
    asked = [each for each in seen if each.path == "schedule"]
    said = [each for each in seen if each.path == "applied"]
    settled = [s for s in said if s.at % lease_s >= SLACK * lease_s]
    gaps = [b.at - a.at for a, b in itertools.pairwise(asked)]
    again = [each for each in asked[1:] if each.stage in ("plan", "renewed", "step")]
    return [
        (bool(asked) and all(s.allowed for s in seen), "its own key, its own path"),
        (bool(gaps) and max(gaps) <= lease_s / 2, "fetches at least twice a lease"),
        (bool(again) and all(s.tag for s in again), "asks with If-None-Match once it has a tag"),
        (bool(said) and all(map(_well_formed, said)), "reports plan, values and an aware time"),
        (_all(settled, "plan", "p1", point, FIRST), "applies the plan and says so"),
        (_all(settled, "renewed", "p1", point, FIRST), "a 304 renews the lease"),
        (_all(settled, "step", "p1", point, SECOND), "follows the steps without a new answer"),
        (_all(settled, "changed", "p2", point, THIRD), "takes another plan"),
        (_before_end(said, point, lease_s), "a failed fetch alone ends nothing before the lease"),
        (_all(settled, "back", "p2", point, THIRD), "takes the plan up again"),
        (_own(settled, "empty"), "own control where the schedule has no setpoints"),
        (_own(settled, "refused"), "own control where the schedule is refused"),
        (_own(settled, "gone"), "own control once a lease has ended without an answer"),
        (all(_own_time(s, said) for s in said), "a moment is reported once, or repeated the same"),
    ]


def _well_formed(seen: Seen) -> bool:
    try:
        values = seen.body["values"]
        aware = datetime.fromisoformat(seen.body["time"]).tzinfo is not None
        return aware and bool(values) and all("point" in v and "effective" in v for v in values)
    except (KeyError, TypeError, ValueError):
        return False


def _value(seen: Seen, point: str) -> float | None:
    rows = seen.body.get("values") or []
    return next((row["effective"] for row in rows if row.get("point") == point), None)


def _all(said: list[Seen], stage: str, plan: str | None, point: str, value: float) -> bool:
    """Whether every report of a stage names the plan and has its value; there has to be one."""
    here = [s for s in said if s.stage == stage]
    return bool(here) and all((s.body.get("plan"), _value(s, point)) == (plan, value) for s in here)


def _own(said: list[Seen], stage: str) -> bool:
    here = [s for s in said if s.stage == stage]
    return bool(here) and all(s.body.get("plan") is None for s in here)


def _before_end(said: list[Seen], point: str, lease_s: float) -> bool:
    """The first third of the time without answers lies within the last lease."""
    start = STAGES.index("away") * lease_s
    early = [s for s in said if start <= s.at < start + lease_s / 3]
    return bool(early) and all(s.body.get("plan") == "p2" for s in early)


def _own_time(seen: Seen, said: list[Seen]) -> bool:
    same = [s.body for s in said if s.body.get("time") == seen.body.get("time")]
    return all(body == seen.body for body in same)


def run(server: StandIn) -> list[tuple[bool, str]]:
    """Serve all stages, then judge."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    time.sleep((len(STAGES) - 1) * server.lease_s)
    server.shutdown()
    server.server_close()
    return verdict(server.seen, server.point, server.lease_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--device", required=True, help="SITE/DEVICE")
    parser.add_argument("--key", required=True)
    parser.add_argument("--point", required=True, help="one writable point of the device")
    parser.add_argument("--lease", type=float, default=60.0, help="length of a lease [s]")
    given = parser.parse_args()
    found = run(StandIn(given.port, given.device, given.key, given.point, given.lease))
    for met, demand in found:
        print("ok  " if met else "FAIL", demand)
    return 0 if all(met for met, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
