"""A Hugging Face Inference Endpoint as a resource: private, in the EU, at a pinned revision."""

import os
from typing import Any, Final

from pulumi import Input, Output, ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

TOKEN_VARIABLE: Final = "HF_TOKEN"
"""Read when the endpoint is made or changed; it is neither an input nor in the state."""
REPLACING: Final = ("name", "namespace", "repository", "vendor", "region", "private_link_account_id")
CHANGEABLE: Final = ("revision", "accelerator", "instance_type", "instance_size", "min_replica", "max_replica")
PRIVATE: Final = "private"


class EndpointProvider(ResourceProvider):
    """Makes, changes and removes the endpoint; what comes back and is not private is removed again.

    Source: huggingface-hub 2.4, `HfApi.create_inference_endpoint`.
    """

    # Nothing secret is captured, and a plain provider in the state can be read by a reviewer.
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create the endpoint and check what was made."""
        client = _client()
        endpoint = client.create_inference_endpoint(
            props["name"],
            namespace=props["namespace"],
            repository=props["repository"],
            framework="pytorch",
            task="text-generation",
            type=PRIVATE,
            vendor=props["vendor"],
            region=props["region"],
            private_link_account_id=props["private_link_account_id"],
            private_link_region=props["region"],
            **{key: _number(props[key]) for key in CHANGEABLE},
        )
        kind = (endpoint.raw or {}).get("type")
        if kind != PRIVATE:
            client.delete_inference_endpoint(props["name"], namespace=props["namespace"])
            raise RuntimeError(f"endpoint {props['name']!r} was made as {kind!r}, not private; it is removed again")
        return CreateResult(_identifier(props), {**props, "status": str(endpoint.status), "url": endpoint.url or ""})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """What the endpoint is now: a refresh shows changes made by hand."""
        namespace, _, name = id_.partition("/")
        endpoint = _client().get_inference_endpoint(name, namespace=namespace)
        found = {**props, "revision": endpoint.revision, "status": str(endpoint.status), "url": endpoint.url or ""}
        return ReadResult(id_, found)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Place and model repository cannot change in place; revision and size can."""
        replaced = [key for key in REPLACING if _olds.get(key) != _news.get(key)]
        changed = [key for key in CHANGEABLE if _olds.get(key) != _news.get(key)]
        return DiffResult(changes=bool(replaced or changed), replaces=replaced, delete_before_replace=True)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Change revision, machine or number of replicas."""
        endpoint = _client().update_inference_endpoint(
            _news["name"], namespace=_news["namespace"], **{key: _number(_news[key]) for key in CHANGEABLE}
        )
        return UpdateResult({**_news, "status": str(endpoint.status), "url": endpoint.url or ""})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the endpoint; one that is gone already is no error."""
        from huggingface_hub.errors import HfHubHTTPError

        try:
            _client().delete_inference_endpoint(_props["name"], namespace=_props["namespace"])
        except HfHubHTTPError as error:
            if error.response is None or error.response.status_code != 404:
                raise


def _client() -> Any:
    # Imported here: the program that only plans needs neither the package's start-up time nor a token.
    from huggingface_hub import HfApi

    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise RuntimeError(f"{TOKEN_VARIABLE} is not set; export a token that may write the namespace's endpoints")
    return HfApi(token=token)


def _identifier(props: dict[str, Any]) -> str:
    return f"{props['namespace']}/{props['name']}"


def _number(value: Any) -> Any:
    """The engine hands whole numbers over as floats."""
    return int(value) if isinstance(value, float) else value


class InferenceEndpoint(Resource, module="huggingface", name="InferenceEndpoint"):
    """One endpoint; its fixed properties are part of the inputs so that policies can judge them.

    Outputs:
        url: str, inside PrivateLink only.
        status: str.
    """

    url: Output[str]
    status: Output[str]

    def __init__(self, name: str, props: dict[str, Input[Any]], opts: ResourceOptions | None = None) -> None:
        fixed: dict[str, Input[Any]] = {"type": PRIVATE, "vendor": "aws", "url": None, "status": None}
        super().__init__(EndpointProvider(), name, {**props, **fixed}, opts)
