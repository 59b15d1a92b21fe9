"""``python tools/messages``: compare code and catalogues; ``--write`` puts the files in order."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

from bms.messages.catalogue import FOLDER, catalogue, languages  # noqa: E402
from tools.messages.catalogue_files import ordered  # noqa: E402
from tools.messages.comparison import differences  # noqa: E402


def main() -> int:
    if "--write" in sys.argv[1:]:
        for language in languages():
            file = FOLDER / f"{language}.po"
            file.write_text(ordered(file), "utf-8")
        catalogue.cache_clear()
    wrong = differences()
    counts = (f"{each}: {len(catalogue(each).messages)} messages" for each in languages())
    sys.stdout.write("\n".join([*wrong, *counts]) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
