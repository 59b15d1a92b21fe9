"""A site has tariffs that there are."""

from __future__ import annotations

from collections.abc import Iterable

from bms.model.tariff_names import TariffNames
from sites.parts import Draft
from sites.schema.table import TARIFFS
from sites.schema.yaml_tree import Report, shown


def check_tariffs(drafts: Iterable[Draft], names: TariffNames, report: Report) -> None:
    """Report every tariff, also a usual one, that is not in the tariff file."""
    for draft in drafts:
        given = draft.site.get("tariffs")
        for kind, known in (("electricity", names.electricity), ("heat", names.heat)):
            name = given.get(kind) if given is not None else TARIFFS.by_name[kind].default
            if name is not None and name not in known:
                report.add(
                    draft.site.at("tariffs") if given is None else given.at(kind),
                    f"there is no {kind} tariff {shown(name)}; known: {', '.join(sorted(known))} "
                    "(BMS_TARIFFS names a file of your own)",
                )
