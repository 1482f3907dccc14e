"""The gateway's own documents, one thing taken away or put in at a time: the policies refuse each."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.contract.test_layers_obey_policies import planned
from tests.policies.support import findings, view

STACK = "edge-rehearsal"
BOOTSTRAP = "/etc/envoy/envoy.json"
FOLDER = "/etc/envoy/configuration"
Documents = dict[str, Any]


def uploads() -> tuple[dict[str, Any], Documents]:
    """The gateway's container as it is planned, and its documents opened, by file."""
    [container] = [found for found in planned(STACK, False).resources if found.name == "gateway-envoy"]
    inputs = dict(container.inputs)
    return inputs, {entry["file"]: json.loads(entry["content"]) for entry in inputs["uploads"]}


def refused(documents: Mapping[str, Any], inputs: Mapping[str, Any]) -> set[str]:
    files = [{"file": file, "content": json.dumps(document)} for file, document in documents.items()]
    resource = view("docker:index/container:Container", {**inputs, "uploads": files})
    return {finding.rule.id for finding in findings(resource)}


def manager(documents: Documents) -> dict[str, Any]:
    listener = documents[BOOTSTRAP]["static_resources"]["listeners"][0]
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def settings(documents: Documents, name: str) -> dict[str, Any]:
    found: dict[str, Any] = documents[f"{FOLDER}/{name}.json"]["resources"][0]["typed_config"]
    return found


def without_filter(name: str) -> Callable[[Documents], None]:
    def spoil(documents: Documents) -> None:
        filters = manager(documents)["http_filters"]
        filters[:] = [found for found in filters if found["name"] != name]

    return spoil


def router_first(documents: Documents) -> None:
    filters = manager(documents)["http_filters"]
    filters.insert(0, filters.pop())


def token_last(documents: Documents) -> None:
    filters = manager(documents)["http_filters"]
    [token] = [found for found in filters if found["name"] == "token"]
    filters.remove(token)
    filters.insert(len(filters) - 1, token)


def nothing_required(documents: Documents) -> None:
    settings(documents, "token")["rules"] = [{"match": {"prefix": "/"}}]


def missing_allowed(documents: Documents) -> None:
    rule = settings(documents, "token")["rules"][0]
    rule["requires"] = {"requires_any": {"requirements": [rule["requires"], {"allow_missing": {}}]}}


def without_audience(documents: Documents) -> None:
    del settings(documents, "token")["providers"]["own"]["audiences"]


def without_expiry(documents: Documents) -> None:
    del settings(documents, "token")["providers"]["own"]["require_expiration"]


def models_for_all(documents: Documents) -> None:
    rules = settings(documents, "model")["rules"]
    rules["policies"]["all"] = {"permissions": [{"any": True}], "principals": [{"any": True}]}


def models_only_watched(documents: Documents) -> None:
    found = settings(documents, "model")
    found["shadow_rules"] = found.pop("rules")


def routes(documents: Documents) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = documents[f"{FOLDER}/routes.json"]["resources"][0]["virtual_hosts"][0]["routes"]
    return found


def prefix_route(documents: Documents) -> None:
    routes(documents)[0]["match"] = {"prefix": "/v1"}


def unchecked_route(documents: Documents) -> None:
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    routes(documents)[0]["typed_per_filter_config"] = {"token": off}


def other_path(documents: Documents) -> None:
    routes(documents)[0]["match"]["path"] = "/invocations"


def mirrored(documents: Documents) -> None:
    routes(documents)[0]["route"]["request_mirror_policies"] = [{"cluster": "copy"}]


def open_administration(documents: Documents) -> None:
    documents[BOOTSTRAP]["admin"]["address"] = {"socket_address": {"address": "0.0.0.0", "port_value": 9901}}


def engine_outside(documents: Documents) -> None:
    point = documents[f"{FOLDER}/clusters.json"]["resources"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    point["endpoint"]["address"]["socket_address"]["address"] = "copy.example.com"


def bare_listener(documents: Documents) -> None:
    listeners = documents[BOOTSTRAP]["static_resources"]["listeners"]
    extra = copy.deepcopy(listeners[0])
    filters = extra["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    filters[:] = filters[-1:]
    listeners.append(extra)


def open_metrics(documents: Documents) -> None:
    listener = documents[BOOTSTRAP]["static_resources"]["listeners"][1]
    found = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
    found[0]["route"]["cluster"] = "model-smollm2"


def remote_listeners(documents: Documents) -> None:
    documents[BOOTSTRAP]["dynamic_resources"]["lds_config"] = {"api_config_source": {"api_type": "GRPC"}}


def logged_token(documents: Documents) -> None:
    manager(documents)["access_log"][0]["typed_config"]["log_format"]["json_format"]["a"] = "%REQ(Authorization)%"


SPOILS: dict[str, Callable[[Documents], None]] = {
    **{f"without {name}": without_filter(name) for name in ("token", "scanner", "router")},
    **{spoil.__name__: spoil for spoil in (router_first, token_last, nothing_required, missing_allowed)},
    **{spoil.__name__: spoil for spoil in (without_audience, without_expiry, models_for_all, models_only_watched)},
    **{spoil.__name__: spoil for spoil in (prefix_route, unchecked_route, other_path, mirrored, open_administration)},
    **{
        spoil.__name__: spoil for spoil in (engine_outside, bare_listener, open_metrics, remote_listeners, logged_token)
    },
}


def test_the_documents_as_they_are_planned_are_accepted() -> None:
    inputs, documents = uploads()
    assert refused(documents, inputs) == set()


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_weakened_gateway_is_refused(spoil: Callable[[Documents], None]) -> None:
    inputs, documents = uploads()
    spoil(documents)
    assert refused(documents, inputs)


@pytest.mark.parametrize("file", ["token", "model", "client", "body"])
def test_a_gateway_without_one_of_its_checks_is_refused_or_refuses_everything(file: str) -> None:
    """A missing file of a filter makes Envoy refuse every request; only the token's and the model's are asked for."""
    inputs, documents = uploads()
    del documents[f"{FOLDER}/{file}.json"]
    assert bool(refused(documents, inputs)) is (file in ("token", "model"))
