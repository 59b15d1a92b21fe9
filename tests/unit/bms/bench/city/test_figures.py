"""What all sites take, from what a few of them took."""

from types import MappingProxyType

from bms.bench.city.figures import SITES, rounds
from bms.bench.city.job_costs import NIGHT, SiteCosts, TaskCost
from bms.ports.jobs import JobKind


def costs(seconds: float) -> SiteCosts:
    """Sites of which each job takes ``seconds`` [s] in the mean."""
    jobs = {
        kind: (TaskCost(seconds / 2, 1.0), TaskCost(1.5 * seconds, 1.0))
        for kind in (JobKind.PLAN, *NIGHT)
    }
    return SiteCosts(tick=TaskCost(0.004, 5.0), jobs=MappingProxyType(jobs), points=30.0)


def test_a_night_is_predictions_and_learning_of_all_sites() -> None:
    plans, night, others = rounds(costs(0.1))
    assert (plans.value, night.value, others.value) == (65.0, 130.0, 130.0)
    assert plans.ok
    assert night.ok


def test_a_round_that_two_processes_do_not_end_within_a_minute_is_told() -> None:
    plans, night, _ = rounds(costs(121.0 / SITES))
    assert not plans.ok
    assert night.ok
