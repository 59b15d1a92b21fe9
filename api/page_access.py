"""Who may see the pages: everybody where the dashboard is open, else whoever has a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from api.deps import CityDep, any_key, optional_key, reader
from bms.services.api_keys import Key


def page_reader(city: CityDep, key: Annotated[Key | None, Depends(optional_key)]) -> Key | None:
    """The key of whoever reads; None where the dashboard is open and nobody is logged in."""
    if city.settings.open_dashboard:
        return key
    return reader(any_key(key))


PageReader = Annotated[Key | None, Depends(page_reader)]
