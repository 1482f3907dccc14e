"""The composition roots: what one stack deploys. Only here do rooms meet."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from pulumi import Input

Layer = Callable[[Any], Mapping[str, Input[Any]]]
"""Settings of a layer -> what its stack exports."""


def _build_of(module: str) -> Layer:
    """The `build` of a layer's module, imported when it runs: a platform preview needs no Kubernetes SDK."""

    def build(settings: Any) -> Mapping[str, Input[Any]]:
        exports: Mapping[str, Input[Any]] = import_module(f"components.layers.{module}").build(settings)
        return exports

    return build


LAYERS: Final[dict[str, Layer]] = {
    "platform": _build_of("platform"),
    "images": _build_of("images"),
    "serving": _build_of("serving"),
    "edge": _build_of("edge"),
    "managed": _build_of("managed"),
    "organisation": _build_of("organisation"),
}
