"""The file of ``BMS_ACCESS``: groups of buildings, and what groups of the provider may; and the
provider itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bms.config import Settings
from bms.errors import ConfigError
from bms.feeds.sign_in.openid import OpenIdProvider, ProviderSettings
from bms.model.access.grant import Grant, PersonRole
from bms.model.access.rules import AccessRules
from bms.model.outside_file import read_secret_file
from bms.model.yaml_data import mistakes_of, read_yaml_file

MOST_BYTES = 1_000_000
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Places = Annotated[tuple[Name, ...], Field(min_length=1)]


class _AccessPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimedRole(_AccessPart):
    """What a group of the provider may, and where; everywhere without sites and groups. An empty
    list is a mistake: whoever took the last building out of it does not mean all."""

    group: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    role: PersonRole
    sites: Places = ()
    groups: Places = ()


class AccessFile(_AccessPart):
    """``groups`` are buildings by the name of a group; ``sign_in`` are groups of the provider."""

    groups: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
    sign_in: tuple[ClaimedRole, ...] = ()

    def rules(self) -> AccessRules:
        """What the file says."""
        grants: dict[str, tuple[Grant, ...]] = {}
        for each in self.sign_in:
            made = Grant(
                name=each.role.value, sites=frozenset(each.sites), groups=frozenset(each.groups)
            )
            grants[each.group] = (*grants.get(each.group, ()), made)
        groups = {name: frozenset(members) for name, members in self.groups.items()}
        return AccessRules(groups=groups, grants=grants)


def access_rules(file: Path | None) -> AccessRules:
    """The rules of a file; none without one. Raises ``ConfigError``."""
    if file is None:
        return AccessRules()
    try:
        return AccessFile.model_validate(read_yaml_file(file, "BMS_ACCESS") or {}).rules()
    except ValidationError as error:
        raise ConfigError(f"BMS_ACCESS: {file}: {mistakes_of(error)}") from error


def provider_of(settings: Settings) -> OpenIdProvider | None:
    """The provider of sign-ins of the settings, if one is named. Raises ``ConfigError``."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise ConfigError("BMS_OIDC_ISSUER needs BMS_OIDC_CLIENT_ID, the name we have there")
    secret, file = None, settings.oidc_client_secret_file
    if file is not None:
        try:
            secret = read_secret_file(file).strip()
        except OSError as error:
            raise ConfigError(f"BMS_OIDC_CLIENT_SECRET_FILE: {file}: {error.strerror}") from error
    return OpenIdProvider(
        ProviderSettings(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            secret=secret or None,
            scopes=settings.oidc_scopes,
            groups_claim=settings.oidc_groups_claim,
        )
    )
