"""The Docker stand-in, asked as the engine asks it; containers are real processes."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox import ports, processes
from sandbox.providers.docker import images, records
from sandbox.providers.docker.provider import DockerProvider
from sandbox.providers.docker.translation import loopback_address
from sandbox.providers.serve import UNKNOWN, ProviderError, from_struct, to_struct

CONTAINER = "docker:index/container:Container"
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/cloister"
PROVIDER = DockerProvider()

# A web server that prints its environment and serves its working folder, with the address and port it is told.
SERVER = (
    "import os, sys, json, http.server as h; print(json.dumps(dict(os.environ)), flush=True);"
    "h.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), h.SimpleHTTPRequestHandler).serve_forever()"
)


def reference(name: str) -> str:
    return f"{REGISTRY}/{name}@{images.locked()[name].digest}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLOISTER_FOLDER", str(tmp_path))
    monkeypatch.setattr(images, "program", lambda image: [sys.executable, "-c"])
    yield tmp_path
    processes.stop_all(folder=tmp_path, grace=3)


def check(token: str, inputs: dict[str, Any], olds: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    request = provider_pb2.CheckRequest(
        urn=f"urn:pulumi:s::p::{token}::web", type=token, name="web", news=to_struct(inputs), olds=to_struct(olds or {})
    )
    response = PROVIDER.Check(request, None)
    return from_struct(response.inputs), [failure.reason for failure in response.failures]


def create(token: str, inputs: dict[str, Any], preview: bool = False) -> tuple[str, dict[str, Any]]:
    response = PROVIDER.Create(
        provider_pb2.CreateRequest(type=token, properties=to_struct(inputs), preview=preview), None
    )
    return response.id, from_struct(response.properties)


def read(token: str, identity: str, properties: dict[str, Any]) -> str:
    request = provider_pb2.ReadRequest(type=token, id=identity, properties=to_struct(properties))
    return str(PROVIDER.Read(request, None).id)


def delete(token: str, identity: str, properties: dict[str, Any]) -> None:
    PROVIDER.Delete(provider_pb2.DeleteRequest(type=token, id=identity, properties=to_struct(properties)), None)


def diff(token: str, olds: dict[str, Any], news: dict[str, Any]) -> Any:
    request = provider_pb2.DiffRequest(type=token, old_inputs=to_struct(olds), news=to_struct(news))
    return PROVIDER.Diff(request, None)


def web(**more: Any) -> dict[str, Any]:
    return {
        "name": "web",
        "image": reference("weights"),
        "command": [SERVER, "0.0.0.0", "8000"],
        "wait": True,
        "waitTimeout": 20,
        "healthcheck": {"tests": ["CMD", "curl", "-f", "http://localhost:8000/"]},
        **more,
    }


def get(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
        return str(answer.read().decode())


def test_unknown_and_ill_typed_properties_are_refused_with_their_path() -> None:
    _, failures = check(CONTAINER, web(ports=[{"internal": "80"}], nmae="x"))
    assert failures == ["ports[0].internal: '80' is not a whole number", "nmae: unknown property; did you mean name?"]


def test_a_type_without_stand_in_is_refused_by_name() -> None:
    with pytest.raises(
        ProviderError, match="docker:index/service:Service has no stand-in; there are container:Container"
    ):
        check("docker:index/service:Service", {})


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("envoyproxy/envoy:v1", "'envoyproxy/envoy:v1' is not pinned by digest"),
        (
            f"{REGISTRY}/envoy@sha256:{'0' * 64}",
            r"does not exist in the rehearsal; sandbox/images.lock.yaml has sha256:a8",
        ),
        (
            f"{REGISTRY}/other@sha256:{'0' * 64}",
            "sandbox/images.lock.yaml has weights, registrar, envoy, vllm-openai, llama-cpp",
        ),
    ],
)
def test_an_image_that_the_lock_does_not_have_is_refused(image: str, message: str) -> None:
    _, failures = check(CONTAINER, web(image=image))
    assert len(failures) == 1
    with pytest.raises(ProviderError, match=message):
        images.find(image)


def test_an_image_under_a_wrong_name_is_refused() -> None:
    with pytest.raises(ProviderError, match="has the digest of envoy"):
        images.find(f"{REGISTRY}/weights@{images.locked()['envoy'].digest}")


def test_an_image_that_is_not_known_yet_passes_at_preview() -> None:
    inputs, failures = check(CONTAINER, web(image=UNKNOWN))
    assert failures == []
    assert create(CONTAINER, inputs, preview=True)[0] == ""
    assert processes.running() == []


def test_a_name_is_invented_once() -> None:
    first, _ = check("docker:index/network:Network", {})
    second, _ = check("docker:index/network:Network", {}, olds=first)
    assert first["name"].startswith("web-")
    assert first == second


def test_what_docker_cannot_change_in_place_is_replaced() -> None:
    replaced = diff(CONTAINER, web(memory=100), web(memory=200, envs=["A=b"]))
    assert list(replaced.diffs) == ["envs", "memory"]
    assert list(replaced.replaces) == ["envs"]
    assert replaced.deleteBeforeReplace
    updated = diff(CONTAINER, web(memory=100), web(memory=200, restart="always"))
    assert list(updated.replaces) == []
    assert updated.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert diff(CONTAINER, web(), web()).changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.servers
def test_a_container_listens_on_its_own_address_only() -> None:
    identity, properties = create(CONTAINER, web())
    address = loopback_address("web")
    assert len(identity) == 64
    assert "Directory listing" in get(f"http://{address}:8000/")
    assert not ports.answers(8000)
    assert read(CONTAINER, identity, properties) == identity
    delete(CONTAINER, identity, properties)
    assert not ports.answers(8000, address)
    assert read(CONTAINER, identity, properties) == ""
    assert processes.running() == []


@pytest.mark.servers
def test_a_container_whose_process_ended_is_gone() -> None:
    identity, properties = create(CONTAINER, web())
    processes.stop("container-web")
    assert read(CONTAINER, identity, properties) == ""


@pytest.mark.servers
def test_a_published_port_answers_on_the_hosts_loopback() -> None:
    port = ports.free_port()
    create(CONTAINER, web(ports=[{"internal": 8000, "external": port}]))
    assert "Directory listing" in get(f"http://127.0.0.1:{port}/")


@pytest.mark.servers
def test_a_published_port_that_is_taken_is_refused() -> None:
    _, properties = create(CONTAINER, web())
    taken = ports.free_port()
    create(CONTAINER, web(name="first", ports=[{"internal": 8000, "external": taken}]))
    with pytest.raises(ProviderError, match=rf"port {taken} .* container second, is taken by .*\(pid \d+\)"):
        create(CONTAINER, web(name="second", ports=[{"internal": 8000, "external": taken}]))
    assert properties["name"] == "web"


@pytest.mark.servers
def test_only_declared_variables_and_the_hosts_cloud_credentials_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    monkeypatch.setenv("PRIVATE", "of the user")
    create(CONTAINER, web(envs=["BIND=0.0.0.0", "CACHE=/cache/x"], tmpfs={"/cache": ""}))
    seen = json.loads((records.folder("containers").parents[1] / "log/container-web.log").read_text().splitlines()[0])
    assert "PRIVATE" not in seen
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"
    assert seen["BIND"] == loopback_address("web")
    assert Path(seen["CACHE"]).name == "x"
    assert list(Path(seen["CACHE"]).parent.iterdir()) == []
    assert len(seen["CACHE"]) < 60


def test_volumes_uploads_and_bind_mounts_are_found_under_their_container_paths(tmp_path: Path) -> None:
    _, volume = create("docker:index/volume:Volume", {"name": "cache"})
    bound = tmp_path / "bound"
    bound.mkdir()
    (bound / "in").write_text("from the host")
    program = "import sys; open(sys.argv[1], 'w').write(open(sys.argv[2]).read() + open(sys.argv[3]).read())"
    identity, properties = create(
        CONTAINER,
        {
            "name": "copy",
            "image": reference("weights"),
            "command": [program, "/data/out", "/bound/in", "/etc/app/conf"],
            "attach": True,
            "mustRun": False,
            "mounts": [
                {"target": "/data", "type": "volume", "source": "cache"},
                {"target": "/bound", "type": "bind", "source": str(bound), "readOnly": True},
            ],
            "uploads": [{"file": "/etc/app/conf", "content": " listen 0.0.0.0"}],
        },
    )
    assert (Path(volume["mountpoint"]) / "out").read_text() == f"from the host listen {loopback_address('copy')}"
    assert properties["exitCode"] == 0
    assert read(CONTAINER, identity, properties) == identity, "a container that did its work is not gone"
    delete(CONTAINER, identity, properties)
    assert (Path(volume["mountpoint"]) / "out").exists()
    delete("docker:index/volume:Volume", "cache", volume)
    assert not Path(volume["mountpoint"]).exists()


def test_a_one_shot_container_that_fails_shows_its_last_words() -> None:
    inputs = {
        "name": "once",
        "image": reference("weights"),
        "attach": True,
        "command": ["raise SystemExit('no space')"],
    }
    with pytest.raises(ProviderError, match=r"container once: ended with exit code 1(.|\n)*no space"):
        create(CONTAINER, inputs)


@pytest.mark.servers
def test_a_container_that_never_gets_healthy_is_removed() -> None:
    with pytest.raises(ProviderError, match="container web: container-web was not ready after 1 s"):
        create(CONTAINER, web(command=["import time; time.sleep(60)"], waitTimeout=1))
    assert processes.running() == []


@pytest.mark.servers
@pytest.mark.parametrize("kind", [{"wait": True}, {"attach": True}])
def test_cancelling_ends_what_is_waited_for_and_keeps_what_runs(kind: dict[str, Any]) -> None:
    create(CONTAINER, web())
    endless = web(name="endless", command=["import time; time.sleep(60)"], **{"waitTimeout": 60, **kind})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(create, CONTAINER, endless)
        while not any(process.name == "container-endless" for process in processes.running()):
            time.sleep(0.02)
        PROVIDER.Cancel(None, None)
        with pytest.raises(ProviderError, match="container endless"):
            waiting.result(timeout=10)
    assert [process.name for process in processes.running()] == ["container-web"]


def test_a_missing_bind_source_is_refused() -> None:
    mounts = [{"target": "/data", "type": "bind", "source": "/no/such/folder"}]
    with pytest.raises(ProviderError, match="bind mount of /data: '/no/such/folder' does not exist"):
        create(CONTAINER, web(mounts=mounts))


@pytest.mark.servers
def test_names_resolve_between_containers_of_one_network_only() -> None:
    for name in ("front", "back"):
        create("docker:index/network:Network", {"name": name})
    alias = "web.cloister.internal"
    create(CONTAINER, web(networksAdvanced=[{"name": "front", "aliases": [alias]}]))
    ask = "import sys; print(sys.argv[1])"
    for network, answer in (("front", loopback_address(alias)), ("back", alias)):
        inputs = {
            "name": f"asks-{network}",
            "image": reference("weights"),
            "command": [ask, alias],
            "attach": True,
            "logs": True,
            "networksAdvanced": [{"name": network}],
        }
        assert create(CONTAINER, inputs)[1]["containerLogs"].strip() == answer


@pytest.mark.servers
def test_a_network_in_use_is_not_removed() -> None:
    identity, network = create("docker:index/network:Network", {"name": "front"})
    created = create(CONTAINER, web(networksAdvanced=[{"name": identity}]))
    with pytest.raises(ProviderError, match="network 'front' has active endpoints: web"):
        delete("docker:index/network:Network", identity, network)
    delete(CONTAINER, *created)
    delete("docker:index/network:Network", identity, network)
    assert read("docker:index/network:Network", identity, network) == ""


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ProviderError, match="network 'nowhere' not found"):
        create(CONTAINER, web(networksAdvanced=[{"name": "nowhere"}]))


def test_a_pulled_image_can_be_run_by_its_id() -> None:
    _, image = create("docker:index/remoteImage:RemoteImage", {"name": reference("envoy")})
    assert image["repoDigest"] == reference("envoy")
    assert images.find(image["imageId"]).name == "envoy"


def test_a_built_image_has_the_locks_digest(tmp_path: Path) -> None:
    build = {"context": str(tmp_path), "dockerfile": str(tmp_path / "Dockerfile")}
    inputs = {"imageName": f"{REGISTRY}/weights:0.1.0", "build": build}
    with pytest.raises(ProviderError, match="Dockerfile does not exist"):
        create("docker:index/image:Image", inputs)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    assert create("docker:index/image:Image", inputs)[1]["repoDigest"] == reference("weights")
    assert create("docker:index/registryImage:RegistryImage", {"name": f"{REGISTRY}/weights:0.1.0"})[1] == {
        "name": f"{REGISTRY}/weights:0.1.0",
        "sha256Digest": images.locked()["weights"].digest,
    }
