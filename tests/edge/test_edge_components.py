"""One host: what its containers may do, and the one port that is published."""

from typing import Any

import pytest

from components.edge.gateway import EdgeGateway, EdgeGatewayArgs
from components.edge.host import Host, HostArgs
from components.edge.model import Model, ModelArgs, host_name
from components.model.loader import model_path
from components.model.lock import manifest_sha256
from components.serving.engines import ENGINES
from components.serving.engines.launch import service
from components.settings.layer import EdgeHost
from components.settings.model_service import EdgeModel
from tests.locks import tiny_lock
from tests.plan import Plan, Planned, plan

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister"
DIGEST = f"@sha256:{'1' * 64}"
SECRET_SIGNS = ("TOKEN", "SECRET", "ACCESS_KEY", "PASSWORD", "API_KEY")

LOCK = tiny_lock(form="gguf")


def planned(gpus: int = 0, bootstrap: str = '{"static": 1}') -> Plan:
    model = EdgeModel(lock="tiny", engine="llama-cpp", gpus=gpus, max_model_len=512, memory_gib=3)

    def build() -> Any:
        host = Host("host", HostArgs())
        model_component = Model(
            "model",
            "tiny",
            ModelArgs(
                model=model,
                lock=LOCK,
                launch=ENGINES["llama-cpp"](service("tiny", model), LOCK, model_path(LOCK)),
                engine_image=f"{REGISTRY}/llama-cpp{DIGEST}",
                loader_image=f"{REGISTRY}/weights{DIGEST}",
                bucket="weights-bucket",
                region="eu-central-1",
                aws_folder="/var/lib/cloister/aws",
                inside=host.inside,
                outside=host.outside,
            ),
        )
        gateway = EdgeGateway(
            "gateway",
            EdgeGatewayArgs(
                host=EdgeHost(port=9443),
                image=f"{REGISTRY}/envoy{DIGEST}",
                bootstrap=bootstrap,
                files={"routes.json": "[]"},
                configuration_folder="/etc/envoy/configuration",
                revocation_folder="/etc/envoy/revocation",
                revocation_host_folder="/var/lib/cloister/revocation",
                listen_port=8443,
                inside=host.inside,
                outside=host.outside,
                engines=[model_component],
            ),
        )
        return {"url": gateway.url, "revocation": gateway.revocation_target}

    return plan(build)


@pytest.fixture(scope="module")
def found() -> Plan:
    return planned()


def loader(found: Plan) -> Planned:
    return found.one(CONTAINER, "model-loader-tiny")


def engine(found: Plan) -> Planned:
    return found.one(CONTAINER, "model-engine-tiny")


def gateway(found: Plan) -> Planned:
    return found.one(CONTAINER, "gateway-envoy")


def networks(container: Planned) -> set[str]:
    return {entry["name"] for entry in container.inputs["networksAdvanced"]}


def test_one_network_has_no_way_out(found: Plan) -> None:
    internal = {network.inputs["name"]: network.inputs["internal"] for network in found.of(NETWORK)}
    assert internal == {"cloister-inside": True, "cloister-outside": False}


def test_the_engine_is_on_the_inside_only(found: Plan) -> None:
    assert networks(engine(found)) == {"cloister-inside"}
    assert networks(gateway(found)) == {"cloister-inside", "cloister-outside"}
    assert networks(loader(found)) == {"cloister-outside"}


def test_the_gateway_publishes_the_only_port_on_the_address_of_the_settings(found: Plan) -> None:
    published = {each.name: each.inputs["ports"] for each in found.of(CONTAINER) if "ports" in each.inputs}
    assert published == {
        "gateway-envoy": [{"internal": 8443, "external": 9443, "ip": "127.0.0.1", "protocol": "tcp"}],
    }
    assert found.result["url"] == "http://127.0.0.1:9443"


def test_no_container_keeps_capabilities_or_gains_privileges(found: Plan) -> None:
    for container in found.of(CONTAINER):
        assert container.inputs["capabilities"] == {"drops": ["ALL"]}
        assert container.inputs["securityOpts"] == ["no-new-privileges:true"]
        assert container.inputs["privileged"] is False


