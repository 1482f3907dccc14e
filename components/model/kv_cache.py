"""How vLLM lays out the KV cache: exact arithmetic from architecture numbers to blocks.

Source: vLLM 0.33's `v1/core/kv_cache_utils.py`; start-up logs in tests/model/data/kv_records.jsonl.
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

from components.model.architecture import Architecture, LatentAttention, LinearAttention, Mamba

BASE_BLOCK_TOKENS: Final = 16


@dataclass(frozen=True, kw_only=True)
class CacheLayout:
    """The cache of one GPU, as equal blocks that serve every kind of layer.

    Attributes:
        block_bytes: size of one block.
        block_tokens: tokens of the growing layers that one block holds.
        groups: groups of layers that take blocks from the one pool.
        request_blocks: blocks that one request of `max_model_len` tokens needs.
        bytes_per_token: growth per token, over the layers whose cache grows.
        has_state: whether some layers keep a state of fixed size, one block per running request and group.
    """

    block_bytes: int
    block_tokens: int
    groups: int
    request_blocks: int
    bytes_per_token: int
    max_model_len: int
    has_state: bool

    def blocks(self, available_bytes: float) -> int:
        """Blocks that fit."""
        return max(0, int(available_bytes // self.block_bytes))

    def tokens(self, available_bytes: float) -> int:
        """Tokens as vLLM prints them since 0.21: concurrency x max_model_len."""
        return int(self.concurrency(available_bytes) * self.max_model_len)

    def concurrency(self, available_bytes: float) -> float:
        """Requests of `max_model_len` tokens that fit at once."""
        return self.blocks(available_bytes) / self.request_blocks

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
    inflight_batches: int = 2,
    state_blocks: int = 2,
    conv_columns: int = 0,
) -> CacheLayout:
    """The cache layout of one GPU.

    Args:
        architecture: numbers of the lock file.
        gpus: tensor-parallel size.
        element_bytes: 2 for 16-bit caches, 1 for fp8.
        max_model_len: longest request in tokens.
        max_num_batched_tokens: tokens of one step; sliding windows hold that many more.
        pipeline_stages: the fullest stage counts.
        inflight_batches: 2 with asynchronous scheduling (the default), 1 before vLLM 0.21.
        state_blocks: blocks of state a request holds: 2 with prefix caching (the default), 1 without.
        conv_columns: additional columns of convolution state, one per speculative token.
    """
    arch = architecture
    full_bytes = _full_bytes(arch, gpus, element_bytes)
    window_bytes = _attention_bytes(arch.kv_heads, arch.head_dim, gpus, element_bytes)
    buckets = {"full": ceil(arch.full_layers / pipeline_stages)}
    page = BASE_BLOCK_TOKENS * full_bytes
    if arch.sliding:
        buckets["sliding"] = ceil(arch.sliding.layers / pipeline_stages)
        page = max(page, BASE_BLOCK_TOKENS * window_bytes)
    if state := arch.linear or arch.mamba:
        buckets["state"] = ceil(state.layers / pipeline_stages)
        page = max(page, _round_up(ceil(_state_bytes(state, gpus, conv_columns) / full_bytes)) * full_bytes)
    buckets = {kind: layers for kind, layers in buckets.items() if layers}
    smallest, largest = min(buckets.values()), max(buckets.values())
    size = largest if largest < 1.5 * smallest else smallest
    groups = {kind: ceil(layers / size) for kind, layers in buckets.items()}
    block_tokens = max(BASE_BLOCK_TOKENS, page // full_bytes // BASE_BLOCK_TOKENS * BASE_BLOCK_TOKENS)
    needed = groups.get("full", 0) * ceil(max_model_len / block_tokens) + groups.get("state", 0) * state_blocks
    if arch.sliding:
        window_block = max(BASE_BLOCK_TOKENS, page // window_bytes // BASE_BLOCK_TOKENS * BASE_BLOCK_TOKENS)
        held = min(arch.sliding.window - 1 + inflight_batches * max_num_batched_tokens, max_model_len)
        needed += groups["sliding"] * (ceil(held / window_block) + 1)
    return CacheLayout(
        block_bytes=size * page,
        block_tokens=block_tokens,
        groups=sum(groups.values()),
        request_blocks=needed,
        bytes_per_token=buckets.get("full", 0) * full_bytes,
        max_model_len=max_model_len,
        has_state=state is not None,
    )


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


def _state_bytes(state: LinearAttention | Mamba, gpus: int, conv_columns: int) -> int:
    """State of one request in one layer of one GPU: the recurrent matrix and the convolution's last columns."""
    columns = state.conv_kernel - 1 + conv_columns
    if isinstance(state, LinearAttention):
        values = state.value_heads // gpus
        recurrent = values * state.key_head_dim * state.value_head_dim * state.state_bytes
        channels = 2 * state.key_heads // gpus * state.key_head_dim + values * state.value_head_dim
    else:
        recurrent = state.heads // gpus * state.head_dim * state.state_size * state.state_bytes
        channels = (state.heads * state.head_dim + 2 * state.groups * state.state_size) // gpus
    return recurrent + channels * columns * 2


def _round_up(tokens: int) -> int:
    return ceil(tokens / BASE_BLOCK_TOKENS) * BASE_BLOCK_TOKENS
