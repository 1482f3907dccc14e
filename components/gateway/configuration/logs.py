"""What is written down of a request: who, which model, how long, how it ended; no word of prompt, answer or token."""

from typing import Any, Final

from components.gateway.configuration.envoy import BODY_METADATA, JWT_METADATA, Document, extension

STDOUT: Final = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
COUNTERS: Final = "envoy.extensions.access_loggers.stats.v3.Config"


def _claim(name: str) -> str:
    return f"%DYNAMIC_METADATA({JWT_METADATA}:jwt:{name})%"


# No field is chosen by the caller: the route's name is ours (a model's, for inference), the claims are signed.
# The path is left out on purpose: people paste tokens and prompts into URLs.
FIELDS: Final = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "id": "%STREAM_ID%",
    "client": _claim("sub"),
    "jti": _claim("jti"),
    "tier": _claim("tier"),
    "route": "%ROUTE_NAME%",
    "stream": f"%DYNAMIC_METADATA({BODY_METADATA}:stream)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "milliseconds": "%DURATION%",
    "first_byte_milliseconds": "%COMMON_DURATION(DS_RX_END:US_RX_BODY_BEG:ms)%",
    "upstream": "%UPSTREAM_HOST%",
    "peer": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
}


def access_log() -> list[Document]:
    """One JSON line a request on standard output, and a counter for each client, model and status."""
    lines = extension("envoy.access_loggers.stdout", STDOUT, {"log_format": {"json_format": FIELDS}})
    tags = {"client": _claim("sub"), "model": "%ROUTE_NAME%", "code": "%RESPONSE_CODE%"}
    stat = {"name": "requests", "tags": [{"name": name, "value_format": value} for name, value in tags.items()]}
    known = {"filter": JWT_METADATA, "path": [{"key": "jwt"}, {"key": "sub"}], "value": {"present_match": True}}
    counter: dict[str, Any] = {
        **extension(
            "envoy.access_loggers.stats",
            COUNTERS,
            {"stats_scope": {"prefix": "cloister"}, "counters": [{"stat": stat, "value_fixed": 1}]},
        ),
        # A token that was not accepted counts for nobody.
        "filter": {"metadata_filter": {"matcher": known, "match_if_key_not_found": False}},
    }
    return [lines, counter]
