"""Fields of forms as a person fills them in, and what is wrong with what they wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from math import inf, isfinite
from zoneinfo import ZoneInfo

from api.pages.language import PageTranslator
from bms.model.outside_text import obeyed

LONGEST_TEXT = 500
SHORTEST_REASON = 3
YEARS = range(1990, 2200)
THOUSANDS = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d+)?")
"""A number whose points part thousands, as it is written where decimals stand behind a comma."""
LOCAL = "%Y-%m-%dT%H:%M"


class FieldKind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    MOMENT = "moment"
    DAY = "day"
    NUMBER = "number"
    CHOICE = "choice"
    CHECK = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. ``choices`` are (value, words); ``value`` is what stands in it at first."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    value: str = ""
    help: str = ""
    required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    step: str = "any"


Choices = Sequence[tuple[str, str]]
"""What may be chosen: (value, words)."""


@dataclass(frozen=True, slots=True)
class FieldMaker:
    """Makes fields. In each stands what was ``given`` by the address or the form, else a
    proposal."""

    given: Mapping[str, str]

    def text(self, name: str, label: str) -> FormField:
        return self._made(FieldKind.TEXT, name, label)

    def long_text(self, name: str, label: str, about: str = "") -> FormField:
        return self._made(FieldKind.LONG_TEXT, name, label, about=about)

    def choice(
        self, name: str, label: str, choices: Choices, proposed: str = "", about: str = ""
    ) -> FormField:
        """The first of ``choices`` is proposed where nothing else is."""
        first = proposed or choices[0][0]
        made = self._made(FieldKind.CHOICE, name, label, first, about)
        return replace(made, choices=tuple(choices))

    def check(self, name: str, label: str) -> FormField:
        return self._made(FieldKind.CHECK, name, label, required=False)

    def number(
        self, name: str, label: str, proposed: str = "", about: str = "", *, step: str = "any"
    ) -> FormField:
        """A number that may be left out."""
        made = self._made(FieldKind.NUMBER, name, label, proposed, about, required=False)
        return replace(made, step=step)

    def moment(
        self, name: str, label: str, proposed: str, about: str = "", *, required: bool = True
    ) -> FormField:
        return self._made(FieldKind.MOMENT, name, label, proposed, about, required=required)

    def day(
        self, name: str, label: str, proposed: str = "", about: str = "", *, required: bool = True
    ) -> FormField:
        return self._made(FieldKind.DAY, name, label, proposed, about, required=required)

    def _made(
        self,
        kind: FieldKind,
        name: str,
        label: str,
        proposed: str = "",
        about: str = "",
        *,
        required: bool = True,
    ) -> FormField:
        value = self.given.get(name, proposed)
        return FormField(
            name=name, label=label, kind=kind, value=value, help=about, required=required
        )


class WrongFields(Exception):
    """What a person wrote cannot be taken: ``problems`` by field, '' of the form."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in problems.items()))
        self.problems = dict(problems)


class FilledForm:
    """What a person wrote, read field by field; problems are gathered until ``check``."""

    def __init__(self, given: Mapping[str, str], timezone: str, t: PageTranslator) -> None:
        self._given = given
        self._zone = ZoneInfo(timezone)
        self._t = t
        self._problems: dict[str, str] = {}

    def text(self, name: str, *, required: bool = True, least: int = 1) -> str:
        """A text of one line or more; empty where it may be and is."""
        t = self._t
        found = " ".join(self._given.get(name, "").split())
        if any(obeyed(sign) for sign in found) or len(found) > LONGEST_TEXT:
            self.wrong(name, t("form_text_wrong", most=LONGEST_TEXT))
        elif required and len(found) < least:
            self.wrong(name, t("form_needed"))
        return found

    def reason(self) -> str:
        """Why it is done."""
        return self.text("reason", least=SHORTEST_REASON)

    def choice(self, name: str, choices: Choices) -> str:
        """One of the choices."""
        t = self._t
        found = self._given.get(name, "")
        if found not in {value for value, _ in choices}:
            self.wrong(name, t("form_choose"))
        return found

    def checked(self, name: str) -> bool:
        return self._given.get(name) == "1"

    def moment(self, name: str, *, required: bool = True) -> datetime | None:
        """A local time, aware; None where it may be left out and is."""
        t = self._t
        text = self._given.get(name, "").strip()
        if not text and not required:
            return None
        try:
            found = datetime.strptime(text[:16], LOCAL).replace(tzinfo=self._zone)
            if found.year not in YEARS:
                raise ValueError(found.year)
            return found.astimezone(UTC)
        except ValueError:
            self.wrong(name, t("form_moment"))
            return None

    def day(self, name: str, *, required: bool = True) -> date | None:
        """A local day; None where it may be left out and is."""
        t = self._t
        text = self._given.get(name, "").strip()
        if not text and not required:
            return None
        try:
            found = date.fromisoformat(text)
            if found.year not in YEARS:
                raise ValueError(found.year)
            return found
        except ValueError:
            self.wrong(name, t("form_day"))
            return None

    def midnight(self, name: str, *, required: bool = True) -> datetime | None:
        """The local midnight with which a day begins."""
        day = self.day(name, required=required)
        if day is None:
            return None
        return datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)

    def number(
        self, name: str, *, required: bool = True, least: float = 0.0, most: float = inf
    ) -> float | None:
        """A number that is written with a comma or a point; None where it is left out."""
        t = self._t
        text = "".join(self._given.get(name, "").split())
        if t.decimal_comma and THOUSANDS.fullmatch(text):
            text = text.replace(".", "")
        text = text.replace(",", ".")
        if not text and not required:
            return None
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not isfinite(found) or found < least:
            self.wrong(name, t("form_number", least=least))
            return None
        if found > most:
            self.wrong(name, t("form_number_most", most=most))
        return found

    def word(self, name: str, wanted: str) -> None:
        """The word of the thing, for what cannot be undone or concerns everybody."""
        t = self._t
        if self._given.get(name, "").strip().casefold() != wanted.casefold():
            self.wrong(name, t("form_word", word=wanted))

    def wrong(self, name: str, text: str) -> None:
        """Note a problem of a field."""
        self._problems.setdefault(name, text)

    def check(self) -> None:
        """Raises ``WrongFields`` for the problems so far."""
        if self._problems:
            raise WrongFields(self._problems)


def local_text(moment: datetime, timezone: str) -> str:
    """A moment as the field of a form has it."""
    return moment.astimezone(ZoneInfo(timezone)).strftime(LOCAL)


def next_evening(now: datetime, timezone: str) -> datetime:
    """The next 17:00, at least an hour away: when what is done today is over, as a proposal."""
    local = now.astimezone(ZoneInfo(timezone))
    evening = local.replace(hour=17, minute=0, second=0, microsecond=0)
    return evening if evening - local >= timedelta(hours=1) else evening + timedelta(days=1)
