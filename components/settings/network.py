"""The settings section `network:`: the address range and the networks that may reach the endpoint."""

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, StringConstraints

from components.settings.common import SECTION, AccountId, EntryName, Region

_PRIVATE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _private_range(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IPv4 range ({error}); write it like '10.42.0.0/16'") from None
    if not any(network.subnet_of(block) for block in _PRIVATE):
        raise ValueError(f"{text!r} is not a private range; take one inside {', '.join(map(str, _PRIVATE))}")
    return text


Cidr = Annotated[str, AfterValidator(_private_range)]


class Peering(BaseModel):
    """One VPC whose clients may reach the gateway; its range must not overlap ours."""

    model_config = SECTION

    account_id: AccountId
    region: Region
    vpc_id: Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
    cidr: Cidr


class Network(BaseModel):
    """The VPC: one private range, split into subnets by `components.network.layout`."""

    model_config = SECTION

    cidr: Cidr
    peerings: dict[EntryName, Peering] = {}
