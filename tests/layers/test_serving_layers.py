"""The layers `serving`, `edge` and `managed`: what rooms become together."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.catalog.s3_ranges import s3_ranges
from components.cluster.identity import GATEWAY_SERVICE_ACCOUNT, WEIGHTS_SERVICE_ACCOUNT
from components.gateway.arguments import TLS_FOLDER
from components.layers import LAYERS, platform_stack
from components.layers import managed as managed_layer
from components.model.lock import load_lock
from components.network.front import GATEWAY_PORT
from components.settings.checks import lock_path
from components.settings.errors import SettingsError
from components.settings.load import ROOT, load_settings, load_stack
from tests.plan import Plan, plan, texts
from tests.platform_stack import NETWORKS
from tests.platform_stack import settings as platform_settings

REFERENCE = "pulumi:pulumi:StackReference"
PUBLIC_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErEs0kogXsc/erMFMKZDVagJJmpf9tNY5e0BvhxMsbLfVc84gRGhnSiBeOHKCsroIWOyXas7JHfsf"
    "BHLc9iao6w=="
)
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/cloister-gateway/0a1b2c3d4e5f6071"
ENDPOINTS = ("10.42.224.0/26", "10.42.224.64/26", "10.42.224.128/26")
PLATFORM = {
    "cluster_name": "cloister",
    "cluster_endpoint": "https://cluster.test",
    "cluster_certificate_authority": "Y2E=",
    "signing_keys": [{"kid": "key-1", "public_key": PUBLIC_KEY}],
    "gateway_target_group_arn": GROUP,
}


def planned(stack: str) -> Plan:
    settings = load_stack(stack)
    computed = {REFERENCE: {"outputs": PLATFORM}}
    return plan(lambda: LAYERS[settings.layer](settings), computed=computed, stack=stack)


@pytest.fixture(scope="module")
def serving() -> Plan:
    return planned("serving-rehearsal")


def planned_on(network: str, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Plan:
    """The serving stack on a platform with another network; see `tests/platform_stack.py`."""
    platform = platform_settings(network={**NETWORKS[network], **changes})
    monkeypatch.setattr(platform_stack, "load_stack", lambda _: platform)
    return planned("serving-rehearsal")


def gateway_traffic(found: Plan) -> Any:
    return found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", "gateway-traffic").inputs["spec"]


def callers(found: Plan) -> list[str]:
    (rule,) = gateway_traffic(found)["ingress"]
    return [peer["ipBlock"]["cidr"] for peer in rule["from"]]


def gateway_containers(found: Plan) -> list[str]:
    spec = found.one("kubernetes:apps/v1:Deployment", "gateway-envoy").inputs["spec"]["template"]["spec"]
    return [each["name"] for each in (*spec["initContainers"], *spec["containers"])]


@pytest.fixture(scope="module")
def edge() -> Plan:
    return planned("edge-rehearsal")


def test_the_serving_stack_exports_what_clients_and_operators_need(serving: Plan) -> None:
    keys = serving.result.pop("compile_cache_keys")
    assert re.fullmatch("[0-9a-f]{64}", keys["smollm2"])
    assert serving.result == {
        "namespace": "inference",
        "models": ["smollm2"],
        "gateway_service": "gateway.inference.svc.cluster.local",
        "revocation_target": "configmap:inference/gateway-revocation",
        "issuer": "https://tokens.cloister.internal/platform-rehearsal",
        "audience": "cloister-serving-rehearsal",
        "gateway_url": "https://inference.cloister.internal",
    }


def test_the_cluster_is_reached_with_short_lived_tokens(serving: Plan) -> None:
    provider = serving.one("pulumi:providers:kubernetes")
    assert provider.name == "kubernetes"
    document = json.loads(provider.inputs["kubeconfig"])
    assert document["clusters"][0]["cluster"]["server"] == "https://cluster.test"
    assert set(document["users"][0]["user"]) == {"exec"}


@pytest.mark.parametrize("layer", ["serving", "edge"])
def test_every_resource_has_the_explicit_provider(layer: str, request: pytest.FixtureRequest) -> None:
    found: Plan = request.getfixturevalue(layer)
    resources = [each for each in found.custom() if not each.type.startswith("pulumi:")]
    assert resources
    urns = {each.urn for each in found.resources if each.type.startswith("pulumi:providers:")}
    assert {each.provider.rpartition("::")[0] for each in resources} == urns
    assert len(urns) == 1


def test_nothing_of_the_namespace_exists_before_its_denials(serving: Plan) -> None:
    denial = serving.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", "isolation-default-deny").urn
    for deployment in serving.of("kubernetes:apps/v1:Deployment"):
        assert denial in deployment.dependencies


def test_pods_use_the_account_that_the_platform_lets_read_weights(serving: Plan) -> None:
    account = serving.one("kubernetes:core/v1:ServiceAccount", "isolation-weights-account").inputs
    engine = serving.one("kubernetes:apps/v1:Deployment", "workload-engine-smollm2").inputs["spec"]["template"]["spec"]
    assert engine["serviceAccountName"] == account["metadata"]["name"] == WEIGHTS_SERVICE_ACCOUNT
    assert account["automountServiceAccountToken"] is False


def test_weights_come_from_the_bucket_of_the_platform_and_the_ranges_of_storage(serving: Plan) -> None:
    engine = serving.one("kubernetes:apps/v1:Deployment", "workload-engine-smollm2").inputs["spec"]["template"]["spec"]
    arguments = engine["initContainers"][0]["args"]
    assert arguments[arguments.index("--bucket") + 1] == "cloister-weights-111122223333-eu-central-1"
    rules = serving.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", "workload-traffic-smollm2").inputs["spec"]
    storage = [peer["ipBlock"]["cidr"] for peer in rules["egress"][0]["to"]]
    assert storage == list(s3_ranges("eu-central-1")) != []


def test_pods_share_the_weights_of_their_node_within_its_limit(serving: Plan) -> None:
    engine = serving.one("kubernetes:apps/v1:Deployment", "workload-engine-smollm2").inputs["spec"]["template"]["spec"]
    claim = serving.one("kubernetes:core/v1:PersistentVolumeClaim").inputs
    (volume,) = [volume for volume in engine["volumes"] if volume["name"] == "weights"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"] == "weights-gpu"
    arguments = engine["initContainers"][0]["args"]
    limit = arguments[arguments.index("--limit-bytes") + 1]
    assert limit == claim["spec"]["resources"]["requests"]["storage"] == str(175 * 10**9), "0.7 of a g6.xlarge's disk"


def test_behind_a_front_the_load_balancer_calls_and_the_gateway_registers_with_it(serving: Plan) -> None:
    assert callers(serving) == list(ENDPOINTS)
    assert gateway_containers(serving) == ["certificate", "envoy", "registrar"]
    spec = serving.one("kubernetes:apps/v1:Deployment", "gateway-envoy").inputs["spec"]["template"]["spec"]
    arguments = spec["containers"][1]["args"]
    assert arguments[arguments.index("--target-group") + 1] == GROUP
    assert spec["serviceAccountName"] == GATEWAY_SERVICE_ACCOUNT
    account = serving.one("kubernetes:core/v1:ServiceAccount", "gateway-account").inputs
    assert account["metadata"]["name"] == GATEWAY_SERVICE_ACCOUNT


def test_behind_a_front_envoy_speaks_tls_with_the_pods_own_key(serving: Plan) -> None:
    data = serving.one("kubernetes:core/v1:ConfigMap", "gateway-configuration").inputs["data"]
    bootstrap = serving.one("kubernetes:core/v1:ConfigMap", "gateway-bootstrap").inputs["data"]["envoy.json"]
    assert f"{TLS_FOLDER}/tls.key" in data["certificate.json"]
    listener = json.loads(bootstrap)["static_resources"]["listeners"][0]
    assert listener["filter_chains"][0]["transport_socket"]["name"] == "tls"
    assert listener["address"]["socket_address"]["port_value"] == GATEWAY_PORT


def test_without_a_front_pods_of_the_cluster_call_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    found = planned_on("bare", monkeypatch)
    assert callers(found) == ["10.42.0.0/19", "10.42.32.0/19", "10.42.64.0/19"]
    assert gateway_containers(found) == ["envoy"]
    assert len(gateway_traffic(found)["egress"]) == 1
    assert "gateway_url" not in found.result
    assert "certificate.json" not in found.one("kubernetes:core/v1:ConfigMap", "gateway-configuration").inputs["data"]


def test_pods_of_a_second_range_call_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = callers(planned_on("bare", monkeypatch, pod_cidr="100.64.0.0/16"))
    assert found[:2] == ["10.42.0.0/19", "100.64.0.0/19"]
    assert len(found) == 6


def test_no_peer_calls_the_gateways_pods_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callers(planned_on("everything", monkeypatch)) == list(ENDPOINTS)


def test_storage_ranges_of_the_settings_replace_those_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    found = planned_on("bare", monkeypatch, storage_cidrs=["203.0.113.0/24"])
    rules = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy", "workload-traffic-smollm2").inputs["spec"]
    assert [peer["ipBlock"]["cidr"] for peer in rules["egress"][0]["to"]] == ["203.0.113.0/24"]


def test_the_gateway_finds_every_model_by_its_headless_service(serving: Plan) -> None:
    data = serving.one("kubernetes:core/v1:ConfigMap", "gateway-configuration").inputs["data"]
    assert "smollm2-engine.inference.svc.cluster.local" in " ".join(data.values())


def test_the_public_keys_of_the_platform_reach_the_gateway(serving: Plan, edge: Plan) -> None:
    data = serving.one("kubernetes:core/v1:ConfigMap", "gateway-configuration").inputs["data"]
    uploads = edge.one("docker:index/container:Container", "gateway-envoy").inputs["uploads"]
    assert "key-1" in " ".join(data.values())
    assert "key-1" in " ".join(upload["content"] for upload in uploads)


def test_both_layers_configure_the_gateway_alike(serving: Plan, edge: Plan) -> None:
    data = serving.one("kubernetes:core/v1:ConfigMap", "gateway-configuration").inputs["data"]
    uploads = edge.one("docker:index/container:Container", "gateway-envoy").inputs["uploads"]
    folder = "/etc/envoy/configuration/"
    written = {each["file"].removeprefix(folder) for each in uploads if each["file"].startswith(folder)}
    # On a host TLS has no load balancer to meet: the gateway listens on loopback.
    assert written | {"certificate.json"} == set(data)


def test_the_gateway_of_a_host_finds_every_model_by_its_alias(edge: Plan) -> None:
    uploads = edge.one("docker:index/container:Container", "gateway-envoy").inputs["uploads"]
    written = " ".join(upload["content"] for upload in uploads)
    assert all(f"{model}.engine.cloister.internal" in written for model in edge.result["models"])


def test_folders_of_a_rehearsed_host_lie_below_the_repository(edge: Plan) -> None:
    folder = Path(edge.result["revocation_target"].removeprefix("folder:"))
    assert folder.is_absolute()
    assert ".cloister" in folder.parts


def test_the_registry_of_a_host_is_named_without_a_password(edge: Plan) -> None:
    provider = edge.one("pulumi:providers:docker")
    assert json.loads(provider.inputs["registryAuth"]) == [
        {"address": "111122223333.dkr.ecr.eu-central-1.amazonaws.com"}
    ]


@pytest.mark.parametrize("layer", ["serving", "edge"])
def test_no_layer_plans_a_secret(layer: str, request: pytest.FixtureRequest) -> None:
    found: Plan = request.getfixturevalue(layer)
    # Admission policies hold the signs of secrets, to refuse them.
    planned = [resource for resource in found.resources if not resource.type.endswith(":ValidatingAdmissionPolicy")]
    for text in (text for resource in planned for text in texts(resource.inputs)):
        assert not any(sign in text for sign in ("PRIVATE KEY", "AKIA", "hf_", "eyJ"))


def managed_settings(lock: str) -> Any:
    return load_settings(
        {
            "layer": "managed",
            "region": "eu-west-1",
            "account_id": "111122223333",
            "namespace": "example",
            "lock": lock,
            "instance_type": "nvidia-l4",
            "instance_size": "x1",
        },
        "test",
    )


def test_a_managed_endpoint_is_private_in_the_eu_and_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = managed_settings("qwen3-8b")
    pinned = load_lock(lock_path("qwen3-8b", ROOT)).model_copy(update={"revision": "b" * 40, "complete": True})
    monkeypatch.setattr(managed_layer, "load_lock", lambda _: pinned)
    found = plan(lambda: managed_layer.build(settings))
    inputs = found.one("pulumi-python:dynamic/huggingface:InferenceEndpoint").inputs
    assert (inputs["type"], inputs["vendor"], inputs["region"]) == ("private", "aws", "eu-west-1")
    assert (inputs["private_link_account_id"], inputs["private_link_region"]) == ("111122223333", "eu-west-1")
    assert inputs["revision"] == "b" * 40


def test_a_model_that_the_hub_does_not_have_cannot_be_managed() -> None:
    with pytest.raises(SettingsError, match=r"source\.kind: 'folder' cannot be managed: the endpoint reads the Hub"):
        plan(lambda: managed_layer.build(managed_settings("smollm2-135m-instruct")))


@pytest.mark.parametrize("name", ["qwen3-8b", "qwen3-32b"])
def test_an_incomplete_lock_cannot_be_managed_whether_it_has_a_revision_or_not(name: str) -> None:
    with pytest.raises(SettingsError, match=f"incomplete; `cloister model complete {name}`"):
        plan(lambda: managed_layer.build(managed_settings(name)))
