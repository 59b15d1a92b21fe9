"""What a Prometheus server reads in an answer of ``/metrics``."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Exposition:
    """Type and help by family, value by name and labels (in the order of their names)."""

    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float | None:
        """Of one sample, None where there is none."""
        return self.values.get((name, tuple(sorted(labels.items()))))

    def named(self, part: str) -> dict[tuple[str, Labels], float]:
        """The samples with ``part`` in their name."""
        return {key: value for key, value in self.values.items() if part in key[0]}


def read_exposition(text: str) -> Exposition:
    """Raises ValueError where the text is no exposition, or says a sample twice."""
    found = Exposition()
    for family in text_string_to_metric_families(text):
        found.types[family.name] = family.type
        found.helps[family.name] = family.documentation
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if key in found.values:
                raise ValueError(f"{key} is there twice")
            found.values[key] = sample.value
    return found
