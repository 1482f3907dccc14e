"""One walk through every kind of workload, and one view of a container for Kubernetes and Docker."""

import re
from collections.abc import Iterator, Mapping
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

_ENGINES: Final = {
    "vllm": re.compile(r"(^|/)vllm([-:@/]|$)|(^|\s|/)vllm\s+serve\b|vllm\.entrypoints"),
    "llama.cpp": re.compile(r"(^|/)(llama[-.]?cpp)([-:@/]|$)|(^|\s|/)llama-server\b"),
    "sglang": re.compile(r"(^|/)sglang([-:@/]|$)|sglang\.launch_server"),
}


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
        """Command and arguments; a shell's command line is split as well."""
        given = [str(word) for key in self.arguments_of for word in items(self.spec.get(key))]
        if any(word in ("-c", "-lc", "-ec", "-exc") for word in given):
            return tuple(part for word in given for part in word.split())
        return tuple(given)

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
        """The inference engine it runs, None for anything else."""
        try:
            image = str(self.image).partition("@")[0]
        except UnknownValueError:
            image = ""
        line = " ".join(self.words)
        return next((name for name, sign in _ENGINES.items() if sign.search(image) or sign.search(line)), None)

    def flag(self, *names: str) -> str | None:
        """The value of the last of these flags: "" when it has none, None when no flag is given."""
        found = None
        for index, word in enumerate(self.words):
            name, equals, value = word.partition("=")
            if name.replace("_", "-") in names:
                following = self.words[index + 1] if index + 1 < len(self.words) else ""
                found = value if equals else ("" if following.startswith("-") else following)
        return found


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


def containers(resource: Resource) -> Iterator[Container]:
    """Every container of a workload (ordinary, init, ephemeral), or the one of a Docker container."""
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
