"""Further ranges of a VPC: one with subnets stays, one that went holds none."""

from __future__ import annotations

import ipaddress
from typing import Any


def apply() -> None:
    """Moto takes a range away below its subnets, and goes on accepting subnets in it."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import EC2Backend

    disassociate = EC2Backend.disassociate_vpc_cidr_block

    def disassociate_vpc_cidr_block(self: Any, association_id: str) -> Any:
        for vpc in self.vpcs.values():
            association = vpc._cidr_block_association_set.get(association_id)
            if association is None:
                continue
            block = ipaddress.ip_network(association["cidr_block"])
            for subnet in self.describe_subnets(filters={"vpc-id": vpc.id}):
                if block.overlaps(subnet.cidr) and association["cidr_block"] != vpc.cidr_block:
                    why = f"The vpc {vpc.id} currently has a subnet within CIDR block {block}: {subnet.id}"
                    raise EC2ClientError("InvalidCidrBlock.InUse", why)
            answer = disassociate(self, association_id)
            del vpc._cidr_block_association_set[association_id]
            return answer
        return disassociate(self, association_id)

    setattr(EC2Backend, disassociate.__name__, disassociate_vpc_cidr_block)
