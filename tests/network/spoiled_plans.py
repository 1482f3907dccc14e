"""Plans of the platform with one thing spoiled: each says what the kernel must then do differently."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from operations.planned import Planned

ACL: Final = "aws:ec2/networkAcl:NetworkAcl"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
ROUTE: Final = "aws:ec2/route:Route"
FIREWALL_RULE: Final = "aws:route53/resolverFirewallRule:ResolverFirewallRule"
PUBLIC_BLOCK: Final = "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions"
POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
Resources = Sequence[Planned]
Rule = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Spoil:
    """One change of a plan.

    Attributes:
        name: what is wrong, in words.
        change: makes the spoiled resources, of the platform and of the serving stack together.
        lost: patterns of `calling role -> called role port` that connect no more, all of them and each at least once.
        gained: likewise of those that connect only now.
        names: whether names that were blocked resolve now.
    """

    name: str
    change: Callable[[Resources], Resources]
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    names: bool = False


def changed(token: str, name: str, **inputs: Callable[[Any], Any]) -> Callable[[Resources], Resources]:
    """One resource with some of its inputs made anew from what they were."""

    def change(resources: Resources) -> Resources:
        assert [each.name for each in resources if each.type == token and each.name == name] == [name]
        return [_with(each, inputs) if (each.type, each.name) == (token, name) else each for each in resources]

    return change


def without(token: str, name: str) -> Callable[[Resources], Resources]:
    """One resource less."""

    def change(resources: Resources) -> Resources:
        kept = [each for each in resources if (each.type, each.name) != (token, name)]
        assert len(kept) == len(resources) - 1
        return kept

    return change


def internet_route(table: str) -> Callable[[Resources], Resources]:
    """One more route, to an internet gateway that somebody else made."""

    def change(resources: Resources) -> Resources:
        pattern = next(each for each in resources if each.type == ROUTE)
        inputs = {"routeTableId": f"{table}-id", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0a1b2c3d"}
        made = replace(
            pattern, name="internet-route", urn="urn:internet-route", inputs=inputs, property_dependencies={}
        )
        return [*resources, made]

    return change


def together(*changes: Callable[[Resources], Resources]) -> Callable[[Resources], Resources]:
    """One change after the other."""

    def change(resources: Resources) -> Resources:
        for each in changes:
            resources = each(resources)
        return resources

    return change


def only(keep: Callable[[Rule], bool]) -> Callable[[Sequence[Rule]], list[Rule]]:
    """The rules of a list that are kept; at least one is not."""

    def rules(before: Sequence[Rule]) -> list[Rule]:
        kept = [rule for rule in before if keep(rule)]
        assert len(kept) < len(before)
        return kept

    return rules


def also(rule: Rule) -> Callable[[Sequence[Rule] | None], list[Rule]]:
    """The rules of a list, and one more."""
    return lambda before: [*(before or []), rule]


def _with(resource: Planned, inputs: Mapping[str, Callable[[Any], Any]]) -> Planned:
    made = {key: make(resource.inputs.get(key)) for key, make in inputs.items()}
    return replace(resource, inputs={**resource.inputs, **made})


def tcp(port: int, **target: Any) -> Rule:
    """One allowance of a security group."""
    return {"protocol": "tcp", "fromPort": port, "toPort": port, **target}


def entry(number: int, cidr: str, ports: tuple[int, int], action: str = "allow") -> Rule:
    """One entry of a network ACL."""
    first, last = ports
    return {"ruleNo": number, "protocol": "tcp", "fromPort": first, "toPort": last, "cidrBlock": cidr, "action": action}
