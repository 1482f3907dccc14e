"""Versions that the platform is made for, each with its reason."""

from typing import Final

# Source: EKS User Guide, "Kubernetes version lifecycle". Standard support lasts 14 months; extended support costs six
# times as much. Not compared with AWS's page since the list was written: check it before the first `up`.
KUBERNETES_VERSIONS: Final[tuple[str, ...]] = ("1.33", "1.34", "1.35")
# Managed add-ons that every cluster has; EKS picks the version that fits the cluster's.
ADD_ONS: Final[tuple[str, ...]] = ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent")
# Below this, a request can crash the engine or read memory of another one (advisories of 2025 and 2026), and 0.20 was
# the last whose memory arithmetic differs from components/model/kv_cache.py.
VLLM_FLOOR: Final = "0.20.2"
# CUDA graphs are part of the memory budget from here on.
VLLM_GRAPHS_IN_BUDGET: Final = "0.21.0"
ENVOY: Final = "1.40"
"""What the rehearsal runs; images/images.lock.yaml names the image of a real deployment."""
