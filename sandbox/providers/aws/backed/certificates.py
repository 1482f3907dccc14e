"""Certificates that AWS issues, in moto's Certificate Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account
from sandbox.providers.serve import ProviderError

from .backing import Backing, Properties, pairs, removed

_CERTIFICATE: Final = "aws:acm/certificate:Certificate"


def _create(account: Account, inputs: Properties) -> str:
    """A private authority issues at once; a public certificate waits for a proof, which moto gives by itself."""
    if inputs.get("privateKey") or inputs.get("privateKeyWo"):
        raise ProviderError("privateKey: this stand-in takes no certificate with its key; let an authority issue it")
    parameters = shapes.parameters(_CERTIFICATE, {**inputs, "tags": None})
    if inputs.get("tagsAll"):
        parameters["Tags"] = pairs(inputs["tagsAll"])
    return str(account.client("acm").request_certificate(**parameters)["CertificateArn"])


def _read(account: Account, arn: str) -> dict[str, Any]:
    """Its dates are left out: a restarted moto issues it anew, and nothing else of it would differ."""
    found = account.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    names = sorted({found["DomainName"], *found.get("SubjectAlternativeNames", [])})
    return {
        "arn": arn,
        "domainName": found["DomainName"],
        "subjectAlternativeNames": names,
        "status": found["Status"],
        "type": found["Type"],
    }


def _tag(account: Account, arn: str, new: Properties, old: Properties) -> None:
    acm, before, tags = account.client("acm"), old.get("tagsAll") or {}, new.get("tagsAll") or {}
    if gone := removed(tags, before):
        acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": key} for key in gone])
    if tags:
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=pairs(tags))


def _delete(account: Account, arn: str, outputs: Properties) -> None:
    account.client("acm").delete_certificate(CertificateArn=arn)


BACKED: Final[Mapping[str, Backing]] = {_CERTIFICATE: Backing(create=_create, read=_read, update=_tag, delete=_delete)}
