"""Peerings with VPCs of other accounts, which this account cannot look into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ForeignVpc:
    """What is known of somebody else's VPC: who owns it and where; AWS tells its range only after acceptance."""

    owner_id: str
    region: str
    id: str
    ec2_backend: Any
    cidr_block: None = None


def apply() -> None:
    """AWS takes a request for another account's VPC and leaves it pending; moto wants to see that VPC."""
    from moto.ec2.exceptions import InvalidVPCIdError
    from moto.ec2.models import EC2Backend

    find = EC2Backend.get_vpc

    def get_vpc(self: Any, vpc_id: str) -> Any:
        try:
            return find(self, vpc_id)
        except InvalidVPCIdError:
            from sandbox.token_review import ACCOUNT_ID

            if self.account_id == ACCOUNT_ID:
                raise
            return ForeignVpc(owner_id=self.account_id, region=self.region_name, id=vpc_id, ec2_backend=self)

    setattr(EC2Backend, find.__name__, get_vpc)
