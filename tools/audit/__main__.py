"""``python tools/audit``: secrets in tree and history, and the lock of the image; no network asked.

``--all`` also resolves the lock anew, writes the software bill of materials (CycloneDX) to
``var/sbom.cdx.json`` and looks for known vulnerabilities; what cannot be asked is said. ``--lock``
writes the lock.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

from tools.audit.image_lock import LOCK, constraints, locked, resolve  # noqa: E402
from tools.audit.secret_scan import scan  # noqa: E402

BILL = Path("var") / "sbom.cdx.json"
LONGEST_S = 300
NO_ANSWER = "without an answer: the registry cannot be reached (no network?)"


def main() -> int:
    """0 where all was asked and nothing is wrong. What could not be asked, for want of a network or
    of a program, is named and is no clean bill."""
    unasked: list[str] = []
    if "--lock" in sys.argv[1:]:
        (ROOT / LOCK).write_text(resolve(ROOT), "utf-8")
    wrong = [*secrets(), *lock_flaws()]
    if "--all" in sys.argv[1:]:
        wrong += [*lock_changes(unasked), *bill_of_materials(), *vulnerabilities(unasked)]
    say(*(f"WRONG: {each}" for each in wrong), *(f"NOT ASKED: {each}" for each in unasked))
    say("" if wrong else "audit: not whole" if unasked else "audit: nothing found")
    return 1 if wrong or unasked else 0


def say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines if line)
    sys.stdout.flush()


def secrets() -> Iterator[str]:
    found, untold = scan(ROOT)
    say(untold or "secrets: tree and history were looked at")
    for each in found:
        yield f"{each.place}: {each.what} (tools/audit/known.txt takes {each.digest} if it is none)"


def lock_flaws() -> Iterator[str]:
    pins, lock = constraints(ROOT), locked((ROOT / LOCK).read_text("utf-8"))
    for name, (version, _) in lock.items():
        if pins.get(name) != version:
            yield f"{LOCK} has {name} {version}, constraints.txt {pins.get(name)}; run make lock"


def lock_changes(unasked: list[str]) -> Iterator[str]:
    try:
        now = locked(resolve(ROOT))
    except subprocess.CalledProcessError:
        unasked.append(f"hashes: {NO_ANSWER}")
        return
    kept = locked((ROOT / LOCK).read_text("utf-8"))
    say(f"hashes: {len(now)} distributions were resolved anew")
    for name in sorted({*now, *kept}):
        if name not in kept or name not in now:
            yield f"{name} is {'missing in' if name in now else 'needless in'} {LOCK}"
        elif not set(now[name][1]) <= set(kept[name][1]):
            yield f"{name}: the registry has other files than {LOCK} knows"


def bill_of_materials() -> Iterator[str]:
    if find_spec("cyclonedx_py") is None:
        say("bill of materials: not made, cyclonedx-bom is not installed (extra audit)")
        return
    (ROOT / BILL).parent.mkdir(exist_ok=True)
    command = ("cyclonedx_py", "environment", sys.executable, "-o", str(ROOT / BILL))
    # Checking its own form against the schema takes longer than all the rest, minutes.
    form = ("--output-reproducible", "--no-validate", "--pyproject", str(ROOT / "pyproject.toml"))
    done = _module(*command, *form)
    if done.returncode:
        yield f"no bill of materials: {_last(done)}"
    else:
        say(f"bill of materials: {BILL}")


def vulnerabilities(unasked: list[str]) -> Iterator[str]:
    if find_spec("pip_audit") is None:
        unasked.append("vulnerabilities: pip-audit is not installed (extra audit)")
        return
    quick = ("--disable-pip", "--progress-spinner=off", "--timeout=10")
    yield from told(_module("pip_audit", "-r", str(ROOT / LOCK), *quick), unasked)


def told(done: subprocess.CompletedProcess[str], unasked: list[str]) -> Iterator[str]:
    """What pip-audit found. That it found nothing has to be said by it: no answer is none."""
    skipped = done.stdout.count("could not be audited")
    if "known vulnerabilit" in done.stderr and "No known" not in done.stderr:
        yield f"known vulnerabilities:\n{done.stdout}"
    elif done.returncode or skipped or "No known vulnerabilities" not in done.stderr:
        unasked.append(f"vulnerabilities: {skipped or 'all'} distributions {NO_ANSWER}")
    else:
        say("vulnerabilities: none is known")


def _module(*command: str) -> subprocess.CompletedProcess[str]:
    called = [sys.executable, "-m", *command]
    try:
        return subprocess.run(  # noqa: S603
            called, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(called, 1, "", f"no answer within {LONGEST_S} s")


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip().splitlines() or ["no word"])[-1]


if __name__ == "__main__":
    sys.exit(main())
