"""llama.cpp's `llama-server`: one GGUF file on processors or GPUs."""

from typing import Final

from components.model.lock import ModelLock
from components.serving.engines.launch import CACHE, PORT, Launch, Service

ALL_LAYERS: Final = 999


def launch(service: Service, lock: ModelLock, model_path: str) -> Launch:
    """Serve the locked GGUF file; `max_model_len` holds for each of the `max_num_seqs` slots.

    Raises:
        ValueError: the lock does not hold exactly one GGUF file, or asks for a KV cache type that is not offered.
    Source: llama.cpp `tools/server/README.md`.
    """
    files = [file.path for file in lock.files if file.path.endswith(".gguf")]
    if len(files) != 1:
        raise ValueError(f"models/{lock.name}.lock.yaml has {len(files)} GGUF files; llama-cpp serves exactly one")
    if service.kv_cache_dtype != "auto":
        raise ValueError(f"{service.name}: llama-cpp has no KV cache type {service.kv_cache_dtype!r}; use auto")
    return Launch(
        image="llama-cpp",
        arguments=(
            "--model",
            f"{model_path}/{files[0]}",
            "--alias",
            service.name,
            "--host",
            "0.0.0.0",
            "--port",
            str(PORT),
            # The context is shared by all slots.
            "--ctx-size",
            str(service.max_model_len * service.max_num_seqs),
            "--parallel",
            str(service.max_num_seqs),
            "--n-gpu-layers",
            str(ALL_LAYERS if service.gpus else 0),
            "--metrics",
            "--no-webui",
            "--no-slots",
            "--offline",
        ),
        environment={"HOME": CACHE, "LLAMA_CACHE": f"{CACHE}/llama.cpp"},
        metrics_prefix="llamacpp:",
        user=2000,
        group=2000,
    )
