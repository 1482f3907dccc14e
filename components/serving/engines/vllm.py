"""vLLM 0.33 (`vllm serve`): safetensors on GPUs."""

from typing import Final

from components.model.lock import ModelLock
from components.serving.engines.launch import CACHE, COMPILED, PORT, Launch, Service

STREAMER: Final = {"RUNAI_STREAMER_CONCURRENCY": "16", "RUNAI_STREAMER_MEMORY_LIMIT": str(2**32)}
"""Connections, and bytes of main memory through which streamed weights pass; without a limit it takes 40 GB."""


def launch(service: Service, lock: ModelLock, model_path: str) -> Launch:
    """Serve the locked model and nothing else: no hub, no usage statistics, no fetched media, no code of the model's.

    Args:
        service: what is served.
        lock: the model.
        model_path: its folder, or its address in the weight cache (`s3://…`) to stream it from there.

    Raises:
        ValueError: the lock holds another format than safetensors.
    Source: vLLM 0.33 `vllm serve --help=all`; pages "Security" and "Loading models with Run:ai Model Streamer" of its
    documentation.
    """
    if lock.format != "safetensors":
        raise ValueError(f"models/{lock.name}.lock.yaml holds {lock.format}; vllm serves safetensors")
    streamed = model_path.startswith("s3://")
    return Launch(
        image="vllm-openai",
        command=("vllm", "serve"),
        arguments=(
            model_path,
            f"--served-model-name={service.name}",
            "--host=0.0.0.0",
            f"--port={PORT}",
            f"--max-model-len={service.max_model_len}",
            f"--max-num-seqs={service.max_num_seqs}",
            f"--gpu-memory-utilization={service.gpu_memory_utilization}",
            f"--kv-cache-dtype={service.kv_cache_dtype}",
            f"--tensor-parallel-size={max(1, service.gpus)}",
            f"--load-format={'runai_streamer' if streamed else 'safetensors'}",
            # 0, the default, cuts every running answer at the first SIGTERM.
            f"--shutdown-timeout={service.drain_seconds}",
            # The gateway counts tokens of streams by the usage that the engine reports.
            "--enable-force-include-usage",
            "--disable-fastapi-docs",
            "--disable-access-log-for-endpoints=/health,/metrics",
            # A name that cannot exist: no request makes the engine fetch an image from anywhere.
            "--allowed-media-domains=none.invalid",
            *(("--language-model-only",) if lock.architecture.multimodal else ()),
            "--fail-on-environ-validation",
        ),
        environment={
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "VLLM_DO_NOT_TRACK": "1",
            "DO_NOT_TRACK": "1",
            "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
            "HOME": CACHE,
            "HF_HOME": f"{CACHE}/huggingface",
            "VLLM_CACHE_ROOT": f"{COMPILED}/vllm",
            "VLLM_CONFIG_ROOT": f"{CACHE}/config",
            "TRITON_CACHE_DIR": f"{COMPILED}/triton",
            "TORCHINDUCTOR_CACHE_DIR": f"{COMPILED}/inductor",
            **(STREAMER if streamed else {}),
        },
        metrics_prefix="vllm:",
        # The image ships user 2000 for runs without root; its folders belong to group 0.
        user=2000,
        group=0,
    )
