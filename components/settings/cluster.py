"""The settings sections `cluster:` and `node_pools:`."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from components.settings.common import SECTION, EntryName, PrincipalArn


class Cluster(BaseModel):
    """The Kubernetes control plane, reachable from inside the VPC only."""

    model_config = SECTION

    kubernetes_version: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{2}$")]
    inference_namespace: EntryName = "inference"
    """The one namespace whose pods may read the weight cache."""
    administrators: Annotated[tuple[PrincipalArn, ...], Field(min_length=1)]
    log_retention_days: Literal[90, 180, 365, 400, 545, 731, 1096, 1827, 3653] = 365


class NodePool(BaseModel):
    """One managed node group; a machine type with GPUs makes it a GPU pool."""

    model_config = SECTION

    instance_type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")]
    min_nodes: Annotated[int, Field(ge=0, le=1000)]
    max_nodes: Annotated[int, Field(ge=1, le=1000)]
    disk_gib: Annotated[int, Field(ge=50, le=16384)] = 100
    capacity: Literal["on-demand", "spot"] = "on-demand"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_nodes > self.max_nodes:
            raise ValueError(f"min_nodes '{self.min_nodes}' is above max_nodes '{self.max_nodes}'; lower it")
        return self
