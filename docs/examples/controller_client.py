"""A controller that fetches its setpoint schedule, applies it and says what it applied.

Standard library only. Usage: controller_client.py URL SITE/DEVICE KEY POINT=OWN_VALUE...
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

POLL_S = 60.0


class ControllerClient:
    """Points with the values of its own control; ``hands`` are values that people set at it."""

    def __init__(self, url: str, device: str, key: str, own: dict[str, float]) -> None:
        self.url, self.key, self.own = f"{url.rstrip('/')}/v1/controllers/{device}", key, own
        self.hands: dict[str, float] = {}
        self.schedule: dict[str, Any] = {}
        self.tag, self.lease_ends = "", 0.0

    def call(self, path: str, body: object = None, tag: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if tag:
            headers["If-None-Match"] = tag
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data, headers)
        return urllib.request.urlopen(request, timeout=10)

    def fetch(self) -> None:
        """Take the schedule, or the word that it stands; either renews the lease. A refusal ends
        it at once; without an answer it runs out."""
        asked = time.monotonic()  # a lease counts from the question, by a clock that never steps
        try:
            with self.call("schedule", tag=self.tag) as answer:
                self.schedule, self.tag = json.load(answer), answer.headers["ETag"]
        except urllib.error.HTTPError as error:
            if error.code != 304:
                if error.code < 500:
                    self.lease_ends = 0.0
                return
        self.lease_ends = asked + self.schedule["lease_s"]

    def effective(self, now: datetime) -> tuple[str | None, dict[str, float]]:
        """The plan that acts, None for own control, and the value of every point."""
        if time.monotonic() >= self.lease_ends or self.schedule["plan"] is None:
            return None, self.own | self.hands
        steps = [(r["point"], s) for r in self.schedule["setpoints"] for s in r["steps"]]
        planned = {
            point: step["value"]
            for point, step in steps
            if datetime.fromisoformat(step["start"]) <= now < datetime.fromisoformat(step["end"])
        }
        return self.schedule["plan"], self.own | planned | self.hands

    def tick(self) -> tuple[str | None, dict[str, float]]:
        """Fetch, apply, report. Whatever fails, own control acts when the lease has ended."""
        now = datetime.now(UTC)
        try:
            self.fetch()
        except (OSError, ValueError, KeyError) as error:
            print(f"no schedule: {error}", file=sys.stderr)
        plan, values = self.effective(now)  # here a real controller writes to its outputs
        rows = [
            {"point": p, "effective": v, "local_override": p in self.hands}
            for p, v in values.items()
        ]
        try:
            self.call("applied", {"plan": plan, "time": now.isoformat(), "values": rows}).close()
        except OSError as error:
            print(f"not reported: {error}", file=sys.stderr)
        return plan, values


if __name__ == "__main__":
    url, device, key, *points = sys.argv[1:]
    own = {name: float(value) for name, value in (p.split("=") for p in points)}
    controller = ControllerClient(url, device, key, own)
    while True:
        print(*controller.tick(), flush=True)
        lease_s = float(controller.schedule.get("lease_s", 2 * POLL_S))
        time.sleep(min(POLL_S, lease_s / 3))
