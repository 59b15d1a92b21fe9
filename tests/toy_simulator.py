"""The simulator process with toy physics: ``python tests/toy_simulator.py --config FILE``."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT.parent)]

from fakes_physics import ToyMunicipality  # noqa: E402

from drivers.simulator.process import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(build=lambda c: ToyMunicipality([s.id for s in c.sites], c.start)))
