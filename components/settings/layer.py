"""What one stack file may hold, for each layer."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints

from components.settings.cluster import Cluster, NodePool
from components.settings.common import SECTION, AccountId, EntryName, Region, StackName
from components.settings.gateway import Client, Gateway, Tier
from components.settings.model_service import EdgeModel, ModelService
from components.settings.network import Network
from components.settings.storage import Audit, Registry, WeightCache

Tags = dict[Annotated[str, Field(min_length=1, max_length=128)], Annotated[str, Field(max_length=256)]]
LockPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]+\.lock\.yaml$")]
"""Path of a lock file, from the repository's root."""
Target = Annotated[str, StringConstraints(pattern=r"^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12})$")]
"""An organisational unit or an account of AWS Organizations."""
VpcArn = Annotated[str, StringConstraints(pattern=r"^arn:aws(-eusc)?:ec2:[a-z0-9-]+:[0-9]{12}:vpc/vpc-[0-9a-f]+$")]
RolePattern = Annotated[
    str, StringConstraints(pattern=r"^arn:(aws(-eusc)?|\*):iam::([0-9]{12}|\*):role/[\w+=,.@/-]+\*?$")
]
"""One role, or those that begin alike."""
IMAGES_LOCK: Final = "images/images.lock.yaml"


class PlatformSettings(BaseModel):
    """Keys, network, cluster, node pools, weight cache, registry and audit trail of one account and region."""

    model_config = SECTION

    layer: Literal["platform"]
    account_id: AccountId
    region: Region
    zones: Annotated[tuple[str, ...], Field(min_length=2, max_length=6)]
    tags: Tags = {}
    network: Network
    cluster: Cluster
    node_pools: Annotated[dict[EntryName, NodePool], Field(min_length=1)]
    weight_cache: WeightCache = WeightCache()
    registry: Registry = Registry()
    audit: Audit = Audit()


class ImagesSettings(BaseModel):
    """Own images built and upstream images mirrored by digest into the platform's registry."""

    model_config = SECTION

    layer: Literal["images"]
    account_id: AccountId
    region: Region
    platform: StackName
    images: LockPath = IMAGES_LOCK


class ServingSettings(BaseModel):
    """Models, gateway and clients on the platform's cluster."""

    model_config = SECTION

    layer: Literal["serving"]
    account_id: AccountId
    region: Region
    platform: StackName
    images: LockPath = IMAGES_LOCK
    namespace: EntryName = "inference"
    models: Annotated[dict[EntryName, ModelService], Field(min_length=1)]
    gateway: Gateway
    tiers: Annotated[dict[EntryName, Tier], Field(min_length=1)]
    clients: dict[EntryName, Client] = {}


class EdgeHost(BaseModel):
    """The one host of an edge stack, and where its gateway listens."""

    model_config = SECTION

    docker_host: Annotated[str, StringConstraints(pattern=r"^(unix:///|ssh://)\S+$")] = "unix:///var/run/docker.sock"
    address: Annotated[str, StringConstraints(pattern=r"^[0-9.]+$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1024, le=65535)] = 8443
    folder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]+$")] = "/var/lib/cloister"

    def path(self, name: str, root: Path) -> Path:
        """A folder below `folder`; a relative one lies in the repository, for a host that is this machine."""
        return root / self.folder / name


class EdgeSettings(BaseModel):
    """Loader, engine and gateway as containers on one host."""

    model_config = SECTION

    layer: Literal["edge"]
    account_id: AccountId
    region: Region
    platform: StackName
    images: LockPath = IMAGES_LOCK
    host: EdgeHost = EdgeHost()
    models: Annotated[dict[EntryName, EdgeModel], Field(min_length=1)]
    gateway: Gateway
    tiers: Annotated[dict[EntryName, Tier], Field(min_length=1)]
    clients: dict[EntryName, Client] = {}


class ManagedSettings(BaseModel):
    """A private Hugging Face Inference Endpoint in the EU, reached by PrivateLink."""

    model_config = SECTION

    layer: Literal["managed"]
    # Hugging Face documents one EU region for compute on AWS, and PrivateLink from there.
    region: Literal["eu-west-1"]
    account_id: AccountId
    namespace: EntryName
    lock: EntryName
    instance_type: Annotated[str, Field(min_length=1)]
    instance_size: Annotated[str, Field(min_length=1)]
    min_replicas: Annotated[int, Field(ge=0, le=20)] = 0
    max_replicas: Annotated[int, Field(ge=1, le=20)] = 1


class OrganisationSettings(BaseModel):
    """What AWS Organizations forbids to the accounts of the stacks; deployed from the management account.

    Attributes:
        account_id: the management account, or the one that it lets administer policies.
        region: of the provider; the policies themselves belong to no region.
        targets: organisational units or accounts, never the root: a test unit first.
        regions: where anything may be made or called.
        accounts: of the stacks and their peers.
        peer_vpc_arns: VPCs of further accounts that may be peered.
        deployer_arns: roles by which the reviewed pipeline deploys; nobody else may change what guards the accounts.
    """

    model_config = SECTION

    layer: Literal["organisation"]
    account_id: AccountId
    region: Region
    tags: Tags = {}
    organisation_id: Annotated[str, StringConstraints(pattern=r"^o-[a-z0-9]{10,32}$")]
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]
    accounts: Annotated[tuple[AccountId, ...], Field(min_length=1)]
    peer_vpc_arns: tuple[VpcArn, ...] = ()
    deployer_arns: Annotated[tuple[RolePattern, ...], Field(min_length=1)]


Settings = PlatformSettings | ImagesSettings | ServingSettings | EdgeSettings | ManagedSettings | OrganisationSettings
LAYERS: Final[dict[str, type[BaseModel]]] = {
    "platform": PlatformSettings,
    "images": ImagesSettings,
    "serving": ServingSettings,
    "edge": EdgeSettings,
    "managed": ManagedSettings,
    "organisation": OrganisationSettings,
}
