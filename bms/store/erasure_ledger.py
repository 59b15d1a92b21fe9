"""What an erasure deletes, counted and digested while it goes.

The SHA-256 is taken over one line of UTF-8 for each reading, correction and hour that went, in this
order: the points by name; of each its readings by time, its corrections in the order in which they
happened, its hours by time. Fields are separated by tabs, times are microseconds after
1970-01-01T00:00Z, values are the shortest decimal digits that give the same double (as ``repr`` of
Python), and whatever is missing is ``None``:

- a reading: ``reading``, point, time, value, quality, time of receipt, detail (as JSON);
- a correction: ``earlier`` and the fields of the reading that stood, then a line ``later`` with
  those of the one that replaced it;
- an hour: ``hour``, point, its start, number of readings, falls, total, minimum, maximum, first and
  last value, time of the first and the last one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from bms.model.control.retention import Erased, Erasure
from bms.model.epoch import from_micros, to_micros
from bms.model.readings.measurement import Reading
from bms.store.corrections import Correction
from bms.store.rollups.buckets import BUCKET, Buckets
from bms.store.rollups.local_days import HOUR

#: Before every moment that a reading can have.
ALWAYS = -(2**63)


class ErasureTally:
    """What is lost by one erasure. Give it everything in the order of the module's text."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._points: set[str] = set()
        self._readings = self._corrections = self._hours = 0
        self._times: list[datetime] = []

    def readings(self, lost: Iterable[Reading]) -> None:
        """Readings of one point, oldest first."""
        rows = list(lost)
        self._note("reading", rows)
        self._readings += len(rows)
        if rows:
            self._times += (rows[0].time, rows[-1].time)

    def corrections(self, lost: Iterable[Correction]) -> None:
        """Corrections of one point, in the order in which they happened."""
        for one in lost:
            self._note("earlier", [one.earlier])
            self._note("later", [one.later])
            self._corrections += 1

    def hours(self, point: str, lost: Buckets) -> None:
        """Hours of one point that have readings, shape (h,), oldest first."""
        names = [name for name in BUCKET.names or () if name != "n"]
        for bucket in lost:
            start = int(bucket["first_at"]) // HOUR * HOUR
            fields = [bucket[name].item() for name in names]
            self._line("hour", point, start, bucket["n"].item(), *fields)
        self._hours += len(lost)
        if len(lost):
            self._points.add(point)

    def erased(self, erasure: Erasure, until: int) -> Erased:
        """The line of the ledger; nothing is left from before ``until`` [us]."""
        return Erased(
            site=erasure.site,
            privacy=erasure.privacy,
            points=len(self._points),
            readings=self._readings,
            corrections=self._corrections,
            hours=self._hours,
            first=min(self._times, default=None),
            last=max(self._times, default=None),
            until=from_micros(until),
            digest=self._digest.hexdigest(),
            actor=erasure.actor,
            at=erasure.at,
            reason=erasure.reason,
        )

    def _note(self, kind: str, readings: list[Reading]) -> None:
        for one in readings:
            received = None if one.received is None else to_micros(one.received)
            detail = None if one.detail is None else json.dumps(one.detail)
            time = to_micros(one.time)
            self._line(kind, one.point, time, one.value, one.quality.value, received, detail)
            self._points.add(one.point)

    def _line(self, *fields: object) -> None:
        self._digest.update(("\t".join(map(str, fields)) + "\n").encode())
