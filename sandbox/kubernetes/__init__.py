"""A Kubernetes control plane on loopback: real API server, controllers and scheduler; nodes are only played.

kwok reports every node as ready and every scheduled pod as running and ready; it deletes pods that are told to end.
Not simulated: containers (no image is pulled, no process runs, there are no logs and no exec; init containers, probes
and lifecycle hooks succeed at once), the pod network (Services and NetworkPolicies are objects without effect), volumes
and load balancers (nothing provisions them), metrics (an autoscaler never scales) and drivers of any kind.
etcd does not wait for the disk: what a crash of the whole machine leaves may be unusable.
"""

from sandbox.kubernetes.control_plane import Cluster, KubernetesError, start, stop

__all__ = ["Cluster", "KubernetesError", "start", "stop"]
