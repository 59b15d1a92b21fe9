"""What is never written, whatever the role, the plan or the person (CONTRACT, W18).

One list, for ``sites check``, for the drivers and for docs/contract.md. Its words are those of
Danish, Swedish, Norwegian, German, Dutch, French and English plant, and of the tags on drawings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point, Role
from bms.model.fact import TermCode
from bms.model.readings.units import Unit

HOT_WATER_FLOOR_C = 55.0
"""Domestic hot water is never set below this [degC]: legionella (DS 439, SSI)."""
HOT_WATER_FLOOR = {Unit.DEG_C: HOT_WATER_FLOOR_C, Unit.KELVIN: HOT_WATER_FLOOR_C + 273.15}
"""The same in each unit of a temperature; a shift of it in K can prove nothing and is refused."""


class Protection(TermCode):
    """Why something is never written."""

    FROST = "frost protection"
    DISINFECTION = "disinfection of hot water"
    FIRE = "fire or smoke damper"
    INTERLOCK = "safety interlock"
    ALARM = "alarm"
    HOT_WATER = "domestic hot water below 55 degC"


@dataclass(frozen=True, slots=True)
class ProtectedWords:
    """``stems`` are patterns that may stand anywhere in a name; ``tags`` are abbreviations, words
    of their own that a number may follow. Both are written without accents: a name is looked at
    with ``ø`` as ``oe`` and as ``o``, ``å`` as ``aa`` and as ``a``, and so on."""

    stems: str
    tags: str = ""

    def shown_by(self, words: str) -> bool:
        """Whether the words of a name (``_words``) hold one of these."""
        return re.search(self._pattern, words) is not None

    @property
    def _pattern(self) -> str:
        stems = "|".join(self.stems.split())
        tags = "|".join(self.tags.split())
        return f"{stems}|(?:^|_)(?:{tags})(?={_AFTER_TAG})" if tags else stems


_AFTER_TAG = r"_|$|\d|sp\b|sp_|set|temp|t\d|pos"

NAMES: tuple[tuple[Protection, ProtectedWords], ...] = (
    (
        Protection.FROST,
        ProtectedWords(
            stems=r"""frost frys freez antiic anti_ic (^|_)is_?va(gt|kt) issikring
                vorst(bev|therm|_|$) hors_?gel anti_?gel jaatym (coil|batteri)_?(protect|sikring)
                low_?temp(erature)?_?(cut|limit|stat|protect)""",
            tags="frz frt",
        ),
    ),
    (
        Protection.DISINFECTION,
        ProtectedWords(
            stems=r"""legio desinf disinf pasteuri termisk_?kur thermal_?(shock|treat|disinf)
                hygi?ejneskyl hygiene skyllekur varmekur bakterie bacteri (gennem|ud)skyl""",
        ),
    ),
    (
        Protection.FIRE,
        ProtectedWords(
            stems=r"""smoke fire_?(damp|alarm|mode|panel|valve) r(oe|o)kspj (^|_)r(oe|o)kg
                r(oe|o|_)g_?(spj|alarm|udsug|vent|lem|klap|detek|melder|gas|sluse|skakt|autom|sikr)
                (^|_)r(oe|o)gsp brand_?(s[pkil]|vent|aut|klap|luk|gas|meld|port|pump|vand|alarm)
                brand_?(d(oe|o)r|schutz|termo|h(ae|a)mm) brann_?(sp|vent|klaf|sik|alarm)
                (^|_)rauch entrauch feuer desenfum incendi palopel sprinkler inergen halon deluge
                slukningsanl gas_?(alarm|stop|sluk|detek|vagt|afsp) evakuer evacuation
                flugtvej""",
            tags=r"""fire roeg rog rok roek brand brann abdl abv ava aba fsd sfd mfd msd mfsd fd
                brsp brs bsp bs bsk rwa bma bmz palo savu""",
        ),
    ),
    (
        Protection.INTERLOCK,
        ProtectedWords(
            stems=r"""interlock forr(e|i)gl foerregl verriegel emergency e_?stop
                n(oe|o|_)d_?(stop|sluk|afbr|lys|belys|bryd|brems) not_?(aus|halt|stop)(_|$|\d)
                nood(stop|uit) (^|_)safety sikkerhed sikkerhet s(ae|a)kerhet sicherheit securite
                overkog overhed overhettn over_?heat over_?temp ueberhitz maks?_?term max_?term
                high_?limit_?(stat|therm|cut|switch) t(oe|o)rkog dry_?run lock_?out pressostat
                press(ure)?_?(switch|stat) tryk_?va(gt|kt) druckwaechter flow_?(switch|vagt|vakt)
                str(oe|o)mnings_?va(gt|kt) fl(oe|o)des_?va(gt|kt) (^|_)trip(_|$|\d|ped)""",
            tags="stb esd sil",
        ),
    ),
    (
        Protection.ALARM,
        ProtectedWords(
            stems=r"""alarm st(oe|o)r(ung|meld) fejlkvit kvitter quittier acknowledg halyty
                (^|_)larm""",
            tags="ack alm",
        ),
    ),
)
"""A name means one of these where its words hold one of the patterns."""

HOT_WATER_NAMES = ProtectedWords(
    stems=r"""hot_?water hot_?tap tap_?(hot_?)?water tap_?vand tapp?e?_?(varm_?)?va(nd|nn|tten)
        domestic_(water|hw|hot) brugs_?v(and|b|_|$) forbruks?_?va(nd|nn) varmt?_?va(nd|nn|tten)
        va(nd|nn|tten)_?varmer beredar bereder water_?heater calorifier warm_?wa(sser|ter)
        brauch_?w trink_?w(asser|arm) zirkulation zirk_?pump cirk(ulation)?s?_?(vand|ledn)
        hw_?circ kayttove eau_?chaude acqua_?calda agua_?caliente ciepla_?woda potable
        beholder speicher cylinder bade?_?(vand|wasser) brusevand bruser?_?temp shower_?(water|temp)
        (buffer|akk(umulerings?)?|vand|varme|lager|storage|accumulator)_?tank""",
    tags="""dhw dhws dhwc vbv vbvc bvv bvc bv vvb vvc vv tvv bww tww ww wwb wwz twe twz pwh pwhc hws
        hwc shw ecs acs cwu lkv tank""",
)

OBJECT_TYPES = {
    "life-safety-point": Protection.FIRE,
    "life-safety-zone": Protection.FIRE,
    "event-enrollment": Protection.ALARM,
    "alert-enrollment": Protection.ALARM,
    "notification-class": Protection.ALARM,
    "access-door": Protection.INTERLOCK,
}


@dataclass(frozen=True, slots=True)
class Protected:
    """A protection and the word that shows it: a name or an object type."""

    protection: Protection
    word: str


@lru_cache(maxsize=4096)
def protected_name(name: str) -> Protected | None:
    """The protection that a name of a point, object or register shows; None where it shows none."""
    words = _words(name)
    for protection, listed in NAMES:
        if listed.shown_by(words):
            return Protected(protection, name)
    return None


@lru_cache(maxsize=4096)
def is_hot_water(name: str) -> bool:
    """Whether a name is that of domestic hot water, or of what may hold it."""
    return HOT_WATER_NAMES.shown_by(_words(name))


_AS_TWO = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "ü": "ue"})
_AS_ONE = str.maketrans({"æ": "a", "ø": "o", "å": "a", "ä": "a", "ö": "o", "ü": "u"})


def _words(name: str) -> str:
    """The words of a name in small letters, joined by ``_``, in every form in which they may be
    meant: parted at capitals and behind numbers, with abbreviations as they stand and parted from a
    word behind them (``DHWTempSp`` is dhwtemp_sp and dhw_temp_sp), and with foreign letters as two
    and as one."""
    plain = unicodedata.normalize("NFC", _repaired(name))
    whole = re.sub(r"(?<=[^\W\d_])(?<=[a-zæøåäöüß])(?=[A-ZÆØÅÄÖÜ])|(?<=\d)(?=[^\W\d_])", "_", plain)
    parted = re.sub(r"(?<=[A-ZÆØÅÄÖÜ])(?=[A-ZÆØÅÄÖÜ][a-zæøåäöü])", "_", whole)
    forms = (
        form.lower().replace("ß", "ss").translate(table)
        for form in (whole, parted)
        for table in (_AS_TWO, _AS_ONE)
    )
    said = (re.sub(r"[^a-z0-9]+", "_", _without_accents(form)).strip("_") for form in forms)
    return "_".join(dict.fromkeys(said))


def _repaired(name: str) -> str:
    """UTF-8 that somebody read as Latin-1 (``RÃ¸g``) as it was."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return "".join(each for each in apart if not unicodedata.combining(each))


