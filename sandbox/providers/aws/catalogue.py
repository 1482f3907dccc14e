"""What AWS itself has, whatever the account holds: zones, machine types, add-ons, endpoint services."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from .account import Account
from .references import answers, strings
from .zones import added_zones

_ASKING: Final = threading.Lock()
"""Many resources are checked at once, and what AWS has is asked for once."""
_ADD_ONS: Final = {
    "vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "eks-node-monitoring-agent", "metrics-server",
    "kube-state-metrics", "prometheus-node-exporter", "cert-manager", "external-dns", "snapshot-controller",
    "aws-ebs-csi-driver", "aws-efs-csi-driver", "aws-fsx-csi-driver", "aws-mountpoint-s3-csi-driver",
    "aws-guardduty-agent", "amazon-cloudwatch-observability", "adot", "aws-network-flow-monitoring-agent",
    "aws-secrets-store-csi-driver-provider", "aws-privateca-connector-for-kubernetes", "fluent-bit",
    "amazon-sagemaker-hyperpod-taskgovernance", "amazon-sagemaker-hyperpod-training-operator",
}  # fmt: skip


def problems(account: Account, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names that AWS does not have, as (property path, message)."""
    for path, name, value in strings(inputs):
        judge = _CATALOGUE.get(name)
        if judge is not None and (message := judge(account, value)):
            yield path, message


def _zone(account: Account, value: str) -> str | None:
    with _ASKING:
        names = _zones(account)
    return None if value in names else f"'{value}' is not a zone of {account.region}; use {', '.join(names)}"


@cache
def _zones(account: Account) -> list[str]:
    zones = account.client("ec2").describe_availability_zones()["AvailabilityZones"]
    return sorted({*(zone["ZoneName"] for zone in zones), *added_zones(account.region)})


@cache
def _machine(account: Account, value: str) -> str | None:
    known = answers(lambda: account.client("ec2").describe_instance_types(InstanceTypes=[value]))
    return None if known else f"'{value}' is not an instance type that {account.region} offers"


def _add_on(account: Account, value: str) -> str | None:
    return None if value in _ADD_ONS else f"'{value}' is not an EKS add-on; use one of {', '.join(sorted(_ADD_ONS))}"


def _service(account: Account, value: str) -> str | None:
    if not value.startswith(("com.amazonaws.", "eu.amazonaws.", "aws.")) or ".vpce." in value:
        return None
    with _ASKING:
        names = _services(account)
    return None if value in names else f"'{value}' is not an endpoint service of {account.region}"


@cache
def _services(account: Account) -> frozenset[str]:
    return frozenset(account.client("ec2").describe_vpc_endpoint_services()["ServiceNames"])


_CATALOGUE: Final[Mapping[str, Callable[[Account, str], str | None]]] = {
    "availabilityZone": _zone,
    "instanceType": _machine,
    "instanceTypes": _machine,
    "addonName": _add_on,
    "serviceName": _service,
}
