"""What ``bms audit list`` says of what nobody typed."""

from __future__ import annotations

from bms.cli.console.language import CommandTranslator
from bms.cli.system.audit import reasons_in_words
from bms.model.assets.site import Mode
from bms.model.control.audit import Action, AuditSearch
from bms.model.fact import fact
from bms.model.trust.modes import StepBack, StepBackReason
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.safety import NOW


def test_a_step_back_is_told_in_words() -> None:
    store = MemoryStore()
    why = fact(StepBackReason.DATA_OLD, hours=24.0)
    store.step_back(StepBack(id="s1", site="hut", at=NOW, reason=why), actor="bms")
    store.set_mode("hut", Mode.OBSERVE, actor="anna", at=NOW, reason="a look")
    entries = store.audit(AuditSearch())
    [told] = reasons_in_words(entries, store, CommandTranslator("en", "UTC")).values()
    assert [e.action for e in entries] == [Action.SET_MODE, Action.STEP_BACK]
    assert told.startswith("for 24 hours no readings")
