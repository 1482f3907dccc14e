"""One walk through every kind of workload, and one view of a container for Kubernetes and Docker."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pulumi_policy.proxy import UnknownValueError

from .findings import Resource, at, each, items

WORKLOADS: Final = {
    "kubernetes:apps/v1:Deployment": "spec.template.spec",
    "kubernetes:apps/v1:StatefulSet": "spec.template.spec",
    "kubernetes:apps/v1:DaemonSet": "spec.template.spec",
    "kubernetes:batch/v1:Job": "spec.template.spec",
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
}
WORKLOAD_TYPES: Final = tuple(WORKLOADS)
CONTAINER: Final = "docker:index/container:Container"
CONTAINER_TYPES: Final = (*WORKLOAD_TYPES, CONTAINER)


def listed(text: str) -> frozenset[str]:
    """The words of a text: how the pack writes down long lists of names."""
    return frozenset(text.split())


# Which pods are the gateway and which are engines: network policies and Services go by this label.
ROLE: Final = "app.kubernetes.io/name"
GATEWAY: Final = "gateway"
ENGINE: Final = "engine"
ENGINE_PORT: Final = 8000

HOOKS: Final = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")

# What gives an inference server away, in the image's name or in the command line. Most are never accepted: they are
# here so that a finding can name them. An engine in disguise is known by its GPU or its flags instead.
_ENGINES: Final = {
    "vllm": re.compile(r"(^|/)vllm([-:@/]|$)|(^|\s|/)vllm\s+serve\b|vllm\.entrypoints"),
    "llama.cpp": re.compile(r"(^|/)(llama[-.]?cpp)([-:@/]|$)|(^|\s|/)llama-server\b"),
    "SGLang": re.compile(r"(^|/)sglang([-:@/]|$)|sglang\.launch_server|\bsglang\s+serve\b"),
    "TensorRT-LLM": re.compile(r"tensorrt[-_]?llm|\btrtllm"),
    "Triton": re.compile(r"tritonserver|openai_frontend"),
    "another engine": re.compile(
        r"text-generation-(inference|launcher)|text-embeddings-|(^|/)(ollama|lmdeploy|dynamo|aphrodite|localai|nim|tgi)"
        r"([-:@/]|$)|\bdynamo\.\w+|onnx-?runtime|mlc[-_]llm|ktransformers|koboldcpp|xinference|torchserve|openllm"
    ),
}
_ENGINE_FLAGS: Final = re.compile(
    r"--(served[-_]model[-_]name|tensor[-_]parallel[-_]size|tp[-_]size|model[-_]path|model[-_]repository|load[-_]format"
    r"|n-gpu-layers|gpu[-_]memory[-_]utilization|mem-fraction-static|trust[-_]remote[-_]code)(=.*)?|-ngl|.*\.gguf"
)
UNKNOWN_ENGINE: Final = "an engine that is not named"
_ACCELERATOR: Final = re.compile(r"(^|[./-])(gpu|mig|neuron|neuroncore|gaudi|tpu)([./-]|$)", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\$\((\w+)\)|\$\{(\w+)\}|\$(\w+)")
_SCRIPT_FLAG: Final = re.compile(r"-[a-z]*c")


@dataclass(frozen=True)
class Container:
    """One container with the path it is declared at; environment values given by reference are None."""

    path: str
    spec: Mapping[str, Any]
    arguments_of: tuple[str, ...]
    environment_of: str

    @property
    def image(self) -> Any:
        """The image reference; raises UnknownValueError when it is not known."""
        return self.spec.get("image")

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Command and arguments, with variables in their places; a shell's command line is split as well."""
        return self._line(word for key in self.arguments_of for word in items(self.spec.get(key)))

    @cached_property
    def hooks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Every command that the host runs inside the container besides its own, with its path."""
        found = [(f"{self.path}.{place}.exec", at(self.spec, f"{place}.exec.command")) for place in HOOKS]
        found.append((f"{self.path}.healthcheck", at(self.spec, "healthcheck.tests")))
        return tuple((path, self._line(items(command))) for path, command in found if command is not None)

    def _line(self, given: Iterator[Any]) -> tuple[str, ...]:
        words = tuple(self._filled(str(word)) for word in given)
        # A single text instead of a list is a line as well.
        if len(words) == 1 or any(_SCRIPT_FLAG.fullmatch(word) for word in words):
            return tuple(part for word in words for part in word.split())
        return words

    def _filled(self, word: str) -> str:
        def value(match: re.Match[str]) -> str:
            return self.environment.get(next(filter(None, match.groups()))) or match.group(0)

        return _VARIABLE.sub(value, word) if "$" in word else word

    @cached_property
    def environment(self) -> Mapping[str, str | None]:
        """Variables with their literal values; None where a Secret or a field provides it."""
        found: dict[str, str | None] = {}
        for entry in items(self.spec.get(self.environment_of)):
            if isinstance(entry, Mapping):
                value = entry.get("value")
                found[str(entry.get("name"))] = None if "valueFrom" in entry and value is None else str(value or "")
            else:
                name, _, text = str(entry).partition("=")
                found[name] = text
        return found

    @cached_property
    def engine(self) -> str | None:
        """The inference engine it runs, None for anything else.

        An image may have any name: who is given a GPU, or told what engines are told, is an engine too.
        """
        try:
            image = str(self.image).partition("@")[0]
        except UnknownValueError:
            image = ""
        line = " ".join(self.words)
        named = next((name for name, sign in _ENGINES.items() if sign.search(image) or sign.search(line)), None)
        if named is None and (self.has_accelerator or self._is_told_like_an_engine()):
            return UNKNOWN_ENGINE
        return named

    @property
    def has_accelerator(self) -> bool:
        """Whether it is given a GPU or the like."""
        asked = [name for kind in ("limits", "requests") for name in at(self.spec, f"resources.{kind}") or ()]
        given = any(self.spec.get(key) for key in ("gpus", "deviceRequests"))
        return given or bool(at(self.spec, "resources.claims")) or any(_ACCELERATOR.search(name) for name in asked)

    def _is_told_like_an_engine(self) -> bool:
        return any(_ENGINE_FLAGS.fullmatch(word) for word in self.words)

    def flag(self, *names: str) -> str | None:
        """The value of the last of these flags: "" when it has none, None when no flag is given."""
        found = None
        for index, word in enumerate(self.words):
            name, equals, value = word.partition("=")
            if name.replace("_", "-") in names:
                following = self.words[index + 1] if index + 1 < len(self.words) else ""
                found = value if equals else ("" if following.startswith("-") else following)
        return found


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every known text below a value, as it is written, with its path; documents inside are not opened."""
    if isinstance(value, str):
        yield path, value
        return
    if isinstance(value, Mapping):
        keys = [(key, f"{path}.{key}" if path else str(key)) for key in value]
    elif isinstance(value, Sequence):
        keys = [(index, f"{path}[{index}]") for index in range(len(value))]
    else:
        return
    for key, place in keys:
        try:
            child = value[key]
        except UnknownValueError:
            continue
        yield from texts(child, place)


