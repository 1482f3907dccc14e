"""Providers: bound to own accounts, reached by protected channels."""

from collections.abc import Iterator

from ..findings import Provider, Resource, items
from ..rules import Rule, rule

_AWS = "pulumi:providers:aws"
_SOURCE = "https://www.pulumi.com/registry/packages/aws/installation-configuration/"


@rule(
    _AWS,
    "aws:*",
    fix="Set allowedAccountIds of the provider to accounts of the estate.",
    source=_SOURCE,
    severity="critical",
)
def access_provider_account_is_pinned(resource: Resource) -> Iterator[str]:
    """Every AWS provider is bound to own accounts, so that wrong credentials change nothing elsewhere."""
    provider = Provider(resource.name, resource.props) if resource.type == _AWS else resource.provider
    if provider is None:
        return
    accounts = set(items(provider.document("allowedAccountIds")))
    if not accounts or not accounts <= resource.estate.accounts:
        yield f"allowedAccountIds is {sorted(map(str, accounts))}"


@rule(
    "pulumi:providers:docker",
    fix="Use unix:// on the machine itself, or ssh://.",
    source="https://docs.docker.com/engine/security/protect-access/",
)
def access_docker_host_is_protected(provider: Resource) -> Iterator[str]:
    """A Docker host is reached by its socket or by SSH, never by plain TCP."""
    host = provider.get("host")
    if host and not str(host).startswith(("unix://", "ssh://")):
        yield f"host is {host!r}"


RULES: tuple[Rule, ...] = (access_provider_account_is_pinned, access_docker_host_is_protected)
