"""What the engines that the project plans may be told: every flag and variable that a review found harmless.

Whatever is not here is refused: a flag that loads code, opens a route, reads a file of flags or calls a server is one
nobody has to think of, and neither is the abbreviation that an argument parser would complete.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .pods import Container, listed


@dataclass(frozen=True)
class Known:
    """The flags of one engine.

    Args:
        switches: flags without a value.
        values: flags with a value that may be anything.
        paths: flags whose value must be a local path; each with the words that are accepted besides.
        commits: flags whose value must be a full commit.
    """

    switches: frozenset[str]
    values: frozenset[str]
    paths: dict[str, frozenset[str]]
    commits: frozenset[str] = frozenset()
    positionals: int = 0
    program: re.Pattern[str] = re.compile("$.")

    @property
    def all(self) -> frozenset[str]:
        """Every flag that may be given."""
        return self.switches | self.values | self.paths.keys() | self.commits


# Source: `vllm serve --help=all` of 0.33 and vLLM's "Engine Arguments"; --speculative-config is read by a rule.
VLLM: Final = Known(
    switches=listed(
        "--disable-fastapi-docs --enable-force-include-usage --fail-on-environ-validation --language-model-only "
        "--enforce-eager --enable-prefix-caching --no-enable-prefix-caching --disable-prefix-caching "
        "--enable-chunked-prefill --no-enable-chunked-prefill --async-scheduling --no-async-scheduling "
        "--enable-expert-parallel -ep --enable-auto-tool-choice --disable-log-requests --no-enable-log-requests "
        "--disable-log-stats --disable-uvicorn-access-log --disable-hybrid-kv-cache-manager --enable-lora "
        "--disable-custom-all-reduce --enable-ssl-refresh --enable-prompt-tokens-details "
        "--enable-server-load-tracking --skip-mm-profiling --calculate-kv-scales --disable-cascade-attn"
    ),
    values=listed(
        "--served-model-name --host --port --max-model-len --max-num-seqs --max-num-batched-tokens "
        "--max-num-queued-reqs --max-num-queued-tokens --gpu-memory-utilization --device-memory-utilization "
        "--kv-cache-memory-bytes --kv-cache-dtype --block-size --tensor-parallel-size -tp "
        "--pipeline-parallel-size -pp --data-parallel-size -dp --decode-context-parallel-size -dcp "
        "--prefix-caching-hash-algo --dtype --quantization -q --load-format --safetensors-load-strategy "
        "--shutdown-timeout --tool-call-parser --reasoning-parser --limit-mm-per-prompt --allowed-media-domains "
        "--optimization-level -O --performance-mode --cpu-offload-gb --kv-offloading-size --mamba-cache-mode "
        "--mamba-ssm-cache-dtype --swap-space --disable-access-log-for-endpoints --uvicorn-log-level "
        "--ssl-certfile --ssl-keyfile --ssl-ca-certs --ssl-cert-reqs --seed --max-logprobs --task --runner "
        "--convert --tokenizer-mode --max-loras --max-lora-rank --max-cpu-loras --scheduling-policy "
        "--num-gpu-blocks-override --api-server-count --attention-backend --guided-decoding-backend "
        "--chat-template-content-format --response-role --max-seq-len-to-capture --mm-processor-cache-gb "
        "--otlp-traces-endpoint --speculative-config"
    ),
    paths={
        "--model": frozenset(),
        "--tokenizer": frozenset(),
        "--hf-config-path": frozenset(),
        "--chat-template": frozenset(),
        "--generation-config": frozenset({"auto", "vllm"}),
    },
    commits=listed("--revision --tokenizer-revision --code-revision"),
    positionals=1,
    program=re.compile(r"vllm|serve|python[\d.]*|-m|vllm\.entrypoints\.openai\.api_server"),
)
# Source: llama.cpp, tools/server/README.md.
LLAMA_CPP: Final = Known(
    switches=listed(
        "--metrics --no-webui --no-slots --offline --cont-batching -cb --no-mmap --mlock --jinja --no-jinja "
        "--no-warmup --embedding --embeddings --rerank --reranking --log-disable --log-timestamps --swa-full "
        "--kv-unified -kvu --no-kv-offload -nkvo --no-perf --no-context-shift --context-shift --no-repack "
        "--no-host --cpu-moe -cmoe --no-props --no-cache-prompt --cache-prompt --no-mmproj"
    ),
    values=listed(
        "--alias -a --host --port --ctx-size -c --parallel -np --n-gpu-layers --gpu-layers -ngl --threads -t "
        "--threads-batch -tb --threads-http --batch-size -b --ubatch-size -ub --flash-attn -fa --cache-type-k "
        "-ctk --cache-type-v -ctv --numa --split-mode -sm --tensor-split -ts --main-gpu -mg --timeout -to "
        "--pooling --seed -s --n-predict -n --cache-reuse --cache-ram -cram --reasoning-format --reasoning-budget "
        "--log-verbosity -lv --draft-max --draft-min --draft --gpu-layers-draft -ngld --n-cpu-moe -ncmoe --device "
        "-dev --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --poll --prio --keep --temp --top-k "
        "--top-p --min-p --fit"
    ),
    paths={
        "--model": frozenset(),
        "-m": frozenset(),
        "--model-draft": frozenset(),
        "-md": frozenset(),
        "--mmproj": frozenset(),
        "--chat-template-file": frozenset(),
        "--api-key-file": frozenset(),
        "--ssl-key-file": frozenset(),
        "--ssl-cert-file": frozenset(),
    },
    program=re.compile(r"(/app/|/usr/local/bin/)?llama-server"),
)
KNOWN: Final = {"vllm": VLLM, "llama.cpp": LLAMA_CPP}

# Variables that steer an engine begin like this; those that are not here must be off.
ENGINE_VARIABLE: Final = re.compile(r"(VLLM|LLAMA|GGML|SGLANG|SGL|TRTLLM|TLLM)_")
HARMLESS_VARIABLES: Final = listed(
    "VLLM_NO_USAGE_STATS VLLM_DO_NOT_TRACK VLLM_CACHE_ROOT VLLM_CONFIG_ROOT VLLM_API_KEY VLLM_HOST_IP "
    "VLLM_PORT VLLM_LOGGING_LEVEL VLLM_CONFIGURE_LOGGING VLLM_ENGINE_READY_TIMEOUT_S VLLM_MAX_N_SEQUENCES "
    "VLLM_USE_V1 VLLM_WORKER_MULTIPROC_METHOD VLLM_ATTENTION_BACKEND VLLM_TARGET_DEVICE VLLM_RPC_BASE_PATH "
    "VLLM_USAGE_SOURCE VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS VLLM_SKIP_P2P_CHECK VLLM_CPU_KVCACHE_SPACE "
    "VLLM_CPU_OMP_THREADS_BIND VLLM_USE_DEEP_GEMM VLLM_USE_FLASHINFER_SAMPLER VLLM_IMAGE_FETCH_TIMEOUT "
    "LLAMA_CACHE LLAMA_API_KEY"
)


def told(container: Container, known: Known) -> Iterator[tuple[str, str]]:
    """Every flag with its value, and every word that belongs to none as ("", word)."""
    words = list(container.words)
    while words and known.program.fullmatch(words[0]):
        del words[0]
    position = 0
    while position < len(words):
        word, position = words[position], position + 1
        if not word.startswith("-") or word == "-":
            yield "", word
            continue
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            name = name.replace("_", "-")
        takes_one = name in known.all - known.switches
        if takes_one and not equals and position < len(words):
            value, position = words[position], position + 1
        yield name, value
