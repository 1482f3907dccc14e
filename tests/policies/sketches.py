"""Small good stacks, as sketches: name -> type, spoil of the type's good twin, property -> names that it comes from."""

from collections.abc import Mapping
from typing import Any

from policies.guardrails.findings import Resource

from .support import good, merged, token, view

Sketch = Mapping[str, tuple[str, Mapping[str, Any] | None, Mapping[str, tuple[str, ...]]]]

STORAGE: Sketch = {
    "logs": ("aws:s3/bucket:Bucket", {"id": "logs-111122223333"}, {}),
    "logs-block": ("BucketPublicAccessBlock", {"bucket": "UNKNOWN"}, {"bucket": ("logs",)}),
    "logs-key": ("BucketServerSideEncryptionConfiguration", {"bucket": "logs-111122223333"}, {"bucket": ("logs",)}),
    "key": ("kms/key", {}, {}),
    "trail": (
        "cloudtrail/trail",
        {"s3BucketName": "UNKNOWN", "kmsKeyId": "UNKNOWN"},
        {"s3BucketName": ("logs",), "kmsKeyId": ("key",)},
    ),
}
GATEWAY_PODS: Mapping[str, Any] = {
    "spec": {
        "template": {
            "metadata": {"labels": {"app.kubernetes.io/name": "gateway"}},
            "spec": {
                "volumes": [{"name": "configuration", "configMap": {"name": "gateway"}}],
                "containers": [
                    {
                        "name": "envoy",
                        "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cloister/envoy@sha256:" + "a91b0c2d" * 8,
                    }
                ],
            },
        }
    }
}
SERVING: Sketch = {
    "namespace": ("Namespace", {}, {}),
    "deny": ("NetworkPolicy", {"spec": {"podSelector": {"matchLabels": None}, "ingress": None, "egress": None}}, {}),
    "engine": ("Deployment", {}, {}),
    "engine-rules": ("NetworkPolicy", {}, {}),
    "gateway": ("Service", {}, {}),
    "gateway-pods": ("Deployment", GATEWAY_PODS, {}),
    "gateway-config": ("ConfigMap", {}, {}),
}
EDGE: Sketch = {
    "inside": ("docker:index/network:Network", {}, {}),
    "outside": ("docker:index/network:Network", {"name": "cloister-front", "internal": False}, {}),
    "gateway": (
        "docker:index/container:Container",
        {"networksAdvanced": [{"name": "cloister-inside"}, {"name": "cloister-front"}]},
        {},
    ),
    "pull": (
        "docker:index/remoteImage:RemoteImage",
        {"name": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/cloister/envoy@sha256:" + "a91b0c2d" * 8},
        {},
    ),
    "engine": (
        "docker:index/container:Container",
        {"image": "UNKNOWN", "ports": None, "networksAdvanced": [{"name": "cloister-inside"}]},
        {"image": ("pull",)},
    ),
}


def built(sketch: Sketch) -> tuple[Resource, ...]:
    """The resources of a sketch, each with its sources."""

    def one(name: str, sources: Mapping[str, tuple[Resource, ...]]) -> Resource:
        kind, spoil, _ = sketch[name]
        return view(token(kind), merged(good()[token(kind)], spoil), name=name, sources=sources)

    plain = {name: one(name, {}) for name in sketch}
    return tuple(
        one(name, {key: tuple(plain[source] for source in found if source in plain) for key, found in sources.items()})
        for name, (_, _, sources) in sketch.items()
    )
