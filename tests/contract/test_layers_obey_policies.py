"""What every stack of the repository plans, shown to the policy pack the way the engine shows it."""

import base64
import dataclasses
import importlib
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pulumi_policy import (
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import PolicyCustomTimeouts
from pulumi_policy.proxy import unknown_checking_proxy

from components.layers import LAYERS
from components.settings.errors import SettingsError
from components.settings.load import ROOT, load_stack
from sandbox.providers.aws.checks import completed
from sandbox.providers.aws.outputs import planned as outputs_at_preview
from tests.plan import UNKNOWN, Plan, Planned, plan

sys.path.append(str(ROOT / "policies"))
guardrails = importlib.import_module("guardrails")
owner = importlib.import_module("guardrails.owner")

STACKS = sorted(path.name.split(".")[1] for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))
UNPINNED = ("edge-dev", "serving-dev")
"""Somebody with the internet has to pin their own image (`cloister images lock`) before they can be planned."""
MANAGED = "managed-dev"
"""Refused on purpose until the estate's owner allows managed endpoints."""
ORGANISATION = "organisation-dev"
"""Refused as well, until it is the organisation's own security people that deploy."""
OPTIONS = PolicyResourceOptions(
    protect=False,
    ignore_changes=[],
    delete_before_replace=None,
    aliases=[],
    custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
    additional_secret_outputs=[],
    parent=None,
)


def public_key() -> str:
    """A public key in the form in which KMS gives it; gateways refuse any other."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


ANSWERS: Mapping[str, Mapping[str, Any]] = {"aws:kms/getPublicKey:getPublicKey": {"publicKey": public_key()}}


@cache
def planned(stack: str, preview: bool, pinned: bool = False) -> Plan:
    """What a stack plans; what it reads of the platform is what the platform would export.

    With `pinned` the rehearsal's images stand for the stack's own, as if somebody had pinned those.
    """
    settings = load_stack(stack)
    if pinned:
        settings = settings.model_copy(update={"images": "sandbox/images.lock.yaml"})
    platform = getattr(settings, "platform", None)
    computed: dict[str, Mapping[str, Any]] = {}
    if platform is not None:
        computed["pulumi:pulumi:StackReference"] = {"outputs": planned(platform, False).result, "secretOutputNames": []}
    build = LAYERS[settings.layer]
    return plan(lambda: dict(build(settings)), preview=preview, answers=ANSWERS, computed=computed, stack=stack)


def provider_of(resource: Planned, whole: Plan) -> PolicyProviderResource | None:
    if not resource.provider:
        return None
    [provider] = [found for found in whole.resources if found.urn == resource.provider.rpartition("::")[0]]
    return PolicyProviderResource(
        provider.type, unknown_checking_proxy(dict(provider.inputs)), provider.urn, provider.name
    )


def outputs(resource: Planned, preview: bool) -> dict[str, Any]:
    """What a provider adds to the inputs: at a preview everything that it may compute, and nothing of it is known."""
    if not preview:
        return {**resource.inputs, "id": f"{resource.name}-id"}
    if not resource.type.startswith("aws:"):
        return {**resource.inputs, "id": UNKNOWN}
    inputs = completed(resource.type, resource.name, resource.inputs, {}, b"", {})
    return {**outputs_at_preview(resource.type, inputs), "id": UNKNOWN}


def violations(stack: str, preview: bool, pinned: bool = False, **allowed: Any) -> Iterator[str]:
    """What the pack says of a stack, in the repository's estate or one that allows more."""
    whole = planned(stack, preview, pinned)
    pack = guardrails.policies(dataclasses.replace(owner.load_estate(), **allowed))
    found: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        found.append(f"{message} ({urn})" if urn else message)

    views = {
        resource.urn: PolicyResource(
            resource.type,
            unknown_checking_proxy(outputs(resource, preview)),
            resource.urn,
            resource.name,
            OPTIONS,
            provider_of(resource, whole),
            None,
            [],
            {},
        )
        for resource in whole.resources
    }
    for resource in whole.resources:
        view = views[resource.urn]
        view.property_dependencies = {
            name: [views[urn] for urn in urns if urn in views] for name, urns in resource.property_dependencies.items()
        }
        args = ResourceValidationArgs(
            resource.type,
            unknown_checking_proxy(dict(resource.inputs)),
            resource.urn,
            resource.name,
            OPTIONS,
            provider_of(resource, whole),
            {},
            {},
        )
        for policy in pack:
            if isinstance(policy, ResourceValidationPolicy):
                policy.validate(args, report)
    for policy in pack:
        if isinstance(policy, StackValidationPolicy):
            policy.validate(StackValidationArgs(list(views.values()), {}, {}), report)
    yield from found


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack not in (*UNPINNED, MANAGED, ORGANISATION)])
@pytest.mark.parametrize("preview", [True, False], ids=["first preview", "update"])
def test_every_stack_obeys_every_rule(stack: str, preview: bool) -> None:
    assert list(violations(stack, preview)) == []


@pytest.mark.parametrize("stack", UNPINNED)
@pytest.mark.parametrize("preview", [True, False], ids=["first preview", "update"])
def test_a_stack_obeys_every_rule_once_it_is_pinned(stack: str, preview: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.model.loader.manifest_sha256", lambda _: "0" * 64)
    assert list(violations(stack, preview, pinned=True)) == []


@pytest.mark.parametrize("stack", UNPINNED)
def test_an_image_without_a_digest_is_not_even_planned(stack: str) -> None:
    with pytest.raises(SettingsError, match="`cloister images lock` pins it"):
        planned(stack, False)


def test_a_managed_endpoint_is_refused_unless_the_estate_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.layers.managed.require_complete", lambda _: None)
    assert any("type-is-known] endpoint:" in violation for violation in violations(MANAGED, False))


@pytest.mark.parametrize("preview", [True, False], ids=["first preview", "update"])
def test_policies_of_an_organisation_are_refused_unless_the_estate_allows_them(preview: bool) -> None:
    assert sum("type-is-known]" in violation for violation in violations(ORGANISATION, preview)) == 8
    assert list(violations(ORGANISATION, preview, organisation_policies=True)) == []


def test_a_spoiled_stack_is_found_out() -> None:
    """The test above could not fail if resources never reached the rules."""
    whole = planned("platform-rehearsal", True)
    subnet = whole.of("aws:ec2/subnet:Subnet")[0]
    found: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    args = ResourceValidationArgs(
        subnet.type,
        unknown_checking_proxy({**subnet.inputs, "mapPublicIpOnLaunch": True}),
        subnet.urn,
        subnet.name,
        OPTIONS,
        provider_of(subnet, whole),
        {},
        {},
    )
    for policy in guardrails.policies(owner.load_estate()):
        if isinstance(policy, ResourceValidationPolicy):
            policy.validate(args, report)
    assert [message for message in found if message.startswith("[egress-")]
