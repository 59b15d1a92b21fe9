"""``python -m drivers.simulator``."""

import sys

from drivers.simulator.process import main

sys.exit(main())
