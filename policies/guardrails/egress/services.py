"""Kubernetes Services: inside the cluster, or on an internal load balancer."""

from collections.abc import Iterator

from ..addresses import inside
from ..findings import Resource, each
from ..rules import Rule, rule

_SERVICE = "kubernetes:core/v1:Service"
_LBC = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/"
_KUBERNETES = "https://kubernetes.io/docs/concepts/services-networking/service/"
_PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
# Annotations that give a balancer public addresses or names.
_PUBLIC = (
    *(
        f"{_PREFIX}{name}"
        for name in ("eip-allocations", "ipv6-addresses", "enable-prefix-for-ipv6", "source-nat-ipv6")
    ),
    "external-dns.alpha.kubernetes.io/",
)
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_CLASSES = ("service.k8s.aws/nlb", "eks.amazonaws.com/nlb")


@rule(
    _SERVICE,
    fix=f"Annotate {_PREFIX}scheme: internal and set loadBalancerClass: {_CLASSES[0]}.",
    source=_LBC,
    severity="critical",
)
def egress_service_balancer_is_internal(service: Resource) -> Iterator[str]:
    """A Service's load balancer is internal, by the controller that honours it, from ranges of the estate."""
    annotations = service.get("metadata.annotations") or {}
    scheme = annotations.get(f"{_PREFIX}scheme")
    if scheme not in (None, "internal"):
        yield f"annotation {_PREFIX}scheme is {scheme!r}"
    if str(annotations.get(f"{_PREFIX}internal", "true")).lower() not in ("true", "0.0.0.0/0"):
        yield f"annotation {_PREFIX}internal is not true"
    if str(annotations.get(f"{_PREFIX}ip-address-type", "ipv4")) != "ipv4":
        yield f"annotation {_PREFIX}ip-address-type is not ipv4"
    for name in annotations:
        if str(name).startswith(_PUBLIC):
            yield f"annotation {name} is set"
    if service.get("spec.type") != "LoadBalancer":
        return
    if scheme is None:
        yield f"annotation {_PREFIX}scheme is not given"
    if service.get("spec.loadBalancerClass") not in _CLASSES:
        yield f"spec.loadBalancerClass is {service.get('spec.loadBalancerClass')!r}"
    if not list(each(service.props, "spec.loadBalancerSourceRanges")):
        yield "spec.loadBalancerSourceRanges is empty"
    for path, cidr in each(service.props, "spec.loadBalancerSourceRanges"):
        if not inside(cidr, service.estate.ranges):
            yield f"{path} {cidr!r} is not inside the estate"
    for cidr in str(annotations.get(_SOURCE_RANGES) or "").split(","):
        if cidr and not inside(cidr.strip(), service.estate.ranges):
            yield f"annotation {_SOURCE_RANGES} holds {cidr!r}"


@rule(
    _SERVICE, fix="Use ClusterIP; for a load balancer set allocateLoadBalancerNodePorts to false.", source=_KUBERNETES
)
def egress_service_opens_no_node_port(service: Resource) -> Iterator[str]:
    """A Service opens no port on the nodes."""
    if service.get("spec.type") not in (None, "", "ClusterIP", "LoadBalancer", "ExternalName"):
        yield f"spec.type is {service.get('spec.type')!r}"
    if service.get("spec.type") == "LoadBalancer" and service.get("spec.allocateLoadBalancerNodePorts") is not False:
        yield "spec.allocateLoadBalancerNodePorts is not false"
    if service.get("spec.healthCheckNodePort"):
        yield "spec.healthCheckNodePort is set"
    for path, port in each(service.props, "spec.ports"):
        if port.get("nodePort"):
            yield f"{path}.nodePort is set"


@rule(_SERVICE, fix="Remove the setting.", source=_KUBERNETES)
def egress_service_names_nothing_outside(service: Resource) -> Iterator[str]:
    """A Service leads to pods, not to outside addresses or names."""
    if service.get("spec.externalIPs"):
        yield "spec.externalIPs is set"
    name = service.get("spec.externalName")
    if name is not None and not str(name).rstrip(".").endswith(".svc.cluster.local"):
        yield f"spec.externalName is {name!r}"


@rule(_SERVICE, fix="Use ipFamilies: [IPv4].", source=_KUBERNETES, severity="medium")
def egress_service_is_ipv4(service: Resource) -> Iterator[str]:
    """A Service has IPv4 addresses only."""
    for path, family in each(service.props, "spec.ipFamilies"):
        if family != "IPv4":
            yield f"{path} is {family!r}"
    if service.get("spec.ipFamilyPolicy") not in (None, "SingleStack"):
        yield f"spec.ipFamilyPolicy is {service.get('spec.ipFamilyPolicy')!r}"


RULES: tuple[Rule, ...] = (
    egress_service_balancer_is_internal,
    egress_service_opens_no_node_port,
    egress_service_names_nothing_outside,
    egress_service_is_ipv4,
)
