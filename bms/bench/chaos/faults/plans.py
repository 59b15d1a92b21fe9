"""What plans are made of, and where they and the site files are kept."""

from __future__ import annotations

from bms.bench.chaos.backend import Switch
from bms.bench.chaos.faults.kind import Fault
from bms.bench.chaos.town import StrikeMoment, Town


class ForecastMissing(Fault):
    """No weather."""

    longest = 100

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.WEATHER_AWAY)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch_back()


class PricesMissing(ForecastMissing):
    """No prices."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.PRICES_AWAY)


class PlanEdited(Fault):
    """Somebody has changed the stored plan."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch(Switch.PLAN_EDITED)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.switch_back()


class SiteFileChanged(Fault):
    """The limit of a point is lowered below what we hold, and the backend started anew."""

    moments = (StrikeMoment.HELD, StrikeMoment.BETWEEN, StrikeMoment.WRITE)

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        town.office_max[self.name] = town.now, 20.2
        town.write_site(self.name, office_max=20.2)
        await self.start_anew(town)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        town.office_max.clear()
        town.write_site(self.name)
        await town.restart()

    async def start_anew(self, town: Town) -> None:
        """The backend is killed; it starts in the next minute, by the file as it is then."""
        town.kill()
        town.starts_again = True


class SiteRemoved(SiteFileChanged):
    """The site file is gone while we hold the points of the site."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        (town.folder / f"{self.name}.yaml").unlink()
        await self.start_anew(town)


class SiteRenamed(SiteFileChanged):
    """The site has another name, and with it all of its points."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        path = town.folder / f"{self.name}.yaml"
        text = path.read_text().replace(f"site: {self.name}\n", f"site: {self.name}_new\n")
        (town.folder / f"{self.name}_new.yaml").write_text(text)
        path.unlink()
        await self.start_anew(town)

    async def heal(self, town: Town) -> None:
        """See ``Fault``."""
        (town.folder / f"{self.name}_new.yaml").unlink()
        await super().heal(town)


class SiteFileBroken(SiteFileChanged):
    """The site file cannot be understood: the backend does not start."""

    async def strike(self, town: Town) -> None:
        """See ``Fault``."""
        (town.folder / f"{self.name}.yaml").write_text("site: [\n")
        await self.start_anew(town)
