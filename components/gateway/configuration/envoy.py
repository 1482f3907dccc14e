"""The few shapes that every Envoy document repeats."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

Document = dict[str, Any]

JWT_METADATA: Final = "envoy.filters.http.jwt_authn"
"""Where the claims of the verified token are, below the key `jwt`."""
BODY_METADATA: Final = "cloister.body"
"""Where the request's body scanner puts what it found."""
CLIENT_HEADER: Final = "x-client-id"
JTI_HEADER: Final = "x-cloister-jti"
COST_HEADER: Final = "x-cloister-cost"
AFFINITY_HEADER: Final = "x-cloister-affinity"


def typed(message: str, fields: Mapping[str, Any] | None = None) -> Document:
    """A protobuf `Any`: full name of the message, and its fields."""
    return {"@type": f"type.googleapis.com/{message}", **(fields or {})}


def extension(name: str, message: str, fields: Mapping[str, Any] | None = None) -> Document:
    """A named extension, such as one HTTP filter."""
    return {"name": name, "typed_config": typed(message, fields)}


def filter_message(name: str) -> str:
    """Full name of an HTTP filter's message, from its part below `envoy.extensions.filters.http`."""
    return f"envoy.extensions.filters.http.{name}"


def watched(folder: str, file: str) -> Document:
    """A file that is read again whenever something is renamed into its folder (a ConfigMap's swap, an atomic write)."""
    source = {"path": f"{folder}/{file}", "watched_directory": {"path": folder}}
    return {"path_config_source": source, "resource_api_version": "V3"}


def discovered(name: str, message: str, folder: str, file: str) -> Document:
    """An HTTP filter whose settings are in a watched file; until they are read, every request is refused."""
    return {
        "name": name,
        "config_discovery": {"config_source": watched(folder, file), "type_urls": [typed(message)["@type"]]},
    }


def resources(items: Iterable[Document]) -> str:
    """Text of a watched file."""
    return json.dumps({"version_info": "1", "resources": list(items)}, separators=(",", ":"), ensure_ascii=True)


def filter_file(name: str, config: Document) -> str:
    """Text of the watched file of one `discovered` filter."""
    return resources([typed("envoy.config.core.v3.TypedExtensionConfig", {"name": name, "typed_config": config})])


def header_is(name: str, value: str) -> Document:
    """A header (or `:method`, `:path`) that has exactly this value."""
    return {"name": name, "string_match": {"exact": value}}


def metadata(namespace: str, path: Iterable[str], value: Document) -> Document:
    """A matcher on dynamic metadata."""
    return {"filter": namespace, "path": [{"key": key} for key in path], "value": value}


def metadata_is(namespace: str, path: Iterable[str], value: str) -> Document:
    """Dynamic metadata that has exactly this text."""
    return metadata(namespace, path, {"string_match": {"exact": value}})


def rule_on(matcher: Document) -> Document:
    """An RBAC permission or principal on dynamic metadata."""
    return {"sourced_metadata": {"metadata_matcher": matcher}}


def rbac_action(name: str, action: str) -> Document:
    """The outcome of an RBAC matcher; the name shows up in the reply's code details."""
    outcome = extension("action", "envoy.config.rbac.v3.Action", {"name": name, "action": action})
    return {"action": outcome}


def header_input(header: str) -> Document:
    """What a matcher looks at: one header."""
    return extension(header, "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", {"header_name": header})


def header_tree(header: str, outcomes: Mapping[str, Document], otherwise: Document) -> Document:
    """A hash look-up of a header's value: as cheap for thousands of values as for one."""
    # Envoy refuses an empty map; a header can never hold a NUL byte.
    table = dict(outcomes) or {"\u0000": otherwise}
    return {
        "matcher_tree": {"input": header_input(header), "exact_match_map": {"map": table}},
        "on_no_match": otherwise,
    }
