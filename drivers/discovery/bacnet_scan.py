"""Finds the BACnet devices of a network with their objects, values and priority slots."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from bms.clock import SystemClock
from bms.errors import DeviceError
from bms.model.assets.device import Bbmd, Device
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import names, primitives
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.errors import ReplyTooLong
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import IAm, PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.local_port import DEFAULT_PORT
from drivers.bacnet.read_multiple import PropertyAnswer, read_tags
from drivers.bacnet.session import BacnetSession
from drivers.discovery.inventory import FoundDevice, FoundObject
from drivers.fieldbus.errors import DeviceRefusal, InvalidReply, NoReply

WAIT_S, TIMEOUT_S, BUDGET_S = 3.0, 3.0, 600.0
_AT_ONCE = 8
_OBJECTS_AT_ONCE, _INDICES_AT_ONCE = 20, 200
_MOST_OBJECTS = 20_000
_FIRMWARE = 44
_INACTIVE, _ACTIVE = 46, 4
_ANALOG = (0, 1, 2, 45, 46, 48)
_BINARY = (3, 4, 5)
_MULTI = (13, 14, 19)
_OUTPUTS = (1, 2, 4, 5, 14, 19, 45, 46, 48)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ScanTarget:
    """A parsed target: the host to ask (None: broadcast), and the local address to ask from."""

    bind: str | None
    bbmd: Bbmd | None
    host: str | None
    port: int


async def discover_bacnet(
    target: str,
    *,
    bind: str | None = None,
    low: int | None = None,
    high: int | None = None,
    wait_s: float = WAIT_S,
    timeout_s: float = TIMEOUT_S,
    objects: bool = True,
    budget_s: float = BUDGET_S,
) -> tuple[FoundDevice, ...]:
    """The devices that reply, with their objects, by instance.

    ``target`` is an address or name with an optional port (``10.0.0.11``): that device, or those
    behind that router; an own address with its prefix (``10.0.0.5/24``): all devices of that
    network; or ``bbmd:`` and an address: all devices that this BBMD reaches. ``low`` and ``high``
    limit the instances; where several devices bear one, each names the others. ``wait_s`` [s] is
    the time to wait for I-Ams, ``timeout_s`` [s] the time-out of a request. Errors of a device are
    in its notes, and that it was not read within ``budget_s`` [s] of all. Raises ``NoReply`` when
    nothing can be sent, ValueError for a malformed target.
    """
    where = _where(target, bind)
    async with _link(where) as link:
        via = None if where.host is None else await link.resolve(where.host, where.port)
        found = await link.who_is(wait_s, via=via, low=low, high=high)
        if not found and via is not None:
            found = await _read_instance(link, via, timeout_s)
        gate = asyncio.Semaphore(_AT_ONCE)
        end = asyncio.get_running_loop().time() + budget_s

        async def one(i_am: IAm) -> FoundDevice:
            scan = _BacnetDeviceScan(link, i_am, timeout_s)
            async with gate:
                try:
                    async with asyncio.timeout_at(end):
                        return await scan.device(objects)
                except TimeoutError:
                    return scan.unread(f"not read: the discovery has {budget_s:g} s in all")

        return _with_duplicates(await asyncio.gather(*(one(i_am) for i_am in found)))


def _with_duplicates(found: Sequence[FoundDevice]) -> tuple[FoundDevice, ...]:
    """The devices, each with the places of others that bear its instance."""
    places: dict[int | None, list[str]] = {}
    for device in found:
        places.setdefault(device.instance, []).append(device.place)
    return tuple(
        replace(
            device,
            same_instance=tuple(p for p in places[device.instance] if p != device.place),
        )
        for device in found
    )


@asynccontextmanager
async def _link(where: _ScanTarget) -> AsyncIterator[BacnetLink]:
    link = BacnetLink(where.bind, where.bbmd)
    try:
        yield link
    finally:
        await link.close()


def _where(target: str, bind: str | None) -> _ScanTarget:
    if target.startswith("bbmd:"):
        host, port = _host_port(target.removeprefix("bbmd:"))
        return _ScanTarget(bind, Bbmd(host=host, port=port), None, port)
    if "/" in target:
        local = target if ":" in target else f"{target}:{DEFAULT_PORT}"
        return _ScanTarget(local, None, None, DEFAULT_PORT)
    host, port = _host_port(target)
    return _ScanTarget(bind, None, host, port)


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    if not host or (port and not port.isdigit()) or (port and not 0 < int(port) < 65536):
        raise ValueError(
            f"{text!r} is no target: give an address (10.0.0.11 or 10.0.0.11:47808), an own "
            "address with prefix (10.0.0.5/24), or bbmd: and an address"
        )
    return host, int(port) if port else DEFAULT_PORT


async def _read_instance(link: BacnetLink, via: Peer, timeout_s: float) -> tuple[IAm, ...]:
    """Read the instance of a device that does not reply to Who-Is (clause 15.5.2)."""
    itself = Reference(codec.DEVICE, codec.ANY_INSTANCE, codec.OBJECT_IDENTIFIER)
    try:
        ack = await link.confirmed(via, codec.READ_PROPERTY, codec.read_property(itself), timeout_s)
        found = codec.device_instance(ack)
    except DeviceError:
        return ()
    return (IAm(found, via, codec.LEAST_APDU, codec.NOT_SEGMENTED, 0),)


class _BacnetDeviceScan:
    """Reads the description and all objects of one device."""

    def __init__(self, link: BacnetLink, i_am: IAm, timeout_s: float) -> None:
        self._i_am = i_am
        self._notes: list[str] = []
        device = Device(
            id=f"BACnet device {i_am.instance}",
            site="",
            protocol="bacnet",
            host=i_am.peer.ip,
            port=i_am.peer.port,
            instance=i_am.instance,
            timeout_s=timeout_s,
        )
        self._session = BacnetSession(device, link, SystemClock(), i_am)

    async def device(self, objects: bool) -> FoundDevice:
        name, vendor, model, firmware, serial = await self._texts()
        found = await self._objects() if objects else ()
        return replace(
            self._announced(),
            name=name,
            vendor=vendor,
            model=model,
            firmware=firmware,
            serial_number=serial,
            objects=found,
            notes=tuple(self._notes),
        )

    def unread(self, why: str) -> FoundDevice:
        """What the device has said by itself."""
        return replace(self._announced(), notes=(*self._notes, why))

    def _announced(self) -> FoundDevice:
        i_am, peer = self._i_am, self._i_am.peer
        return FoundDevice(
            protocol="bacnet",
            host=peer.ip,
            port=peer.port,
            instance=i_am.instance,
            network=peer.network,
            mac=peer.mac.hex() if peer.network is not None else None,
            vendor_id=i_am.vendor,
            max_apdu=i_am.max_apdu,
            segmentation=names.segmentation(i_am.segmentation),
        )

    async def _texts(self) -> list[str | None]:
        wanted = (
            *(codec.OBJECT_NAME, codec.VENDOR_NAME, codec.MODEL_NAME),
            *(_FIRMWARE, codec.SERIAL_NUMBER),
        )
        answers = await read_tags(
            self._session, [Reference(codec.DEVICE, self._i_am.instance, name) for name in wanted]
        )
        return [_text(answer) for answer in answers]

    async def _objects(self) -> tuple[FoundObject, ...]:
        try:
            listed = await self._object_list()
        except DeviceError as error:
            self._notes.append(f"its object list cannot be read: {error}")
            return ()
        if len(listed) > _MOST_OBJECTS:
            self._notes.append(f"only the first {_MOST_OBJECTS} of {len(listed)} objects were read")
        found: list[FoundObject] = []
        for part in _parts(listed[:_MOST_OBJECTS], _OBJECTS_AT_ONCE):
            found += await self._described(part)
            if self._session.breaker.open:
                self._notes.append(f"it fell silent after {len(found)} of {len(listed)} objects")
                break
        return tuple(found)

    async def _object_list(self) -> list[tuple[int, int]]:
        """The object list at once, or element by element where the device cannot send it so."""
        whole = Reference(codec.DEVICE, self._i_am.instance, codec.OBJECT_LIST)
        try:
            tags = await self._session.read_property(whole)
        except (ReplyTooLong, DeviceRefusal) as error:
            self._notes.append(f"its object list was read element by element ({error})")
            return await self._object_list_by_index(whole)
        return [_identifier([tag]) for tag in tags]

    async def _object_list_by_index(self, whole: Reference) -> list[tuple[int, int]]:
        head = Reference(whole.object_type, whole.instance, whole.property_id, 0)
        count = int(values.decode_number(await self._session.read_property(head)).value or 0)
        indices = range(1, min(count, _MOST_OBJECTS) + 1)
        found: list[tuple[int, int]] = []
        for part in _parts(indices, _INDICES_AT_ONCE):
            answers = await read_tags(
                self._session,
                [Reference(codec.DEVICE, whole.instance, whole.property_id, i) for i in part],
            )
            for answer in answers:
                if isinstance(answer, NoReply):
                    raise answer
                if isinstance(answer, list):
                    found.append(_identifier(answer))
        if len(found) < len(indices):
            self._notes.append(
                f"{len(indices) - len(found)} entries of its object list are missing"
            )
        return found

    async def _described(self, objects: Sequence[tuple[int, int]]) -> list[FoundObject]:
        wanted = [
            Reference(kind, instance, name)
            for kind, instance in objects
            for name in _properties(kind)
        ]
        answers = dict(zip(wanted, await read_tags(self._session, wanted), strict=True))
        return [_object(kind, instance, answers) for kind, instance in objects]


def _parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _properties(kind: int) -> tuple[int, ...]:
    """The properties to read of an object of this type."""
    found = [codec.OBJECT_NAME, codec.DESCRIPTION]
    if kind in (*_ANALOG, *_BINARY, *_MULTI):
        found.append(codec.PRESENT_VALUE)
    if kind in _ANALOG:
        found.append(codec.UNITS)
    if kind in _BINARY:
        found += [_INACTIVE, _ACTIVE]
    if kind in _MULTI:
        found.append(codec.STATE_TEXT)
    if kind in _OUTPUTS:
        found.append(codec.PRIORITY_ARRAY)
    return tuple(found)


def _object(kind: int, instance: int, answers: dict[Reference, PropertyAnswer]) -> FoundObject:
    def answer(name: int) -> PropertyAnswer | None:
        return answers.get(Reference(kind, instance, name))

    unit = _number(answer(codec.UNITS))
    value, error = _value(answer(codec.PRESENT_VALUE))
    commandable, slots = _slots(answer(codec.PRIORITY_ARRAY))
    return FoundObject(
        kind=names.object_type(kind),
        instance=instance,
        name=_text(answer(codec.OBJECT_NAME)),
        description=_text(answer(codec.DESCRIPTION)) or None,
        unit=None if unit is None else names.unit(int(unit)),
        states=_states(kind, answer),
        value=value,
        commandable=False if kind not in _OUTPUTS else commandable,
        slots=slots,
        error=error,
    )


def _states(kind: int, answer: Callable[[int], PropertyAnswer | None]) -> tuple[str, ...]:
    if kind in _BINARY:
        texts = (_text(answer(_INACTIVE)), _text(answer(_ACTIVE)))
        return tuple(text or "" for text in texts) if any(texts) else ()
    tags = answer(codec.STATE_TEXT)
    if not isinstance(tags, list):
        return ()
    return tuple(primitives.decode_text([tag]) or "" for tag in tags)


def _text(answer: PropertyAnswer | None) -> str | None:
    return primitives.decode_text(answer) if isinstance(answer, list) else None


def _number(answer: PropertyAnswer | None) -> float | None:
    return values.decode_number(answer).value if isinstance(answer, list) else None


def _value(answer: PropertyAnswer | None) -> tuple[float | None, str | None]:
    if answer is None:
        return None, None
    if isinstance(answer, PropertyError):
        return None, values.decode_error(answer.error_class, answer.error_code).detail
    if isinstance(answer, DeviceError):
        return None, str(answer)
    decoded = values.decode_number(answer)
    return decoded.value, decoded.detail


def _slots(
    answer: PropertyAnswer | None,
) -> tuple[bool | None, tuple[tuple[int, float | None], ...]]:
    """Whether there is a priority array (None: unknown), and its occupied slots."""
    if isinstance(answer, list):
        try:
            return True, tuple(sorted(values.occupied_slots(answer).items()))
        except DeviceError:
            return None, ()
    missing = isinstance(answer, PropertyError) or (
        isinstance(answer, DeviceRefusal) and answer.code == "unknown-property"
    )
    return (False if missing else None), ()


def _identifier(tags: Sequence[Tag]) -> tuple[int, int]:
    number = values.object_id(tags)
    if number is None:
        raise InvalidReply("an object list with something else in it")
    return number >> 22, number & codec.ANY_INSTANCE
