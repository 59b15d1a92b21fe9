"""``requirements-image.txt``: what the image installs, name, version and hashes, and no address.

Versions come from ``constraints.txt``. Hashes come from the report that pip makes of a resolution
for each processor that the image is built for; nothing is installed for it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path

LOCK = "requirements-image.txt"
PYTHON = "3.13"
PROCESSORS = ("x86_64", "aarch64")
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
HEAD = (
    "# What the image installs, with the SHA-256 of each file (Linux on x86_64 and aarch64).\n"
    "# Made by `make lock`; versions come from constraints.txt.\n"
)


def normal(name: str) -> str:
    """The name of a distribution as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints(root: Path) -> dict[str, str]:
    """The pinned versions by name."""
    lines = (root / "constraints.txt").read_text("utf-8").splitlines()
    pins = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {normal(name): version.split()[0] for name, _, version in pins}


def locked(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and hashes by name of the text of a lock. Raises ValueError for any other line."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([a-z0-9-]+)==([^\s=]+)((?:\s+--hash=sha256:[0-9a-f]{64})+)", line)
        if match is None:
            raise ValueError(f"no requirement with hashes: {line!r}")
        found[match[1]] = match[2], tuple(re.findall(r"sha256:([0-9a-f]{64})", match[3]))
    return found


def wanted(root: Path) -> list[str]:
    """What the product itself and its build ask for."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    return [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *extras["postgres"],
    ]


def resolve(root: Path) -> str:
    """The text of a new lock. Raises ``CalledProcessError`` where the registry does not answer."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for processor in PROCESSORS:
        for row in _report(root, processor)["install"]:
            about, files = row["metadata"], row["download_info"]["archive_info"]["hashes"]
            found[normal(about["name"]), about["version"]].add(files["sha256"])
    lines = [
        " \\\n".join((f"{name}=={version}", *(f"    --hash=sha256:{h}" for h in sorted(hashes))))
        for (name, version), hashes in sorted(found.items())
    ]
    return HEAD + "\n".join(lines) + "\n"


def _report(root: Path, processor: str) -> dict[str, list[dict[str, dict[str, dict[str, str]]]]]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "pip", "install", "-qq", "--dry-run"),
                *("--disable-pip-version-check", "--ignore-installed", "--only-binary=:all:"),
                *("--report", str(report), "--target", folder),
                *("--implementation", "cp", "--python-version", PYTHON),
                *(f"--platform={platform}_{processor}" for platform in PLATFORMS),
                *("-c", str(root / "constraints.txt"), *wanted(root)),
            ],
            check=True,
        )
        found: dict[str, list[dict[str, dict[str, dict[str, str]]]]] = json.loads(
            report.read_text("utf-8")
        )
    return found
