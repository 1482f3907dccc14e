"""The settings section `network:`: address ranges, the gateway's front, and every way in."""

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from components.settings.common import SECTION, AccountId, EntryName

PRIVATE: Final = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""Source: RFC 1918."""
SHARED: Final = IPv4Network("100.64.0.0/10")
"""Never routed between networks, hence good for pods. Source: RFC 6598; VPC User Guide, "VPC CIDR blocks"."""


def _range(text: str, blocks: tuple[IPv4Network, ...], kind: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IPv4 range ({error}); write it like '10.42.0.0/16'") from None
    if not any(network.subnet_of(block) for block in blocks):
        raise ValueError(f"{text!r} is not {kind}; take one inside {', '.join(map(str, blocks))}")
    return text


def _private_range(text: str) -> str:
    return _range(text, PRIVATE, "a private range")


def _pod_range(text: str) -> str:
    return _range(text, (SHARED, *PRIVATE), "a range for pods")


def _public_range(text: str) -> str:
    _range(text, (IPv4Network("0.0.0.0/0"),), "a range")
    network = IPv4Network(text)
    if network.prefixlen < 12 or any(network.overlaps(block) for block in (*PRIVATE, SHARED)):
        raise ValueError(f"{text!r} is no range of S3; `aws ec2 get-managed-prefix-list-entries` lists them")
    return text


def _device(text: str) -> str:
    try:
        address = IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address; write it like '198.51.100.7'") from None
    if any(address in block for block in (*PRIVATE, SHARED)) or address.is_loopback or address.is_link_local:
        raise ValueError(f"{text!r} is not the public address of a VPN device; AWS must reach it")
    return text


Cidr = Annotated[str, AfterValidator(_private_range)]
PodCidr = Annotated[str, AfterValidator(_pod_range)]
StorageCidr = Annotated[str, AfterValidator(_public_range)]
Reach = Literal["gateway", "kubernetes"]
"""What a caller may connect to: the gateway's front, or the Kubernetes API (for those who deploy from there)."""
Reaches = Annotated[tuple[Reach, ...], Field(min_length=1)]
Use = Literal["runner", "elastic-pool", "metrics", "secrets", "sessions", "traces"]
"""What is used beside the cluster itself; each use opens the endpoints of `catalog/vpc_endpoints.py` that it needs."""


class Front(BaseModel):
    """Where clients reach the gateway: one private name, an internal load balancer, a certificate of ACM."""

    model_config = SECTION

    host_name: Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
    certificate_arn: (
        Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:acm:[^:]+:[0-9]{12}:certificate/.+$")] | None
    ) = None
    certificate_authority_arn: (
        Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:acm-pca:[^:]+:[0-9]{12}:certificate-authority/.+$")]
        | None
    ) = None
    cross_zone: bool = False
    """True spreads evenly over few gateways, and each answer that crosses zones costs (`catalog/transfer.py`)."""
    deletion_protection: bool = True
    log_days: Annotated[int, Field(ge=30, le=3650)] = 365

    @model_validator(mode="after")
    def _one_certificate(self) -> Self:
        if (self.certificate_arn is None) == (self.certificate_authority_arn is None):
            raise ValueError(
                "give either certificate_arn (a certificate in ACM) or certificate_authority_arn (a private CA)"
            )
        return self


class Peering(BaseModel):
    """One VPC of the same region whose clients may reach what is named; its range must not overlap ours.

    With `connection_id` the peer asked and we accept; otherwise we ask, and a peer of our own account accepts at once.
    """

    model_config = SECTION

    account_id: AccountId
    vpc_id: Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
    cidr: Cidr
    connection_id: Annotated[str, StringConstraints(pattern=r"^pcx-[0-9a-f]{8,17}$")] | None = None
    reaches: Reaches = ("gateway",)
    services: tuple[str, ...] = ()
    """Interface endpoints that the peer may use under their own names, by suffix, such as `sts`."""


class PrivateLink(BaseModel):
    """Who may connect an interface endpoint of their own VPC to the gateway; each connection is accepted by hand."""

    model_config = SECTION

    principals: Annotated[
        tuple[
            Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:(root|(role|user)/[\w+=,.@/-]+)$")],
            ...,
        ],
        Field(min_length=1),
    ]


class Vpn(BaseModel):
    """One place on premises behind an IPsec device; only its declared ranges are routed, nothing is learned."""

    model_config = SECTION

    device_address: Annotated[str, AfterValidator(_device)]
    cidrs: Annotated[tuple[Cidr, ...], Field(min_length=1, max_length=10)]
    certificate_arn: (
        Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:acm:[^:]+:[0-9]{12}:certificate/.+$")] | None
    ) = None
    """The device's certificate, instead of pre-shared keys (which AWS then keeps in Secrets Manager)."""
    reaches: Reaches = ("gateway",)

    @model_validator(mode="after")
    def _one_block(self) -> Self:
        if not any(IPv4Network(self.selector).subnet_of(block) for block in PRIVATE):
            raise ValueError(
                f"cidrs {', '.join(self.cidrs)!r} lie in different private blocks; declare a VPN for each block"
            )
        return self

    @property
    def selector(self) -> str:
        """The smallest range that holds all of theirs: a tunnel has one selector; routes are narrower."""
        found = IPv4Network(self.cidrs[0])
        while not all(IPv4Network(cidr).subnet_of(found) for cidr in self.cidrs):
            found = found.supernet()
        return str(found)


class Network(BaseModel):
    """The VPC: private ranges, split into subnets by `components.network.layout`, and who may come in."""

    model_config = SECTION

    cidr: Cidr
    pod_cidr: PodCidr | None = None
    storage_cidrs: tuple[StorageCidr, ...] = ()
    """S3's public ranges in the region, where the catalogue knows none or is out of date."""
    uses: tuple[Use, ...] = ()
    state_bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    """Pulumi's state of the stacks that a runner inside deploys: the one bucket that something inside may write."""
    organisation: Annotated[str, StringConstraints(pattern=r"^o-[a-z0-9]{10,32}$")] | None = None
    """AWS Organizations id; endpoints then serve its callers and its things only, besides those of the account."""
    front: Front | None = None
    peerings: dict[EntryName, Peering] = {}
    private_link: PrivateLink | None = None
    vpns: dict[EntryName, Vpn] = {}

    @property
    def vpc_cidrs(self) -> tuple[str, ...]:
        """Every range of the VPC itself."""
        return (self.cidr,) if self.pod_cidr is None else (self.cidr, self.pod_cidr)

    @property
    def enabled_uses(self) -> tuple[str, ...]:
        """What the endpoints are computed from: the cluster, its weights, and what the settings name."""
        return ("cluster", "weights", *(("front",) if self.front else ()), *self.uses)

    def callers(self, reach: Reach) -> tuple[str, ...]:
        """Ranges outside the VPC that may reach something, in the order of the settings."""
        peers = [peer.cidr for peer in self.peerings.values() if reach in peer.reaches]
        return (*peers, *(cidr for vpn in self.vpns.values() if reach in vpn.reaches for cidr in vpn.cidrs))

    @property
    def routed_cidrs(self) -> tuple[str, ...]:
        """Every range outside the VPC that anything in it can answer to."""
        return (
            *(peer.cidr for peer in self.peerings.values()),
            *(cidr for vpn in self.vpns.values() for cidr in vpn.cidrs),
        )
