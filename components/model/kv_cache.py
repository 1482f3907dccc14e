"""How vLLM lays out the KV cache: exact arithmetic from architecture numbers to blocks.

Source: vLLM 0.33's `v1/core/kv_cache_utils.py`; start-up logs in tests/model/data/kv_records.jsonl.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

from components.model.architecture import Architecture, LatentAttention, LinearAttention, Mamba
from components.model.engine_version import EngineVersion, engine_version

BASE_BLOCK_TOKENS: Final = 16
# Decode kernels for latent attention want whole multiples of so many tokens where a state raises the block.
LATENT_BLOCK_TOKENS: Final = 128
# Buckets of nearly equal size become one group each: padding costs less than another group.
NEARLY_EQUAL: Final = 1.5


@dataclass(frozen=True, kw_only=True)
class CacheLayout:
    """The cache of one GPU, as equal blocks that serve every kind of layer.

    Attributes:
        block_bytes: size of one block.
        block_tokens: tokens of the growing layers that one block holds.
        groups: groups of layers that take blocks from the one pool.
        request_blocks: blocks that one request of `max_model_len` tokens needs; 0 where no layer keeps anything.
        bytes_per_token: growth per token, over the layers whose cache grows.
        has_state: whether some layers keep a state of fixed size, one block per running request and group.
        reserved_blocks: blocks that the start-up check sets aside.
    """

    block_bytes: int
    block_tokens: int
    groups: int
    request_blocks: int
    bytes_per_token: int
    max_model_len: int
    has_state: bool
    reserved_blocks: int

    def blocks(self, available_bytes: float) -> int:
        """Blocks that fit."""
        return max(0, int(available_bytes // self.block_bytes)) if self.block_bytes else 0

    def tokens(self, available_bytes: float) -> int:
        """Tokens as vLLM prints them since 0.21: concurrency x max_model_len."""
        return int(self.concurrency(available_bytes) * self.max_model_len)

    def concurrency(self, available_bytes: float) -> float:
        """Requests of `max_model_len` tokens that fit at once; infinite where none needs a block."""
        return self.blocks(available_bytes) / self.request_blocks if self.request_blocks else float("inf")

    def starts(self, available_bytes: float) -> bool:
        """Whether one request of `max_model_len` tokens fits, so that the engine starts at all."""
        return self.request_bytes <= available_bytes - self.reserved_blocks * self.block_bytes

    @property
    def request_bytes(self) -> int:
        """What one request of `max_model_len` tokens needs."""
        return self.request_blocks * self.block_bytes


def cache_layout(
    architecture: Architecture,
    *,
    gpus: int,
    element_bytes: int,
    max_model_len: int,
    max_num_batched_tokens: int,
    pipeline_stages: int = 1,
    speculative_tokens: int = 0,
    version: EngineVersion | None = None,
) -> CacheLayout:
    """The cache layout of one GPU.

    Args:
        architecture: numbers of the lock file.
        gpus: tensor-parallel size.
        element_bytes: 2 for 16-bit caches, 1 for fp8.
        max_model_len: longest request in tokens.
        max_num_batched_tokens: tokens of one step; sliding windows hold that many more for every step in flight.
        pipeline_stages: the fullest stage counts.
        speculative_tokens: tokens drafted ahead: draft layers cache too, states keep a column and a block for each.
        version: of the engine; the newest known when None.
    """
    arch, behaviour = architecture, version or engine_version()
    full_bytes = _full_bytes(arch, gpus, element_bytes)
    local_bytes = _attention_bytes(arch.kv_heads, arch.head_dim, gpus, element_bytes)
    draft = arch.draft_layers if speculative_tokens else 0
    full, sliding, chunked = arch.full_layers + draft, arch.sliding, arch.chunked
    if not behaviour.keeps_windows:
        full += sum(kind.layers for kind in (sliding, chunked) if kind)
        sliding = chunked = None
    state = arch.linear or arch.mamba
    layers = {
        "full": full,
        "sliding": sliding.layers if sliding else 0,
        "chunked": chunked.layers if chunked else 0,
        "state": state.layers if state else 0,
    }
    buckets = {kind: ceil(count / pipeline_stages) for kind, count in layers.items() if count}
    if not buckets:
        return CacheLayout(
            block_bytes=0,
            block_tokens=BASE_BLOCK_TOKENS,
            groups=0,
            request_blocks=0,
            bytes_per_token=0,
            max_model_len=max_model_len,
            has_state=False,
            reserved_blocks=0,
        )
    page = BASE_BLOCK_TOKENS * max(
        full_bytes if "full" in buckets else 0, local_bytes if {"sliding", "chunked"} & set(buckets) else 0
    )
    if state:
        # The attention block grows until its page holds a state; without attention the state is the page.
        unit = full_bytes * (LATENT_BLOCK_TOKENS if arch.latent else BASE_BLOCK_TOKENS) if "full" in buckets else 1
        page = max(page, ceil(_state_bytes(state, gpus, speculative_tokens) / unit) * unit)
    smallest, largest = min(buckets.values()), max(buckets.values())
    size = largest if largest < NEARLY_EQUAL * smallest else smallest
    groups = {kind: ceil(count / size) for kind, count in buckets.items()}
    full_block, local_block = _block_tokens(page, full_bytes), _block_tokens(page, local_bytes)
    inflight = behaviour.inflight_batches * max_num_batched_tokens
    needed = groups.get("full", 0) * ceil(max_model_len / full_block)
    needed += groups.get("state", 0) * (behaviour.state_blocks + speculative_tokens)
    if sliding:
        # One more: a window need not begin where a block does.
        held = min(sliding.window - 1 + inflight, max_model_len)
        needed += groups["sliding"] * (ceil(held / local_block) + 1)
    if chunked:
        needed += groups["chunked"] * ceil(min(chunked.chunk + inflight, max_model_len) / local_block)
    return CacheLayout(
        block_bytes=size * page,
        block_tokens=full_block if "full" in buckets else local_block,
        groups=sum(groups.values()),
        request_blocks=needed,
        bytes_per_token=buckets.get("full", 0) * full_bytes,
        max_model_len=max_model_len,
        has_state=state is not None,
        reserved_blocks=behaviour.reserved_blocks,
    )


def _block_tokens(page: int, token_bytes: int) -> int:
    """Tokens of a layer that a page holds: more than usual where that block divides the page, else it is padded."""
    usual = BASE_BLOCK_TOKENS * token_bytes
    return BASE_BLOCK_TOKENS * (page // usual) if page % usual == 0 else BASE_BLOCK_TOKENS


def _attention_bytes(kv_heads: int, head_dim: int, gpus: int, element_bytes: int) -> int:
    """Keys and values of one token and layer; fewer heads than GPUs are replicated."""
    return 2 * max(1, kv_heads // gpus) * head_dim * element_bytes


def _full_bytes(arch: Architecture, gpus: int, element_bytes: int) -> int:
    """Bytes that one token adds to one full-attention layer of one GPU."""
    if arch.latent:
        return _latent_bytes(arch.latent, element_bytes)
    return _attention_bytes(
        arch.global_kv_heads or arch.kv_heads, arch.global_head_dim or arch.head_dim, gpus, element_bytes
    )


def _latent_bytes(latent: LatentAttention, element_bytes: int) -> int:
    """The latent is not divided by the GPUs: every one of them keeps it whole."""
    if latent.index_head_dim is None:
        return (latent.kv_lora_rank + latent.qk_rope_head_dim) * element_bytes
    # fp8_ds_mla keeps the rotary part in 16 bit and one fp32 scale for 128 values; the indexer's keys are always so.
    index = latent.index_head_dim + latent.index_head_dim // 128 * 4
    if element_bytes == 1:
        return latent.kv_lora_rank + latent.kv_lora_rank // 128 * 4 + latent.qk_rope_head_dim * 2 + index
    return (latent.kv_lora_rank + latent.qk_rope_head_dim) * element_bytes + index


def _state_bytes(state: LinearAttention | Mamba, gpus: int, speculative_tokens: int) -> int:
    """State of one request in one layer of one GPU: the recurrent matrix and the convolution's last columns."""
    columns = state.conv_kernel - 1 + speculative_tokens
    if isinstance(state, LinearAttention):
        values = state.value_heads // gpus
        recurrent = values * state.key_head_dim * state.value_head_dim * state.state_bytes
        channels = 2 * state.key_heads // gpus * state.key_head_dim + values * state.value_head_dim
        return recurrent + (channels * columns * 2 if state.conv_kernel > 1 else 0)
    recurrent = state.heads // gpus * state.head_dim * state.state_size * state.state_bytes
    # Groups that the GPUs cannot share are repeated, one for each GPU.
    groups = state.groups if state.groups % gpus == 0 else gpus
    channels = (state.heads * state.head_dim + 2 * groups * state.state_size) // gpus
    return recurrent + channels * columns * 2
