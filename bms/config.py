"""Settings from ``BMS_*`` environment variables; read when asked, never at import."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bms.model.control.lease import shortest_lease


class Settings(BaseSettings):
    """Every setting of a running backend. docs/operating.md has a heading for each."""

    model_config = SettingsConfigDict(env_prefix="BMS_", extra="ignore")

    home: Path = Field(Path("var"), description="folder of the database and the release journal")
    sites: Path = Field(Path("sites/examples"), description="folder of the site files")
    database_url: str | None = Field(None, description="SQLAlchemy URL; default SQLite in home")
    host: str = Field("127.0.0.1", description="address of API and dashboard")
    port: int = Field(8000, ge=0, le=65535, description="port of API and dashboard")
    hosts: str = Field(
        "", description="names under which people reach API and dashboard, by commas"
    )
    proxies: str = Field(
        "127.0.0.1,::1", description="addresses or networks of TLS proxies in front, by commas"
    )
    root_path: str = Field(
        "",
        pattern=r"^$|^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}$",
        description="path of a proxy below which we are reached, e.g. /energy",
    )
    statement_s: float = Field(
        10, gt=0, le=600, description="how long the database may take for a question of the API"
    )
    open_dashboard: bool = Field(
        default=False, description="show the pages without a key (the demo does, on loopback)"
    )
    lease_minutes: int = Field(30, ge=5, le=240, description="lease of a write in building time")
    owner_seconds: int = Field(
        60, ge=5, le=3600, description="how long a worker owns its sites after a heartbeat"
    )
    spool_mb: int = Field(512, ge=1, description="room for readings that wait for the database")
    clock_file: Path | None = Field(None, description="building time of a simulator")
    poll_minutes: int = Field(15, ge=1, le=60, description="how often points are read")
    plan_minutes: int = Field(60, ge=15, le=1440, description="how often plans are made")
    horizon_hours: int = Field(36, ge=12, le=72, description="how far plans look ahead")
    planners: int | None = Field(
        None, ge=0, le=64, description="processes that learn and plan; 0: in the backend itself"
    )
    jobs: Literal["here", "cluster"] = Field(
        "here", description="learning, planning, reports: in each worker, or shared by all of them"
    )
    timezone: str = Field("Europe/Copenhagen", description="whose local days roll-ups are of")
    feed: Literal["archive", "live"] = Field(
        "archive", description="weather and prices: made up in part, or from their providers"
    )
    contact: str | None = Field(
        None, pattern=r"^[\x21-\x7e]+$", description="how providers of data can reach you"
    )
    publisher: str = Field(
        "Kommunens energistyring", min_length=2, description="who publishes the open data"
    )
    open_meteo: bool = Field(default=False, description="ask Open-Meteo for the weather, too")
    feed_urls: str = Field(
        "", description="other addresses of providers, name=https://host by commas"
    )
    entsoe_token_file: Path | None = Field(
        None, description="file with the token of ENTSO-E, a second source of prices"
    )
    nordpool_file: Path | None = Field(
        None, description="file with user name and password of Nord Pool, a second source of prices"
    )
    eloverblik_token_file: Path | None = Field(
        None, description="file with a refresh token of Eloverblik, from where meters are read"
    )
    eloverblik_access: Literal["customer", "thirdparty"] = Field(
        "customer", description="whose token it is: the customer's own, or a third party's"
    )
    tariffs: Path | None = Field(None, description="file of the tariffs; default the shipped one")
    mqtt_url: str | None = Field(
        None,
        pattern=r"^mqtts?://([^@/:\s]+@)?[^@/:\s]+(:\d{1,5})?$",
        description="broker on which controllers listen for their setpoint schedules",
    )
    mqtt_password_file: Path | None = Field(None, description="file with the broker's password")
    mqtt_ca_file: Path | None = Field(None, description="certificates to trust of the broker")
    mqtt_cert_file: Path | None = Field(None, description="our certificate, if the broker asks")
    mqtt_key_file: Path | None = Field(None, description="its key, where that is another file")
    reports: Path | None = Field(None, description="file of the reports that are sent by schedule")
    notices: Path | None = Field(None, description="file of who is told of the work list, and how")
    upstream_keys: Path | None = Field(
        None, description="file with the keys to the backends that are read side by side"
    )
    upstream_seconds: float = Field(
        15.0, ge=1, le=3600, description="how often each of those backends is asked"
    )
    archive_dir: Path | None = Field(
        None, description="folder of the months that are old; default archive in home"
    )
    exports_dir: Path | None = Field(
        None, description="folder of reports that were asked for; default exports in home"
    )
    calendars: Path | None = Field(None, description="file of the calendars of halls")
    drop: Path | None = Field(None, description="folder in which suppliers put meter files")

    access: Path | None = Field(
        None, description="file with groups of buildings, and roles of the provider's groups"
    )
    oidc_issuer: str | None = Field(None, description="address of the provider of sign-ins")
    oidc_client_id: str | None = Field(None, description="our name at the provider of sign-ins")
    oidc_client_secret_file: Path | None = Field(
        None, description="file with our secret at the provider; none for a public client"
    )
    oidc_scopes: str = Field(
        "openid profile email", description="what the provider is asked for, by spaces"
    )
    oidc_groups_claim: str = Field("groups", description="where the provider says the groups")

    @model_validator(mode="after")
    def _a_lease_outlasts_the_tick_that_renews_it(self) -> Self:
        if self.lease < shortest_lease(timedelta(minutes=self.poll_minutes)):
            raise ValueError(
                f"BMS_LEASE_MINUTES {self.lease_minutes} is too short for BMS_POLL_MINUTES "
                f"{self.poll_minutes}: a lease is renewed once a tick and has to last for two"
            )
        return self

    @property
    def lease(self) -> timedelta:
        return timedelta(minutes=self.lease_minutes)

    @property
    def host_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.hosts.split(",") if name.strip())

    @property
    def journal(self) -> Path:
        return self.home / "release.journal"

    @property
    def evidence_heads(self) -> Path:
        return self.home / "evidence.heads"

    @property
    def calendar(self) -> Path:
        return self.home / "calendar.json"

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    @property
    def archive(self) -> Path:
        return self.archive_dir or self.home / "archive"

    @property
    def exports(self) -> Path:
        return self.exports_dir or self.home / "exports"

    @property
    def repeats(self) -> Path:
        return self.home / "repeats"

    @property
    def feeds(self) -> Path:
        return self.home / "feeds"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'bms.db'}"
