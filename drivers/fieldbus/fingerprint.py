"""Compares what a device says it is with what its site file says (CONTRACT, W1). Pure."""

from __future__ import annotations

from bms.model.assets.device import Device, Fingerprint
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, MessageCode, Term, TermCode, fact
from drivers.fieldbus.errors import WrongDevice


class IdentityField(TermCode):
    """By what a device is told from others."""

    VENDOR = "identity_vendor"
    MODEL = "identity_model"
    NAME = "identity_name"
    SERIAL = "identity_serial"
    INSTANCE = "identity_instance"
    OTHER = "identity_other"


class IdentityDoubt(MessageCode):
    """Why what answers is not, or not surely, the device of the site file."""

    DIFFERS = "identity_differs"
    UNREADABLE = "identity_unreadable"
    AMBIGUOUS = "device_ambiguous"


def check_fingerprint(device: Device, where: str, seen: Fingerprint) -> None:
    """Raise ``WrongDevice`` where ``seen`` at the address ``where`` is not that of the site file.

    Upper and lower case and white space do not count. What the file leaves out is not compared;
    what it names has to be readable, because a device that says nothing could be any.
    """
    for name, wanted in _fields(device.fingerprint).items():
        found = _fields(seen).get(name)
        term = Term(IdentityField[name.upper()])
        if found is None:
            text = f"{where} does not tell its {name}, which the fingerprint in the site file names"
            raise _wrong(device, text, fact(IdentityDoubt.UNREADABLE, where=where, field=term))
        if _plain(found) != _plain(wanted):
            text = f"{where} is not {device.id}: its {name} is {found!r}, not {wanted!r}"
            raise _wrong(device, text, _differs(where, term, found, wanted))


def wrong_instance(device: Device, where: str) -> WrongDevice:
    """The error for an address at which a device with another instance answers."""
    term, other = Term(IdentityField.INSTANCE), Term(IdentityField.OTHER)
    text = f"{where} is not BACnet device {device.instance}"
    return _wrong(device, text, _differs(where, term, other, str(device.instance)))


def ambiguous_device(device: Device, places: tuple[str, ...]) -> WrongDevice:
    """The error where several devices behind one router bear the instance of the site file."""
    number = str(device.instance)
    doubt = fact(IdentityDoubt.AMBIGUOUS, number=number, places="; ".join(places))
    text = f"device instance {number} is at {' and at '.join(places)}"
    return _wrong(device, f"{text}: give network and mac in the site file", doubt)


def _wrong(device: Device, text: str, doubt: Fact) -> WrongDevice:
    reason = fact(RefusalReason.WRONG_DEVICE, device=device.id, text=doubt)
    return WrongDevice(f"{text}; nothing is sent", reason)


def _differs(where: str, term: Term, found: str | Term, wanted: str) -> Fact:
    return fact(IdentityDoubt.DIFFERS, where=where, field=term, found=found, expected=wanted)


def _fields(fingerprint: Fingerprint | None) -> dict[str, str]:
    return {} if fingerprint is None else fingerprint.known


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
