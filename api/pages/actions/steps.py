"""What an action of the pages is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api.pages.actions.form import FieldMaker, FilledForm, FormField
from api.pages.language import PageTranslator
from api.ports import ApiPorts
from bms.model.assets.site import Site
from bms.services.assessment.savings_cache import SavingsCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Who does something at which site, and what it needs. ``given`` is what the address or the
    form says."""

    ports: ApiPorts
    cache: SavingsCache
    site: Site
    t: PageTranslator
    actor: str
    now: datetime
    given: Mapping[str, str]

    @property
    def ask(self) -> FieldMaker:
        """What makes the fields of the form."""
        return FieldMaker(self.given)

    def ask_reason(self) -> FormField:
        """The field that asks why."""
        t = self.t
        return self.ask.long_text("reason", t("form_reason"), t("form_reason_help"))

    def form(self) -> FilledForm:
        """What was filled in, to be read once."""
        return FilledForm(self.given, self.site.timezone, self.t)

    def reason(self) -> str:
        """Why it is done, where nothing else is asked. Raises ``WrongFields``."""
        form = self.form()
        reason = form.reason()
        form.check()
        return reason


class NothingToDo(Exception):
    """An action has nothing that it could be done to; its text is in the language of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPreview:
    """What will happen. ``word`` has to be typed before it does; None where a click is enough."""

    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    word: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutcome:
    """What was done. ``back`` is the address of the way back, after the site's; ``waits``: the word
    stands, and the database is told later.
    ``count`` is how many things it changed, where that is not plain."""

    back: str | None = None
    waits: bool = False
    count: int | None = None


class PageAction(Protocol):
    """One thing that people do. Synchronous parts are called off the event loop."""

    @property
    def code(self) -> str:
        """Its name in addresses and in the codes of its messages."""
        ...

    def fields(self, doing: Doing) -> tuple[FormField, ...]:
        """The form. Raises ``NothingToDo``, and ``bms.errors.BmsError`` where it cannot be done
        now."""
        ...

    def preview(self, doing: Doing) -> ActionPreview:
        """What will happen. Raises ``WrongFields``."""
        ...

    async def perform(self, doing: Doing) -> ActionOutcome:
        """Do it. Raises ``WrongFields``."""
        ...
