"""What an inference engine may load: safe formats, pinned models, nothing from the network."""

import re
from collections.abc import Iterator

from ..findings import Resource
from ..pods import CONTAINER_TYPES, containers, engines
from ..rules import Rule, rule

_VLLM = "https://docs.vllm.ai/en/latest/usage/security.html"
_SAFE_FORMATS = frozenset({"safetensors", "fastsafetensors", "runai_streamer", "runai_streamer_sharded"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DOWNLOAD = re.compile(
    r"\b(pip3?|uv|conda|apt|apt-get|apk|dnf|yum|npm)\s+(pip\s+)?(install|add)\b|\b(curl|wget)\b|\bgit\s+clone\b"
    r"|\b(huggingface-cli|hf)\s+download\b"
)
_FLOOR = (0, 20, 2)


@rule(
    *CONTAINER_TYPES,
    fix="Remove --trust-remote-code; use an architecture that the engine has built in.",
    source=_VLLM,
    severity="critical",
)
def supply_chain_engine_runs_no_model_code(resource: Resource) -> Iterator[str]:
    """No engine runs Python code that comes with a model."""
    for container in engines(resource):
        for flag in ("--trust-remote-code", "--hf-overrides", "--worker-extension-cls"):
            if container.flag(flag) is not None and container.flag(flag) != "false":
                yield f"{container.path}: {flag} is given"


@rule(*CONTAINER_TYPES, fix="Give --load-format=safetensors.", source=_VLLM)
def supply_chain_engine_loads_safetensors(resource: Resource) -> Iterator[str]:
    """VLLM and SGLang load safetensors only, never pickles; GGUF files are for llama.cpp."""
    for container in engines(resource):
        if container.engine in ("vllm", "sglang"):
            given = container.flag("--load-format")
            if given not in _SAFE_FORMATS:
                yield f"{container.path}: --load-format is {given or 'not given'!r}"


@rule(
    *CONTAINER_TYPES,
    fix="Give the path of the weight cache, or a repository with --revision and a full commit.",
    source="https://huggingface.co/docs/hub/repositories-getting-started",
)
def supply_chain_engine_model_is_pinned(resource: Resource) -> Iterator[str]:
    """A model is a local path or a repository at a full commit, and llama.cpp downloads nothing."""
    for container in engines(resource):
        words = container.words
        if container.engine == "llama.cpp":
            for flag in ("-hf", "-hfr", "--hf-repo", "-mu", "--model-url", "-dr", "--docker-repo"):
                if container.flag(flag) is not None:
                    yield f"{container.path}: {flag} downloads a model"
            continue
        model = container.flag("--model", "--model-path")
        if model is None and "serve" in words:
            after = words[words.index("serve") + 1 :]
            model = after[0] if after and not after[0].startswith("-") else None
        revision = container.flag("--revision") or ""
        if model is None:
            yield f"{container.path}: no model is named"
        elif not model.startswith("/") and not _COMMIT.fullmatch(revision):
            yield f"{container.path}: model {model!r} has no full commit as --revision"
        elif revision and not _COMMIT.fullmatch(revision):
            yield f"{container.path}: --revision {revision!r} is not a full commit"


@rule(
    *CONTAINER_TYPES,
    fix="Set HF_HUB_OFFLINE=1.",
    source="https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
)
def supply_chain_engine_is_offline(resource: Resource) -> Iterator[str]:
    """VLLM and SGLang never ask the Hugging Face Hub."""
    for container in engines(resource):
        if container.engine in ("vllm", "sglang") and container.environment.get("HF_HUB_OFFLINE") not in ("1", "true"):
            yield f"{container.path}: HF_HUB_OFFLINE is not 1"


@rule(*CONTAINER_TYPES, fix="Put what is needed into the image; a container starts what it holds.", source=_VLLM)
def supply_chain_container_downloads_nothing(resource: Resource) -> Iterator[str]:
    """No container installs or downloads software when it starts."""
    for container in containers(resource):
        found = _DOWNLOAD.search(" ".join(container.words))
        if found is not None:
            yield f"{container.path}: the command runs {found.group(0)!r}"


@rule(*CONTAINER_TYPES, fix="Use vLLM 0.20.2 or newer.", source=_VLLM)
def supply_chain_engine_is_recent(resource: Resource) -> Iterator[str]:
    """Where the image's tag tells vLLM's version, it is 0.20.2 or newer."""
    for container in engines(resource):
        found = re.search(r":v?(\d+)\.(\d+)\.(\d+)", str(container.image))
        if container.engine == "vllm" and found is not None and tuple(int(part) for part in found.groups()) < _FLOOR:
            yield f"{container.path}: vLLM {'.'.join(found.groups())} is older than 0.20.2"


@rule(
    *CONTAINER_TYPES,
    "kubernetes:core/v1:PersistentVolume",
    fix="Bring files by the weight cache or an image; no volume clones a repository.",
    source="https://kubernetes.io/docs/concepts/storage/volumes/#gitrepo",
)
def supply_chain_volume_clones_nothing(resource: Resource) -> Iterator[str]:
    """No volume clones a git repository."""
    for path, leaf in resource.leaves:
        if ".gitRepo." in path:
            yield f"{path} names {leaf!r}"


RULES: tuple[Rule, ...] = (
    supply_chain_engine_runs_no_model_code,
    supply_chain_engine_loads_safetensors,
    supply_chain_engine_model_is_pinned,
    supply_chain_engine_is_offline,
    supply_chain_container_downloads_nothing,
    supply_chain_engine_is_recent,
    supply_chain_volume_clones_nothing,
)
