"""The gateway on Kubernetes: who reaches it, how it is replaced, and what no deployment touches."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.catalog.add_ons import POD_IDENTITY_AGENT
from components.gateway.arguments import TLS_FOLDER, Front, GatewayArgs
from components.gateway.configuration import REVOCATION_FILE, Tls, revocation_file
from components.gateway.gateway import Gateway
from components.gateway.pod import DRAIN_SECONDS
from components.gateway.registrar import SERVING_FILE, SETTLE_SECONDS
from images.registrar import certificate
from images.registrar.__main__ import _parser
from tests.plan import Plan, plan
from tests.restricted import violations

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
FILES = {"routes.json": "{}"}
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister"
ENDPOINTS = ("10.42.224.0/26", "10.42.224.64/26")
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/cloister-gateway/0a1b2c3d4e5f6071"
FRONT = Front(
    target_group_arn=GROUP,
    region="eu-central-1",
    registrar_image=f"{REGISTRY}/registrar@sha256:{'4' * 64}",
    endpoint_cidrs=ENDPOINTS,
)


def planned(
    bootstrap: str = '{"static": 1}', files: Mapping[str, str] | None = None, front: Front | None = None
) -> Plan:
    args = GatewayArgs(
        namespace="inference",
        image=f"{REGISTRY}/envoy@sha256:{'3' * 64}",
        replicas=2,
        bootstrap=bootstrap,
        files=files or FILES,
        configuration_folder="/etc/envoy/configuration",
        revocation_folder="/etc/envoy/revocation",
        admin_socket="/tmp/envoy-admin.sock",
        listen_port=8443,
        metrics_port=9902,
        engine_port=8000,
        client_cidrs=ENDPOINTS if front else ("10.42.0.0/19", "100.64.0.0/19"),
        front=front,
    )
    return plan(lambda: Gateway("gateway", args).revocation_target)


@pytest.fixture(scope="module")
def found() -> Plan:
    return planned()


@pytest.fixture(scope="module")
def fronted() -> Plan:
    return planned(front=FRONT)


@pytest.fixture(params=["alone", "behind a front"])
def either(request: pytest.FixtureRequest, found: Plan, fronted: Plan) -> Plan:
    return found if request.param == "alone" else fronted


def template(found: Plan) -> Any:
    return found.one(DEPLOYMENT).inputs["spec"]["template"]


def containers(found: Plan) -> dict[str, Any]:
    spec = template(found)["spec"]
    return {each["name"]: each for each in (*spec.get("initContainers", []), *spec["containers"])}


def envoy(found: Plan) -> Any:
    return containers(found)["envoy"]


def mounts(container: Any) -> dict[str, tuple[str, bool]]:
    return {mount["mountPath"]: (mount["name"], mount.get("readOnly", False)) for mount in container["volumeMounts"]}


def reached(found: Plan) -> dict[str, int]:
    spec = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]
    return {
        peer["ipBlock"]["cidr"]: rule["ports"][0]["port"]
        for rule in spec["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    }


def test_pods_obey_the_restricted_standard(either: Plan) -> None:
    assert list(violations(template(either)["spec"])) == []
    assert all(each["securityContext"]["readOnlyRootFilesystem"] for each in containers(either).values())


def test_pods_hold_no_token_of_the_cluster_and_no_service_variables(either: Plan) -> None:
    found = either
    assert template(found)["spec"]["automountServiceAccountToken"] is False
    assert template(found)["spec"]["enableServiceLinks"] is False
    assert found.one("kubernetes:core/v1:ServiceAccount").inputs["automountServiceAccountToken"] is False


def test_only_clients_of_the_named_networks_may_call(found: Plan) -> None:
    (rule,) = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["ingress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["from"]] == ["10.42.0.0/19", "100.64.0.0/19"]
    assert rule["ports"] == [{"port": 8443, "protocol": "TCP"}]


def test_the_gateway_calls_engines_and_nobody_else(found: Plan) -> None:
    (rule,) = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["egress"]
    assert rule["to"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "engine"}}}]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]


def test_the_service_stays_inside_the_cluster(found: Plan) -> None:
    spec = found.one("kubernetes:core/v1:Service").inputs["spec"]
    assert spec["type"] == "ClusterIP"
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(443, 8443)]


def test_a_caller_inside_the_cluster_is_led_to_its_own_zone(found: Plan) -> None:
    assert found.one("kubernetes:core/v1:Service").inputs["spec"]["trafficDistribution"] == "PreferSameZone"


def test_no_deployment_resets_the_revocations(found: Plan) -> None:
    revocation = found.one(CONFIG_MAP, "gateway-revocation")
    assert revocation.ignore_changes == ("data",)
    assert revocation.inputs["data"] == {REVOCATION_FILE: revocation_file([], [])}
    assert found.result == "configmap:inference/gateway-revocation"


def test_every_config_map_is_mounted_under_its_own_name(found: Plan) -> None:
    names = {planned.inputs["metadata"]["name"] for planned in found.of(CONFIG_MAP)}
    volumes = {
        each["configMap"]["name"]: each["name"] for each in template(found)["spec"]["volumes"] if "configMap" in each
    }
    mounted = {mount["name"]: mount for mount in envoy(found)["volumeMounts"]}
    assert set(volumes) == names == {"gateway-bootstrap", "gateway-configuration", "gateway-revocation"}
    assert all(mounted[volume]["readOnly"] for volume in volumes.values())
    assert mounted[volumes["gateway-revocation"]]["mountPath"] == "/etc/envoy/revocation"
    assert mounted[volumes["gateway-configuration"]]["mountPath"] == "/etc/envoy/configuration"


def test_no_file_is_mounted_as_a_sub_path(either: Plan) -> None:
    # The kubelet never renews a file that is mounted by subPath.
    assert not any("subPath" in mount for mount in envoy(either)["volumeMounts"])


def test_envoy_starts_with_the_mounted_bootstrap(found: Plan) -> None:
    folders = {mount["name"]: mount["mountPath"] for mount in envoy(found)["volumeMounts"]}
    (data,) = found.one(CONFIG_MAP, "gateway-bootstrap").inputs["data"]
    assert f"{folders['gateway-bootstrap']}/{data}" in envoy(found)["args"]


def test_a_changed_bootstrap_replaces_the_pods_and_a_changed_file_does_not(found: Plan) -> None:
    annotations = template(found)["metadata"]["annotations"]
    assert template(planned(bootstrap='{"static": 2}'))["metadata"]["annotations"] != annotations
    assert template(planned(files={"routes.json": "[]"}))["metadata"]["annotations"] == annotations


def test_a_rollout_keeps_every_replica_until_another_is_ready(found: Plan) -> None:
    assert found.one(DEPLOYMENT).inputs["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_answers_may_finish_before_the_end(either: Plan) -> None:
    pause = envoy(either)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause == DRAIN_SECONDS
    assert template(either)["spec"]["terminationGracePeriodSeconds"] > pause


def test_probes_ask_the_metrics_port(either: Plan) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert envoy(either)[probe]["httpGet"] == {"path": "/ready", "port": 9902}


def test_replicas_are_spread_over_zones(found: Plan) -> None:
    (spread,) = template(found)["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert found.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1


def test_without_a_front_nothing_of_aws_is_in_the_pod(found: Plan) -> None:
    assert set(containers(found)) == {"envoy"}
    assert reached(found) == {}
    assert {volume["name"] for volume in template(found)["spec"]["volumes"]} == {
        *("gateway-bootstrap", "gateway-configuration", "gateway-revocation", "scratch")
    }


def test_behind_a_front_only_the_load_balancers_networks_may_call(fronted: Plan) -> None:
    (rule,) = fronted.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["ingress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["from"]] == list(ENDPOINTS)
    assert rule["ports"] == [{"port": 8443, "protocol": "TCP"}]


def test_behind_a_front_the_pod_reaches_endpoints_and_its_credentials_and_no_more(fronted: Plan) -> None:
    assert reached(fronted) == {**dict.fromkeys(ENDPOINTS, 443), POD_IDENTITY_AGENT: 80}
    assert POD_IDENTITY_AGENT == "169.254.170.23/32"


def test_the_key_is_made_before_envoy_in_memory_and_the_registrar_never_sees_it(fronted: Plan) -> None:
    volumes = {volume["name"]: volume for volume in template(fronted)["spec"]["volumes"]}
    assert volumes["tls"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Mi"}
    (first,) = template(fronted)["spec"]["initContainers"]
    assert first["name"] == "certificate"
    assert mounts(first) == {TLS_FOLDER: ("tls", False)}
    assert mounts(envoy(fronted))[TLS_FOLDER] == ("tls", True)
    assert "tls" not in {name for name, _ in mounts(containers(fronted)["registrar"]).values()}
    arguments = _parser().parse_args(first["args"])
    assert (arguments.verb, str(arguments.folder)) == ("certificate", TLS_FOLDER)
    assert (Tls(folder="/x").certificate, Tls(folder="/x").private_key) == (certificate.CERTIFICATE, certificate.KEY)


def test_the_registrar_is_told_its_own_address_and_where_envoy_is(fronted: Plan) -> None:
    registrar = containers(fronted)["registrar"]
    given = vars(_parser().parse_args(registrar["args"]))
    assert (given["target_group"], given["address"], given["port"]) == (GROUP, "$(POD_IP)", 8443)
    assert (given["region"], given["metrics_port"]) == ("eu-central-1", 9902)
    (address,) = [variable for variable in registrar["env"] if variable["name"] == "POD_IP"]
    assert address["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    socket = given["admin_socket"]
    assert mounts(registrar)[str(socket.parent)] == ("scratch", True)
    assert mounts(envoy(fronted))[str(socket.parent)] == ("scratch", False)


def test_a_pod_is_ready_when_the_load_balancer_sends_to_it(fronted: Plan) -> None:
    registrar = containers(fronted)["registrar"]
    assert registrar["readinessProbe"]["exec"]["command"] == ["test", "-e", SERVING_FILE]
    assert str(_parser().parse_args(registrar["args"]).serving_file) == SERVING_FILE
    (folder,) = [path for path in mounts(registrar) if SERVING_FILE.startswith(f"{path}/")]
    assert mounts(registrar)[folder] == ("registrar", False)
    assert not {"livenessProbe", "startupProbe", "lifecycle"} & set(registrar)


def test_the_registrar_gets_its_sigterm_before_envoy(fronted: Plan) -> None:
    # A restartable init container would get it after Envoy's end, and a hook would delay it.
    spec = template(fronted)["spec"]
    assert [each["name"] for each in spec["containers"]] == ["envoy", "registrar"]
    assert not any("restartPolicy" in each for each in spec["initContainers"])
    given = _parser().parse_args(containers(fronted)["registrar"]["args"])
    assert given.settle_seconds == SETTLE_SECONDS
    # Even if AWS never answers, Envoy is told to drain before its pause is over.
    assert given.leave_seconds + given.settle_seconds < DRAIN_SECONDS


def test_aws_credentials_are_for_the_registrar_alone(fronted: Plan, found: Plan) -> None:
    skipped = template(fronted)["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"]
    assert set(skipped.split(",")) | {"registrar"} == set(containers(fronted))
    assert "eks.amazonaws.com/skip-containers" not in template(found)["metadata"]["annotations"]


def test_images_are_named_by_digest(either: Plan) -> None:
    assert all("@sha256:" in each["image"] for each in containers(either).values())
