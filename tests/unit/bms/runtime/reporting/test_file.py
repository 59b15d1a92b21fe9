"""The file of scheduled reports, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.errors import ConfigError
from bms.model.reporting.delivery import Way
from bms.runtime.reporting.file import reports_file

GOOD = """
reports:
  - {name: monthly, kind: savings, scope: "group:school", every: month, format: xlsx, folder: out}
"""
ONE = "reports:\n  - {name: a, kind: savings, every: month, "


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "reports.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_report_is_read(tmp_path: Path) -> None:
    (report,) = reports_file(written(tmp_path, GOOD)).reports
    made = report.schedule()
    assert (made.group, made.site, made.after_days) == ("school", None, 3)
    assert made.targets == ((Way.FOLDER, "out"),)
    assert (made.form.format, made.form.language) == ("xlsx", "da")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("reports: [", "no YAML"),
        ("", "dictionary"),
        (f"{ONE}colour: red}}", "reports.0.colour"),
        (f"{ONE}email: [nobody]}}", "reports.0.email.0"),
        (f"{ONE}email: [a@b.dk]}}", "'mail' does not say how"),
        (f"{ONE}folder: x}}\n  - {{name: a, kind: meters, every: year}}", "a name of its own"),
    ],
)
def test_a_wrong_one_says_what_and_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"reports\.yaml") as caught:
        reports_file(written(tmp_path, text))
    assert says in str(caught.value)


def test_a_missing_one_and_a_missing_password_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        reports_file(tmp_path / "none.yaml")
    text = GOOD + "mail: {host: h, sender: a@b.dk, password_env: BMS_TEST_PASSWORD}"
    mail = reports_file(written(tmp_path, text)).mail
    assert mail is not None
    monkeypatch.delenv("BMS_TEST_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="BMS_TEST_PASSWORD is not set"):
        _ = mail.password
    monkeypatch.setenv("BMS_TEST_PASSWORD", "secret")
    assert mail.password == "secret"
