"""The table of buildings: what each row says, and which rows a request asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.pages.city.board import SavingsBoard, StandingBoard
from api.pages.language import PageTranslator
from api.pages.panels.claim import spread_of
from api.pages.panels.plan import plan_state_now
from api.pages.panels.standing import name_of
from bms.messages import MISSING
from bms.model.assets.site import Mode
from bms.model.savings.avoided_use import MonthSavings, SiteSavings
from bms.model.savings.objection import Verdict
from bms.services.overview.attention import TOO_COLD_K
from bms.services.overview.buildings import BuildingNow, RoomNow

PER_PAGE, MOST_PER_PAGE = 50, 1000
SIGNS = {Verdict.VERIFIED: "●", Verdict.INDICATIVE: "◐", Verdict.NOT_CLAIMABLE: "○"}
BARS = "▁▂▃▄▅▆▇█"
SPARK_MONTHS = 6
COLUMNS = ("worst", "name", "state", "coldest", "month", "change", "open", "contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A building in words. ``keys`` are what each column is sorted by, small first."""

    id: str
    name: str
    use: str
    use_word: str
    mode: Mode
    in_use: bool
    plan: str
    coldest: str
    cold: bool
    saving: str
    sign: str
    verdict: str
    spark: str
    change: str
    open: int
    contact: str
    stale: bool
    keys: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAsked:
    """What a request asked of the table; what it does not know is taken for nothing asked."""

    search: str = ""
    use: str = ""
    mode: str = ""
    only_open: bool = False
    sort: str = "worst"
    down: bool = False
    page: int = 1
    per: int = PER_PAGE

    def link(self, **changes: Any) -> str:
        """The address of the overview with some of it changed."""
        asked = {
            "q": self.search,
            "use": self.use,
            "mode": self.mode,
            "open": "1" if self.only_open else "",
            "sort": self.sort,
            "down": "1" if self.down else "",
            "page": self.page,
            "per": self.per,
            **changes,
        }
        plain = {"sort": "worst", "page": 1, "per": PER_PAGE, "": ""}
        kept = {k: v for k, v in asked.items() if v not in ("", plain.get(k))}
        return "/?" + urlencode(kept) if kept else "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """``rows`` are those of the page ``asked.page`` of ``pages``; ``found`` of ``all`` matched.
    ``heads`` are (column, words, link, ``ascending`` or ``descending`` or None)."""

    asked: TableAsked
    rows: tuple[TableRow, ...]
    found: int
    all: int
    pages: int
    heads: tuple[tuple[str, str, str, str | None], ...]
    uses: tuple[tuple[str, str], ...]


class RowsInWords:
    """The rows of the table in every language, made once for the boards that they are made of."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[StandingBoard, SavingsBoard | None, tuple[TableRow, ...]]] = {}

    def rows(
        self, standing: StandingBoard, savings: SavingsBoard | None, t: PageTranslator
    ) -> tuple[TableRow, ...]:
        """Returns every building in the language of ``t``, worst first."""
        known = self._kept.get(t.language)
        if known is not None and known[0] is standing and known[1] is savings:
            return known[2]
        made = table_rows(standing, savings, t)
        self._kept[t.language] = (standing, savings, made)
        return made


def table_rows(
    standing: StandingBoard, savings: SavingsBoard | None, t: PageTranslator
) -> tuple[TableRow, ...]:
    """Every building, worst first."""
    matters: dict[str, list[bool]] = {}
    for each in standing.matters:
        matters.setdefault(each.site, []).append(each.urgent)
    rows = [
        _row(one, _saving_of(one, savings), matters.get(one.site.id, []), standing, t)
        for one in standing.buildings
    ]
    return tuple(sorted(rows, key=lambda row: row.keys[0]))


