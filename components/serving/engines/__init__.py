"""The engines by the name that settings use: one pure function each."""

from collections.abc import Callable
from typing import Final

from components.model.lock import ModelLock
from components.serving.engines import llama_cpp, vllm
from components.serving.engines.launch import Launch, Service

ENGINES: Final[dict[str, Callable[[Service, ModelLock, str], Launch]]] = {
    "vllm": vllm.launch,
    "llama-cpp": llama_cpp.launch,
}
