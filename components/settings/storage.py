"""The settings sections `weight_cache:`, `registry:` and `audit:`."""

from typing import Annotated

from pydantic import BaseModel, Field

from components.settings.common import SECTION, EntryName


class WeightCache(BaseModel):
    """The bucket that holds model weights."""

    model_config = SECTION

    noncurrent_days: Annotated[int, Field(ge=1, le=3650)] = 30


class Registry(BaseModel):
    """The image repositories, all below `cloister/`."""

    model_config = SECTION

    repositories: Annotated[tuple[EntryName, ...], Field(min_length=1)] = (
        "weights",
        "registrar",
        "envoy",
        "vllm-openai",
        "llama-cpp",
    )


class Audit(BaseModel):
    """How long records of tokens and of API calls cannot be deleted by anybody."""

    model_config = SECTION

    retention_days: Annotated[int, Field(ge=30, le=3650)] = 365
