"""Readings on disk: frames, segments, room, losses, and whose folder it is."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.spool import Importance, Loss
from bms.store.spool.frames import content, frame, pack, unpack
from bms.store.spool.losses import Losses
from bms.store.spool.process_folders import SpoolFolders
from bms.store.spool.segment_queue import Spool
from tests.rigs.examples import examples
from tests.rigs.fakes.store import HOUR, MONDAY, quarters

METER, TEMP, CO2 = "school/heat.energy", "school/gym.temp", "school/gym.co2"
IMPORTANCE = {METER: Importance.REGISTER, CO2: Importance.PERSONAL}
ROOM = 1_000_000


@pytest.fixture(autouse=True)
def closed_at_the_end() -> Iterator[None]:
    """Not before: a spool that is opened again was left by a process that was killed."""
    yield
    while OPENED:
        OPENED.pop().close()


OPENED: list[Spool | SpoolFolders] = []


def a_spool(
    folder: Path,
    limit_bytes: int = ROOM,
    importance: Mapping[str, Importance] = IMPORTANCE,
    **more: object,
) -> Spool:
    made = Spool(folder, limit_bytes=limit_bytes, importance=importance, **more)
    OPENED.append(made)
    return made


def folders_of(root: Path) -> SpoolFolders:
    made = SpoolFolders(root, limit_bytes=ROOM, importance=IMPORTANCE)
    OPENED.append(made)
    return made


def drained(spool: Spool) -> list[Reading]:
    """Everything that waits, in its order; the spool is empty afterwards."""
    out: list[Reading] = []
    while (taken := spool.take()) is not None:
        out += taken[1]
        spool.done(taken[0])
    return out


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


class Disk:
    """Syncs, until it is told to refuse."""

    def __init__(self) -> None:
        self.refuses = False
        self.synced = 0

    def __call__(self, descriptor: int) -> None:
        if self.refuses:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.synced += 1


moments = st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=MONDAY.tzinfo)
)
with_value = st.sampled_from([quality for quality in Quality if quality.has_value])
without = st.sampled_from([quality for quality in Quality if not quality.has_value])
details = st.none() | st.text(max_size=12)
names = st.sampled_from([METER, TEMP, CO2, "skole/æøå \n"])
readings = st.builds(
    Reading,
    names,
    moments,
    st.floats(allow_nan=False, allow_infinity=False),
    with_value,
    st.none() | moments,
    details,
) | st.builds(Reading, names, moments, st.none(), without, st.none() | moments, details)


class TestFrames:
    @settings(max_examples=examples(100), deadline=None)
    @given(st.lists(readings, max_size=12))
    def test_readings_come_back_as_they_were(self, batch: list[Reading]) -> None:
        assert unpack(pack(batch)) == batch

    def test_a_value_that_is_no_number_becomes_a_missing_one(self) -> None:
        (back,) = unpack(pack([Reading(TEMP, MONDAY, float("nan"))]))
        assert (back.value, back.quality) == (None, Quality.ABSENT)

    def test_a_naive_receipt_is_refused(self) -> None:
        naive = MONDAY.replace(tzinfo=None)
        with pytest.raises(ValueError, match="time zone"):
            pack([Reading(TEMP, MONDAY, 1.0, received=naive)])

    def test_a_poll_takes_less_room_than_its_rows_in_the_database(self) -> None:
        batch = [
            Reading(f"school/zone{i}.temp", MONDAY, 20.17 + 0.013 * i, Quality.GOOD, MONDAY + HOUR)
            for i in range(20)
        ]
        assert len(frame(pack(batch), 20, 0)) / 20 < 30

    @settings(max_examples=examples(200), deadline=None)
    @given(st.data())
    def test_damage_never_makes_a_reading_up_and_is_counted(self, data: st.DataObject) -> None:
        """The last frame is whole, so that what came before it is known."""
        batches = [quarters([float(n)] * (n + 1), TEMP) for n in range(5)]
        whole = frame(pack(batches[4]), 5, 10)
        damaged, before = bytearray(), 0
        for batch in batches[:4]:
            damaged += frame(pack(batch), len(batch), before)
            before += len(batch)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(damaged) - 1))
            damaged[at] ^= data.draw(st.integers(1, 255))
        found = content(bytes(damaged) + whole)
        kept = [unpack(payload) for payload in found.payloads]
        assert all(batch in batches for batch in kept)
        assert kept[-1] == batches[4]
        assert found.readings == sum(map(len, kept))
        assert found.readings + found.lost == 15
        assert found.end == len(damaged) + len(whole)

    @settings(max_examples=examples(100), deadline=None)
    @given(st.binary(max_size=200))
    def test_noise_holds_nothing(self, noise: bytes) -> None:
        assert content(noise).payloads == ()


class TestOrder:
    def test_oldest_first_and_each_of_them_once(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        batch = quarters(range(300), TEMP)
        for first in range(0, 300, 100):
            assert spool.append(batch[first : first + 100]) == 100
        assert spool.state().waiting == {Importance.OTHER: 300}
        assert drained(spool) == batch
        assert not spool.waits
        assert files(tmp_path) == []

    def test_what_waits_outlives_the_process(self, tmp_path: Path) -> None:
        batch = quarters(range(10), METER)
        a_spool(tmp_path).append(batch)  # never closed: the process was killed
        again = a_spool(tmp_path)
        assert again.state().waiting == {Importance.REGISTER: 10}
        later = quarters([99.0], METER)
        again.append(later)
        assert drained(again) == batch + later

    def test_later_readings_stay_behind_when_a_point_changes_its_class(
        self, tmp_path: Path
    ) -> None:
        """A site file may be edited between two runs."""
        a_spool(tmp_path).append([Reading(TEMP, MONDAY, 1.0)])
        later = a_spool(tmp_path, importance={TEMP: Importance.REGISTER})
        later.append([Reading(TEMP, MONDAY, 2.0)])
        assert [reading.value for reading in drained(later)] == [1.0, 2.0]

    def test_what_was_not_taken_waits_on(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        spool.append(quarters([1.0], TEMP))
        taken = spool.take()
        assert taken is not None
        spool.put_back(taken[0])
        spool.append(quarters([2.0], TEMP))
        assert [reading.value for reading in drained(spool)] == [1.0, 2.0]

    def test_a_segment_that_somebody_reads_is_not_written_to(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        spool.append(quarters([1.0], TEMP))
        taken = spool.take()
        assert taken is not None
        spool.append(quarters([2.0], TEMP))
        spool.done(taken[0])
        assert [reading.value for reading in drained(spool)] == [2.0]

    def test_every_batch_is_synced_before_it_counts(self, tmp_path: Path) -> None:
        disk = Disk()
        spool = a_spool(tmp_path, sync=disk)
        spool.append(quarters([1.0], TEMP))
        before = disk.synced
        spool.append(quarters([2.0], TEMP))
        assert disk.synced == before + 1

    @pytest.mark.slow
    def test_segments_are_small_enough_to_be_handed_on_in_one_go(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=100_000_000)
        spool.append(quarters([1.0] * 120_000, TEMP))
        taken = spool.take()
        assert taken is not None
        assert 50_000 <= len(taken[1]) < 70_000


class TestDamage:
    def test_a_torn_end_is_cut_off_and_counted_once(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool = a_spool(tmp_path)
        spool.append(quarters([1.0], TEMP))
        whole = files(tmp_path)[0].stat().st_size
        spool.append(quarters([2.0], TEMP))
        (file,) = files(tmp_path)
        os.truncate(file, file.stat().st_size - 3)
        for _ in range(2):
            again = a_spool(tmp_path)
            assert again.state().torn == 1
        assert file.stat().st_size == whole
        assert caplog.text.count("a crash cut off") == 1
        assert [reading.value for reading in drained(again)] == [1.0]

    def test_a_file_with_nothing_whole_in_it_goes(self, tmp_path: Path) -> None:
        (tmp_path / "000000000001-other.spool").write_bytes(b"\0" * 4096)
        spool = a_spool(tmp_path)
        assert not spool.waits
        assert files(tmp_path) == []
        assert spool.state().torn == 1

    def test_a_damaged_frame_costs_its_own_readings_and_is_named(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool = a_spool(tmp_path)
        for first in range(3):
            spool.append(quarters([float(first)] * 7, TEMP))
        (file,) = files(tmp_path)
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
        assert [r.value for r in drained(spool)] == [0.0] * 7 + [2.0] * 7
        assert spool.state().lost == {(Importance.OTHER, Loss.DAMAGE): 7}
        assert f"{file} is damaged: 7 readings are lost" in caplog.text

    def test_a_segment_that_is_gone_is_counted(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path)
        spool.append(quarters([1.0, 2.0], METER))
        files(tmp_path)[0].unlink()
        assert drained(spool) == []
        assert spool.state().lost == {(Importance.REGISTER, Loss.DAMAGE): 2}

    def test_other_files_are_left_alone(self, tmp_path: Path) -> None:
        strange = [tmp_path / "notes.spool", tmp_path / "000000000001-unheard.spool"]
        for file in strange:
            file.write_text("mine")
        assert not a_spool(tmp_path).waits
        assert [file.read_text() for file in strange] == ["mine", "mine"]


class TestRoom:
    """One batch of noise is about 1.1 kB; there is room for so many of them."""

    @staticmethod
    def batch(point: str, n: int) -> list[Reading]:
        return [
            Reading(point, MONDAY + timedelta(hours=100 * n + i), (i * 7919 + n) / 1.7)
            for i in range(100)
        ]

    def fill(self, spool: Spool, *points: str) -> None:
        for n, point in enumerate(points):
            spool.append(self.batch(point, n))

    def test_the_oldest_of_the_least_important_makes_way(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=5_000)
        self.fill(spool, METER, CO2, TEMP, CO2, METER, TEMP)
        state = spool.state()
        assert state.size_bytes <= 5_000
        assert state.lost[Importance.PERSONAL, Loss.FULL] == 200
        assert (Importance.REGISTER, Loss.FULL) not in state.lost
        self.fill(spool, METER, METER, METER, METER)
        state = spool.state()
        assert state.lost[Importance.OTHER, Loss.FULL] == 200
        kept = drained(spool)
        assert {reading.point for reading in kept} == {METER}
        assert kept[-100:] == self.batch(METER, 3)

    def test_registers_lose_their_oldest_only_when_nothing_else_is_left(
        self, tmp_path: Path
    ) -> None:
        spool = a_spool(tmp_path, limit_bytes=5_000)
        for n in range(8):
            spool.append(self.batch(METER, n))
        lost = spool.state().lost[Importance.REGISTER, Loss.FULL]
        kept = drained(spool)
        assert lost > 0
        assert lost + len(kept) == 800
        assert kept == [r for n in range(lost // 100, 8) for r in self.batch(METER, n)]

    def test_what_is_least_important_itself_is_not_taken_in(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=5_000)
        for n in range(4):
            spool.append(self.batch(METER, n))
        assert spool.append(self.batch(CO2, 9)) == 0
        assert spool.state().lost == {(Importance.PERSONAL, Loss.FULL): 100}
        assert len(drained(spool)) == 400

    def test_what_is_being_handed_on_is_not_dropped(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=5_000)
        spool.append(self.batch(CO2, 0))
        taken = spool.take()
        assert taken is not None
        for n in range(1, 6):
            spool.append(self.batch(METER, n))
        assert taken[0].path.exists()
        assert (Importance.PERSONAL, Loss.FULL) not in spool.state().lost

    def test_what_was_put_back_can_make_way(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=5_000)
        spool.append(self.batch(CO2, 0))
        taken = spool.take()
        assert taken is not None
        spool.put_back(taken[0])
        for n in range(1, 6):
            spool.append(self.batch(METER, n))
        assert spool.state().lost[Importance.PERSONAL, Loss.FULL] == 100

    def test_a_batch_that_can_never_fit_drops_nothing(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=2_000)
        spool.append(self.batch(CO2, 0))
        huge = [r for n in range(5) for r in self.batch(METER, n)]
        assert spool.append(huge) == 0
        assert spool.state().lost == {(Importance.REGISTER, Loss.FULL): 500}
        assert len(drained(spool)) == 100

    def test_it_says_so_once_per_episode(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        spool = a_spool(tmp_path, limit_bytes=3_000)
        for expected in (1, 2):
            self.fill(spool, *[TEMP] * 8)
            assert caplog.text.count("has used up its") == expected
            drained(spool)

    def test_losses_outlive_the_process(self, tmp_path: Path) -> None:
        spool = a_spool(tmp_path, limit_bytes=3_000)
        self.fill(spool, *[TEMP] * 8)
        lost = spool.state().lost
        assert lost
        assert a_spool(tmp_path).state().lost == lost


class TestDisk:
    def test_a_full_disk_is_counted_and_said(self, tmp_path: Path) -> None:
        disk = Disk()
        spool = a_spool(tmp_path, sync=disk)
        spool.append(quarters([1.0], TEMP))
        disk.refuses = True
        with pytest.raises(OSError, match="No space left"):
            spool.append(quarters([2.0], TEMP) + quarters([3.0, 4.0], METER))
        assert spool.state().lost == {
            (Importance.OTHER, Loss.DISK): 1,
            (Importance.REGISTER, Loss.DISK): 2,
        }
        disk.refuses = False
        assert spool.append(quarters([5.0], TEMP)) == 1
        assert [reading.value for reading in drained(spool)] == [1.0, 5.0]

    def test_a_count_that_could_not_be_written_is_written_with_the_next(
        self, tmp_path: Path
    ) -> None:
        disk = Disk()
        losses = Losses(tmp_path, disk)
        disk.refuses = True
        losses.count_lost(Importance.OTHER, Loss.DISK, 3)
        assert not Losses(tmp_path).readings
        disk.refuses = False
        losses.count_lost(Importance.OTHER, Loss.FULL, 4)
        kept = Losses(tmp_path).readings
        assert kept == {(Importance.OTHER, Loss.DISK): 3, (Importance.OTHER, Loss.FULL): 4}

    @pytest.mark.parametrize("text", ["", "[]", '{"readings": {"other": {"full": "x"}}}', "{}"])
    def test_a_broken_count_begins_again_and_says_so(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
    ) -> None:
        (tmp_path / "losses.json").write_text(text)
        assert not Losses(tmp_path).readings
        assert "counted from 0 again" in caplog.text


class TestFolders:
    def test_nothing_is_made_before_something_waits(self, tmp_path: Path) -> None:
        folders = folders_of(tmp_path / "spool")
        folders.take_over()
        assert not folders.waits
        assert folders.state().waiting == {}
        assert list(tmp_path.iterdir()) == []

    def test_two_processes_fill_folders_of_their_own(self, tmp_path: Path) -> None:
        one, other = folders_of(tmp_path), folders_of(tmp_path)
        assert one.own().folder == tmp_path / "1"
        assert other.own().folder == tmp_path / "2"
        assert (tmp_path / "1").stat().st_mode & 0o777 == 0o700

    def test_a_folder_in_use_is_not_taken_over(self, tmp_path: Path) -> None:
        one, other = folders_of(tmp_path), folders_of(tmp_path)
        one.own().append(quarters([1.0], TEMP))
        other.take_over()
        assert not other.waits

    def test_what_a_dead_process_left_is_taken_over(self, tmp_path: Path) -> None:
        dead, alive = folders_of(tmp_path), folders_of(tmp_path)
        dead.own().append(quarters([1.0], TEMP))
        alive.own().append(quarters([2.0], TEMP))
        dead.close()
        alive.take_over()
        first, mine = alive.spools()
        assert [r.value for r in [*drained(first), *drained(mine)]] in ([1.0, 2.0], [2.0, 1.0])
        alive.release_empty()
        assert len(alive.spools()) == 1

    def test_losses_of_other_processes_are_seen(self, tmp_path: Path) -> None:
        (tmp_path / "2").mkdir()
        Losses(tmp_path / "2").count_lost(Importance.OTHER, Loss.FULL, 5)
        assert folders_of(tmp_path).state().lost == {(Importance.OTHER, Loss.FULL): 5}

    def test_a_folder_that_cannot_be_read_spares_the_others(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "1" / "000000000001-other.spool").mkdir(parents=True)
        folders = folders_of(tmp_path)
        with caplog.at_level(logging.ERROR):
            folders.take_over()
        assert "cannot be taken over" in caplog.text
