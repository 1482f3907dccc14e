"""What an inference engine may load: safe formats, pinned models, nothing from the network, no code of others."""

import json
import re
from collections.abc import Iterator, Mapping

from ..addresses import is_private_host, url_host
from ..arns import is_own_bucket
from ..engine_flags import ENGINE_VARIABLE, HARMLESS_VARIABLES, KNOWN, VLLM, told
from ..findings import Resource, each
from ..pods import (
    CONTAINER,
    CONTAINER_TYPES,
    ENGINE,
    ROLE,
    Container,
    containers,
    engines,
    labels,
)
from ..rules import Rule, rule

_VLLM = "https://docs.vllm.ai/en/latest/usage/security.html"
_ARGUMENTS = "https://docs.vllm.ai/en/latest/configuration/engine_args/"
_SAFE_FORMATS = frozenset({"safetensors", "fastsafetensors", "runai_streamer", "runai_streamer_sharded"})
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Models lie below their commit, and nobody but who pushes them may write there.
_STREAMED = re.compile(r"s3://([a-z0-9.-]+)/models/[a-z0-9.-]+/[0-9a-f]{40}/?")
_PATH = re.compile(r"/[\w./@+=,-]+")
_DOWNLOAD = re.compile(
    r"\b(pip3?|uv|conda|apt|apt-get|apk|dnf|yum|npm)\s+(pip\s+)?(install|add)\b|\b(curl|wget)\b|\bgit\s+clone\b"
    r"|\b(huggingface-cli|hf)\s+download\b|\baws\s+s3\b|\b(rclone|s5cmd|oras|skopeo|aria2c)\b"
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
# Shells, and programs that start another one with other variables, rights or libraries.
_SHELLS = re.compile(
    r"(ba|a|da|z|k|c|tc|fi|pw|r|mk)?sh|busybox|toybox|CMD-SHELL|env|xargs|eval|nsenter|chroot|unshare|setpriv|capsh|su|sudo"
    r"|doas|ld-(linux|musl).*|ld\.so.*"
)
# Folders that hold an image's programs, libraries and interpreters.
_PROGRAMS = ("/app", "/bin", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/usr", "/vllm-workspace", "/etc/ld.so")
_INTERPRETER = re.compile(r"(python|perl|ruby|node|nodejs|php|lua|deno|bun|pypy|Rscript)[\d.]*")
_INLINE = re.compile(r"-[a-zA-Z]*[cer]|--(eval|execute|command)(=.*)?")
_LOADERS = re.compile(
    r"LD_(PRELOAD|AUDIT|LIBRARY_PATH)|PYTHON(PATH|STARTUP|HOME|BREAKPOINT|PLATLIBDIR)|BASH_ENV"
    r"|NODE_(OPTIONS|PATH)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|PERL5(OPT|LIB)|RUBY(OPT|LIB)|PATH"
    r"|GIT_(SSH|SSH_COMMAND|CONFIG\w*|PROXY_COMMAND|EXTERNAL_DIFF)|GCONV_PATH|GLIBC_TUNABLES|OPENSSL_(CONF|ENGINES)"
    r"|(PIP|UV|CONDA|NPM_CONFIG|POETRY)_\w*(INDEX|URL|CONFIG|REGISTRY|FIND_LINKS|HOST)\w*|TRITON_(PTXAS_PATH|BACKENDS\w*)"
    r"|CUDA_INJECTION64_PATH|NCCL_(NET_PLUGIN|TUNER_PLUGIN|PROFILER_PLUGIN|CONF_FILE)|TORCH_DEVICE_BACKEND_AUTOLOAD"
    r"|TRUST_REMOTE_CODE|HF_HUB_TRUST_REMOTE_CODE|TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
    re.IGNORECASE,
)
_FLOOR = (0, 20, 2)
_FLOOR_FIX = (
    "Use vLLM 0.20.2 or newer: older ones answer some paths without a key (issues 42591, 42594), run code of a model "
    "or a prompt (GHSA-2pc9-4j83-qjmr, GHSA-4r2x-xpjr-7cvv, GHSA-7972-pg2x-xr59) and fall over (GHSA-3mwp-wvh9-7528)."
)
_VLLM_VERSION = re.compile(r"(?:^|/)vllm(?:-[a-z0-9-]+)?:v?(\d+)\.(\d+)(?:\.(\d+))?")


@rule(
    *CONTAINER_TYPES,
    fix="Run vLLM or llama.cpp with the program's name in `command` or in the image's name; another engine needs a "
    "review of its flags and advisories first, and an entry in policies/guardrails/engine_flags.py.",
    source="https://github.com/sgl-project/sglang/issues/30165",
    severity="critical",
)
def supply_chain_engine_is_known(resource: Resource) -> Iterator[str]:
    """Only engines that the pack can judge serve a model.

    Whoever is given a GPU, or carries the label by which network policies know an engine, is one of them.
    """
    found = list(engines(resource))
    for container in found:
        if container.engine not in KNOWN:
            yield f"{container.path} runs {container.engine}"
    if resource.type != CONTAINER and not found and labels(resource).get(ROLE) == ENGINE:
        yield f"its pods are labelled {ROLE}: {ENGINE} and run none"


@rule(
    *CONTAINER_TYPES,
    fix="Spell out flags that policies/guardrails/engine_flags.py lists; add one there after a review.",
    source=_ARGUMENTS,
    severity="critical",
)
def supply_chain_engine_flags_are_known(resource: Resource) -> Iterator[str]:
    """An engine is told nothing but reviewed flags, in full: no plug-ins, no files of flags, no abbreviations."""
    for container in engines(resource):
        known = KNOWN.get(container.engine or "")
        if known is None:
            continue
        if any("$" in word for word in container.words):
            yield f"{container.path}: an argument comes from a variable that is not given as text"
        loose = 0
        for name, value in told(container, known):
            if not name:
                loose += 1
            elif name not in known.all:
                yield f"{container.path}: flag {name if name.startswith('--') else name[:3]} is not listed"
            elif name in known.paths and not (_PATH.fullmatch(value) and ".." not in value):
                if value not in known.paths[name] and not (name == "--model" and _is_pinned(container)):
                    yield f"{container.path}: {name} is not a local path"
            elif name in known.commits and not _COMMIT.fullmatch(value):
                yield f"{container.path}: {name} is not a full commit"
        if loose > known.positionals:
            yield f"{container.path}: {loose} arguments belong to no flag"


@rule(
    *CONTAINER_TYPES,
    fix="Remove the variable; what a review found harmless is listed in policies/guardrails/engine_flags.py.",
    source="https://docs.vllm.ai/en/latest/configuration/env_vars/",
    severity="critical",
)
def supply_chain_engine_variables_are_known(resource: Resource) -> Iterator[str]:
    """No variable loads plug-ins into an engine or turns on what its flags must not."""
    for container in engines(resource):
        for name, value in container.environment.items():
            if (
                ENGINE_VARIABLE.match(name)
                and name not in HARMLESS_VARIABLES
                and str(value).lower() not in ("0", "", "false")
            ):
                yield f"{container.path}: {name} is set"


@rule(
    *CONTAINER_TYPES,
    fix="Remove the variable; what a program needs is in its image.",
    source="https://man7.org/linux/man-pages/man8/ld.so.8.html",
    severity="critical",
)
def supply_chain_container_loads_nothing_by_variable(resource: Resource) -> Iterator[str]:
    """No variable makes a program load other code, or fetch it from another index."""
    for container in containers(resource):
        for name in container.environment:
            if _LOADERS.fullmatch(name):
                yield f"{container.path}: {name} is set"
        if list(each(container.spec, "envFrom")):
            yield f"{container.path}.envFrom brings in variables that nobody sees here; list them"


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
    """VLLM loads safetensors only, never pickles; GGUF files are for llama.cpp."""
    for container in engines(resource):
        if container.engine == "vllm" and container.flag("--load-format") not in _SAFE_FORMATS:
            yield f"{container.path}: --load-format is not a format of safetensors"


@rule(
    *CONTAINER_TYPES,
    fix="Give a path of the loader's, a full commit in the own weight cache, or a repository with --revision and one.",
    source="https://huggingface.co/docs/hub/repositories-getting-started",
)
def supply_chain_engine_model_is_pinned(resource: Resource) -> Iterator[str]:
    """Every model that an engine loads is a local path, or for vLLM a full commit in an own bucket or a repository."""
    for container in engines(resource):
        if container.engine == "llama.cpp":
            for flag in ("-hf", "-hfr", "--hf-repo", "-mu", "--model-url", "-dr", "--docker-repo"):
                if container.flag(flag) is not None:
                    yield f"{container.path}: {flag} downloads a model"
            continue
        if container.engine != "vllm":
            continue
        models = [value for name, value in told(container, VLLM) if name in ("", "--model")]
        if not models:
            yield f"{container.path}: no model is named"
        for model in models:
            streamed = _STREAMED.fullmatch(model)
            own = streamed is not None and is_own_bucket(streamed.group(1), resource.estate)
            if not own and not _PATH.fullmatch(model) and not _is_pinned(container):
                yield f"{container.path}: a model has no full commit as --revision"


@rule(
    *CONTAINER_TYPES,
    fix="Let the drafter be a local path in --speculative-config, and give nothing there that a review did not see.",
    source="https://docs.vllm.ai/en/latest/features/spec_decode/",
)
def supply_chain_engine_drafter_is_local(resource: Resource) -> Iterator[str]:
    """A second model that drafts tokens comes from the weight cache as well."""
    for container in engines(resource):
        text = container.flag("--speculative-config")
        if text is None:
            continue
        try:
            config = json.loads(text)
        except ValueError:
            config = None
        if not isinstance(config, Mapping) or not config.keys() <= {
            "method",
            "model",
            "num_speculative_tokens",
            "prompt_lookup_max",
            "prompt_lookup_min",
            "draft_tensor_parallel_size",
        }:
            yield f"{container.path}: --speculative-config cannot be judged"
        elif not (config.get("model") in (None, "ngram", "[ngram]") or _PATH.fullmatch(str(config["model"]))):
            yield f"{container.path}: --speculative-config names a model that is not a local path"


def _is_pinned(container: Container) -> bool:
    return _COMMIT.fullmatch(container.flag("--revision") or "") is not None


@rule(
    *CONTAINER_TYPES,
    fix="Set HF_HUB_OFFLINE=1.",
    source="https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables",
)
def supply_chain_engine_is_offline(resource: Resource) -> Iterator[str]:
    """VLLM never asks the Hugging Face Hub."""
    for container in engines(resource):
        if container.engine == "vllm" and container.environment.get("HF_HUB_OFFLINE") not in ("1", "true"):
            yield f"{container.path}: HF_HUB_OFFLINE is not 1"


@rule(*CONTAINER_TYPES, fix="Put what is needed into the image; a container starts what it holds.", source=_VLLM)
def supply_chain_container_downloads_nothing(resource: Resource) -> Iterator[str]:
    """No container installs or downloads software when it starts, is probed or ends."""
    for container in containers(resource):
        for path, words in ((container.path, container.words), *container.hooks):
            line = " ".join(words)
            found = _DOWNLOAD.search(line)
            if found is not None and not (path != container.path and _asks_inside(found.group(0), line, resource)):
                yield f"{path}: the command runs {found.group(0)!r}"


def _asks_inside(program: str, line: str, resource: Resource) -> bool:
    """Whether a probe asks addresses inside only, such as the container's own health."""
    asked = _URL.findall(line)
    return (
        program in ("curl", "wget")
        and bool(asked)
        and all(is_private_host(url_host(url), resource.estate) for url in asked)
    )


@rule(
    *CONTAINER_TYPES,
    fix="Name the program and its arguments; what a script does belongs into an image.",
    source="https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/",
)
def supply_chain_container_runs_no_script(resource: Resource) -> Iterator[str]:
    """A container runs a program of its image: no shell, no script in an argument, nothing out of a mounted folder."""
    for container in containers(resource):
        mounted = tuple(
            f"{str(mount.get(key)).rstrip('/')}/"
            for kind, key in (("volumeMounts", "mountPath"), ("volumes", "containerPath"))
            for _, mount in each(container.spec, kind)
        )
        for path, words in ((container.path, container.words), *container.hooks):
            programs = [word.rpartition("/")[2] for word in words]
            if any(_SHELLS.fullmatch(program) for program in programs):
                yield f"{path}: the command runs a shell, or a program that starts another"
            starts = [index for index, program in enumerate(programs) if _INTERPRETER.fullmatch(program)]
            if starts and any(_INLINE.fullmatch(word) for word in words[starts[0] + 1 :]):
                yield f"{path}: the command holds a script"
            files = [*words[:1], *words[starts[0] + 1 : starts[0] + 2]] if starts else words[:1]
            if any(word.startswith(mounted) for word in files if mounted):
                yield f"{path}: the program lies in a mounted folder"
        if f"{str(container.spec.get('workingDir')).rstrip('/')}/".startswith(mounted or "\0"):
            yield f"{container.path}.workingDir is a mounted folder, from which programs load their parts"
        for mount in mounted:
            if mount == "/" or any(f"{root}/".startswith(mount) or mount.startswith(root) for root in _PROGRAMS):
                yield f"{container.path}: {mount.rstrip('/') or '/'!r} is mounted over the image's programs"


@rule(
    *CONTAINER_TYPES,
    "docker:index/tag:Tag",
    "docker:index/registryImage:RegistryImage",
    "docker:index/remoteImage:RemoteImage",
    fix=_FLOOR_FIX,
    source="https://github.com/vllm-project/vllm/security/advisories",
)
def supply_chain_engine_is_recent(resource: Resource) -> Iterator[str]:
    """Where an image's tag tells vLLM's version, it is 0.20.2 or newer, in a container as in the registry."""
    if resource.type in CONTAINER_TYPES:
        images = [(container.path, str(container.image)) for container in engines(resource)]
    else:
        images = [(key, str(resource.get(key))) for key in ("name", "targetImage") if resource.get(key)]
    for path, image in images:
        found = _VLLM_VERSION.search(image)
        if found is not None and tuple(int(part or 0) for part in found.groups()) < _FLOOR:
            yield f"{path}: vLLM {'.'.join(part or '0' for part in found.groups())} is older than 0.20.2"


RULES: tuple[Rule, ...] = (
    supply_chain_engine_is_known,
    supply_chain_engine_flags_are_known,
    supply_chain_engine_variables_are_known,
    supply_chain_container_loads_nothing_by_variable,
    supply_chain_engine_runs_no_model_code,
    supply_chain_engine_loads_safetensors,
    supply_chain_engine_model_is_pinned,
    supply_chain_engine_drafter_is_local,
    supply_chain_engine_is_offline,
    supply_chain_container_downloads_nothing,
    supply_chain_container_runs_no_script,
    supply_chain_engine_is_recent,
)
