"""A model on the cluster: what its pods may do, when they start, how they end."""

import sys
from typing import Any

import pytest

from components.catalog.add_ons import POD_IDENTITY_AGENT
from components.model.loader import HOLD_PORT, model_path, stream_address
from components.model.lock import manifest_sha256
from components.serving.engines import ENGINES
from components.serving.engines.launch import COMPILED, service
from components.serving.weights import NodeFolder, Weights
from components.serving.workload import PRE_STOP_SECONDS, Workload, WorkloadArgs, host_name
from components.settings.errors import SettingsError
from components.settings.model_service import ModelService
from tests.locks import tiny_lock
from tests.plan import Plan, plan
from tests.restricted import violations

GIB = 2**30
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister"
ENGINE_IMAGE = f"{REGISTRY}/vllm-openai@sha256:{'1' * 64}"
LOADER_IMAGE = f"{REGISTRY}/weights@sha256:{'2' * 64}"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"

LOCK = tiny_lock(5 * GIB, 3 * GIB)


def planned(
    *, folder: NodeFolder | None = None, streamed: bool = False, compiled: tuple[str, str] | None = None, **changes: Any
) -> Plan:
    given = {"lock": "tiny", "engine": "vllm", "node_pool": "gpu", "max_model_len": 2048, "drain_seconds": 90}
    model = ModelService.model_validate(given | changes)
    where = stream_address(LOCK, "weights-bucket") if streamed else model_path(LOCK)
    args = WorkloadArgs(
        namespace="inference",
        model=model,
        weights=Weights(
            lock=LOCK,
            loader_image=LOADER_IMAGE,
            bucket="weights-bucket",
            region="eu-central-1",
            start_seconds=model.start_seconds,
            node_folder=folder,
            streamed=streamed,
            compiled=compiled,
        ),
        launch=ENGINES["vllm"](service("tiny", model), LOCK, where),
        engine_image=ENGINE_IMAGE,
        service_account="weights-loader",
        storage_cidrs=("3.5.134.0/23", "52.219.44.0/22"),
    )
    return plan(lambda: Workload("workload", "tiny", args).host_name)


@pytest.fixture(scope="module")
def one() -> Plan:
    return planned()


def deployment(found: Plan) -> Any:
    return found.one(DEPLOYMENT).inputs["spec"]


def pod(found: Plan) -> Any:
    return deployment(found)["template"]["spec"]


def engine(found: Plan) -> Any:
    return pod(found)["containers"][0]


def loader(found: Plan) -> Any:
    return pod(found)["initContainers"][0]


def test_pods_obey_the_restricted_standard(one: Plan) -> None:
    assert list(violations(pod(one))) == []


def test_the_check_of_the_standard_sees_a_violation(one: Plan) -> None:
    spoiled = {**pod(one), "hostNetwork": True, "volumes": [{"name": "x", "hostPath": {"path": "/"}}]}
    assert len(list(violations(spoiled))) == 2


def test_every_root_file_system_is_read_only(one: Plan) -> None:
    assert all(each["securityContext"]["readOnlyRootFilesystem"] is True for each in (engine(one), loader(one)))


def test_every_writable_path_of_the_engine_is_a_folder_of_limited_size(one: Plan) -> None:
    limits = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod(one)["volumes"]}
    writable = {mount["mountPath"]: mount["name"] for mount in engine(one)["volumeMounts"] if not mount.get("readOnly")}
    assert set(writable) == {"/tmp", "/home/engine", "/dev/shm"}
    assert all(limits[name] for name in writable.values())


def test_shared_memory_is_memory(one: Plan) -> None:
    (shared,) = [volume for volume in pod(one)["volumes"] if volume["name"] == "shared-memory"]
    assert shared["emptyDir"]["medium"] == "Memory"


def test_the_engine_sees_the_weights_read_only(one: Plan) -> None:
    (mount,) = [mount for mount in engine(one)["volumeMounts"] if mount["mountPath"] == "/models"]
    assert mount["readOnly"] is True


def test_the_weights_folder_holds_all_files_and_little_more(one: Plan) -> None:
    (volume,) = [volume for volume in pod(one)["volumes"] if volume["name"] == "weights"]
    assert volume["emptyDir"]["sizeLimit"] == "9Gi"
    assert engine(one)["resources"]["requests"]["ephemeral-storage"] == "13Gi"


