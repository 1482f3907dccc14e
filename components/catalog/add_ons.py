"""The EKS add-ons that a sealed cluster needs, each at one version."""

import json
from dataclasses import dataclass
from typing import Final

# Source: versions that public repositories report for their EKS 1.36 clusters, autumn 2026; not verified against
# `aws eks describe-addon-versions` here.

POD_IDENTITY_AGENT: Final = "169.254.170.23/32"
"""Link-local address of the EKS Pod Identity agent. Source: EKS User Guide, "Pod Identity considerations"."""


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """One add-on.

    Attributes:
        name: as EKS calls it.
        version: exact, with EKS's build number.
        configuration: what EKS calls configuration values, as JSON; empty for the defaults.
    """

    name: str
    version: str
    configuration: str = ""


VPC_CNI: Final = AddOn(
    name="vpc-cni",
    version="v1.22.4-eksbuild.3",
    # Not strict: CoreDNS would be cut off from the API server until somebody inside gave it a policy, and the platform
    # stack would wait for it in vain.
    configuration=json.dumps({"enableNetworkPolicy": "true", "env": {"NETWORK_POLICY_ENFORCING_MODE": "standard"}}),
)
KUBE_PROXY: Final = AddOn(name="kube-proxy", version="v1.36.0-eksbuild.21")
POD_IDENTITY: Final = AddOn(name="eks-pod-identity-agent", version="v1.3.10-eksbuild.3")
COREDNS: Final = AddOn(name="coredns", version="v1.14.3-eksbuild.16")

BEFORE_NODES: Final = (POD_IDENTITY, VPC_CNI, KUBE_PROXY)
"""Nodes are not ready without them."""
ON_NODES: Final = (COREDNS,)
"""Not ready without nodes."""
