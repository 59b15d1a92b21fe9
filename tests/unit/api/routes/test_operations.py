"""Whether the process lives and its database answers."""

from bms.errors import StoreUnavailable
from bms.store.memory.store import MemoryStore
from tests.rigs.exposition import read_exposition
from tests.rigs.fakes.api import a_world


class Away(MemoryStore):
    """A store whose database is away."""

    def keys(self):
        raise StoreUnavailable("the database is away")


async def test_ready_means_that_the_database_answers(tmp_path):
    world = a_world(tmp_path, store=Away())
    async with world.browser() as browser:
        assert (await browser.get("/healthz")).status_code == 200
        away = await browser.get("/readyz")
    assert away.status_code == 503
    assert away.headers["retry-after"] == "30"
    assert away.json()["detail"] == "the database is away"


async def test_metrics_count_and_age(browser):
    found = read_exposition((await browser.get("/metrics")).text)
    assert found.value("bms_points", site="lodge") == 9
    assert found.value("bms_reading_age_seconds", site="lodge") == 300
    assert found.value("bms_plan_age_seconds", site="lodge") == 0
    again = read_exposition((await browser.get("/metrics")).text)
    before = found.value("bms_http_answers_total", method="GET", status="200") or 0
    assert again.value("bms_http_answers_total", method="GET", status="200") == before + 1
