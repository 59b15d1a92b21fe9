"""What has been run of a long form, part by part in a file, so that it is taken up again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.bench.chaos.run import Outcome, Row
from bms.bench.chaos.town import StrikeMoment
from bms.bench.chaos.watch import Violation


@dataclass(frozen=True, slots=True)
class RunPart:
    """What a town showed in which the faults of ``seed`` struck."""

    seed: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PartFile:
    """JSON lines, one for each part. A last line that was cut off is no part."""

    path: Path

    def parts(self) -> list[RunPart]:
        """What has been run."""
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_text("utf-8").rpartition("\n")
        return [_part(json.loads(line)) for line in whole.splitlines()]

    def add(self, part: RunPart) -> None:
        """Keep a part that has been run to its end."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_as_dict(part)) + "\n")


def _as_dict(part: RunPart) -> dict[str, Any]:
    outcome = part.outcome
    return {
        "seed": part.seed,
        "days": outcome.days,
        "event_log": outcome.digest,
        "rows": {
            row.fault: [row.injected, row.survived, dict(row.struck)]
            for row in outcome.rows.values()
        },
        "violations": [
            [episode, v.clause, v.at.isoformat(), v.seen] for episode, v in outcome.violations
        ],
    }


def _part(kept: dict[str, Any]) -> RunPart:
    rows = {
        fault: Row(
            fault, injected, survived, Counter({StrikeMoment(m): n for m, n in struck.items()})
        )
        for fault, (injected, survived, struck) in kept["rows"].items()
    }
    violations = [
        (episode, Violation(clause, datetime.fromisoformat(at), seen))
        for episode, clause, at, seen in kept["violations"]
    ]
    outcome = Outcome(rows, violations, days=kept["days"], known_digest=kept["event_log"])
    return RunPart(kept["seed"], outcome)
