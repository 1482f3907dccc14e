"""What the gateway itself answers: OpenAI's error form, with codes that a client can act on."""

from dataclasses import dataclass
from typing import Final

from components.gateway.configuration.envoy import Document, extension

CEL_FILTER: Final = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
REALM: Final = 'Bearer realm="cloister"'
INVALID_TOKEN: Final = f'{REALM}, error="invalid_token"'


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One kind of refusal: when (a CEL expression on code details, or a status), and what the client reads."""

    code: str
    message: str
    type: str
    when: str | None = None
    of_status: int | None = None
    flag: str | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


def _denied(policy: str) -> str:
    return f"response.code_details == 'rbac_access_denied_matched_policy[{policy}]'"


AUTHENTICATION, PERMISSION = "authentication_error", "permission_error"
REQUEST, RATE, SERVER = "invalid_request_error", "rate_limit_error", "server_error"
REPLIES: Final = (
    Reply(
        when="response.code_details.startsWith('jwt_authn_access_denied{Jwt_is_missing')",
        code="missing_api_key",
        message="No bearer token in the Authorization header.",
        type=AUTHENTICATION,
        status=401,
        headers=(("www-authenticate", REALM),),
    ),
    # Envoy answers 403 for a wrong audience.
    Reply(
        when="response.code_details.startsWith('jwt_authn_access_denied')",
        code="invalid_api_key",
        message="The bearer token was not accepted: %LOCAL_REPLY_BODY%.",
        type=AUTHENTICATION,
        status=401,
        headers=(("www-authenticate", INVALID_TOKEN),),
    ),
    Reply(
        when=_denied("undeclared"),
        code="unknown_client",
        message="The token's client is not declared here.",
        type=AUTHENTICATION,
        status=401,
        headers=(("www-authenticate", INVALID_TOKEN),),
    ),
    Reply(
        when=_denied("revoked"),
        code="token_revoked",
        message="This token has been revoked.",
        type=AUTHENTICATION,
        status=401,
        headers=(("www-authenticate", INVALID_TOKEN),),
    ),
    Reply(
        when=_denied("a_content_type"),
        code="unsupported_media_type",
        message="Content-Type must be application/json.",
        type=REQUEST,
        status=415,
    ),
    Reply(
        when=_denied("b_content_encoding"),
        code="unsupported_media_type",
        message="Content-Encoding is not accepted.",
        type=REQUEST,
        status=415,
    ),
    Reply(
        when=_denied("c_bad_json"),
        code="invalid_json",
        message="The body is not one JSON object with plain, unrepeated member names.",
        type=REQUEST,
        status=400,
    ),
    Reply(
        when=_denied("c_no_model"),
        code="missing_model",
        message="The body has no usable 'model'.",
        type=REQUEST,
        status=400,
    ),
    Reply(
        when=_denied("c_reserved_member"),
        code="unsupported_parameter",
        message="The body has a member that is set by the gateway alone, such as 'cache_salt'.",
        type=REQUEST,
        status=400,
    ),
    Reply(
        when=_denied("d_unknown_model"),
        code="model_not_found",
        message="The model does not exist; GET /v1/models lists what does.",
        type=REQUEST,
        status=404,
    ),
    Reply(
        when=_denied("e_not_scanned"),
        code="internal_error",
        message="The request could not be prepared.",
        type=SERVER,
        status=500,
    ),
    Reply(
        when=_denied("none"),
        code="model_not_allowed",
        message="This token does not allow this model.",
        type=PERMISSION,
        status=403,
    ),
    Reply(of_status=401, code="invalid_api_key", message="The bearer token was not accepted.", type=AUTHENTICATION),
    Reply(of_status=403, code="forbidden", message="Forbidden.", type=PERMISSION),
    Reply(
        of_status=503,
        flag="UH",
        code="model_loading",
        message="No replica of this model is ready yet; retry.",
        type=SERVER,
        headers=(("retry-after", "20"),),
    ),
    Reply(
        of_status=503,
        flag="UO",
        code="overloaded",
        message="All replicas are busy; retry.",
        type=RATE,
        status=429,
        headers=(("retry-after", "2"),),
    ),
    Reply(
        of_status=503,
        code="unavailable",
        message="The engine did not answer; retry.",
        type=SERVER,
        headers=(("retry-after", "2"),),
    ),
    Reply(of_status=429, code="rate_limit_exceeded", message="Rate limit reached for this client.", type=RATE),
    Reply(of_status=413, code="body_too_large", message="The request body is too large.", type=REQUEST),
    Reply(of_status=404, code="not_found", message="No such path and method.", type=REQUEST),
    Reply(of_status=408, code="request_timeout", message="The request was not received in time.", type=REQUEST),
    Reply(of_status=504, code="timeout", message="The engine took too long.", type=SERVER),
    Reply(code="request_failed", message="%LOCAL_REPLY_BODY%", type=SERVER),
)


def _status(comparison: str, value: int) -> Document:
    number = {"default_value": value, "runtime_key": f"cloister.reply.{comparison.lower()}_{value}"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": number}}}


def _filter(reply: Reply) -> Document:
    if reply.when:
        return {"extension_filter": extension("cel", CEL_FILTER, {"expression": reply.when})}
    if reply.of_status is None:
        return _status("GE", 400)
    status = _status("EQ", reply.of_status)
    if reply.flag is None:
        return status
    return {"and_filter": {"filters": [status, {"response_flag_filter": {"flags": [reply.flag]}}]}}


def _mapper(reply: Reply) -> Document:
    error = {"message": reply.message, "type": reply.type, "param": None, "code": reply.code}
    mapper: Document = {
        "filter": _filter(reply),
        "body_format_override": {"json_format": {"error": error}, "content_type": "application/json"},
    }
    if reply.status:
        mapper["status_code"] = reply.status
    if reply.headers:
        mapper["headers_to_add"] = [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in reply.headers
        ]
    return mapper


def local_replies() -> Document:
    """Every answer of the gateway's own in OpenAI's form; the first that fits is taken."""
    return {"mappers": [_mapper(reply) for reply in REPLIES]}
