"""Modbus devices in a draft: what no device tells, a template that bears its name does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bms.model.assets.site import DeviceTemplate
from drivers.discovery.inventory import FoundDevice, FoundObject

REGISTER = "register"
_TYPE = re.compile(r"[a-z]+\d[a-z0-9]*")
_SHORTEST = 3


def with_template(device: FoundDevice, templates: Mapping[str, DeviceTemplate]) -> FoundDevice:
    """The device with the registers of its likely template; as it was where none, or several, fit.

    A template fits when the device's identification names its maker and one of its types.
    """
    if device.protocol != "modbus":
        return device
    fitting = [name for name, template in templates.items() if _fits(device, template)]
    if len(fitting) != 1:
        return device
    (name,) = fitting
    objects = tuple(
        FoundObject(kind=REGISTER, instance=0, name=point.name, unit=point.unit, commandable=False)
        for point in templates[name].values()
    )
    return replace(device, template=name, objects=objects)


def _fits(device: FoundDevice, template: DeviceTemplate) -> bool:
    says = f"{device.vendor or ''} {device.model or ''}".lower()
    types = [each for each in _TYPE.findall(template.model.lower()) if len(each) >= _SHORTEST]
    return template.maker.lower() in says and any(each in says for each in types)
