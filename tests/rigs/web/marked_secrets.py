"""Secrets with a mark in every setting, file, header and address that takes one."""

from __future__ import annotations

import shutil
from pathlib import Path

from bms.runtime.municipality import EXAMPLES
from tests.rigs.fieldbus.driver_rigs import free_port
from tests.rigs.web.webhook import Hook

MARK = "mArKeD"
PROVIDERS = [
    "dmi",
    "metno",
    "open_meteo",
    "energidata",
    "entsoe",
    "nordpool",
    "nordpool_token",
    "eloverblik",
]
NOTICES = """
smtp: {{host: 127.0.0.1, port: {closed}, security: starttls, sender: a@example.dk, user: bms,
       password_file: {folder}/smtp}}
webhook_hosts: ["127.0.0.1"]
recipients:
  - {{name: hook, webhook: "http://127.0.0.1:{hook}/{mark}?token={mark}",
     secret_file: {folder}/hook, at_once: low}}
  - {{name: mail, email: a@example.dk, at_once: low}}
"""
REPORTS = """
mail: {{host: 127.0.0.1, port: {closed}, sender: a@example.dk, user: bms,
       password_env: MAIL_SECRET}}
webhooks: {{hosts: ["127.0.0.1"], secret_file: {folder}/hook}}
reports:
  - {{name: uses, kind: consumption, every: month, format: csv, email: [a@example.dk],
     webhook: ["http://127.0.0.1:{hook}/{mark}?token={mark}"], folder: {out}}}
"""


def marked_settings(tmp_path: Path, hook: Hook) -> dict[str, str]:
    """A secret in everything that takes one; nothing that is asked answers."""
    folder, out, closed = tmp_path / "secrets", tmp_path / "out", free_port()
    folder.mkdir()
    (tmp_path / "seen").mkdir()
    for name in ("smtp", "hook", "mqtt", "oidc", "entsoe", "eloverblik", "nordpool", "password"):
        text = f"user\n{MARK}\n" if name == "nordpool" else f"{MARK} that is long enough\n"
        (folder / name).write_text(text.replace(" ", "-"))
        (folder / name).chmod(0o600)
    given = {"closed": closed, "folder": folder, "hook": hook.port, "mark": MARK, "out": out}
    (folder / "notices.yaml").write_text(NOTICES.format(**given))
    (folder / "reports.yaml").write_text(REPORTS.format(**given))
    (folder / "upstreams").write_text(f"http://127.0.0.1:{hook.port} {MARK}-key other\n")
    (folder / "upstreams").chmod(0o600)
    shutil.copytree(EXAMPLES, folder / "sites")
    return {
        "BMS_HOME": str(tmp_path / "seen" / "home"),
        "BMS_SITES": str(folder / "sites"),
        "BMS_LOG": "DEBUG",
        "BMS_MQTT_URL": f"mqtt://user@127.0.0.1:{closed}",
        "BMS_MQTT_PASSWORD_FILE": str(folder / "mqtt"),
        "BMS_OIDC_ISSUER": f"http://127.0.0.1:{hook.port}",
        "BMS_OIDC_CLIENT_ID": "us",
        "BMS_OIDC_CLIENT_SECRET_FILE": str(folder / "oidc"),
        "BMS_NOTICES": str(folder / "notices.yaml"),
        "BMS_REPORTS": str(folder / "reports.yaml"),
        "MAIL_SECRET": MARK,
        "BMS_FEED": "live",
        "BMS_ENTSOE_TOKEN_FILE": str(folder / "entsoe"),
        "BMS_NORDPOOL_FILE": str(folder / "nordpool"),
        "BMS_ELOVERBLIK_TOKEN_FILE": str(folder / "eloverblik"),
        "BMS_FEED_URLS": ",".join(f"{name}=http://127.0.0.1:{closed}" for name in PROVIDERS),
    }


def marked(folder: Path) -> list[str]:
    """The files below a folder, and their names, that hold the mark."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if MARK in path.name or (path.is_file() and MARK.encode() in path.read_bytes())
    ]
