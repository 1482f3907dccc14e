"""The gateway on Kubernetes: who reaches it, how it is replaced, and what no deployment touches."""

from collections.abc import Mapping
from typing import Any

import pytest

from components.gateway.configuration import REVOCATION_FILE, revocation_file
from components.gateway.gateway import DRAIN_SECONDS, Gateway, GatewayArgs
from tests.plan import Plan, plan
from tests.restricted import violations

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
FILES = {"routes.json": "{}"}


def planned(bootstrap: str = '{"static": 1}', files: Mapping[str, str] | None = None) -> Plan:
    args = GatewayArgs(
        namespace="inference",
        image=f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister/envoy@sha256:{'3' * 64}",
        replicas=2,
        bootstrap=bootstrap,
        files=files or FILES,
        configuration_folder="/etc/envoy/configuration",
        revocation_folder="/etc/envoy/revocation",
        listen_port=8443,
        metrics_port=9902,
        engine_port=8000,
        client_cidrs=("10.42.0.0/16", "10.90.0.0/16"),
    )
    return plan(lambda: Gateway("gateway", args).revocation_target)


@pytest.fixture(scope="module")
def found() -> Plan:
    return planned()


def template(found: Plan) -> Any:
    return found.one(DEPLOYMENT).inputs["spec"]["template"]


def envoy(found: Plan) -> Any:
    (container,) = template(found)["spec"]["containers"]
    return container


def test_pods_obey_the_restricted_standard(found: Plan) -> None:
    assert list(violations(template(found)["spec"])) == []
    assert envoy(found)["securityContext"]["readOnlyRootFilesystem"] is True


def test_pods_hold_no_token_of_the_cluster_and_no_service_variables(found: Plan) -> None:
    assert template(found)["spec"]["automountServiceAccountToken"] is False
    assert template(found)["spec"]["enableServiceLinks"] is False
    assert found.one("kubernetes:core/v1:ServiceAccount").inputs["automountServiceAccountToken"] is False


def test_only_clients_of_the_named_networks_may_call(found: Plan) -> None:
    (rule,) = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["ingress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["from"]] == ["10.42.0.0/16", "10.90.0.0/16"]
    assert rule["ports"] == [{"port": 8443, "protocol": "TCP"}]


def test_the_gateway_calls_engines_and_nobody_else(found: Plan) -> None:
    (rule,) = found.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["egress"]
    assert rule["to"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "engine"}}}]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]


def test_the_service_stays_inside_the_cluster(found: Plan) -> None:
    spec = found.one("kubernetes:core/v1:Service").inputs["spec"]
    assert spec["type"] == "ClusterIP"
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(443, 8443)]


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
    mounts = {mount["name"]: mount for mount in envoy(found)["volumeMounts"]}
    assert set(volumes) == names == {"gateway-bootstrap", "gateway-configuration", "gateway-revocation"}
    assert all(mounts[volume]["readOnly"] for volume in volumes.values())
    assert mounts[volumes["gateway-revocation"]]["mountPath"] == "/etc/envoy/revocation"
    assert mounts[volumes["gateway-configuration"]]["mountPath"] == "/etc/envoy/configuration"


def test_no_file_is_mounted_as_a_sub_path(found: Plan) -> None:
    # The kubelet never renews a file that is mounted by subPath.
    assert not any("subPath" in mount for mount in envoy(found)["volumeMounts"])


def test_envoy_starts_with_the_mounted_bootstrap(found: Plan) -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in envoy(found)["volumeMounts"]}
    (data,) = found.one(CONFIG_MAP, "gateway-bootstrap").inputs["data"]
    assert f"{mounts['gateway-bootstrap']}/{data}" in envoy(found)["args"]


def test_a_changed_bootstrap_replaces_the_pods_and_a_changed_file_does_not(found: Plan) -> None:
    annotations = template(found)["metadata"]["annotations"]
    assert template(planned(bootstrap='{"static": 2}'))["metadata"]["annotations"] != annotations
    assert template(planned(files={"routes.json": "[]"}))["metadata"]["annotations"] == annotations


def test_a_rollout_keeps_every_replica_until_another_is_ready(found: Plan) -> None:
    assert found.one(DEPLOYMENT).inputs["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_answers_may_finish_before_the_end(found: Plan) -> None:
    pause = envoy(found)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause == DRAIN_SECONDS
    assert template(found)["spec"]["terminationGracePeriodSeconds"] > pause


def test_probes_ask_the_metrics_port(found: Plan) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert envoy(found)[probe]["httpGet"] == {"path": "/ready", "port": 9902}


def test_replicas_are_spread_over_zones(found: Plan) -> None:
    (spread,) = template(found)["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert found.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1
