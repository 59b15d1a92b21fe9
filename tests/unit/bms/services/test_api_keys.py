"""Keys: shown once, kept as a digest, good for what they are made for."""

from datetime import UTC, datetime, timedelta

import pytest

from bms.errors import ConfigError, StoreUnavailable
from bms.model.control.audit import Action, AuditSearch
from bms.services.api_keys import RememberedKeys, create_key, default_expiry, find_key
from bms.store.memory.store import MemoryStore

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_key_is_found_and_its_secret_is_nowhere_in_the_store():
    store = MemoryStore()
    text = create_key(store, name="dashboard", scope="read", now=NOW, actor="bo")
    key = find_key(store, text, NOW)
    assert key is not None
    assert (key.name, key.may_read, key.may_operate) == ("dashboard", True, False)
    secret = text.split("_", 2)[2]
    assert secret not in repr(store.keys())
    assert secret not in repr(store.key(key.id))


def test_who_made_a_key_stands_in_the_audit():
    store = MemoryStore()
    text = create_key(store, name="hall", scope="read", now=NOW, actor="bo")
    key = find_key(store, text, NOW)
    assert key is not None
    (entry,) = store.audit(AuditSearch(action=Action.CREATE_KEY))
    assert (entry.at, entry.actor, entry.subject) == (NOW, "bo", key.id)
    assert entry.reason == "read: hall"


@pytest.mark.parametrize("spoil", ["x" + "{}", "{}x", "bms__", "", "bms_nobody_secret", "_"])
def test_other_texts_are_no_keys(spoil):
    store = MemoryStore()
    text = create_key(store, name="dashboard", scope="read", now=NOW, actor="bo")
    assert find_key(store, spoil.format(text), NOW) is None


def test_a_revoked_key_is_no_key():
    store = MemoryStore()
    text = create_key(store, name="dashboard", scope="operate", now=NOW, actor="bo")
    key = find_key(store, text, NOW)
    assert key is not None
    store.revoke_key(key.id, NOW, actor="bo")
    assert find_key(store, text, NOW) is None


def test_a_controller_fetches_its_own_schedule_only():
    store = MemoryStore()
    text = create_key(store, name="c", scope="controller:school/rooms", now=NOW, actor="bo")
    key = find_key(store, text, NOW)
    assert key is not None
    assert key.may_fetch("school/rooms")
    assert not key.may_fetch("school/other")
    assert not key.may_read
    assert not key.may_operate


def test_an_unknown_scope_is_refused():
    with pytest.raises(ConfigError, match="use read, operate, ingest, ingest:SITE or controller"):
        create_key(MemoryStore(), name="x", scope="admin", now=NOW, actor="bo")


def test_w10_a_key_that_was_found_is_good_for_a_day_without_the_database():
    class Away(MemoryStore):
        away = False

        def key(self, key_id):
            if self.away:
                raise StoreUnavailable("away")
            return super().key(key_id)

    store, clock = Away(), [0.0]
    keys = RememberedKeys(store, keep_s=100.0, monotonic=lambda: clock[0])
    known, unknown = (
        create_key(store, name=name, scope="operate", now=NOW, actor="bo") for name in "ab"
    )
    found = find_key(keys, known, NOW)
    store.away = True
    assert find_key(keys, known, NOW) == found
    assert find_key(keys, known + "x", NOW) is None
    with pytest.raises(StoreUnavailable):
        find_key(keys, unknown, NOW)
    clock[0] = 101.0
    with pytest.raises(StoreUnavailable):
        find_key(keys, known, NOW)


def test_a_key_that_was_revoked_is_forgotten_once_the_database_says_so():
    store = MemoryStore()
    keys = RememberedKeys(store)
    text = create_key(store, name="a", scope="operate", now=NOW, actor="bo")
    assert find_key(keys, text, NOW) is not None
    store.revoke_key(text.split("_")[1], NOW, actor="bo")
    assert find_key(keys, text, NOW) is None


def test_a_key_is_good_until_its_end_and_not_after_it():
    store, end = MemoryStore(), NOW + timedelta(days=90)
    text = create_key(store, name="s", scope="ingest", now=NOW, actor="bo", expires=end)
    assert find_key(store, text, end - timedelta(microseconds=1)) is not None
    assert find_key(store, text, end) is None
    assert find_key(RememberedKeys(store), text, end) is None


def test_a_key_that_would_be_over_is_not_made():
    store = MemoryStore()
    with pytest.raises(ConfigError, match="expired"):
        create_key(store, name="s", scope="ingest", now=NOW, actor="bo", expires=NOW)
    assert store.keys() == []


@pytest.mark.parametrize(
    ("scope", "days"), [("ingest", 365), ("ingest:school", 365), ("read", None), ("operate", None)]
)
def test_a_suppliers_key_ends_after_a_year(scope, days):
    assert default_expiry(scope, NOW) == (days and NOW + timedelta(days=days))
