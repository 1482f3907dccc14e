"""Network policies: both directions covered, named peers, ranges of the estate."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..access.kubernetes import loose_selectors
from ..addresses import inside, is_storage
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


@rule(
    _POLICY,
    fix="Use ranges of the VPC, a peer or an on-premises network; S3's published ranges for TCP 443 outwards alone.",
    source=_SOURCE,
    severity="critical",
)
def egress_network_policy_ranges_are_own(policy: Resource) -> Iterator[str]:
    """A network policy names ranges of the estate, and S3 by TLS, only; a world with exceptions is still the world."""
    for direction, side in (("egress", "to"), ("ingress", "from")):
        for path, entry in each(policy.props, f"spec.{direction}"):
            for place, peer in each(entry, side):
                block = peer.get("ipBlock")
                if block is None or (direction == "egress" and block.get("cidr") == POD_IDENTITY_AGENT):
                    continue
                cidr = block.get("cidr")
                if inside(cidr, policy.estate.ranges):
                    continue
                if direction == "ingress" or not is_storage(cidr, policy.estate):
                    yield f"{path}.{place}.ipBlock.cidr {cidr!r} is not inside the estate"
                elif not _only_tls(entry):
                    yield f"{path}.{place}.ipBlock.cidr {cidr!r}, a range of S3, is named for more than TCP 443"


def _only_tls(entry: Mapping[str, Any]) -> bool:
    """Whether a rule lets through TCP 443 and no other port; no port at all means every port."""
    ports = [port for _, port in each(entry, "ports")]
    return bool(ports) and all(
        port.get("protocol") in (None, "TCP") and port.get("port") == 443 and port.get("endPort") in (None, 443)
        for port in ports
    )


@rule(_POLICY, fix="Name namespaces by label, and the peers of every rule.", source=_SOURCE, severity="critical")
def egress_network_policy_names_targets(policy: Resource) -> Iterator[str]:
    """Every egress rule names where to, and no rule means every namespace."""
    for path, entry in each(policy.props, "spec.egress"):
        if not entry.get("to"):
            yield f"{path} has no `to`, so it allows everything"
        for place, peer in each(entry, "to"):
            for problem in loose_selectors(peer):
                yield f"{path}.{place}.{problem}"


RULES: tuple[Rule, ...] = (
    egress_network_policy_covers_both_ways,
    egress_network_policy_ranges_are_own,
    egress_network_policy_names_targets,
)
