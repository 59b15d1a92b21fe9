"""``make audit`` says that nothing is known against what we ship only where it was told so."""

from __future__ import annotations

import subprocess

import pytest

from tools.audit.__main__ import told

NONE = "No known vulnerabilities found\n"


def said(code: int, out: str, err: str) -> tuple[list[str], list[str]]:
    unasked: list[str] = []
    wrong = [*told(subprocess.CompletedProcess([], code, out, err), unasked)]
    return wrong, unasked


def test_none_is_known_where_all_were_asked() -> None:
    assert said(0, "", NONE) == ([], [])


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (1, "", "ConnectionError: no route to host"),
        (1, "", "no answer within 300 s"),
        (0, "", ""),
        (0, "numpy could not be audited", NONE),
        (1, "", "Traceback"),
    ],
)
def test_no_answer_is_never_taken_for_none(code: int, out: str, err: str) -> None:
    wrong, unasked = said(code, out, err)
    assert wrong == []
    assert len(unasked) == 1


def test_what_is_known_is_wrong() -> None:
    wrong, unasked = said(1, "numpy 1.0 CVE-1", "Found 1 known vulnerability in 1 package")
    assert "CVE-1" in wrong[0]
    assert unasked == []
