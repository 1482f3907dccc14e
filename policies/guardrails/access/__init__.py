"""Access: every caller is known, every grant is narrow, every store is encrypted and logged."""

from ..rules import Rule
from . import (
    audit,
    cluster,
    containers,
    endpoints,
    front,
    gateway,
    haproxy,
    identity,
    keys,
    kubernetes,
    managed,
    organisation,
    pods,
    providers,
    resource_policies,
    storage,
    vpn,
)

RULES: tuple[Rule, ...] = (
    *providers.RULES,
    *identity.RULES,
    *resource_policies.RULES,
    *endpoints.RULES,
    *front.RULES,
    *vpn.RULES,
    *storage.RULES,
    *keys.RULES,
    *audit.RULES,
    *cluster.RULES,
    *kubernetes.RULES,
    *pods.RULES,
    *gateway.RULES,
    *haproxy.RULES,
    *containers.RULES,
    *managed.RULES,
    *organisation.RULES,
)
