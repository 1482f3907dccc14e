"""Which endpoints a sealed VPC has and which names it can resolve, computed from what is used in it."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from components.catalog.endpoint_service import ALWAYS, USES, EndpointService
from components.catalog.endpoint_table import TABLE
from components.catalog.names import Names
from components.catalog.regions import partition

# The registry account of EKS add-on images. Source: EKS User Guide, "View Amazon container image registries for
# Amazon EKS add-ons"; the Sovereign Cloud's as quoted from that page by eksctl-io/eksctl pull request 8839.
ADD_ON_REGISTRY_ACCOUNTS: Final[dict[str, str]] = {
    "eu-central-1": "602401143452",
    "eu-north-1": "602401143452",
    "eu-west-1": "602401143452",
    "eu-west-3": "602401143452",
    "eu-south-1": "590381155156",
    "eu-south-2": "455263428931",
    "eusc-de-east-1": "877088126301",
}

# Source: aws/aws-cdk pull request 36471 (merged): in eusc-de-east-1 these begin with eu.amazonaws, others do not.
OWN_PREFIX_IN_SOVEREIGN_CLOUD: Final = ("ecr.api", "ecr.dkr")


def enabled_uses(uses: Collection[str]) -> tuple[str, ...]:
    """The given uses and those that every platform has, each once and in the catalogue's order.

    Raises:
        LookupError: a use is not in the catalogue.
    """
    if unknown := sorted(set(uses) - set(USES)):
        raise LookupError(f"{unknown[0]!r} is no use of the network; there are {', '.join(USES)}")
    return tuple(use for use in USES if use in ALWAYS or use in uses)


def endpoint_services(uses: Collection[str]) -> tuple[EndpointService, ...]:
    """The services that what is enabled needs, each with the reasons and actions of the enabled uses only.

    Args:
        uses: any of `USES`; `cluster` and `weights` are always among them.

    Raises:
        LookupError: a use is not in the catalogue.
    """
    enabled = enabled_uses(uses)
    narrowed = (
        replace(service, needed_by=tuple(need for need in service.needed_by if need.use in enabled))
        for service in TABLE
    )
    return tuple(service for service in narrowed if service.needed_by)


def service_name(suffix: str, region: str) -> str:
    """Full name of an endpoint service.

    The Sovereign Cloud mixes two prefixes, as China's regions do.

    Source: AWS PrivateLink Guide, "AWS services that integrate"; for the Sovereign Cloud see
    `OWN_PREFIX_IN_SOVEREIGN_CLOUD`.
    """
    sovereign = partition(region).name == "aws-eusc" and suffix in OWN_PREFIX_IN_SOVEREIGN_CLOUD
    return f"{'eu.amazonaws' if sovereign else 'com.amazonaws'}.{region}.{suffix}"


def shared_name(service: EndpointService, region: str) -> str | None:
    """The one name under which a service can be shared with peers; None where it has several, or no address of ours."""
    if service.kind != "Interface" or len(service.host_names) != 1 or "{registry}" in service.host_names[0]:
        return None
    place = partition(region)
    return service.host_names[0].format(
        region=region, domain=place.dns_suffix, dual_stack_domain=place.dual_stack_suffix
    )


def allowed_names(
    names: Names, uses: Collection[str], host_names: Sequence[str] = (), *, state_bucket: str | None = None
) -> tuple[str, ...]:
    """Every host name that may be resolved inside the VPC: the endpoints', the cluster's own, and private zones.

    S3 and the registry are named by bucket and account: another name below them is the door to somebody else's data,
    and a name that a customer can choose is a way out for whoever can ask for it.

    Args:
        names: physical names of the platform.
        uses: what is enabled.
        host_names: further names, such as the gateway's.
        state_bucket: holds the state of the stacks that a runner inside deploys.
    """
    region = names.region
    place = partition(region)
    fields = {
        "region": [region],
        "domain": [place.dns_suffix],
        "dual_stack_domain": [place.dual_stack_suffix],
        "bucket": [bucket for bucket in _buckets(names, uses, state_bucket)],
        "registry": [names.account_id, *_add_on_registries(region)],
    }
    return (
        *dict.fromkeys(
            name
            for service in endpoint_services(uses)
            for template in service.host_names
            for name in _filled(template, fields)
        ),
        f"*.{region}.eks.{place.dns_suffix}",
        f"*.{region}.compute.internal",
        "*.cloister.internal",
        *host_names,
    )


def _buckets(names: Names, uses: Collection[str], state_bucket: str | None) -> list[str]:
    with_state = state_bucket is not None and "runner" in uses
    return [names.weight_cache_bucket, names.layer_bucket, *([state_bucket] if with_state and state_bucket else [])]


def _add_on_registries(region: str) -> list[str]:
    return [ADD_ON_REGISTRY_ACCOUNTS[region]] if region in ADD_ON_REGISTRY_ACCOUNTS else []


def _filled(template: str, fields: dict[str, list[str]]) -> list[str]:
    """One name for each value of the one field that has several."""
    several = next((key for key in ("bucket", "registry") if f"{{{key}}}" in template), "region")
    constant = {key: values[0] for key, values in fields.items()}
    return [template.format_map({**constant, several: value}) for value in fields[several]]
