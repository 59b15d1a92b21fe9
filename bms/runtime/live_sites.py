"""The sites as they are now: whoever keeps the mapping sees those of the newest site files."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView

from bms.errors import Mistake
from bms.model.assets.site import Site


class LiveSites(Mapping[str, Site]):
    """Sites by their id. Safe for several threads: what is looked through is never changed, only
    exchanged as a whole, and a view that was taken before goes on with what it had.

    ``mistakes`` are those of the site files that are left out.
    """

    def __init__(self, sites: Iterable[Site], mistakes: tuple[Mistake, ...] = ()) -> None:
        self._now = {site.id: site for site in sites}
        self.mistakes = mistakes

    def exchange(self, sites: Iterable[Site], mistakes: tuple[Mistake, ...]) -> None:
        """These are the sites from now on."""
        self._now, self.mistakes = {site.id: site for site in sites}, mistakes

    def chosen(self, is_wanted: Callable[[str], bool]) -> ChosenSites:
        """Those with a wanted id, now and later."""
        return ChosenSites(self, is_wanted)

    def __getitem__(self, site_id: str) -> Site:
        return self._now[site_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def keys(self) -> KeysView[str]:
        return self._now.keys()

    def values(self) -> ValuesView[Site]:
        return self._now.values()

    def items(self) -> ItemsView[str, Site]:
        return self._now.items()


class ChosenSites(Mapping[str, Site]):
    """Those of a mapping of sites that a worker may own."""

    def __init__(self, sites: Mapping[str, Site], is_wanted: Callable[[str], bool]) -> None:
        self._sites, self._is_wanted = sites, is_wanted

    def _now(self) -> dict[str, Site]:
        return {id_: site for id_, site in self._sites.items() if self._is_wanted(id_)}

    def __getitem__(self, site_id: str) -> Site:
        if not self._is_wanted(site_id):
            raise KeyError(site_id)
        return self._sites[site_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def keys(self) -> KeysView[str]:
        return self._now().keys()

    def values(self) -> ValuesView[Site]:
        return self._now().values()

    def items(self) -> ItemsView[str, Site]:
        return self._now().items()