def image_name(reference: Any) -> str:
    """The last part of an image's name, without registry, tag and digest."""
    return re.split(r"[@:]", str(reference or "").partition("@")[0].rpartition("/")[2])[0]


def pod_path(resource: Resource) -> str:
    """Where the pod's specification is inside this kind of workload."""
    return WORKLOADS[resource.type]


def pod_spec(resource: Resource) -> Mapping[str, Any]:
    """The pod's specification of any workload.

    Raises:
        ValueError: when there is none.
    """
    spec = resource.get(pod_path(resource))
    if not isinstance(spec, Mapping):
        raise ValueError("no pod specification")
    return spec


def containers(resource: Resource) -> tuple[Container, ...]:
    """Every container of a workload (ordinary, init, ephemeral), or the one of a Docker container."""
    # Many rules walk the same pod: its containers stay with the resource, as a cached property would.
    kept = vars(resource)
    if "containers" not in kept:
        kept["containers"] = tuple(_containers(resource))
    found: tuple[Container, ...] = kept["containers"]
    return found


def _containers(resource: Resource) -> Iterator[Container]:
    if resource.type == CONTAINER:
        yield Container("container", resource.props, ("entrypoints", "command"), "envs")
        return
    spec = pod_spec(resource)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for path, element in each(spec, kind):
            yield Container(f"{pod_path(resource)}.{path}", element, ("command", "args"), "env")


def engines(resource: Resource) -> Iterator[Container]:
    """The containers that run an inference engine."""
    return (container for container in containers(resource) if container.engine is not None)


def labels(resource: Resource) -> Mapping[str, Any]:
    """The labels of the pods that a workload makes."""
    parent = pod_path(resource).removesuffix(".spec").removesuffix("spec")
    found = at(resource.props, f"{parent}.metadata.labels" if parent else "metadata.labels")
    return found if isinstance(found, Mapping) else {}
