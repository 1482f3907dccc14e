"""What engines are told, and what they must never be told."""

import dataclasses
from itertools import pairwise

import pytest

from components.serving.engines import ENGINES
from components.serving.engines.launch import CACHE, EDGE_DRAIN_SECONDS, Launch, Service, service
from components.settings.model_service import EdgeModel, ModelService
from tests.locks import tiny_lock

PATH = "/models/tiny/" + "a" * 40
SERVICE = Service(
    name="tiny",
    gpus=2,
    max_model_len=2048,
    max_num_seqs=8,
    kv_cache_dtype="auto",
    gpu_memory_utilization=0.9,
    drain_seconds=90,
)


FORMATS = {"vllm": "safetensors", "llama-cpp": "gguf"}


def launch(engine: str, **changes: object) -> Launch:
    return ENGINES[engine](dataclasses.replace(SERVICE, **changes), tiny_lock(form=FORMATS[engine]), PATH)  # type: ignore[arg-type]


def options(arguments: tuple[str, ...]) -> dict[str, str]:
    """Both spellings of options: `--name=value` and `--name value`."""
    found = {word: after for word, after in pairwise((*arguments, "--")) if word.startswith("--") and "=" not in word}
    return found | {name: value for name, _, value in (word.partition("=") for word in arguments if "=" in word)}


def test_every_engine_of_the_settings_has_a_launch() -> None:
    on_host, on_cluster = (model.model_json_schema()["properties"]["engine"] for model in (EdgeModel, ModelService))
    named = {*on_host["enum"], on_cluster["const"]}
    assert named == set(ENGINES) == set(FORMATS)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_listens_on_port_8000_under_the_name_that_clients_use(engine: str) -> None:
    given = launch(engine)
    found = options(given.arguments)
    assert found["--host"] == "0.0.0.0"
    assert found["--port"] == "8000" == str(given.port)
    assert found.get("--served-model-name", found.get("--alias")) == "tiny"


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_reads_its_model_from_the_verified_folder(engine: str) -> None:
    assert any(word == PATH or word.startswith(PATH + "/") for word in launch(engine).arguments)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_engine_runs_as_root(engine: str) -> None:
    assert launch(engine).user > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_writes_its_caches_into_a_writable_folder(engine: str) -> None:
    given = launch(engine)
    folders = [value for value in given.environment.values() if value.startswith("/")]
    assert folders
    assert CACHE in given.writable_paths
    assert all(folder.startswith(CACHE) for folder in folders)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_engine_is_given_a_secret(engine: str) -> None:
    given = launch(engine)
    words = " ".join([*given.arguments, *given.environment]).upper()
    assert not any(sign in words for sign in ("API-KEY", "API_KEY", "TOKEN=", "HF_TOKEN", "PASSWORD", "SECRET"))


def test_vllm_is_told_every_size_of_the_settings() -> None:
    found = options(launch("vllm").arguments)
    assert found["--max-model-len"] == "2048"
    assert found["--max-num-seqs"] == "8"
    assert found["--gpu-memory-utilization"] == "0.9"
    assert found["--kv-cache-dtype"] == "auto"
    assert found["--tensor-parallel-size"] == "2"
    assert found["--shutdown-timeout"] == "90"


def test_vllm_loads_safetensors_only_and_runs_no_code_of_the_model() -> None:
    given = launch("vllm").arguments
    assert options(given)["--load-format"] == "safetensors"
    assert "--trust-remote-code" not in given


def test_vllm_asks_nobody_outside() -> None:
    given = launch("vllm")
    assert {given.environment[name] for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")} == {"1"}
    assert {given.environment[name] for name in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")} == {"1"}
    assert options(given.arguments)["--allowed-media-domains"].endswith(".invalid")
    assert given.environment["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"


def test_vllm_opens_no_development_or_documentation_routes() -> None:
    given = launch("vllm")
    assert "--disable-fastapi-docs" in given.arguments
    assert not {"VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_TORCH_PROFILER_DIR"} & {
        *given.environment
    }


def test_vllm_reports_usage_for_the_token_budget() -> None:
    assert "--enable-force-include-usage" in launch("vllm").arguments


def test_vllm_serves_only_text_of_a_multimodal_model() -> None:
    assert "--language-model-only" in ENGINES["vllm"](SERVICE, tiny_lock(multimodal=True), PATH).arguments
    assert "--language-model-only" not in launch("vllm").arguments


def test_vllm_refuses_other_formats() -> None:
    with pytest.raises(ValueError, match=r"models/tiny\.lock\.yaml holds gguf"):
        ENGINES["vllm"](SERVICE, tiny_lock(form="gguf"), PATH)


def test_llama_cpp_gives_every_slot_the_whole_context() -> None:
    found = options(launch("llama-cpp").arguments)
    assert found["--parallel"] == "8"
    assert found["--ctx-size"] == str(8 * 2048)


def test_llama_cpp_uses_the_processor_when_there_is_no_gpu() -> None:
    assert options(launch("llama-cpp", gpus=0).arguments)["--n-gpu-layers"] == "0"
    assert options(launch("llama-cpp", gpus=1).arguments)["--n-gpu-layers"] != "0"


def test_llama_cpp_serves_metrics_but_neither_pages_nor_slots() -> None:
    given = launch("llama-cpp").arguments
    assert "--metrics" in given
    assert "--no-webui" in given
    assert "--no-slots" in given


def test_llama_cpp_refuses_a_folder_without_a_gguf_file() -> None:
    with pytest.raises(ValueError, match="has 0 GGUF files"):
        ENGINES["llama-cpp"](SERVICE, tiny_lock(form="safetensors"), PATH)


def test_llama_cpp_refuses_a_cache_type_that_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="no KV cache type 'fp8'"):
        launch("llama-cpp", kv_cache_dtype="fp8")


def test_a_service_takes_its_sizes_from_the_settings() -> None:
    on_cluster = ModelService(lock="tiny", engine="vllm", node_pool="gpu", max_model_len=2048, drain_seconds=33)
    on_host = EdgeModel(lock="tiny", engine="llama-cpp", max_model_len=512, memory_gib=2)
    assert service("tiny", on_cluster).drain_seconds == 33
    assert service("tiny", on_host).drain_seconds == EDGE_DRAIN_SECONDS
    assert service("tiny", on_host).max_model_len == 512
