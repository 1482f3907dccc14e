"""Providers: explicit, in an allowed region, bound to own accounts, calling AWS directly."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..arns import parse_arn
from ..findings import HIDDEN, Resource, document, items, known, leaves
from ..rules import Rule, rule

_AWS = "pulumi:providers:aws"
_SOURCE = "https://www.pulumi.com/registry/packages/aws/installation-configuration/"
_FORBIDDEN = (
    "customCaBundle",
    "ec2MetadataServiceEndpoint",
    "ec2MetadataServiceEndpointMode",
    "endpoints",
    "httpProxy",
    "httpsProxy",
    "insecure",
    "noProxy",
    "s3UsEast1RegionalEndpoint",
    "tokenBucketRateLimiterCapacity",
)
_EKS_HOST = re.compile(r"https://[A-Z0-9]+\.\w+\.(?P<region>[a-z0-9-]+)\.eks\.amazonaws\.(com|eu)", re.IGNORECASE)


@rule(_AWS, fix="Give the provider a region of the EU that estate.yaml allows.", source=_SOURCE, severity="critical")
def residency_provider_region_is_allowed(provider: Resource) -> Iterator[str]:
    """Every AWS provider names its region itself, and it is an allowed one."""
    region = provider.get("region")
    if region not in provider.estate.regions:
        yield f"region is {region or 'not given'!r}"
    sts = provider.get("stsRegion")
    if sts and sts not in provider.estate.regions:
        yield f"stsRegion is {sts!r}"


@rule(
    _AWS,
    fix="Remove the setting: calls go straight to AWS in the provider's region.",
    source=_SOURCE,
    severity="critical",
)
def residency_provider_calls_aws_directly(provider: Resource) -> Iterator[str]:
    """No AWS provider sends its calls through a proxy or to other hosts."""
    for key in _FORBIDDEN:
        if provider.get(key) not in (None, "", "[]", "{}", "false", False):
            yield f"{key} is set"


@rule(_AWS, fix="Assume roles of own accounts only.", source=_SOURCE, severity="critical")
def residency_provider_roles_are_own(provider: Resource) -> Iterator[str]:
    """An AWS provider acts in own accounts only."""
    for key in ("assumeRoles", "assumeRoleWithWebIdentity"):
        given = document(provider.get(key))
        for index, entry in enumerate(items(given)):
            role = parse_arn(entry.get("roleArn"))
            if role is None or role.account not in provider.estate.accounts:
                yield f"{key}[{index}].roleArn is {entry.get('roleArn')!r}"
        for path, leaf in leaves(given, key):
            arn = parse_arn(leaf)
            if arn is not None and arn.account not in ("aws", *provider.estate.accounts):
                yield f"{path} is of account {arn.account!r}"


@rule(
    "aws:*",
    "kubernetes:*",
    "docker:*",
    fix='Set pulumi:disable-default-providers to ["*"] and pass explicit providers.',
    source="https://www.pulumi.com/docs/iac/concepts/resources/providers/#disabling-default-providers",
)
def residency_provider_is_explicit(resource: Resource) -> Iterator[str]:
    """No resource uses a provider that Pulumi configured from the environment."""
    if resource.provider is not None and resource.provider.is_default:
        yield f"its provider is {resource.provider.name}"


@rule(
    "pulumi:providers:kubernetes",
    fix="Give the provider the kubeconfig that the serving layer makes from the platform's outputs.",
    source="https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/",
    severity="critical",
)
def residency_cluster_is_ours(provider: Resource) -> Iterator[str]:
    """A Kubernetes provider names its cluster: verified TLS, an allowed region, no stored credential."""
    config = known(provider.props, "kubeconfig")
    if "kubeconfig" not in list(provider.props):
        yield "kubeconfig is not given, so the environment would choose the cluster"
    if not config or config == HIDDEN:  # it waits for the platform, or is a secret of a stored state
        return
    parsed = config if isinstance(config, Mapping) else yaml.safe_load(config)
    for entry in items(parsed.get("clusters")):
        yield from _cluster_problems(entry.get("cluster") or {}, provider)
    for entry in items(parsed.get("users")):
        stored = sorted(set(entry.get("user") or {}) - {"exec"})
        if stored:
            yield f"the kubeconfig stores {', '.join(stored)}"


def _cluster_problems(cluster: Mapping[str, Any], provider: Resource) -> Iterator[str]:
    for key in ("insecure-skip-tls-verify", "proxy-url"):
        if cluster.get(key):
            yield f"the kubeconfig sets {key}"
    if not cluster.get("certificate-authority-data"):
        yield "the kubeconfig has no certificate-authority-data"
    host = _EKS_HOST.match(str(cluster.get("server")))
    if host is not None and host["region"] not in provider.estate.regions:
        yield f"the cluster is in {host['region']}"


RULES: tuple[Rule, ...] = (
    residency_provider_region_is_allowed,
    residency_provider_calls_aws_directly,
    residency_provider_roles_are_own,
    residency_provider_is_explicit,
    residency_cluster_is_ours,
)
