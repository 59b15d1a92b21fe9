"""Where the API listens."""

from __future__ import annotations

import pytest

from bms.errors import ConfigError
from bms.runtime.serve import listen


def test_a_port_in_use_and_an_address_that_is_not_ours_are_told_apart() -> None:
    with listen("127.0.0.1", 0) as holder:
        holder.listen()
        with pytest.raises(ConfigError, match=r"is in use.*BMS_PORT"):
            listen("127.0.0.1", holder.getsockname()[1])
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:80"):
        listen("192.0.2.1", 80)
