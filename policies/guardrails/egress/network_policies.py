"""Network policies: both directions covered, named peers, ranges of the estate."""

from collections.abc import Iterator

from ..addresses import inside
from ..facts import POD_IDENTITY_AGENT
from ..findings import Resource, each
from ..rules import Rule, rule

_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_SOURCE = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"


@rule(_POLICY, fix="Set policyTypes: [Ingress, Egress].", source=_SOURCE)
def egress_network_policy_covers_both_ways(policy: Resource) -> Iterator[str]:
    """A network policy covers traffic into and out of its pods."""
    kinds = {str(kind) for _, kind in each(policy.props, "spec.policyTypes")}
    if not {"Ingress", "Egress"} <= kinds:
        yield f"spec.policyTypes is {sorted(kinds)}"


@rule(_POLICY, fix="Use ranges of the VPC or a peer.", source=_SOURCE, severity="critical")
def egress_network_policy_ranges_are_own(policy: Resource) -> Iterator[str]:
    """A network policy names ranges of the estate only; a world with exceptions is still the world."""
    for direction, side in (("egress", "to"), ("ingress", "from")):
        for path, entry in each(policy.props, f"spec.{direction}"):
            for place, peer in each(entry, side):
                block = peer.get("ipBlock")
                if block is None or (direction == "egress" and block.get("cidr") == POD_IDENTITY_AGENT):
                    continue
                if not inside(block.get("cidr"), policy.estate.ranges):
                    yield f"{path}.{place}.ipBlock.cidr {block.get('cidr')!r} is not inside the estate"


@rule(_POLICY, fix="Name namespaces by label, and the peers of every rule.", source=_SOURCE, severity="critical")
def egress_network_policy_names_targets(policy: Resource) -> Iterator[str]:
    """Every egress rule names where to, and no rule means every namespace."""
    for path, entry in each(policy.props, "spec.egress"):
        if not entry.get("to"):
            yield f"{path} has no `to`, so it allows everything"
        for place, peer in each(entry, "to"):
            selector = peer.get("namespaceSelector")
            if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
                yield f"{path}.{place}.namespaceSelector matches every namespace"


RULES: tuple[Rule, ...] = (
    egress_network_policy_covers_both_ways,
    egress_network_policy_ranges_are_own,
    egress_network_policy_names_targets,
)
