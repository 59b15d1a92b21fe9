"""Who may see the pages: everybody where the dashboard is open, else whoever has a key."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from api.deps import PortsDep, any_key, optional_key, reader
from bms.services.api_keys import Key


def page_reader(ports: PortsDep, key: Annotated[Key | None, Depends(optional_key)]) -> Key | None:
    """The key of whoever reads; None where the dashboard is open and nobody is logged in."""
    if ports.settings.open_dashboard:
        return key
    return reader(any_key(key))


PageReader = Annotated[Key | None, Depends(page_reader)]
