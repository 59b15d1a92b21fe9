"""The configuration of the simulator process, a JSON file."""

from __future__ import annotations

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bms.errors import ConfigError


class SiteConfig(BaseModel):
    """One building. ``scale`` [1] multiplies the areas of the archetype."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9_-]+$")
    archetype: str
    seed: int = 0
    scale: float = Field(1.0, gt=0.0, le=10.0)


class SimulatorConfig(BaseModel):
    """The whole process.

    ``weather`` is an hourly table (csv.gz), ``start`` the first moment of building time.
    ``base_port``: site ``i`` (from 0) takes ``base_port + 2i`` for BACnet and the port above for
    Modbus or M-Bus; 0 takes any free ports. ``clock_file`` gets the building time at every step.
    When its owner dies, the process runs on ``orphan_speed`` times as fast as real time for
    ``orphan_seconds`` real seconds [s].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sites: tuple[SiteConfig, ...] = Field(min_length=1)
    weather: Path
    start: AwareDatetime
    base_port: int = Field(0, ge=0, le=65000)
    clock_file: Path | None = None
    orphan_speed: float = Field(60.0, gt=0.0, le=10_000.0)
    orphan_seconds: float = Field(120.0, ge=0.0, le=86_400.0)

    @classmethod
    def from_file(cls, path: Path) -> SimulatorConfig:
        """Read a file. Raises ``bms.errors.ConfigError`` that names every mistake."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
        except ValidationError as error:
            mistakes = "; ".join(
                f"{'.'.join(str(part) for part in e['loc']) or 'file'}: {e['msg']}"
                for e in error.errors()
            )
            raise ConfigError(f"{path}: {mistakes}") from error