def test_every_container_has_a_memory_limit(found: Plan) -> None:
    assert {each.name: each.inputs["memory"] for each in found.of(CONTAINER)} == {
        "model-loader-tiny": 1024,
        "model-engine-tiny": 3072,
        "gateway-envoy": 2048,
    }


def test_root_file_systems_are_read_only_but_where_docker_uploads_files(found: Plan) -> None:
    writable = [each for each in found.of(CONTAINER) if each.inputs["readOnly"] is not True]
    assert [each.name for each in writable] == ["gateway-envoy"]
    assert all(each.inputs["uploads"] and int(each.inputs["user"].split(":")[0]) > 0 for each in writable)


def test_images_are_named_by_digest(found: Plan) -> None:
    assert all(DIGEST in each.inputs["image"] for each in found.of(CONTAINER))


def test_the_loader_runs_to_its_end_before_the_engine_starts(found: Plan) -> None:
    assert loader(found).inputs["attach"] is True
    assert loader(found).inputs["mustRun"] is False
    assert loader(found).urn in engine(found).dependencies


def test_the_loader_verifies_the_locked_manifest(found: Plan) -> None:
    assert loader(found).inputs["command"] == [
        *("fetch", "--bucket", "weights-bucket", "--model", "tiny", "--revision", "a" * 40),
        *("--manifest-sha256", manifest_sha256(LOCK), "--target", "/models"),
    ]


def test_no_container_is_given_a_secret(found: Plan) -> None:
    for container in found.of(CONTAINER):
        names = [entry.partition("=")[0] for entry in container.inputs.get("envs", [])]
        assert not [name for name in names if any(sign in name.upper() for sign in SECRET_SIGNS)]
    assert loader(found).inputs["envs"] == ["AWS_REGION=eu-central-1", "AWS_CONFIG_FILE=/run/aws/config"]


def test_the_engine_serves_the_weights_that_the_loader_fetched(found: Plan) -> None:
    (filled, _) = loader(found).inputs["volumes"]
    (served,) = engine(found).inputs["volumes"]
    assert (filled["volumeName"], filled["containerPath"]) == (served["volumeName"], served["containerPath"])
    assert served["readOnly"] is True
    assert f"/models/tiny/{'a' * 40}/model-1.gguf" in engine(found).inputs["command"]


def test_the_deployment_waits_for_a_healthy_engine(found: Plan) -> None:
    inputs = engine(found).inputs
    assert inputs["wait"] is True
    assert inputs["healthcheck"]["tests"][-1] == "http://tiny.engine.cloister.internal:8000/health"
    (network,) = inputs["networksAdvanced"]
    assert network["aliases"] == [host_name("tiny")] == ["tiny.engine.cloister.internal"]


def test_a_gpu_is_asked_for_only_where_the_settings_name_one(found: Plan) -> None:
    assert "gpus" not in engine(found).inputs
    assert engine(planned(gpus=1)).inputs["gpus"] == "all"


def test_no_deployment_writes_the_revocations(found: Plan) -> None:
    (folder,) = gateway(found).inputs["volumes"]
    assert folder == {
        "hostPath": "/var/lib/cloister/revocation",
        "containerPath": "/etc/envoy/revocation",
        "readOnly": True,
    }
    assert not any(upload["file"].startswith("/etc/envoy/revocation") for upload in gateway(found).inputs["uploads"])
    assert found.result["revocation"] == "folder:/var/lib/cloister/revocation"


def test_the_gateway_gets_bootstrap_and_watched_files(found: Plan) -> None:
    uploads = {upload["file"]: upload["content"] for upload in gateway(found).inputs["uploads"]}
    assert uploads == {"/etc/envoy/envoy.json": '{"static": 1}', "/etc/envoy/configuration/routes.json": "[]"}
    assert "/etc/envoy/envoy.json" in gateway(found).inputs["command"]


def test_the_gateway_starts_after_the_engines(found: Plan) -> None:
    assert engine(found).urn in gateway(found).dependencies


def test_a_changed_configuration_makes_a_new_gateway(found: Plan) -> None:
    assert gateway(planned(bootstrap="{}")).inputs["labels"] != gateway(found).inputs["labels"]
