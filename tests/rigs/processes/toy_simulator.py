"""The simulator process with toy physics: ``python -m tests.rigs.processes.toy_simulator``."""

import sys

from drivers.simulator.process import main
from tests.rigs.fakes.physics import ToyMunicipality

if __name__ == "__main__":
    sys.exit(main(build=lambda c: ToyMunicipality([s.id for s in c.sites], c.start)))
