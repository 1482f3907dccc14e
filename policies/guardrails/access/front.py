"""The gateway's front: TLS from the caller to the load balancer and from there to the pods, by own certificates."""

import re
from collections.abc import Iterator
from typing import Final

from ..arns import parse_arn
from ..findings import Resource, given, known, names
from ..rules import Rule, rule

_NLB: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/"
_LISTENER: Final = "aws:lb/listener:Listener"
_CERTIFICATE: Final = "aws:acm/certificate:Certificate"
# TLS 1.2 and 1.3 with forward secrecy. Ext policies take up older ciphers; names without TLS13 reach down to TLS 1.0.
# Source: ELB User Guide, "Security policies for your Network Load Balancer".
_MODERN: Final = re.compile(r"ELBSecurityPolicy-TLS13-1-[23](-Res)?(-FIPS)?(-PQ)?-20\d\d-\d\d")


@rule(
    _LISTENER,
    fix="Use protocol TLS with certificateArn and a policy such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06.",
    source=f"{_NLB}describe-ssl-policies.html",
    severity="critical",
)
def access_listener_speaks_modern_tls(listener: Resource) -> Iterator[str]:
    """A listener of a load balancer speaks TLS 1.2 or 1.3 only, never a plain protocol."""
    protocol = listener.get("protocol")
    if protocol not in ("TLS", "HTTPS"):
        yield f"protocol is {protocol!r}, so calls and tokens are not encrypted by the load balancer"
    policy = listener.get("sslPolicy")
    if not isinstance(policy, str) or not _MODERN.fullmatch(policy):
        yield f"sslPolicy is {policy!r}; AWS's default accepts TLS 1.0"


@rule(
    _LISTENER,
    fix="Pass a certificate of AWS Certificate Manager in an own account and in the listener's region.",
    source=f"{_NLB}tls-listener-certificates.html",
)
def access_listener_shows_an_own_certificate(listener: Resource) -> Iterator[str]:
    """A listener shows a certificate of an own account and of its own region."""
    if not names(listener.props, "certificateArn"):
        yield "certificateArn is not given"
        return
    value = known(listener.props, "certificateArn")
    arn = parse_arn(value)
    if value is None:
        return  # the estate policy proves that it comes from a certificate of this stack
    if (
        arn is None
        or arn.service != "acm"
        or arn.account not in listener.estate.accounts
        or arn.region != listener.region
    ):
        yield f"certificateArn {value!r} is no certificate of an own account in {listener.region}"


@rule(
    "aws:lb/targetGroup:TargetGroup",
    fix="Use targetType ip, protocol TLS and a health check by HTTPS.",
    source=f"{_NLB}load-balancer-target-groups.html",
)
def access_targets_are_called_by_tls(targets: Resource) -> Iterator[str]:
    """A load balancer calls pods by their addresses and by TLS, and only those that answer a health check."""
    if targets.get("targetType") != "ip":
        yield f"targetType is {targets.get('targetType')!r}"
    if targets.get("protocol") not in ("TLS", "HTTPS"):
        yield f"protocol is {targets.get('protocol')!r}, so calls and tokens are not encrypted inside the VPC"
    if targets.get("ipAddressType") not in (None, "", "ipv4"):
        yield f"ipAddressType is {targets.get('ipAddressType')!r}"
    if not targets.get("healthCheck") or targets.get("healthCheck.enabled") is False:
        yield "healthCheck is not given"
    elif targets.get("healthCheck.protocol") not in ("HTTPS", "TCP"):
        yield f"healthCheck.protocol is {targets.get('healthCheck.protocol')!r}"


@rule(
    _CERTIFICATE,
    fix="Give certificateAuthorityArn, a private CA of an own account; leave keys and validation out.",
    source="https://docs.aws.amazon.com/acm/latest/userguide/gs-acm-request-private.html",
)
def access_certificate_is_of_an_own_authority(certificate: Resource) -> Iterator[str]:
    """A certificate is issued by an own private CA: a public one writes the internal name into public logs."""
    authority = certificate.get("certificateAuthorityArn")
    arn = parse_arn(authority)
    if arn is None:
        yield "certificateAuthorityArn is not given, so its name goes into public certificate transparency logs"
    elif arn.service != "acm-pca" or arn.account not in certificate.estate.accounts:
        yield f"certificateAuthorityArn {authority!r} is no private CA of an own account"
    for key in ("privateKey", "privateKeyWo", "certificateBody"):
        if names(certificate.props, key):
            yield f"{key} is given: a key in the program ends up in the state"
    for key in ("validationMethod", "validationOptions"):
        if names(certificate.props, key) and given(certificate.props, key):
            yield f"{key} is given: only a publicly trusted certificate needs validation"


RULES: tuple[Rule, ...] = (
    access_listener_speaks_modern_tls,
    access_listener_shows_an_own_certificate,
    access_targets_are_called_by_tls,
    access_certificate_is_of_an_own_authority,
)
