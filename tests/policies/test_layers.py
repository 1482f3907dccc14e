"""What every stack of the repository plans obeys every rule, at its first preview and at an update."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

from components.edge import model as edge_model
from components.layers import LAYERS
from components.serving import workload as serving_workload
from components.settings.load import load_settings
from policies.guardrails import POLICIES, stack_findings
from policies.guardrails.findings import Provider, Resource

from ..plan import Plan, Planned, plan
from .support import estate, findings, stack

ROOT = Path(__file__).parents[2]
STACKS = sorted(path.stem.removeprefix("Pulumi.") for path in (ROOT / "stacks").glob("Pulumi.*.yaml"))
KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
PUBLIC_KEY = base64.b64encode(KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
PLATFORM = {
    "cluster_name": "cloister",
    "cluster_endpoint": "https://0C1015E7.gr7.eu-central-1.eks.amazonaws.com",
    "cluster_certificate_authority": "Y2VydGlmaWNhdGU=",
    "signing_keys": [{"kid": "key-1", "public_key": PUBLIC_KEY}],
}


def planned(name: str, preview: bool) -> Plan:
    """What a stack's layer registers, with the platform's outputs known as they are once it exists."""
    config = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"))["config"]
    given = dict(config["cloister:settings"])
    if given["layer"] in ("serving", "edge"):
        # The own lock has digests only once `cloister images lock` has run; the rehearsal's always has some.
        given["images"] = "sandbox/images.lock.yaml"
    settings = load_settings(given, f"Pulumi.{name}.yaml", ROOT)
    return plan(
        lambda: LAYERS[settings.layer](settings),
        preview=preview,
        answers={"aws:kms/getPublicKey:getPublicKey": {"publicKey": PUBLIC_KEY, "keyId": "key-1"}},
        computed={"pulumi:pulumi:StackReference": {"outputs": PLATFORM}},
        stack=name,
    )


def views(found: Plan) -> tuple[Resource, ...]:
    """The planned resources as rules see them, each with its provider and sources."""
    props = {p.urn: unknown_checking_proxy(deserialize_properties(dict(p.inputs))) for p in found.resources}
    by_urn = {p.urn: p for p in found.resources}

    def view(one: Planned, sources: Mapping[str, tuple[Resource, ...]]) -> Resource:
        urn = one.provider.rpartition("::")[0]
        provider = Provider(by_urn[urn].name, props[urn]) if urn in by_urn else None
        return Resource(one.type, one.name, one.urn, props[one.urn], estate(), provider, sources)

    plain: dict[str, Any] = {p.urn: view(p, {}) for p in found.resources}
    return tuple(
        view(
            p, {key: tuple(plain[urn] for urn in urns if urn in plain) for key, urns in p.property_dependencies.items()}
        )
        for p in found.resources
    )


@pytest.fixture(autouse=True)
def _complete_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that was written away from the Hub has no digests yet; the rules do not read them."""
    for module in (edge_model, serving_workload):
        monkeypatch.setattr(module, "manifest_sha256", lambda _: "0" * 64)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("name", STACKS)
def test_what_a_stack_plans_obeys_every_rule(name: str, preview: bool) -> None:
    resources = views(planned(name, preview))
    found = [str(finding) for resource in resources for finding in findings(resource)]
    found += [str(finding) for finding in stack_findings(POLICIES["estate"][1], stack(*resources))]
    assert resources
    assert found == []
