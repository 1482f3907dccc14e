"""The managed endpoint's life, against a hub that is an object in memory."""

from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from components.managed import endpoint
from components.managed.endpoint import EndpointProvider

PROPS = {
    "name": "tiny",
    "namespace": "example",
    "repository": "example/tiny",
    "revision": "a" * 40,
    "vendor": "aws",
    "region": "eu-west-1",
    "private_link_account_id": "111122223333",
    "private_link_region": "eu-west-1",
    "accelerator": "gpu",
    "instance_type": "nvidia-l4",
    "instance_size": "x1",
    "min_replica": 0.0,
    "max_replica": 1.0,
}


class Hub:
    """What the provider needs of `HfApi`; it remembers every call."""

    def __init__(self, kind: str = "private") -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.kind = kind

    def _answer(self) -> Any:
        return SimpleNamespace(
            raw={"type": self.kind}, status="running", url="https://endpoint.test", revision="b" * 40
        )

    def create_inference_endpoint(self, name: str, **given: Any) -> Any:
        self.calls.append(("create", name, given))
        return self._answer()

    def update_inference_endpoint(self, name: str, **given: Any) -> Any:
        self.calls.append(("update", name, given))
        return self._answer()

    def get_inference_endpoint(self, name: str, **given: Any) -> Any:
        self.calls.append(("get", name, given))
        return self._answer()

    def delete_inference_endpoint(self, name: str, **given: Any) -> None:
        self.calls.append(("delete", name, given))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(endpoint, "_client", lambda: made)
    return made


def test_an_endpoint_is_made_private_in_the_eu_at_its_revision(hub: Hub) -> None:
    made = EndpointProvider().create(PROPS)
    ((_, name, given),) = hub.calls
    assert (name, made.id) == ("tiny", "example/tiny")
    assert (given["type"], given["vendor"], given["region"]) == ("private", "aws", "eu-west-1")
    assert (given["private_link_account_id"], given["private_link_region"]) == ("111122223333", "eu-west-1")
    assert given["revision"] == "a" * 40
    assert isinstance(given["max_replica"], int)


def test_an_endpoint_that_is_not_private_is_removed_at_once(hub: Hub) -> None:
    hub.kind = "authenticated"
    with pytest.raises(RuntimeError, match="not private; it is removed again"):
        EndpointProvider().create(PROPS)
    assert [call for call, _, _ in hub.calls] == ["create", "delete"]


def test_a_new_revision_changes_the_endpoint_in_place(hub: Hub) -> None:
    news = PROPS | {"revision": "c" * 40}
    found = EndpointProvider().diff("example/tiny", PROPS, news)
    assert found.changes
    assert found.replaces == []
    EndpointProvider().update("example/tiny", PROPS, news)
    assert hub.calls[0][2]["revision"] == "c" * 40


def test_another_region_or_repository_replaces_the_endpoint() -> None:
    for change in ({"region": "eu-west-2"}, {"repository": "example/other"}):
        assert EndpointProvider().diff("example/tiny", PROPS, PROPS | change).replaces == list(change)


def test_nothing_changed_is_no_change() -> None:
    assert not EndpointProvider().diff("example/tiny", PROPS, dict(PROPS)).changes


def test_a_refresh_shows_a_revision_that_was_changed_by_hand(hub: Hub) -> None:
    found = EndpointProvider().read("example/tiny", PROPS)
    assert found.outs is not None
    assert found.outs["revision"] == "b" * 40
    assert hub.calls == [("get", "tiny", {"namespace": "example"})]


def test_without_a_token_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(endpoint.TOKEN_VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match="HF_TOKEN is not set; export"):
        EndpointProvider().create(PROPS)


def test_the_token_never_enters_the_state(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    monkeypatch.setenv(endpoint.TOKEN_VARIABLE, "not-a-real-token")
    assert serialize_provider(EndpointProvider()) == serialize_provider(EndpointProvider())
    assert "not-a-real-token" not in str(EndpointProvider().create(PROPS).outs)
