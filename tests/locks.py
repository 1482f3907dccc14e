"""A tiny model's lock file, for tests that need one and look at other things."""

from components.model.architecture import Architecture
from components.model.lock import Licence, LockedFile, ModelLock, Quantisation, Source


def tiny_lock(*sizes: int, form: str = "safetensors", multimodal: bool = False) -> ModelLock:
    """A complete lock with one weights file of each size, in bytes; one of 1,000 bytes without any."""
    sizes = sizes or (1000,)
    return ModelLock(
        name="tiny",
        repository="example/tiny",
        revision="a" * 40,
        source=Source(kind="hub"),
        licence=Licence(id="Apache-2.0", terms="permissive"),
        format=form,  # type: ignore[arg-type]
        quantisation=Quantisation(method="none", bits=16),
        dtype="bfloat16",
        files=tuple(
            LockedFile(path=f"model-{number}.{form}", size_bytes=size, sha256=f"{number:064x}")
            for number, size in enumerate(sizes, 1)
        ),
        weights_bytes=sum(sizes),
        architecture=Architecture(
            model_type="llama",
            layers=2,
            hidden_size=64,
            attention_heads=2,
            kv_heads=2,
            head_dim=32,
            vocab_size=512,
            max_position_embeddings=2048,
            multimodal=multimodal,
        ),
        chat_template=True,
    )
