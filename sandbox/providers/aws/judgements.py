"""What AWS refuses of one type's inputs beyond the shapes of its service: rules between properties, and closed lists.

Sources: the Elastic Load Balancing, Site-to-Site VPN, Route 53, CloudWatch and Certificate Manager API references.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sandbox.providers.serve import UNKNOWN

Inputs = Mapping[str, Any]
Problems = Iterator[tuple[str, str]]

_BALANCER_NAME: Final = re.compile(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_ALPN: Final = ("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")
_ROUTING: Final = ("any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity")
_RECORD_TYPES: Final = (
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB",
    "TLSA", "TXT",
)  # fmt: skip
_MISSING_DATA: Final = ("breaching", "ignore", "missing", "notBreaching")
_PHASES: Final[Mapping[str, tuple[Any, ...]]] = {
    "IkeVersions": ("ikev1", "ikev2"),
    "Phase1EncryptionAlgorithms": ("AES128", "AES256", "AES128-GCM-16", "AES256-GCM-16"),
    "Phase2EncryptionAlgorithms": ("AES128", "AES256", "AES128-GCM-16", "AES256-GCM-16"),
    "Phase1IntegrityAlgorithms": ("SHA1", "SHA2-256", "SHA2-384", "SHA2-512"),
    "Phase2IntegrityAlgorithms": ("SHA1", "SHA2-256", "SHA2-384", "SHA2-512"),
    "Phase1DhGroupNumbers": (2, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24),
    "Phase2DhGroupNumbers": (2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24),
    "StartupAction": ("add", "start"),
    "DpdTimeoutAction": ("clear", "none", "restart"),
}
_LINK_LOCAL: Final = ipaddress.IPv4Network("169.254.0.0/16")
_TAKEN: Final = {f"169.254.{third}.0/30" for third in range(6)} | {"169.254.169.252/30"}


def problems(type_token: str, inputs: Inputs) -> Problems:
    """What is wrong as (property path, message); unknown values are passed over."""
    judge = _BY_TYPE.get(type_token)
    if judge is not None:
        yield from judge(inputs)


def _known(inputs: Inputs, name: str) -> Any:
    """The property's value; None where it is missing or not known yet."""
    value = inputs.get(name)
    return None if value == UNKNOWN else value


def _one_of(path: str, value: Any, choices: tuple[Any, ...]) -> Problems:
    if value not in (None, UNKNOWN) and value not in choices:
        yield path, f"{value!r} is not accepted; use one of {', '.join(map(str, choices))}"


def _exactly_one(inputs: Inputs, *names: str) -> Problems:
    given = [name for name in names if inputs.get(name)]
    if len(given) != 1:
        have = " and ".join(given) or "none"
        yield given[-1] if given else names[0], f"{have} given; give exactly one of {', '.join(names)}"


def _balancer_name(inputs: Inputs) -> Problems:
    name = _known(inputs, "name")
    if name is not None and not _BALANCER_NAME.fullmatch(name):
        yield "name", f"'{name}' is not a name; use 1 to 32 letters, digits and hyphens, no hyphen at either end"


def _balancer(inputs: Inputs) -> Problems:
    yield from _balancer_name(inputs)
    yield from _exactly_one(inputs, "subnets", "subnetMappings")
    yield from _one_of("dnsRecordClientRoutingPolicy", inputs.get("dnsRecordClientRoutingPolicy"), _ROUTING)
    logs = _known(inputs, "accessLogs") or {}
    if logs.get("enabled") is True and not logs.get("bucket"):
        yield "accessLogs.bucket", "missing; access logs that are enabled need a bucket"


def _group(inputs: Inputs) -> Problems:
    yield from _balancer_name(inputs)
    if _known(inputs, "targetType") != "lambda":
        for name in ("port", "protocol", "vpcId"):
            if not inputs.get(name):
                yield name, f"missing; targets of type {inputs.get('targetType')} need it"
    yield from _one_of("preserveClientIp", inputs.get("preserveClientIp"), ("true", "false"))
    delay = _known(inputs, "deregistrationDelay")
    if delay is not None and not 0 <= int(delay) <= 3600:
        yield "deregistrationDelay", f"{delay} seconds are not accepted; use 0 to 3600"
    check = _known(inputs, "healthCheck") or {}
    if check.get("protocol", "TCP") not in ("HTTP", "HTTPS", UNKNOWN):
        for name in ("path", "matcher"):
            if check.get(name):
                yield (
                    f"healthCheck.{name}",
                    f"a health check by {check.get('protocol', 'TCP')} has none; use HTTP or HTTPS",
                )


def _listener(inputs: Inputs) -> Problems:
    protocol = _known(inputs, "protocol")
    secure = protocol in ("TLS", "HTTPS")
    if secure and not inputs.get("certificateArn"):
        yield "certificateArn", f"missing; a listener of protocol {protocol} needs a certificate"
    for name in ("certificateArn", "sslPolicy", "alpnPolicy"):
        if protocol and not secure and inputs.get(name):
            yield name, f"a listener of protocol {protocol} takes none; use TLS or HTTPS"
    yield from _one_of("alpnPolicy", inputs.get("alpnPolicy"), _ALPN)
    if protocol == "TLS" and inputs.get("tcpIdleTimeoutSeconds") not in (None, 350):
        yield "tcpIdleTimeoutSeconds", "the idle time of TLS listeners is fixed at 350 seconds"


