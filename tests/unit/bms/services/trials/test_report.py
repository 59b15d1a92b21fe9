"""Every trial of a site: blinded until its planned end, sealed then, and never changed by what
happens to the site file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NoReturn

import pytest

from bms.errors import FeedError, NotFound
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Comfort, Site
from bms.model.assets.timetable import WeekTimetable
from bms.model.control.evidence import EvidenceKind
from bms.model.fact import Fact
from bms.model.readings.measurement import Reading
from bms.model.savings.trial import KeptTrial, Trial, TrialEnd
from bms.model.savings.trial_result import Arm, Bounds, Subject, TrialOutcome, TrialState
from bms.savings.trials.outcome import pooled_fact
from bms.savings.trials.pool import agreeing_confidence
from bms.services.trials.design import sealed_site
from bms.services.trials.gone_sites import gone_sites, site_with_trials
from bms.services.trials.report import (
    TrialReport,
    design_digest,
    newest_report,
    pool_trials,
    seal_and_compare,
    seal_results,
    site_trials,
    trial_reports,
)
from bms.services.trials.result import find_result
from bms.services.trials.start import stop_trial
from bms.store.memory.trials import MemoryTrials
from tests.rigs.fakes.api import World, YearFeed, a_world
from tests.rigs.fakes.city import HOUR
from tests.rigs.fakes.trial import analysed
from tests.rigs.fakes.trial_site import START, begun, in_time, lived

DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path) -> World:
    return in_time(a_world(tmp_path), START - 9 * HOUR)


def site_of(world: World) -> Site:
    return world.city.site("lodge")


def only(world: World, site: Site | None = None) -> TrialReport:
    (report,) = trial_reports(world.city.trials, site or site_of(world))
    return report


class NoWeather(YearFeed):
    """Nobody knows the weather."""

    def weather(self, *place: float, **when: object) -> NoReturn:
        raise FeedError("no weather")


class OneTrial(MemoryTrials):
    """A store that somebody edited: it has this trial of any site."""

    def __init__(self, kept: KeptTrial) -> None:
        super().__init__()
        self._kept = kept

    def trials(self, site: str) -> list[KeptTrial]:
        return [self._kept]


class Forged(MemoryTrials):
    """A store in which somebody went round the database: nothing of the trial is proven."""

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self._trial = trial

    def unproven(self, chain: str, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        return frozenset({self._trial.id})


def without_weather(world: World) -> World:
    return world.rewired(feed=NoWeather())


def run_to_its_end(world: World, share: float = 0.10) -> Trial:
    trial = begun(world)
    lived(world, trial, share)
    world.clock.move_to(trial.end)
    return trial


class TestUntilThePlannedEnd:
    def test_only_safety_and_compliance_are_shown(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.start + timedelta(days=30, hours=5))
        result = only(world).result
        assert (result.state, result.days_done) == (TrialState.RUNNING, 30)
        assert (result.effects, result.findings, result.checks) == ((), (), ())
        assert {each.arm: each.share for each in result.dose} == {
            Arm.OPTIMISED: pytest.approx(1.0),
            Arm.OWN_CONTROL: 0.0,
        }
        assert result.safety is not None
        assert result.safety.worst_kh == 0.0

    def test_nor_of_one_that_was_stopped(self, world: World) -> None:
        trial = begun(world)
        lived(world, trial, 0.10)
        world.clock.move_to(trial.start + 30 * DAY)
        stop_trial(world.city.trials, site_of(world), by="Ann", reason="leak")
        world.clock.move_to(trial.end + DAY)
        assert len(seal_results(world.city.trials, site_of(world))) == 1
        report = only(world)
        assert report.result.state is TrialState.STOPPED
        assert report.result.effects == ()
        assert report.ended is not None
        assert (report.ended.by, report.ended.reason) == ("Ann", "leak")

    def test_a_trial_that_has_not_begun_tells_nothing(self, world: World) -> None:
        begun(world)
        result = only(world).result
        assert (result.state, result.days_done) == (TrialState.COMING, 0)

    @pytest.mark.slow
    def test_nor_between_the_end_and_the_seal(self, world: World) -> None:
        """Who saw the effect before could still change the readings that it rests on."""
        run_to_its_end(world)
        result = only(world).result
        assert result.state is TrialState.AWAITING_DATA
        assert (result.effects, result.findings, result.checks) == ((), (), ())
        seal_results(world.city.trials, site_of(world))
        assert only(world).result.effects != ()

    def test_without_weather_design_and_compliance_are_shown(self, world: World) -> None:
        trial = begun(world)
        world.clock.move_to(trial.end)
        with pytest.raises(FeedError):
            seal_results(without_weather(world).city.trials, site_of(world))
        assert only(without_weather(world)).trial == trial

    @pytest.mark.slow
    def test_the_readings_of_the_last_day_are_waited_for(self, world: World) -> None:
        trial = begun(world)
        world.clock.move_to(trial.end)
        assert only(world).result.state is TrialState.AWAITING_DATA
        assert seal_results(world.city.trials, site_of(world)) == []
        world.clock.move_to(trial.end + timedelta(days=14))
        (sealed,) = seal_results(world.city.trials, site_of(world))
        assert sealed.result.findings == ((Subject.HEAT, TrialOutcome.NO_DATA),)


class TestEveryTrialIsShown:
    def test_with_who_ended_it_and_why(self, world: World) -> None:
        first = begun(world)
        stop_trial(world.city.trials, site_of(world), by="Ann", reason="leak")
        second = begun(world)
        reports = trial_reports(world.city.trials, site_of(world))
        assert [each.trial.id for each in reports] == [first.id, second.id]
        ended = reports[0].ended
        assert ended is not None
        assert (ended.by, ended.reason) == ("Ann", "leak")
        assert newest_report(reports, site_of(world)).trial == second

    def test_where_there_is_none_that_is_said(self, world: World) -> None:
        with pytest.raises(NotFound, match="has no trial"):
            newest_report(trial_reports(world.city.trials, site_of(world)), site_of(world))

    def test_also_of_a_site_that_is_no_longer_in_the_files(self, world: World) -> None:
        trial = begun(world)
        assert gone_sites(world.store, ["lodge"]) == []
        world.clock.move_to(trial.start + 30 * DAY)
        gone = gone_sites(world.store, ["hut"])
        (report,) = trial_reports(world.city.trials, gone[0], gone=True)
        assert (report.trial, report.result.days_done) == (trial, 30)
        assert [each.code for each in report.changes] == ["trial_site_gone"]

    @pytest.mark.slow
    def test_a_site_that_is_gone_is_sealed_by_its_own_name(self, world: World) -> None:
        """As its last trial sealed it; readings that are changed afterwards are named, too."""
        trial = run_to_its_end(world)
        site = site_with_trials(world.store, {}, "lodge")
        (sealed,) = seal_results(world.city.trials, site)
        assert dict(sealed.result.findings)[Subject.HEAT] is TrialOutcome.LESS
        at = trial.end - 13 * HOUR + timedelta(minutes=5)
        world.store.add_readings([Reading("lodge/hall.temp", at, 45.0)])
        seal_and_compare(world.city.trials, site)
        (report,) = trial_reports(world.city.trials, site, gone=True)
        assert report.result == sealed.result
        codes = [each.code for each in report.changes]
        assert (codes[0], set(codes[1:])) == ("trial_site_gone", {"trial_changed_readings"})
        assert site_with_trials(world.store, world.city.sites, "lodge") == site_of(world)
        with pytest.raises(NotFound, match="no site 'hut'"):
            site_with_trials(world.store, world.city.sites, "hut")

    def test_one_that_nobody_can_read_any_more_is_named(self, world: World) -> None:
        """It stands in the evidence: a row that was removed is no trial that never was."""
        trial = begun(world)
        ports = replace(world.city.trials, trials=MemoryTrials(), evidence=Forged(trial))
        found = site_trials(ports, site_of(world))
        assert (found.reports, found.lost) == ((), (trial.id,))
        assert [each.code for each in found.notes] == ["trial_lost"]
        assert site_trials(world.city.trials, site_of(world)).notes == ()

    def test_what_the_building_had_under_another_name_is_named(self, world: World) -> None:
        trial = begun(world)
        sealed = replace(trial.sealed, elsewhere=("hut-2018-01-01",))
        ports = replace(
            world.city.trials, trials=OneTrial(KeptTrial(trial=replace(trial, sealed=sealed)))
        )
        (report,) = trial_reports(ports, site_of(world))
        assert [each.code for each in report.changes] == ["trial_elsewhere"]


class TestTheSealedResult:
    @pytest.mark.slow
    def test_a_tenth_less_is_told_of_the_primary_outcome(self, world: World) -> None:
        run_to_its_end(world)
        (sealed,) = seal_results(world.city.trials, site_of(world))
        result = sealed.result
        assert dict(result.findings) == {
            Subject.HEAT: TrialOutcome.LESS,
            Subject.COMFORT: TrialOutcome.NOT_WORSE,
        }
        shares = {effect.subject: effect.share for effect in result.effects}
        for subject in (Subject.HEAT, Subject.ELECTRICITY, Subject.COST, Subject.CO2):
            share = shares[subject]
            assert share is not None
            assert share.value == pytest.approx(0.10, abs=0.012)
        assert shares[Subject.PEAK] is not None
        assert only(world).result == result
        assert seal_results(world.city.trials, site_of(world)) == []

    @pytest.mark.slow
    def test_a_meter_that_is_no_longer_billed_changes_nothing_and_is_named(
        self, world: World
    ) -> None:
        run_to_its_end(world)
        site = site_of(world)
        meters = tuple(replace(m, billed=m.billed and m.id != "heat") for m in site.meters)
        unbilled = replace(site, meters=meters)
        (known,) = world.store.trials("lodge")
        before = find_result(world.city.trials, site, known).result
        (sealed,) = seal_results(world.city.trials, unbilled)
        assert sealed.result == before
        after = only(world, unbilled)
        assert after.result == before
        assert [each.code for each in after.changes] == ["trial_changed_meter"]

    @pytest.mark.slow
    def test_nor_do_closed_days_or_the_comfort_band(self, world: World) -> None:
        trial = run_to_its_end(world)
        site = site_of(world)
        seal_results(world.city.trials, site)
        closed = replace(site, closures=((trial.first, trial.first + 20 * DAY),))
        band = replace(site.zones[0], comfort=Comfort(low_c=23.0))
        for changed, code in (
            (closed, "trial_changed_closed"),
            (replace(site, zones=(band,)), "trial_changed_comfort"),
        ):
            report = only(world, changed)
            assert dict(report.result.findings)[Subject.HEAT] is TrialOutcome.LESS
            assert [each.code for each in report.changes] == [code]

    def test_place_time_zone_tariff_and_sensor_are_named(self, world: World) -> None:
        trial, site = begun(world), site_of(world)
        assert only(world).changes == ()
        coarse = tuple(
            replace(p, low=-10.0) if p.role is Role.ZONE_TEMP else p for p in site.points
        )
        lever = next(p for p in site.points if p.role is Role.ZONE_SETPOINT)
        assert lever.write is not None

        def with_lever(changed: Point) -> tuple[Point, ...]:
            return tuple(changed if p.id == lever.id else p for p in site.points)

        other = next(p.address for p in site.points if p.address != lever.address)
        narrower = with_lever(
            replace(lever, write=replace(lever.write, minimum=lever.write.minimum + 0.5))
        )
        elsewhere = with_lever(replace(lever, address=other))
        warmer = replace(site.zones[0], own_setpoint=WeekTimetable(default=23.5))
        read_only = tuple(replace(p, write=None) for p in site.points)
        for changed, code in (
            (replace(site, latitude=10.0), "trial_changed_place"),
            (replace(site, timezone="America/New_York"), "trial_changed_place"),
            (replace(site, heat_tariff="another"), "trial_changed_tariff"),
            (replace(site, points=coarse), "trial_changed_comfort"),
            (replace(site, points=read_only), "trial_changed_levers"),
            (replace(site, points=narrower), "trial_changed_levers"),
            (replace(site, points=elsewhere), "trial_changed_levers"),
            (replace(site, zones=(warmer,)), "trial_changed_own_control"),
        ):
            assert [each.code for each in only(world, changed).changes] == [code]
            then = sealed_site(changed, trial)
            assert (then.latitude, then.longitude) == (site.latitude, site.longitude)
            assert (then.timezone, then.heat_tariff) == (site.timezone, site.heat_tariff)

    @pytest.mark.slow
    def test_readings_that_were_changed_afterwards_are_named(self, world: World) -> None:
        trial = run_to_its_end(world)
        seal_results(world.city.trials, site_of(world))
        assert only(world).changes == ()
        at = trial.end - 13 * HOUR + timedelta(minutes=5)
        world.store.add_readings([Reading("lodge/hall.temp", at, 45.0)])
        seal_and_compare(world.city.trials, site_of(world))
        report = only(world)
        assert "trial_changed_readings" in {each.code for each in report.changes}
        assert dict(report.result.findings)[Subject.HEAT] is TrialOutcome.LESS

    @pytest.mark.slow
    def test_a_design_that_is_not_the_one_of_the_draw_is_named(self, world: World) -> None:
        run_to_its_end(world)
        (sealed,) = seal_results(world.city.trials, site_of(world))
        kept = world.store.trials("lodge")[0]
        assert sealed.design == design_digest(kept)
        assert '"comfort_margin_kh":1.0' in kept.design_text
        other = kept.design_text.replace('"comfort_margin_kh":1.0', '"comfort_margin_kh":5.0')
        edited = kept.result_text.replace('"less"', '"more"', 1)
        for forged, code in (
            (replace(kept, design_text=other), "trial_changed_design"),
            (replace(kept, result_text=edited), "trial_changed_edited"),
        ):
            ports = replace(world.city.trials, trials=OneTrial(forged))
            (report,) = trial_reports(ports, site_of(world))
            assert [each.code for each in report.changes] == [code]

    @pytest.mark.slow
    def test_what_is_not_as_it_was_written_is_named_and_not_sealed(self, world: World) -> None:
        trial = run_to_its_end(world)
        forged = replace(world.city.trials, evidence=Forged(trial))
        assert seal_results(forged, site_of(world)) == []
        assert len(seal_results(world.city.trials, site_of(world))) == 1
        (report,) = trial_reports(forged, site_of(world))
        assert [each.code for each in report.changes] == ["trial_changed_unproven"]
        assert (report.proven, only(world).proven) == (False, True)
        assert pool_trials([report]).sites == ()


class TestTogether:
    @pytest.mark.slow
    def test_two_buildings(self, tmp_path) -> None:
        reports = []
        for seed in (1, 2):
            world = in_time(a_world(tmp_path / str(seed)), START - 9 * HOUR)
            trial = begun(world, lot=seed)
            lived(world, trial, 0.10, seed=seed)
            world.clock.move_to(trial.end)
            seal_results(world.city.trials, site_of(world))
            (report,) = trial_reports(world.city.trials, site_of(world))
            reports.append(replace(report, trial=replace(report.trial, site=f"lodge{seed}")))
        pooled = pool_trials(reports)
        assert pooled.shares[Subject.ELECTRICITY].holds(0.10)
        assert pool_trials(reports[:1]).reasons[0].code == "trial_pool_few"
        twice_the_same = pool_trials([reports[0], reports[0]])
        assert twice_the_same.reasons[0].code == "trial_pool_few"
        assert pool_trials([*reports, reports[0]]).reasons[0].parameters["buildings"] == 2

    def test_a_building_of_two_names_is_one(self, world: World) -> None:
        effect = analysed(0.1)
        assert effect is not None
        trial = begun(world)
        running = only(world)
        done = replace(running.result, state=TrialState.FINISHED, effects=(effect,))
        former = replace(running, result=done)
        sealed = replace(trial.sealed, elsewhere=(trial.id,))
        other = replace(former, trial=replace(trial, id="hut-2", site="hut"))
        renamed = replace(former, trial=replace(trial, id="hut-1", site="hut", sealed=sealed))
        assert pool_trials([former, other]).reasons[0].code == "trial_pool"
        assert pool_trials([former, renamed]).reasons[0].code == "trial_pool_few"

    def test_only_of_the_primary_outcome_a_finding_is_told(self, world: World) -> None:
        """At the strictest confidence that was sealed; what is primary in one building only is
        secondary for all of them together."""
        effect = analysed(0.1)
        assert effect is not None
        trial = begun(world)
        running = only(world)
        other = replace(effect, subject=Subject.ELECTRICITY)
        done = replace(running.result, state=TrialState.FINISHED, effects=(effect, other))

        def finished(name: str, primary: Subject, confidence: float) -> TrialReport:
            sealed = replace(trial.sealed, primary=primary, confidence=confidence)
            return replace(
                running, result=done, trial=replace(trial, id=name, site=name, sealed=sealed)
            )

        reports = [
            finished("hut", Subject.HEAT, 0.9),
            finished("barn", Subject.HEAT, 0.99),
            finished("hall", Subject.ELECTRICITY, 0.9),
        ]
        told = sorted(
            pool_trials(reports).reasons, key=lambda each: str(each.parameters["subject"])
        )[::-1]
        alike_heat, heat, alike_electricity, electricity = told
        assert (heat.code, heat.parameters["buildings"]) == ("trial_pool", 2)
        assert (electricity.code, electricity.parameters["buildings"]) == (
            "trial_pool_secondary",
            3,
        )
        for said in (heat, electricity):
            interval = said.parameters["interval"]
            assert isinstance(interval, Fact)
            assert interval.parameters["confidence"] == 0.99
        for said, buildings in ((alike_heat, 2), (alike_electricity, 3)):
            assert said.code == "trial_pool_agreeing"
            assert said.parameters["covered"] == agreeing_confidence(buildings, 0.99)
        assert pool_trials(reports).primary == (Subject.HEAT,)

    def test_without_the_buildings_that_were_stopped_it_is_no_finding(self, world: World) -> None:
        """Whoever looks at the readings, and stops where they do not please, chooses the result of
        what is left."""
        effect = analysed(0.1)
        assert effect is not None
        trial = begun(world)
        running = only(world)
        done = replace(running.result, state=TrialState.FINISHED, effects=(effect,))

        def of(name: str, **changes: object) -> TrialReport:
            named = replace(trial, id=f"{name}-1", site=name)
            return replace(running, trial=named, result=done, **changes)

        def ended(name: str, at: datetime) -> TrialReport:
            end = TrialEnd(trial=f"{name}-1", site=name, at=at, by="Bo", reason="leak")
            stopped = replace(done, state=TrialState.STOPPED, effects=())
            return replace(of(name, ended=end), result=stopped)

        two = [of("hut"), of("barn")]
        for third, said in (
            (of("hall"), ["trial_pool"]),
            (ended("hall", trial.start), ["trial_pool"]),
            (ended("hall", trial.end - DAY), ["trial_pool_secondary", "trial_pool_incomplete"]),
            (ended("hut", trial.end - DAY), ["trial_pool"]),
            (of("hall", proven=False), ["trial_pool_secondary", "trial_pool_incomplete"]),
        ):
            pooled = pool_trials([*two, third])
            codes = [each.code for each in pooled.reasons if each.code != "trial_pool_agreeing"]
            assert codes == said
            assert bool(pooled.primary) == (said == ["trial_pool"])
        assert pool_trials(two, ["hall-1"]).reasons[-1].parameters == {"trials": ("hall-1",)}

    def test_buildings_are_one_by_a_trial_that_was_stopped_between(self, world: World) -> None:
        effect = analysed(0.1)
        assert effect is not None
        trial = begun(world)
        running = only(world)
        done = replace(running.result, state=TrialState.FINISHED, effects=(effect,))

        def of(name: str, *elsewhere: str, stopped: bool = False) -> TrialReport:
            sealed = replace(trial.sealed, elsewhere=elsewhere)
            named = replace(trial, id=f"{name}-1", site=name, sealed=sealed)
            result = replace(done, state=TrialState.STOPPED, effects=()) if stopped else done
            return replace(running, trial=named, result=result)

        chain = [of("hut"), of("barn", "hut-1", stopped=True), of("hall", "barn-1")]
        assert pool_trials(chain).reasons[0].code == "trial_pool_few"

    def test_a_share_that_may_be_nothing_is_no_saving(self) -> None:
        share = Bounds(0.021, -0.01, 0.05)
        said = pooled_fact(Subject.HEAT, share, 3, primary=True)
        assert (said.code, said.parameters["buildings"]) == ("trial_pool_not_told", 3)
        assert pooled_fact(Subject.HEAT, share, 3).code == "trial_pool_secondary"

    def test_nothing_is_told_while_one_is_under_way(self, world: World) -> None:
        begun(world)
        pooled = pool_trials(trial_reports(world.city.trials, site_of(world)))
        assert [each.code for each in pooled.reasons] == ["trial_pool_open"]
        assert pooled.sites == ()


def test_the_calendar_of_the_rig() -> None:
    assert START.date() == date(2018, 11, 14)
