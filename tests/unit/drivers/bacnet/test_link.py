"""Names of the standard become numbers."""

from __future__ import annotations

import pytest

from bms.model.assets.address import BacnetAddress
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.link import property_reference


def test_names_of_the_standard_become_numbers() -> None:
    assert property_reference(
        BacnetAddress(object_type="binary-value", instance=3)
    ) == codec.Reference(5, 3, 85)
    for kind, prop in (("room", "present-value"), ("analog-value", "colour")):
        with pytest.raises(ValueError, match="unknown BACnet name"):
            property_reference(BacnetAddress(object_type=kind, instance=1, property=prop))