def _certificate(inputs: Inputs) -> Problems:
    if not inputs.get("privateKey") and not inputs.get("domainName"):
        yield "domainName", "missing; a certificate that AWS issues needs a name"
    if inputs.get("certificateAuthorityArn") and inputs.get("validationMethod"):
        yield "validationMethod", "a private authority validates nothing; leave it out"


def _gateway(inputs: Inputs) -> Problems:
    address = _known(inputs, "ipAddress")
    if not inputs.get("ipAddress") and not inputs.get("certificateArn"):
        yield "ipAddress", "missing; only a device with a certificate may have no fixed address"
    if address and not _is_address(address):
        yield "ipAddress", f"'{address}' is not an address; use one such as 198.51.100.7"
    number = _known(inputs, "bgpAsn")
    if number is not None and not (str(number).isdecimal() and 1 <= int(number) <= 2147483647):
        yield "bgpAsn", f"'{number}' is not a BGP number; use 1 to 2147483647"
    if not inputs.get("bgpAsn") and not inputs.get("bgpAsnExtended"):
        yield "bgpAsn", "missing; give 65000 where routes are static"


def _connection(inputs: Inputs) -> Problems:
    if inputs.get("vpnGatewayId") and inputs.get("transitGatewayId"):
        yield "transitGatewayId", "vpnGatewayId is given as well; give one of them"
    storage = inputs.get("presharedKeyStorage")
    yield from _one_of("presharedKeyStorage", storage, ("Standard", "SecretsManager"))
    for tunnel in ("tunnel1", "tunnel2"):
        for name, choices in _PHASES.items():
            value = _known(inputs, tunnel + name)
            for item in value if isinstance(value, list) else [value]:
                yield from _one_of(tunnel + name, item, choices)
        inside = _known(inputs, f"{tunnel}InsideCidr")
        if inside and not _is_inside(inside):
            yield f"{tunnel}InsideCidr", f"'{inside}' is not a tunnel's range; use a free /30 of 169.254.0.0/16"
        if storage == "SecretsManager" and inputs.get(f"{tunnel}PresharedKey"):
            yield f"{tunnel}PresharedKey", "Secrets Manager makes the key; leave it out, so that no state holds it"


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.IPv4Address(text))
    except ValueError:
        return False


def _is_inside(text: str) -> bool:
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return network.prefixlen == 30 and network.subnet_of(_LINK_LOCAL) and text not in _TAKEN


def _service(inputs: Inputs) -> Problems:
    yield from _exactly_one(inputs, "networkLoadBalancerArns", "gatewayLoadBalancerArns")
    for position, family in enumerate(_known(inputs, "supportedIpAddressTypes") or []):
        yield from _one_of(f"supportedIpAddressTypes[{position}]", family, ("ipv4", "ipv6"))


def _record(inputs: Inputs) -> Problems:
    yield from _one_of("type", inputs.get("type"), _RECORD_TYPES)
    yield from _exactly_one(inputs, "aliases", "records")
    if inputs.get("records") and not inputs.get("aliases") and inputs.get("ttl") is None:
        yield "ttl", "missing; records that are no alias need it"
    if inputs.get("aliases") and inputs.get("ttl") is not None:
        yield "ttl", "an alias has that of its target; leave it out"


def _alarm(inputs: Inputs) -> Problems:
    yield from _exactly_one(inputs, "metricName", "metricQueries")
    yield from _one_of("treatMissingData", inputs.get("treatMissingData"), _MISSING_DATA)
    period = _known(inputs, "period")
    if period is not None and period not in (10, 20, 30) and period % 60:
        yield "period", f"{period} seconds are not accepted; use 10, 20, 30 or a multiple of 60"
    if inputs.get("metricName"):
        yield from _exactly_one(inputs, "statistic", "extendedStatistic")


def _filter(inputs: Inputs) -> Problems:
    pattern = _known(inputs, "pattern")
    if pattern is not None and pattern.strip()[:1] in "{[":
        opened, closed = ("{", "}") if pattern.strip()[:1] == "{" else ("[", "]")
        if pattern.strip() and (pattern.count(opened) != pattern.count(closed) or not pattern.strip().endswith(closed)):
            yield "pattern", f"'{pattern}' is not a filter pattern; it opens {opened} and does not close it"


def _topic(inputs: Inputs) -> Problems:
    name = _known(inputs, "name")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}(\.fifo)?", name):
        yield "name", f"'{name}' is not a topic's name; use 1 to 256 letters, digits, hyphens and underscores"


def _scaling(inputs: Inputs) -> Problems:
    scaling = inputs.get("scalingConfig")
    if isinstance(scaling, Mapping):
        low, wanted, high = (scaling.get(name) for name in ("minSize", "desiredSize", "maxSize"))
        numbers = [number for number in (low, wanted, high) if isinstance(number, int)]
        if numbers != sorted(numbers):
            yield "scalingConfig", f"minSize {low}, desiredSize {wanted}, maxSize {high} are not in ascending order"


_BY_TYPE: Final[Mapping[str, Callable[[Inputs], Problems]]] = {
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:lb/targetGroup:TargetGroup": _group,
    "aws:lb/listener:Listener": _listener,
    "aws:acm/certificate:Certificate": _certificate,
    "aws:ec2/customerGateway:CustomerGateway": _gateway,
    "aws:ec2/vpnConnection:VpnConnection": _connection,
    "aws:ec2/vpcEndpointService:VpcEndpointService": _service,
    "aws:route53/record:Record": _record,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _filter,
    "aws:sns/topic:Topic": _topic,
    "aws:eks/nodeGroup:NodeGroup": _scaling,
}