def protection_of(point: Point, *names: str, value: float | None = None) -> Protected | None:
    """Why ``point`` may not be written, by its id and name, its device's id, its object type and
    further ``names`` (that of the object in the device); ``value`` [unit of the point] is what is
    to be written.

    The temperature of hot water may be set, but neither its limit nor a value may lie below 55
    degC. In any other unit (a switch, a valve, a shift) nobody can tell how warm it stays.
    """
    if isinstance(point.address, BacnetAddress) and point.address.object_type in OBJECT_TYPES:
        return Protected(OBJECT_TYPES[point.address.object_type], point.address.object_type)
    device = point.device.rpartition("/")[2]
    known = [point.id.rpartition("/")[2], *point.said, *names]
    found = first_protected([*known, device])
    if found is not None:
        return found
    hot = first_hot_water(known, device, point.role)
    if point.write is None or hot is None:
        return None
    floor = HOT_WATER_FLOOR.get(point.unit)
    lowest = point.write.minimum if value is None else min(value, point.write.minimum)
    if floor is not None and lowest >= floor:
        return None
    return Protected(Protection.HOT_WATER, hot)


def first_protected(names: Iterable[str]) -> Protected | None:
    """The protection that the first of these names shows that shows one."""
    return next(filter(None, map(protected_name, names)), None)


def first_hot_water(names: Iterable[str], device: str, role: Role | None) -> str | None:
    """The name that is that of hot water; that of the device counts where the role says nothing."""
    said = [*names, device] if role is Role.OTHER else names
    return next(filter(is_hot_water, said), None)
