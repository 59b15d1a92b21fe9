"""Give a store all of a batch that it takes: one reading that it refuses spares its neighbours."""

from __future__ import annotations

from bms.errors import StoreError, StoreUnavailable
from bms.model.readings.reading import Ingested, Reading
from bms.ports.store import Store


def add_piecewise(store: Store, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
    """What became of the batch, and the readings that the store will not have.

    A refused batch is halved until the reading is found, in order. Kept beyond a power cut. Raises
    ``StoreUnavailable``, or the refusal itself where the store takes none of them: then it is the
    store that is wrong, and not a reading.
    """
    try:
        return store.add_readings(readings, durable=True), []
    except StoreUnavailable:
        raise
    except (StoreError, ValueError) as error:
        ingested, refused = _halves(store, readings)
        if len(refused) == len(readings):
            raise StoreError(f"the database takes none of {len(readings)} readings: {error}") from (
                error
            )
        return ingested, refused


def _halves(store: Store, readings: list[Reading]) -> tuple[Ingested, list[Reading]]:
    if len(readings) == 1:
        return Ingested(), readings
    total, refused = Ingested(), list[Reading]()
    middle = len(readings) // 2
    for half in (readings[:middle], readings[middle:]):
        try:
            total += store.add_readings(half, durable=True)
        except StoreUnavailable:
            raise
        except (StoreError, ValueError):
            more, worse = _halves(store, half)
            total += more
            refused += worse
    return total, refused
