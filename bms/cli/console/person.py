"""Who calls the command."""

from __future__ import annotations

import getpass

from bms.errors import ConfigError


def user_name(option: str) -> str:
    """The name of the user who is logged in.

    Raises ``ConfigError`` that names ``option`` where the computer does not know who is asking.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise ConfigError(f"nobody is logged in by name; say who you are with {option}") from None
