"""What a body may hold: one JSON object that names one served model, without the members that are the gateway's own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from components.gateway.configuration.envoy import (
    BODY_METADATA,
    CLIENT_HEADER,
    JTI_HEADER,
    Document,
    extension,
    filter_message,
    header_is,
    metadata_is,
    rule_on,
    typed,
)
from components.gateway.configuration.plan import GatewayPlan

SCANNER: Final = Path(__file__).with_name("body.lua")
JSON_TYPE: Final = '(?i)application/json(\\s*;\\s*charset="?utf-8"?)?'
PREFIX_BYTES: Final = 1024
"""How much of a prompt's start decides which replica gets it: those that share it share cached attention there."""
BYTES_PER_TOKEN: Final = 4
DEFAULT_OUTPUT_TOKENS: Final = 1024
"""What a request is charged for its answer if it names no maximum."""
RESERVED_MEMBERS: Final = (
    "cache_salt",  # separates clients in the engine's prefix cache
    "kv_transfer_params",  # would let a client name other requests' attention blocks
    "id_slot",  # llama.cpp: another client's slot
    "lora",  # llama.cpp: adapters by number
    "priority",  # would let a client overtake all others
    "chat_template",  # a program of the client's own
)
KEPT_HEADERS: Final = (
    *("host", "content-type", "content-length", "transfer-encoding", "content-encoding", "accept"),
    *("x-request-id", CLIENT_HEADER, JTI_HEADER, "x-forwarded-proto", "x-envoy-internal", "x-envoy-external-address"),
)
"""What stays of a request's headers: engines and the proxies before them act on others (vLLM: X-data-parallel-rank)."""
VERDICTS: Final = ("bad_json", "no_model", "reserved_member")


def _lua_set(names: Iterable[str]) -> str:
    return "{ " + ", ".join(f'["{name}"] = true' for name in names) + " }"


def scanner_source() -> str:
    """The Lua script with its constants."""
    constants = {
        "NAMESPACE": f'"{BODY_METADATA}"',
        "PREFIX_BYTES": PREFIX_BYTES,
        "BYTES_PER_TOKEN": BYTES_PER_TOKEN,
        "DEFAULT_OUTPUT_TOKENS": DEFAULT_OUTPUT_TOKENS,
        "RESERVED": _lua_set(RESERVED_MEMBERS),
        "KEPT_HEADERS": _lua_set(KEPT_HEADERS),
    }
    return "".join(f"local {name} = {value}\n" for name, value in constants.items()) + SCANNER.read_text()


def scanner_filter() -> Document:
    """Reads the top-level members, writes the model and the cost, and puts `cache_salt` in as the last member."""
    source = {"default_source_code": {"inline_string": scanner_source()}}
    return extension("scanner", filter_message("lua.v3.Lua"), source)


def _denies(*rules: Document) -> dict[str, Any]:
    post = {"header": header_is(":method", "POST")}
    return {"permissions": [{"and_rules": {"rules": [post, *rules]}}], "principals": [{"any": True}]}


def body_filter(plan: GatewayPlan) -> Document:
    """Refuses what the scanner refused, and everything if the scanner failed: a Lua error alone would let it pass."""

    def verdict(name: str) -> Document:
        return rule_on(metadata_is(BODY_METADATA, ["verdict"], name))

    json_type = {"header": {"name": "content-type", "string_match": {"safe_regex": {"regex": JSON_TYPE}}}}
    served: list[Document] = [rule_on(metadata_is(BODY_METADATA, ["model"], model)) for model in plan.upstreams]
    unknown = {"not_rule": {"or_rules": {"rules": served}}} if served else {"any": True}
    # Envoy takes the first that matches in the order of the names.
    policies = {
        "a_content_type": _denies({"not_rule": json_type}),
        "b_content_encoding": _denies({"header": {"name": "content-encoding", "present_match": True}}),
        **{f"c_{name}": _denies(verdict(name)) for name in VERDICTS},
        "d_unknown_model": _denies(verdict("ok"), unknown),
        "e_not_scanned": _denies({"not_rule": verdict("ok")}),
    }
    rules = {"action": "DENY", "policies": policies}
    return typed(filter_message("rbac.v3.RBAC"), {"rules_stat_prefix": "body_", "rules": rules})
