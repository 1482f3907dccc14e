"""The name firewall and the private hosted zones of a plan."""

from collections.abc import Sequence
from typing import Final, Literal, cast

from components.network.reachability.model import NameRule, PrivateZone
from components.network.reachability.references import References

RULE_GROUP: Final = "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup"
DOMAIN_LIST: Final = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"


def read_name_rules(found: References) -> tuple[NameRule, ...]:
    """Rules of the groups that are bound to the VPC, in the order in which they are asked."""
    bound: dict[str, int] = {}
    for each in found.of("aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"):
        bound[found.name(each, "firewallRuleGroupId", RULE_GROUP)] = int(each.inputs["priority"])
    lists = {each.name: tuple(str(domain) for domain in each.inputs["domains"]) for each in found.of(DOMAIN_LIST)}
    rules = []
    for rule in found.of("aws:route53/resolverFirewallRule:ResolverFirewallRule"):
        group = found.name(rule, "firewallRuleGroupId", RULE_GROUP)
        if group not in bound:
            continue
        domain_list = found.name(rule, "firewallDomainListId", DOMAIN_LIST)
        made = NameRule(
            name=rule.name,
            priority=int(rule.inputs["priority"]),
            action=cast(Literal["ALLOW", "BLOCK", "ALERT"], str(rule.inputs["action"]).upper()),
            # Of a list of AWS's own nothing is known here, so it is taken to hold every name.
            domains=lists.get(domain_list, ("*",)),
            domain_list=domain_list,
        )
        rules.append((bound[group], made))
    return tuple(rule for _, rule in sorted(rules, key=lambda pair: (pair[0], pair[1].priority)))


def read_zones(found: References, roles: Sequence[str]) -> tuple[PrivateZone, ...]:
    """Private hosted zones; `<zone>-<peer>` names the association of a zone with the VPC of a peer.

    Args:
        found: the plan.
        roles: of those outside, `peer-<peer>` among them.
    """
    token = "aws:route53/zone:Zone"
    peers: dict[str, list[str]] = {zone.name: [] for zone in found.of(token) if zone.inputs.get("vpcs")}
    shared = found.of(
        "aws:route53/zoneAssociation:ZoneAssociation",
        "aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization",
    )
    for each in shared:
        for zone in (source.name for source in found.sources(each, "zoneId", token)):
            role = f"peer-{each.name.removeprefix(f'{zone}-')}"
            if zone in peers and role in roles:
                peers[zone].append(role)
    return tuple(
        PrivateZone(name=zone.name, domain=str(zone.inputs["name"]).rstrip("."), peers=tuple(peers[zone.name]))
        for zone in found.of(token)
        if zone.name in peers
    )