def table_view(rows: Sequence[TableRow], asked: TableAsked, t: PageTranslator) -> TableView:
    """The page of the table that was asked for."""
    found = [row for row in rows if _matches(row, asked)]
    if asked.sort in COLUMNS:
        column = COLUMNS.index(asked.sort)
        found.sort(key=lambda row: row.keys[column], reverse=asked.down)
    per = min(max(1, asked.per), MOST_PER_PAGE)
    pages = max(1, -(-len(found) // per))
    first = per * (min(max(1, asked.page), pages) - 1)
    words = dict(sorted({row.use: row.use_word for row in rows}.items(), key=_by_word(t)))
    return TableView(
        asked=asked,
        rows=tuple(found[first : first + per]),
        found=len(found),
        all=len(rows),
        pages=pages,
        heads=tuple(_heads(asked, t)),
        uses=tuple(words.items()),
    )


def _by_word(t: PageTranslator) -> Callable[[tuple[str, str]], Any]:
    return lambda pair: t.collated(pair[1])


def _heads(asked: TableAsked, t: PageTranslator) -> list[tuple[str, str, str, str | None]]:
    heads = []
    words = {
        "name": t("building"),
        "state": t("table_state"),
        "coldest": t("table_coldest"),
        "month": t("table_month"),
        "change": t("table_change"),
        "open": t("table_open"),
        "contact": t("last_reading"),
    }
    for column, text in words.items():
        chosen = asked.sort == column
        down = "1" if chosen and not asked.down else ""
        sorted_how = ("descending" if asked.down else "ascending") if chosen else None
        heads.append((column, text, asked.link(sort=column, down=down, page=1), sorted_how))
    return heads


def _matches(row: TableRow, asked: TableAsked) -> bool:
    return (
        asked.search.casefold() in row.name.casefold()
        and asked.use in ("", row.use)
        and asked.mode in ("", row.mode.value)
        and (not asked.only_open or row.open > 0)
    )


def _saving_of(building: BuildingNow, savings: SavingsBoard | None) -> SiteSavings | None:
    row = None if savings is None else savings.sites.get(building.site.id)
    return None if row is None else row.savings


def _row(
    building: BuildingNow,
    saving: SiteSavings | None,
    urgent: Sequence[bool],
    standing: StandingBoard,
    t: PageTranslator,
) -> TableRow:
    site, newest, room = building.site, building.newest, building.coldest
    name = name_of(site, t)
    months = () if saving is None else saving.months
    month, change = (months[-1] if months else None), _change(months)
    silent = (standing.at - newest).total_seconds() if newest is not None else float("inf")
    short = -float("inf") if room is None else (room.short_k if room.in_use else room.short_k - 99)
    by_name = t.collated(name)
    return TableRow(
        id=site.id,
        name=name,
        use=site.use,
        use_word=t.one_of(f"use_{site.use}", site.use),
        mode=building.mode,
        in_use=building.in_use,
        plan=t(f"plan_{plan_state_now(building.plan)}"),
        coldest=_coldest(room, t),
        cold=room is not None and room.in_use and room.short_k > TOO_COLD_K,
        saving=MISSING if month is None else _with_spread(month, t),
        sign=SIGNS[saving.verdict] if saving is not None and month is not None else "",
        verdict="" if saving is None else t(f"verdict_{saving.verdict.value}"),
        spark=sparkline([each.saving_kwh for each in months[-SPARK_MONTHS:]]),
        change=MISSING if change is None else _signed(change, t),
        open=len(urgent),
        contact=t("never") if newest is None else t.since(newest, standing.at),
        stale=silent > 3600.0,
        keys=(
            (-sum(urgent), -len(urgent), -short, by_name),
            by_name,
            (not building.in_use, building.mode.value, by_name),
            (-short, by_name),
            (float("inf") if month is None else month.saving_kwh, by_name),
            (float("inf") if change is None else change, by_name),
            (-len(urgent), by_name),
            (-silent, by_name),
        ),
    )


def _coldest(room: RoomNow | None, t: PageTranslator) -> str:
    if room is None:
        return MISSING
    return f"{t.number(room.temp_c, 1)} / {t.pattern(room.low_c, '0.#')}"


def _with_spread(month: MonthSavings, t: PageTranslator) -> str:
    spread = spread_of(month.saving_kwh, month.saving_low_kwh, month.saving_high_kwh, t)
    return f"{t.number(month.saving_kwh)} {spread}"


def _change(months: Sequence[MonthSavings]) -> float | None:
    """Saving a day of the last month less that of the one before [kWh/d]."""
    if len(months) < 2 or not (months[-1].days and months[-2].days):
        return None
    return months[-1].saving_kwh / months[-1].days - months[-2].saving_kwh / months[-2].days


def _signed(value: float, t: PageTranslator) -> str:
    return ("▲ " if value > 0 else "▼ " if value < 0 else "") + t.number(abs(value))


def sparkline(values: Sequence[float]) -> str:
    """Values as small bars of text; nothing for less than two of them."""
    if len(values) < 2:
        return ""
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in values)
