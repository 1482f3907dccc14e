"""A small double of the Hub: what its client gives for one revision, and the bytes of its files."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import IO, Any

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "max_position_embeddings": 512,
    "torch_dtype": "bfloat16",
}
REVISION = "b" * 40


class FakeHub:
    """`HfApi.model_info` of one revision; the Hub has digests of safetensors only."""

    def __init__(self, files: dict[str, bytes], header: Mapping[str, Any], sha: str = REVISION) -> None:
        self.files, self.header, self.sha = files, header, sha

    def model_info(self, repository: str, *, revision: str | None, files_metadata: bool, timeout: float) -> Any:
        assert files_metadata
        assert timeout
        siblings = [
            SimpleNamespace(
                rfilename=path,
                size=len(content),
                blob_id=None,
                lfs=SimpleNamespace(sha256=hashlib.sha256(content).hexdigest())
                if path.endswith("safetensors")
                else None,
            )
            for path, content in self.files.items()
        ]
        card = SimpleNamespace(to_dict=lambda: dict(self.header))
        return SimpleNamespace(sha=self.sha, siblings=siblings, gated=False, card_data=card)


def opener(
    files: Mapping[str, bytes], sha: str = REVISION
) -> Callable[[str, str, str], AbstractContextManager[IO[bytes]]]:
    """What stands for `operations.hub.open_stream`."""

    @contextmanager
    def opened(repository: str, revision: str, path: str) -> Iterator[IO[bytes]]:
        assert revision == sha
        yield io.BytesIO(files[path])

    return opened
