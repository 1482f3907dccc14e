"""The settings sections `gateway:`, `tiers:` and `clients:`."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from components.settings.common import SECTION, EntryName


class Gateway(BaseModel):
    """What the gateway accepts of a request before it looks at the request's meaning."""

    model_config = SECTION

    issuer: Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(/[A-Za-z0-9._/-]*)?$")]
    audience: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    replicas: Annotated[int, Field(ge=1, le=20)] = 2
    body_limit_mib: Annotated[int, Field(ge=1, le=64)] = 8
    max_connections: Annotated[int, Field(ge=10, le=100_000)] = 20_000
    idle_seconds: Annotated[int, Field(ge=10, le=3600)] = 900


class Tier(BaseModel):
    """The limits that every client of one tier has, counted per gateway replica."""

    model_config = SECTION

    requests_per_minute: Annotated[int, Field(ge=1)]
    tokens_per_minute: Annotated[int, Field(ge=1)]


class Client(BaseModel):
    """One service that may hold tokens: for which models, under which limits, for how long."""

    model_config = SECTION

    models: Annotated[tuple[EntryName, ...], Field(min_length=1)]
    tier: EntryName
    longest_token_hours: Annotated[int, Field(ge=1, le=24 * 90)]
    contact: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