def test_the_loader_verifies_the_locked_manifest_before_the_engine_starts(one: Plan) -> None:
    assert loader(one)["image"] == LOADER_IMAGE
    assert loader(one)["args"] == [
        *("fetch", "--bucket", "weights-bucket", "--model", "tiny", "--revision", "a" * 40),
        *("--manifest-sha256", manifest_sha256(LOCK), "--target", "/models"),
    ]


@pytest.fixture(scope="module")
def shared() -> Plan:
    return planned(folder=NodeFolder(claim="weights-gpu", limit_bytes=175 * 10**9), start_seconds=600)


def test_over_a_shared_folder_the_loader_stays_beside_the_engine_and_holds_the_model(shared: Plan) -> None:
    found = loader(shared)
    assert found["args"][-4:] == ["--limit-bytes", "175000000000", "--hold", f"0.0.0.0:{HOLD_PORT}"]
    assert found["restartPolicy"] == "Always"
    assert found["startupProbe"]["httpGet"] == {"path": "/metrics", "port": HOLD_PORT}
    assert found["startupProbe"]["periodSeconds"] * found["startupProbe"]["failureThreshold"] >= 600
    assert list(violations(pod(shared))) == []


def test_only_the_loader_writes_to_the_shared_folder_and_always_as_the_same_user(shared: Plan) -> None:
    (volume,) = [volume for volume in pod(shared)["volumes"] if volume["name"] == "weights"]
    assert volume == {"name": "weights", "persistentVolumeClaim": {"claimName": "weights-gpu"}}
    mounts = {each["name"]: each["volumeMounts"] for each in (loader(shared), engine(shared))}
    assert [mount.get("readOnly") for mount in mounts["weights"]] == [None]
    assert [mount["readOnly"] for mount in mounts["engine"] if mount["name"] == "weights"] == [True]
    assert loader(shared)["securityContext"]["runAsUser"] == pod(shared)["securityContext"]["fsGroup"] == 2000
    assert pod(shared)["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_a_shared_folder_takes_nothing_of_the_data_disk(shared: Plan) -> None:
    assert engine(shared)["resources"]["requests"]["ephemeral-storage"] == "4Gi"


def test_a_streaming_engine_reads_the_locked_revision_and_has_no_loader() -> None:
    found = planned(streamed=True)
    assert engine(found)["args"][0] == f"s3://weights-bucket/models/tiny/{'a' * 40}"
    assert "--load-format=runai_streamer" in engine(found)["args"]
    assert pod(found).get("initContainers", []) == []
    assert "weights" not in {volume["name"] for volume in pod(found)["volumes"]}
    assert "/models" not in {mount["mountPath"] for mount in engine(found)["volumeMounts"]}
    variables = {variable["name"]: variable["value"] for variable in engine(found)["env"]}
    assert variables["AWS_REGION"] == "eu-central-1"
    assert int(variables["RUNAI_STREAMER_MEMORY_LIMIT"]) < 13 * GIB


def test_what_was_compiled_is_restored_where_the_engine_looks_for_it_or_compiled_anew() -> None:
    found = planned(compiled=("b" * 64, "c" * 64))
    weights, compiled = pod(found)["initContainers"]
    assert weights["name"] == "weights"
    assert compiled["args"] == [
        *("restore-cache", "--bucket", "weights-bucket", "--key", "b" * 64, "--sha256", "c" * 64),
        *("--folder", COMPILED, "--optional"),
    ]
    variables = {variable["name"]: variable["value"] for variable in engine(found)["env"]}
    for name in ("VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
        assert variables[name].startswith(f"{COMPILED}/")
    assert {mount["mountPath"] for mount in compiled["volumeMounts"]} == {"/tmp", "/home/engine"}
    assert list(violations(pod(found))) == []


def test_an_engine_that_reads_files_knows_nothing_of_aws(one: Plan) -> None:
    assert not [variable for variable in engine(one)["env"] if variable["name"].startswith(("AWS_", "RUNAI_"))]


def test_the_engine_serves_the_folder_that_the_loader_filled(one: Plan) -> None:
    assert engine(one)["args"][0] == f"/models/tiny/{'a' * 40}"
    assert engine(one)["command"] == ["vllm", "serve"]


def test_images_are_named_by_digest(one: Plan) -> None:
    assert all("@sha256:" in each["image"] for each in (engine(one), loader(one)))


def test_pods_hold_no_token_of_the_cluster_and_no_service_variables(one: Plan) -> None:
    assert pod(one)["automountServiceAccountToken"] is False
    assert pod(one)["enableServiceLinks"] is False
    assert pod(one)["serviceAccountName"] == "weights-loader"


def test_no_variable_comes_from_a_secret_or_holds_one(one: Plan) -> None:
    for each in (engine(one), loader(one)):
        assert all(set(variable) == {"name", "value"} for variable in each["env"])
        assert not any("TOKEN" in variable["name"] or "KEY" in variable["name"] for variable in each["env"])


def test_gpus_are_limits_and_the_pool_is_chosen(one: Plan) -> None:
    assert engine(one)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod(one)["nodeSelector"] == {"cloister/pool": "gpu"}
    assert [toleration["key"] for toleration in pod(one)["tolerations"]] == ["nvidia.com/gpu"]


def test_memory_grows_with_the_largest_file_and_the_gpus(one: Plan) -> None:
    assert engine(one)["resources"]["requests"]["memory"] == "13Gi"
    assert engine(planned(gpus=4))["resources"]["limits"]["memory"] == f"{4 + 12 + 8 + 5}Gi"


def test_the_grace_period_covers_the_pause_and_the_drain(one: Plan) -> None:
    pause = engine(one)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause == PRE_STOP_SECONDS
    assert "--shutdown-timeout=90" in engine(one)["args"]
    assert pod(one)["terminationGracePeriodSeconds"] > pause + 90 + 15


def test_only_the_startup_probe_is_patient() -> None:
    found = engine(planned(start_seconds=600))
    assert found["startupProbe"]["periodSeconds"] * found["startupProbe"]["failureThreshold"] >= 600
    for probe in ("readinessProbe", "livenessProbe"):
        assert found[probe]["httpGet"] == {"path": "/health", "port": 8000}
        assert "initialDelaySeconds" not in found[probe]


def test_the_rollout_waits_longer_than_a_start_may_take() -> None:
    assert deployment(planned(start_seconds=3600))["progressDeadlineSeconds"] > 3600


def test_a_rollout_needs_no_spare_gpu(one: Plan) -> None:
    assert deployment(one)["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_only_several_replicas_are_spread_over_zones(one: Plan) -> None:
    assert pod(one)["topologySpreadConstraints"] == []
    (spread,) = pod(planned(replicas=2))["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"


def test_a_disruption_takes_one_replica_at_most(one: Plan) -> None:
    assert one.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1


def test_the_service_shows_every_replica_to_the_gateway(one: Plan) -> None:
    found = one.one("kubernetes:core/v1:Service").inputs
    assert found["metadata"]["name"] == "tiny-engine"
    assert (found["spec"]["type"], found["spec"]["clusterIP"]) == ("ClusterIP", "None")
    assert one.result == host_name("tiny", "inference") == "tiny-engine.inference.svc.cluster.local"


def test_only_the_gateway_may_call_the_engine(one: Plan) -> None:
    (rule,) = one.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["ingress"]
    assert rule == {
        "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "gateway"}}}],
        "ports": [{"port": 8000, "protocol": "TCP"}],
    }


def test_a_pod_reaches_storage_and_its_credentials_only(one: Plan) -> None:
    rules = one.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["egress"]
    reached = {peer["ipBlock"]["cidr"]: rule["ports"][0]["port"] for rule in rules for peer in rule["to"]}
    assert reached == {"3.5.134.0/23": 443, "52.219.44.0/22": 443, POD_IDENTITY_AGENT: 80}


def test_the_network_rules_exist_before_the_pods(one: Plan) -> None:
    rules = one.one("kubernetes:networking.k8s.io/v1:NetworkPolicy")
    assert rules.urn in one.one(DEPLOYMENT).dependencies


def test_selectors_agree(one: Plan) -> None:
    labels = deployment(one)["template"]["metadata"]["labels"]
    for selector in (
        deployment(one)["selector"]["matchLabels"],
        one.one("kubernetes:core/v1:Service").inputs["spec"]["selector"],
        one.one("kubernetes:networking.k8s.io/v1:NetworkPolicy").inputs["spec"]["podSelector"]["matchLabels"],
        one.one("kubernetes:policy/v1:PodDisruptionBudget").inputs["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()


@pytest.mark.parametrize("streamed", [False, True])
def test_an_incomplete_lock_is_not_served(streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    unfinished = LOCK.model_copy(update={"complete": False, "incomplete_reason": "no digests"})
    monkeypatch.setattr(sys.modules[__name__], "LOCK", unfinished)
    with pytest.raises(SettingsError, match="is incomplete"):
        planned(streamed=streamed)
