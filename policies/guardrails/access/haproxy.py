"""HAProxy in the gateway's place: the same promises, read from its own configuration."""

import re
from collections.abc import Iterator
from typing import Final

from ..addresses import is_private_host
from ..findings import Resource
from ..rules import Rule, rule
from .gateway import API_PATHS, HOLDERS, files

_MANUAL: Final = "https://docs.haproxy.org/dev/configuration.html"
_SECTION: Final = re.compile(
    r"(global|defaults|frontend|listen|backend|resolvers|peers|userlist|cache|mailers|program|http-errors|ring|crt-store)"
    r"\b"
)
_ASKS: Final = re.compile(
    r"http-request\s+(?:deny|return|reject)\b.*\b401\b[^{]*\bunless\s+\{\s*var\(([\w.]+)\)\s+-m\s+found\s*\}\s*$"
)
_TAKES: Final = re.compile(r"(?:http|tcp)-request\s+(?:\w+\s+)?set-var(?:-fmt)?\(([\w.]+)[^)]*\)\s+(.*)$")
# Not `map_str(file,default)`: a default is found for everybody.
_FROM_MAP: Final = re.compile(r"http_auth_bearer,sha2\(256\),hex,lower,map(_str)?\([^,()]+\)\s*$")
_PATHS: Final = re.compile(r"http-request\s+deny\b[^{]*\bunless\s+\{\s*path\s+-m\s+str\s+([^}]*)\}\s*$")
_OPENS: Final = re.compile(
    r"\.(if|elif|else|endif)|http-request\s+(allow|redirect|set-dst|do-resolve|set-path|replace-path|set-uri|replace-uri|normalize-uri"
    r"|use-service\s+(?!prometheus)|lua\.\w+)|redirect\s|lua-load|filter\s+(?!compression)|external-check|email-alert"
    r"|stats\s+(enable|uri|admin|socket\s+(ip|\*|:|\d))|mode\s+tcp|insecure-fork|use-server|dispatch\b|setenv"
)


def sections(text: str) -> Iterator[list[str]]:
    """The sections of a HAProxy configuration, each a list of its lines without comments; none for other text."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    found: list[list[str]] = []
    for line in filter(None, lines):
        if _SECTION.match(line):
            found.append([line])
        elif found:
            found[-1].append(line)
    heads = {section[0].split()[0] for section in found}
    if heads & {"frontend", "listen"} and any(line.startswith("bind") for section in found for line in section):
        yield from found


def asks_for_a_token(section: list[str]) -> bool:
    """Whether a section refuses every call without a token that is in its map."""
    asked = {match.group(1) for line in section if (match := _ASKS.match(line))}
    taken = [match for line in section if (match := _TAKES.match(line)) and match.group(1) in asked]
    return bool(taken) and all(_FROM_MAP.match(match.group(2)) for match in taken)


@rule(
    *HOLDERS,
    fix="In each frontend deny with 401 unless a token was found, and with 404 unless the path is one of the API's.",
    source=f"{_MANUAL}#4.2-http-request%20deny",
    severity="critical",
)
def access_haproxy_asks_for_a_token(resource: Resource) -> Iterator[str]:
    """Where HAProxy is the gateway, it checks a token and an exact path before any engine is called."""
    for path, text in files(resource):
        for section in sections(text):
            if section[0].split()[0] not in ("frontend", "listen"):
                continue
            if not any(line.startswith(("default_backend", "use_backend", "server")) for line in section):
                continue
            if not asks_for_a_token(section):
                yield f"{path}: {section[0]!r} does not deny with 401 unless a token is found"
            named = [match.group(1).split() for line in section if (match := _PATHS.match(line))]
            if not named:
                yield f"{path}: {section[0]!r} does not deny every path but listed ones"
            for wrong in sorted({found for paths in named for found in paths} - API_PATHS):
                yield f"{path}: {section[0]!r} lets {wrong!r} through"


@rule(
    *HOLDERS,
    fix="Remove the line; servers, logs and name servers are inside.",
    source=_MANUAL,
    severity="critical",
)
def access_haproxy_leads_to_engines_only(resource: Resource) -> Iterator[str]:
    """Where HAProxy is the gateway, it leads to hosts inside, logs there, and nothing gets around its checks."""
    for path, text in files(resource):
        for section in sections(text):
            for line in section[1:]:
                words = line.split()
                if _OPENS.match(line):
                    yield f"{path}: {' '.join(words[:2])!r} gets around the checks"
                place = {"server": 2, "server-template": 3, "log": 1, "nameserver": 2, "peer": 2}.get(words[0])
                if place is None or len(words) <= place or words[place] in ("stdout", "stderr", "global"):
                    continue
                host = words[place].rpartition("@")[2].partition(":")[0]
                if host and not host.startswith("/") and not is_private_host(host, resource.estate):
                    yield f"{path}: {words[0]!r} names host {host!r}"


RULES: tuple[Rule, ...] = (access_haproxy_asks_for_a_token, access_haproxy_leads_to_engines_only)
