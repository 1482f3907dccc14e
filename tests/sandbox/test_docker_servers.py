"""The programs that stand in for images, run as containers."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox import ports, processes
from sandbox.engines import llama_server, vllm_cpu
from sandbox.providers.docker import images
from sandbox.providers.docker.provider import DockerProvider
from sandbox.providers.serve import ProviderError, to_struct
from sandbox.tools import PlainReporter

CONTAINER = "docker:index/container:Container"
EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"


def direct_response(port: int, text: str) -> dict[str, object]:
    """An Envoy listener that answers everything with a text."""
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": text}}}]
    manager = {
        "@type": f"{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "router",
                "typed_config": {"@type": f"{EXTENSIONS}.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {
        "name": f"on-{port}",
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [chain],
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLOISTER_FOLDER", str(tmp_path))
    yield tmp_path
    processes.stop_all(folder=tmp_path, grace=5)


@pytest.mark.servers
def test_envoy_serves_its_uploaded_configuration_on_a_published_port(folder: Path) -> None:
    port = ports.free_port()
    configuration = {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9901}}},
        "static_resources": {"listeners": [direct_response(8443, "from the gateway")]},
    }
    inputs = {
        "name": "gateway",
        "image": f"registry/cloister/envoy@{images.locked()['envoy'].digest}",
        "command": ["--config-path", "/etc/envoy/envoy.json", "--concurrency", "1", "--log-level", "warning"],
        "uploads": [{"file": "/etc/envoy/envoy.json", "content": json.dumps(configuration)}],
        "ports": [{"internal": 8443, "external": port}],
        "wait": True,
        "waitTimeout": 30,
        "healthcheck": {"tests": ["CMD", "wget", "-q", "http://127.0.0.1:9901/ready"]},
    }
    DockerProvider().Create(provider_pb2.CreateRequest(type=CONTAINER, properties=to_struct(inputs)), None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        assert answer.read() == b"from the gateway"
    with pytest.raises(urllib.error.URLError):
        opener.open("http://127.0.0.1:9901/ready", timeout=5)


def test_the_llama_server_takes_the_flags_that_the_product_passes() -> None:
    line = "--model m.gguf --alias a --host 127.0.0.1 --port 8000 --ctx-size 8192 --parallel 4 --n-gpu-layers 0"
    options = llama_server.parse([*line.split(), "--metrics", "--no-webui", "--no-slots", "--offline"])
    assert (options.model, options.alias, options.ctx_size, options.parallel) == ("m.gguf", "a", 8192, 4)
    assert options.threads == max(1, len(os.sched_getaffinity(0)) - 1)


def test_the_llama_server_refuses_a_flag_that_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        llama_server.parse(["--model", "m.gguf", "--flash-atn"])
    assert "unrecognized arguments: --flash-atn" in capsys.readouterr().err


def test_a_model_file_that_is_missing_is_named() -> None:
    with pytest.raises(SystemExit, match=r"--model /no/such\.gguf: no such file"):
        llama_server.main(["--model", "/no/such.gguf"])


def test_what_only_a_gpu_understands_is_exchanged_for_a_processors_flags(tmp_path: Path) -> None:
    arguments = ["/models/x", "--gpu-memory-utilization=0.9", "--tensor-parallel-size", "2", "--port=8000"]
    command = vllm_cpu.serve_command(tmp_path, arguments)
    assert command[2:5] == ["serve", "/models/x", "--port=8000"]
    assert "--enforce-eager" in command
    assert not any("gpu-memory" in word or "tensor-parallel" in word or word == "2" for word in command)


def test_a_missing_vllm_names_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"python -m sandbox\.engines\.vllm_cpu install"):
        vllm_cpu.main(["serve", str(tmp_path), "/models/x"])


def test_an_unknown_variant_of_vllm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(vllm_cpu.InstallError, match="'tiny' is no variant of vLLM; there are min and full"):
        vllm_cpu.install(PlainReporter(), tmp_path / "vllm", "tiny")


def test_a_vllm_installation_without_compiler_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(vllm_cpu.InstallError, match="gcc is not installed; `full` does without it"):
        vllm_cpu.install(PlainReporter(), tmp_path / "vllm")


def test_every_locked_image_has_a_program_here() -> None:
    programs = {image.name: images.program(image) for image in images.locked().values()}
    assert set(programs) == {"weights", "registrar", "envoy", "vllm-openai", "llama-cpp"}
    assert Path(programs["envoy"][0]).exists()
    assert all(Path(program[0]).parent == Path(sys.executable).parent for program in programs.values())


def test_a_declared_entrypoint_must_be_the_images_own() -> None:
    vllm = images.locked()["vllm-openai"]
    assert images.after_entrypoint(vllm, []) == ()
    assert images.after_entrypoint(vllm, ["/usr/bin/vllm", "serve", "--port=1"]) == ["--port=1"]
    with pytest.raises(ProviderError, match=r"entrypoint \['bash'\] of vllm-openai has no stand-in; vllm serve has"):
        images.after_entrypoint(vllm, ["bash"])


def test_the_locked_digests_are_those_of_the_installed_wheels() -> None:
    locked = (Path(__file__).parents[2] / "requirements.lock").read_text()
    for name in ("envoy", "llama-cpp"):
        assert images.locked()[name].digest in locked
