"""A supplier's rows on their way to points: what is stored, what is refused, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import Mistake, StoreUnavailable
from bms.model.readings.measurement import Ingested, Quality
from bms.model.readings.metering import MeterRow, Quantity, SupplierFile
from bms.model.readings.units import Unit
from bms.services.collect.file_ingest import (
    BATCH,
    SKEW,
    IngestReport,
    as_dict,
    ingest_file,
)
from bms.services.collect.supplier_points import SupplierBook
from bms.store.memory.store import MemoryStore
from sites.loader import load_sites
from tests.rigs.paths import ROOT

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)
START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
HOUR_S = 3600
SITES = load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters")
BOOK = SupplierBook.of(SITES)
HEAT, EL = "6841234", "571313115100000001"


def row(number: str = HEAT, hour: int = 0, value: float | None = 1.0, **more: object) -> MeterRow:
    made = MeterRow(
        number,
        Quantity.ENERGY,
        START + hour * HOUR_S,
        value,
        Unit.KWH,
        HOUR_S if number == EL else 0,
        Quality.ABSENT if value is None else Quality.GOOD,
        hour + 2,
    )
    return made._replace(**more)


def ingest(
    rows: Sequence[MeterRow],
    store: MemoryStore | None = None,
    mistakes: Sequence[Mistake] = (),
    **more: object,
) -> IngestReport:
    def read(content: bytes, name: str) -> SupplierFile:
        return SupplierFile(tuple(rows), tuple(mistakes))

    kept = MemoryStore() if store is None else store
    return ingest_file(b"", "day.csv", read, book=BOOK, now=NOW, **{"readings": kept, **more})


class TestRowsThatFit:
    def test_go_to_the_point_of_their_number_with_the_time_they_came(self) -> None:
        store = MemoryStore()
        report = ingest([row(hour=0, value=12.5), row(EL, hour=1, value=0.25)], store)
        heat = store.latest(["school/heat.energy"])["school/heat.energy"]
        el = store.latest(["school/el.energy"])["school/el.energy"]
        assert (heat.value, heat.quality, heat.received) == (12.5, Quality.GOOD, NOW)
        assert heat.time == datetime(2026, 3, 1, tzinfo=UTC)
        assert (el.value, el.time) == (0.25, datetime(2026, 3, 1, 1, tzinfo=UTC))
        assert report.stored == Ingested(new=2)
        assert report.meters == ("school/el", "school/heat")
        assert (report.start, report.end) == (heat.time, el.time)
        assert (report.refused, report.refused_rows) == ((), 0)

    def test_may_name_the_meter_as_we_do(self) -> None:
        assert ingest([row("school/heat")]).stored == Ingested(new=1)

    def test_keep_their_quality_and_have_no_value_where_there_is_none(self) -> None:
        store = MemoryStore()
        estimated = row(hour=0, value=3.0, quality=Quality.ESTIMATED)
        report = ingest([estimated, row(hour=1, value=None)], store)
        first, second = store.readings("school/heat.energy", NOW - timedelta(days=60), NOW)
        assert first.quality is Quality.ESTIMATED
        assert (second.value, second.quality) == (None, Quality.ABSENT)
        assert (report.accepted, report.missing) == (2, 1)

    def test_twice_are_once_and_another_value_is_a_correction(self) -> None:
        store = MemoryStore()
        rows = [row(hour=h, value=float(h)) for h in range(24)]
        assert ingest(rows, store).stored == Ingested(new=24)
        assert ingest(rows, store).stored == Ingested(known=24)
        rows[7] = row(hour=7, value=70.0)
        assert ingest(rows, store).stored == Ingested(known=23, corrected=1)
        assert len(store.readings("school/heat.energy", NOW - timedelta(days=60), NOW)) == 24

    def test_without_a_store_are_counted(self) -> None:
        store = MemoryStore()
        report = ingest([row(), row(hour=1)], store, readings=None)
        assert (report.accepted, report.stored) == (2, Ingested())
        assert store.latest(["school/heat.energy"]) == {}


class TestRowsThatDoNotFit:
    def test_of_another_length_than_declared_are_taken(self) -> None:
        quarter = row(EL, interval_s=900)
        report = ingest([quarter, quarter._replace(time=quarter.time + 900)])
        assert (report.refused, report.accepted) == ((), 2)

    def test_of_an_unknown_number_are_named_once_with_their_count(self) -> None:
        rows = [row("999", hour=h) for h in range(5)] + [row("998", hour=9), row(hour=1)]
        report = ingest(rows)
        assert [(m.file, m.line) for m in report.refused] == [("day.csv", 2), ("day.csv", 11)]
        assert "'999' is in no site file" in report.refused[0].message
        assert report.refused[0].message.endswith("(5 rows)")
        assert "rows)" not in report.refused[1].message
        assert (report.refused_rows, report.stored.new) == (6, 1)

    def test_of_a_quantity_that_nobody_asked_for_are_only_counted(self) -> None:
        power = [row(hour=h, quantity=Quantity.POWER, unit=Unit.KW) for h in range(3)]
        report = ingest([*power, row()])
        assert report.unasked == {Quantity.POWER: 3}
        assert (report.refused, report.stored.new) == ((), 1)

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            (row(interval_s=3600), "declared as a register"),
            (row(EL, interval_s=0), "a register, but meter el of school"),
            (row(unit=Unit.M3), "comes in m3, the site keeps it in kWh"),
        ],
    )
    def test_of_another_kind_than_declared_are_refused_with_the_way_out(
        self, wrong: MeterRow, says: str
    ) -> None:
        report = ingest([wrong, wrong._replace(time=wrong.time + HOUR_S), row(hour=5)])
        (mistake,) = report.refused
        assert says in mistake.message
        assert (report.refused_rows, report.stored.new) == (2, 1)

    def test_of_a_file_that_leaves_it_to_the_site_file_are_as_declared(self) -> None:
        rows = [row(interval_s=3600), row(EL, interval_s=0), row(EL, interval_s=900, hour=1)]
        assert ingest(rows, as_declared=True).stored == Ingested(new=3)

    def test_of_the_future_are_refused(self) -> None:
        late = int((NOW + SKEW).timestamp())
        report = ingest([row(time=late), row(time=late + 1, line=17)])
        (mistake,) = report.refused
        assert mistake.line == 17
        assert "future" in mistake.message
        assert report.stored.new == 1

    def test_stand_among_the_mistakes_of_the_reader_in_the_order_of_lines(self) -> None:
        mistakes = [Mistake("day.csv", 40, "no number"), Mistake("day.csv", 1, "header")]
        report = ingest([row("999", line=7)], mistakes=mistakes)
        assert [m.line for m in report.refused] == [1, 7, 40]
        assert report.refused_rows == 3


class TestALargeFile:
    def test_goes_to_the_store_in_parts_and_tells_how_far_it_is(self) -> None:
        class Counting(MemoryStore):
            def __init__(self) -> None:
                super().__init__()
                self.batches: list[tuple[int, bool]] = []

            def add_readings(self, readings, *, durable=False):
                batch = list(readings)
                self.batches.append((len(batch), durable))
                return Ingested(new=len(batch))

        store, shares = Counting(), []
        report = ingest([row(hour=h) for h in range(700)] * 100, store, progress=shares.append)
        assert store.batches == [(BATCH, True), (70_000 - BATCH, True)]
        assert shares == [BATCH / 70_000, 1.0]
        assert report.stored.new == 70_000


class TestAStoreThatIsAway:
    def test_is_told_and_the_file_may_come_again(self) -> None:
        class Away(MemoryStore):
            def add_readings(self, readings, *, durable=False):
                raise StoreUnavailable("the disk is gone")

        with pytest.raises(StoreUnavailable):
            ingest([row()], Away())


def test_a_report_for_programs_names_no_more_than_asked() -> None:
    report = ingest([row(str(i), line=i) for i in range(100, 110)] + [row()])
    told = as_dict(report, most=3)
    assert (told["refused_rows"], len(told["refused"])) == (10, 3)
    assert told["refused"][0]["line"] == 100
    assert (told["taken"], told["meters"]) == (1, ["school/heat"])
