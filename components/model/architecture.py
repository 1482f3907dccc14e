"""The numbers of a model that memory depends on."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from components.settings.common import SECTION

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]


class LatentAttention(BaseModel):
    """Multi-head latent attention: one compressed vector a token instead of keys and values."""

    model_config = SECTION

    kv_lora_rank: Positive
    qk_rope_head_dim: Positive
    index_head_dim: Positive | None = None


class LinearAttention(BaseModel):
    """Layers with a matrix as state instead of a cache that grows: gated delta networks, KDA, lightning attention.

    `conv_kernel: 1` stands for layers without a convolution.
    """

    model_config = SECTION

    layers: Positive
    key_heads: Positive
    value_heads: Positive
    key_head_dim: Positive
    value_head_dim: Positive
    conv_kernel: Positive
    state_bytes: Literal[2, 4] = 4


class Mamba(BaseModel):
    """Mamba layers: a state of fixed size instead of a cache that grows.

    Mamba-1 has one head a channel (`head_dim: 1`) and no groups; a short convolution (LFM2) no recurrent state either.
    """

    model_config = SECTION

    layers: Positive
    heads: Positive
    head_dim: Positive
    groups: Count
    state_size: Count
    conv_kernel: Positive
    state_bytes: Literal[2, 4] = 4


class SlidingWindow(BaseModel):
    """Layers that look back a limited number of tokens; heads of their own where the model has them."""

    model_config = SECTION

    layers: Positive
    window: Positive


class ChunkedAttention(BaseModel):
    """Layers that look back to the start of their chunk of tokens (Llama 4)."""

    model_config = SECTION

    layers: Positive
    chunk: Positive


class Experts(BaseModel):
    """The mixture: how many experts a layer has and how many serve one token."""

    model_config = SECTION

    total: Positive
    active: Positive


class Architecture(BaseModel):
    """The numbers of `config.json` that memory depends on.

    `kv_heads` and `head_dim` describe the full-attention layers and, unless `global_*` are given, the sliding ones:
    with `global_*` the full-attention layers use those (Gemma 4). Where attention and a state work side by side in one
    layer (Falcon-H1), `parallel_state` says so and `layers` counts it once. `draft_layers` predict further tokens and
    cache like full-attention layers, once speculation is on.
    """

    model_config = SECTION

    model_type: Annotated[str, Field(min_length=1)]
    layers: Positive
    hidden_size: Positive
    attention_heads: Positive
    kv_heads: Positive
    head_dim: Positive
    vocab_size: Positive
    max_position_embeddings: Positive
    global_kv_heads: Positive | None = None
    global_head_dim: Positive | None = None
    intermediate_size: Positive | None = None
    layers_without_kv: Count = 0
    draft_layers: Count = 0
    parallel_state: bool = False
    sliding: SlidingWindow | None = None
    chunked: ChunkedAttention | None = None
    latent: LatentAttention | None = None
    linear: LinearAttention | None = None
    mamba: Mamba | None = None
    experts: Experts | None = None
    multimodal: bool = False

    @property
    def full_layers(self) -> int:
        """Layers whose cache grows with every token."""
        kinds: list[SlidingWindow | ChunkedAttention | LinearAttention | Mamba | None] = [self.sliding, self.chunked]
        if not self.parallel_state:
            kinds += [self.linear, self.mamba]
        return self.layers - self.layers_without_kv - sum(kind.layers for kind in kinds if kind)

    @model_validator(mode="after")
    def _layers_add_up(self) -> Self:
        if self.full_layers < 0:
            raise ValueError(f"layers '{self.layers}' is below the sum of the special layers; check the config.json")
        return self
