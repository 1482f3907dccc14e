"""Kubernetes NetworkPolicies as plain data, and what they know of a pod."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Literal

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One line of `matchExpressions`."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    def fits(self, labels: Labels) -> bool:
        """Whether labels satisfy it. Source: Kubernetes, "Labels and Selectors"."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


@dataclass(frozen=True, kw_only=True)
class Selector:
    """What chooses pods or namespaces by their labels; an empty one chooses all."""

    labels: Labels = field(default_factory=dict)
    expressions: tuple[Expression, ...] = ()

    def fits(self, labels: Labels) -> bool:
        """Whether every line is satisfied."""
        exact = all(labels.get(key) == value for key, value in self.labels.items())
        return exact and all(expression.fits(labels) for expression in self.expressions)


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One pod as policies see it.

    Attributes:
        ports: name -> number, of its containers.
    """

    namespace: str
    labels: Labels
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PolicyPort:
    """A port, a range of ports up to `last`, or every port of a protocol.

    Attributes:
        first: number, name of a container's port, or None for all.
    """

    protocol: Literal["tcp", "udp"] = "tcp"
    first: int | str | None = None
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyPeer:
    """Either a range with its exceptions, or pods chosen by their own and their namespaces' labels."""

    cidr: IPv4Network | None = None
    exceptions: tuple[IPv4Network, ...] = ()
    pods: Selector | None = None
    namespaces: Selector | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """One allowance; no peers means everybody, no ports means all."""

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NetworkPolicy:
    """One policy; a direction that is None is not its business.

    Attributes:
        name: logical name of the resource.
    """

    name: str
    namespace: str
    selector: Selector
    ingress: tuple[PolicyRule, ...] | None
    egress: tuple[PolicyRule, ...] | None
