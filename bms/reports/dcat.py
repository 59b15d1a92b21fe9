"""The catalogue of open data as JSON-LD by DCAT-AP 3.0 (SEMICeu, 3.0.0).

Mandatory are, by its SHACL shapes: of a catalogue title, description and publisher; of a dataset
title and description; of a distribution its access URL; of an agent its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bms.messages import languages, translator
from bms.model.fact import Fact
from bms.model.reporting.request import ReportFormat
from bms.reports.text import ReportText

CONTEXT: Mapping[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
EU = "http://publications.europa.eu/resource/authority/"
LICENCE = f"{EU}licence/CC_BY_4_0"
LANGUAGES = {"da": f"{EU}language/DAN", "en": f"{EU}language/ENG"}
IANA = "https://www.iana.org/assignments/media-types/"
FILE_TYPES = {
    ReportFormat.CSV: f"{EU}file-type/CSV",
    ReportFormat.PARQUET: f"{EU}file-type/PARQUET",
}
DENMARK = f"{EU}country/DNK"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A file of a dataset: ``url`` is where it is fetched; ``size`` [bytes] and ``digest``
    (SHA-256) where it is made already."""

    url: str
    format: ReportFormat
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDataset:
    """The days of the open buildings from ``first`` until ``last``, both included."""

    url: str
    year: int
    first: date
    last: date
    modified: datetime
    files: tuple[OpenFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCatalogue:
    """What is published, by whom; ``method`` says how the numbers were made."""

    url: str
    publisher: str
    contact: str | None
    modified: datetime
    datasets: Sequence[OpenDataset]
    method: Sequence[Fact]


def catalogue(found: OpenCatalogue) -> dict[str, Any]:
    """The catalogue as JSON-LD, in every language."""
    publisher = {
        "@id": f"{found.url}#publisher",
        "@type": "foaf:Agent",
        "foaf:name": {"@language": "da", "@value": found.publisher},
    }
    return {
        "@context": CONTEXT,
        "@id": found.url,
        "@type": "dcat:Catalog",
        "dct:title": _texts(lambda t: t.word("catalogue_title")),
        "dct:description": _texts(lambda t: t.word("catalogue_about")),
        "dct:publisher": publisher,
        "dct:language": [{"@id": LANGUAGES[each]} for each in languages() if each in LANGUAGES],
        "dct:license": {"@id": LICENCE},
        "dct:modified": _typed(found.modified.isoformat(), "dateTime"),
        "dct:spatial": {"@id": DENMARK},
        "foaf:homepage": {"@id": found.url},
        "dcat:themeTaxonomy": {"@id": f"{EU}data-theme"},
        "dcat:dataset": [_dataset(each, found, publisher["@id"]) for each in found.datasets],
    }


def _dataset(each: OpenDataset, found: OpenCatalogue, publisher: object) -> dict[str, Any]:
    contact = {} if found.contact is None else {"dcat:contactPoint": _contact(found.contact)}
    return {
        "@id": each.url,
        "@type": "dcat:Dataset",
        "dct:identifier": each.url,
        "dct:title": _texts(lambda t: t.word("dataset_title", year=str(each.year))),
        "dct:description": _texts(lambda t: t.word("dataset_about")),
        "dct:publisher": {"@id": publisher},
        "dcat:theme": {"@id": f"{EU}data-theme/ENER"},
        "dcat:keyword": _texts(lambda t: t.word("dataset_keyword")),
        "dct:accrualPeriodicity": {"@id": f"{EU}frequency/DAILY"},
        "dcat:temporalResolution": _typed("P1D", "duration"),
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _typed(each.first.isoformat(), "date"),
            "dcat:endDate": _typed(each.last.isoformat(), "date"),
        },
        "dct:spatial": {"@id": DENMARK},
        "dct:accessRights": {"@id": f"{EU}access-right/PUBLIC"},
        "dct:provenance": {
            "@type": "dct:ProvenanceStatement",
            "dct:description": _told(found.method),
        },
        "dct:modified": _typed(each.modified.isoformat(), "dateTime"),
        "dcat:landingPage": {"@id": found.url},
        "dcat:distribution": [_distribution(file, each) for file in each.files],
        **contact,
    }


def _distribution(file: OpenFile, dataset: OpenDataset) -> dict[str, Any]:
    made: dict[str, Any] = {}
    form, year = file.format.upper(), str(dataset.year)
    if file.digest is not None and file.size is not None:
        made = {
            "dcat:byteSize": _typed(str(file.size), "nonNegativeInteger"),
            "spdx:checksum": {
                "@type": "spdx:Checksum",
                "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                "spdx:checksumValue": _typed(file.digest, "hexBinary"),
            },
        }
    return {
        "@id": f"{file.url}#distribution",
        "@type": "dcat:Distribution",
        "dct:title": _texts(lambda t: t.word("distribution_title", form=form, year=year)),
        "dcat:accessURL": {"@id": file.url},
        "dcat:downloadURL": {"@id": file.url},
        "dct:format": {"@id": FILE_TYPES[file.format]},
        "dcat:mediaType": {"@id": IANA + file.format.media_type.partition(";")[0]},
        "dct:license": {"@id": LICENCE},
        "dct:modified": _typed(dataset.modified.isoformat(), "dateTime"),
        **made,
    }


def _contact(contact: str) -> dict[str, Any]:
    return {
        "@type": "vcard:Kind",
        "vcard:fn": contact,
        **({"vcard:hasEmail": {"@id": f"mailto:{contact}"}} if "@" in contact else {}),
    }


def _texts(say: Callable[[ReportText], str]) -> list[dict[str, str]]:
    """A message of the reports in every language."""
    return [
        {"@language": each, "@value": say(ReportText(translator=translator(each)))}
        for each in languages()
    ]


def _told(facts: Sequence[Fact]) -> list[dict[str, str]]:
    return [
        {"@language": each, "@value": " ".join(map(translator(each).describe, facts))}
        for each in languages()
    ]


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"@type": f"xsd:{kind}", "@value": value}
