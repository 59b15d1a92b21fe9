"""A dialog with one meter: selection or reset, then all telegrams of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bms.model.assets.device import Device
from drivers.fieldbus.errors import InvalidReply, NoReply
from drivers.mbus.frames import NETWORK_LAYER, MbusRequest, UserData, request_data, reset, select
from drivers.mbus.link import MbusLink
from drivers.mbus.record import DataRecord, MeterHeader
from drivers.mbus.telegram import Telegram, content, identity, telegram

MOST_TELEGRAMS = 16
TRIES = 2
_DIGITS = 8
_ANY = "F" * 8


class NotSelected(NoReply):
    """No meter has this secondary address, or does not answer to it."""


@dataclass(frozen=True, slots=True)
class MbusAnswer:
    """All telegrams of an answer together. ``rests`` are the maker's own data of each, ``raw`` is
    what came."""

    address: int
    header: MeterHeader | None
    records: tuple[DataRecord, ...]
    rests: tuple[bytes, ...] = ()
    raw: tuple[UserData, ...] = ()


def answer_of(raw: Sequence[UserData], zone: ZoneInfo) -> MbusAnswer:
    """The answer that telegrams make; clocks show the time of ``zone``. Raises ``DeviceError``."""
    return _together(tuple(raw), [telegram(each, zone) for each in raw])


def _together(raw: tuple[UserData, ...], read: Sequence[Telegram]) -> MbusAnswer:
    records = tuple(record for each in read for record in each.records)
    rests = tuple(each.rest for each in read if each.rest)
    return MbusAnswer(raw[0].address, read[0].header, records, rests, raw)


def secondary_octets(text: str) -> bytes:
    """The eight octets of a secondary address: identification lowest octet first, then maker,
    version and medium as on the line. Of eight digits the others are F, for any."""
    digits = (text + _ANY)[:16]
    return bytes.fromhex(digits[:_DIGITS])[::-1] + bytes.fromhex(digits[_DIGITS:])


def matches(secondary: str, header: MeterHeader) -> bool:
    """Whether the header is that of a meter with this secondary address; F matches any digit."""
    wanted = (secondary.upper() + _ANY)[:16]
    return all(w in ("F", seen) for w, seen in zip(wanted, header.secondary, strict=True))


@dataclass(frozen=True, slots=True)
class MeterDialog:
    """Asks one meter on a line. ``tries`` [1] is how often a request is sent at most."""

    link: MbusLink
    to: str
    timeout_s: float
    zone: ZoneInfo
    tries: int = TRIES

    async def read_primary(self, address: int) -> MbusAnswer:
        """The whole answer of the meter at a primary address. Raises ``DeviceError``."""
        await self._repeated(reset(address))
        return await self._telegrams(address)

    async def read_secondary(self, secondary: str) -> MbusAnswer:
        """The whole answer of the meter with a secondary address.

        Raises ``NotSelected`` where none has it, ``InvalidReply`` where another one answers, and
        what an exchange raises.
        """
        await self.select(secondary)
        answer = await self._telegrams(NETWORK_LAYER)
        header = answer.header
        if header is not None and header.identified and not matches(secondary, header):
            raise InvalidReply(f"meter {header.secondary} answers for {secondary}")
        return answer

    async def select(self, secondary: str) -> None:
        """Select the meters that match. Raises ``NotSelected`` where none answers."""
        try:
            await self._repeated(select(secondary_octets(secondary)))
        except NoReply as error:
            if type(error) is not NoReply:
                raise
            raise NotSelected(f"{error} to the selection of {secondary}") from error

    async def _telegrams(self, address: int) -> MbusAnswer:
        """The telegrams from the first on, for as long as another is announced and it is new."""
        raw, read = [await self._user_data(address, fcb=True)], list[Telegram]()
        while True:
            read.append(telegram(raw[-1], self.zone))
            if not read[-1].more or len(read) >= MOST_TELEGRAMS:
                break
            following = await self._user_data(address, fcb=len(read) % 2 == 0)
            if content(following) == content(raw[-1]):
                break  # it does not count its frames, and would say the same for ever
            if identity(following) != identity(raw[-1]):
                raise InvalidReply("another meter goes on with the answer of this one")
            raw.append(following)
        return _together(tuple(raw), read)

    async def _user_data(self, address: int, *, fcb: bool) -> UserData:
        reply = await self._repeated(request_data(address, fcb=fcb))
        assert reply is not None, "an acknowledgement is no answer to this request"
        return reply

    async def _repeated(self, request: MbusRequest) -> UserData | None:
        """The reply to a request, sent again unchanged where there was none or a garbled one: the
        frame count bit stands, so that the meter repeats its telegram (EN 13757-2, 5.7.3)."""
        for _ in range(self.tries - 1):
            try:
                return await self.link.exchange(request, self.to, self.timeout_s)
            except InvalidReply:
                continue
            except NoReply as error:
                if type(error) is not NoReply:
                    raise
        return await self.link.exchange(request, self.to, self.timeout_s)


def name_of(device: Device) -> str:
    """How the meter is called in messages and the trace."""
    if device.secondary is not None:
        return f"meter {device.secondary}"
    return f"address {device.primary}"
