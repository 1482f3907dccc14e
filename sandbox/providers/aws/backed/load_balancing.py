"""Load balancers, target groups and listeners, in moto's Elastic Load Balancing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sandbox.providers.aws import shapes
from sandbox.providers.aws.account import Account

from .backing import Backing, Properties, pairs, removed

_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
_LISTENER: Final = "aws:lb/listener:Listener"
_BALANCER_ATTRIBUTES: Final = {
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "dnsRecordClientRoutingPolicy": "dns_record.client_routing_policy",
    "enableZonalShift": "zonal_shift.config.enabled",
}
_GROUP_ATTRIBUTES: Final = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "proxyProtocolV2": "proxy_protocol_v2.enabled",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
}


def _tag(account: Account, arn: str, new: Properties, old: Properties) -> None:
    elb, before, tags = account.client("elbv2"), old.get("tagsAll") or {}, new.get("tagsAll") or {}
    if gone := removed(tags, before):
        elb.remove_tags(ResourceArns=[arn], TagKeys=gone)
    if tags:
        elb.add_tags(ResourceArns=[arn], Tags=pairs(tags))


def _attributes(names: Mapping[str, str], inputs: Properties) -> list[dict[str, str]]:
    """Declared properties as the service's attributes: everything is text there, truths in lower case."""
    values = {key: inputs[name] for name, key in names.items() if inputs.get(name) is not None}
    return [
        {"Key": key, "Value": str(value).lower() if isinstance(value, bool) else str(value)}
        for key, value in values.items()
    ]


def _create_balancer(account: Account, inputs: Properties) -> str:
    parameters = shapes.parameters(_BALANCER, {**inputs, "tags": None})
    parameters["Scheme"] = "internal" if inputs.get("internal") else "internet-facing"
    made = account.client("elbv2").create_load_balancer(**parameters)["LoadBalancers"][0]
    arn: str = made["LoadBalancerArn"]
    _set_balancer(account, arn, inputs)
    _tag(account, arn, inputs, {})
    return arn


def _set_balancer(account: Account, arn: str, inputs: Properties) -> None:
    attributes = _attributes(_BALANCER_ATTRIBUTES, inputs)
    for name in ("accessLogs", "connectionLogs", "healthCheckLogs"):
        logs = inputs.get(name) or {}
        prefix = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name) + ".s3."
        attributes += _attributes({key: prefix + key for key in ("enabled", "bucket", "prefix")}, logs)
    account.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)


def _update_balancer(account: Account, arn: str, new: Properties, old: Properties) -> None:
    elb = account.client("elbv2")
    _set_balancer(account, arn, new)
    if set(new.get("securityGroups") or []) != set(old.get("securityGroups") or []):
        elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=new["securityGroups"])
    if set(new.get("subnets") or []) != set(old.get("subnets") or []):
        elb.set_subnets(LoadBalancerArn=arn, Subnets=new["subnets"])
    if new.get("ipAddressType") != old.get("ipAddressType"):
        elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType=new["ipAddressType"])
    _tag(account, arn, new, old)


def _read_balancer(account: Account, arn: str) -> dict[str, Any]:
    elb = account.client("elbv2")
    found = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    values = {entry["Key"]: entry["Value"] for entry in attributes}
    return {
        "arn": arn,
        "arnSuffix": arn.partition(":loadbalancer/")[2],
        "dnsName": found["DNSName"],
        "zoneId": found["CanonicalHostedZoneId"],
        "vpcId": found["VpcId"],
        "enableDeletionProtection": values["deletion_protection.enabled"] == "true",
        "enableCrossZoneLoadBalancing": values["load_balancing.cross_zone.enabled"] == "true",
    }


def _delete_balancer(account: Account, arn: str, outputs: Properties) -> None:
    account.client("elbv2").delete_load_balancer(LoadBalancerArn=arn)


def _health_check(inputs: Properties) -> dict[str, Any]:
    """The group's `healthCheck` as parameters of the group itself."""
    check = inputs.get("healthCheck") or {}
    names = {
        "protocol": "HealthCheckProtocol",
        "port": "HealthCheckPort",
        "path": "HealthCheckPath",
        "interval": "HealthCheckIntervalSeconds",
        "timeout": "HealthCheckTimeoutSeconds",
        "healthyThreshold": "HealthyThresholdCount",
        "unhealthyThreshold": "UnhealthyThresholdCount",
        "enabled": "HealthCheckEnabled",
    }
    parameters = {member: check[name] for name, member in names.items() if check.get(name) is not None}
    return parameters | ({"Matcher": {"HttpCode": check["matcher"]}} if check.get("matcher") else {})


def _create_group(account: Account, inputs: Properties) -> str:
    elb = account.client("elbv2")
    parameters = shapes.parameters(_GROUP, {**inputs, "tags": None}) | _health_check(inputs)
    arn: str = elb.create_target_group(**parameters)["TargetGroups"][0]["TargetGroupArn"]
    _set_group(account, arn, inputs)
    _tag(account, arn, inputs, {})
    return arn


def _set_group(account: Account, arn: str, inputs: Properties) -> None:
    attributes = _attributes(_GROUP_ATTRIBUTES, inputs)
    account.client("elbv2").modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)


def _update_group(account: Account, arn: str, new: Properties, old: Properties) -> None:
    if new.get("healthCheck") != old.get("healthCheck"):
        account.client("elbv2").modify_target_group(TargetGroupArn=arn, **_health_check(new))
    _set_group(account, arn, new)
    _tag(account, arn, new, old)


def _read_group(account: Account, arn: str) -> dict[str, Any]:
    found = account.client("elbv2").describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    return {
        "arn": arn,
        "arnSuffix": arn.rsplit(":", 1)[-1],
        "loadBalancerArns": sorted(set(found.get("LoadBalancerArns", []))),
    }


def _delete_group(account: Account, arn: str, outputs: Properties) -> None:
    account.client("elbv2").delete_target_group(TargetGroupArn=arn)


def _listener(inputs: Properties) -> dict[str, Any]:
    parameters = shapes.parameters(_LISTENER, {**inputs, "tags": None, "certificateArn": None, "alpnPolicy": None})
    parameters |= (
        {"Certificates": [{"CertificateArn": inputs["certificateArn"]}]} if inputs.get("certificateArn") else {}
    )
    return parameters | ({"AlpnPolicy": [inputs["alpnPolicy"]]} if inputs.get("alpnPolicy") else {})


def _create_listener(account: Account, inputs: Properties) -> str:
    made = account.client("elbv2").create_listener(**_listener(inputs))["Listeners"][0]
    arn: str = made["ListenerArn"]
    _tag(account, arn, inputs, {})
    return arn


def _update_listener(account: Account, arn: str, new: Properties, old: Properties) -> None:
    parameters = {name: value for name, value in _listener(new).items() if name != "LoadBalancerArn"}
    account.client("elbv2").modify_listener(ListenerArn=arn, **parameters)
    _tag(account, arn, new, old)


def _read_listener(account: Account, arn: str) -> dict[str, Any]:
    account.client("elbv2").describe_listeners(ListenerArns=[arn])
    return {"arn": arn}


def _delete_listener(account: Account, arn: str, outputs: Properties) -> None:
    account.client("elbv2").delete_listener(ListenerArn=arn)


BACKED: Final[Mapping[str, Backing]] = {
    _BALANCER: Backing(create=_create_balancer, read=_read_balancer, update=_update_balancer, delete=_delete_balancer),
    _GROUP: Backing(create=_create_group, read=_read_group, update=_update_group, delete=_delete_group),
    _LISTENER: Backing(create=_create_listener, read=_read_listener, update=_update_listener, delete=_delete_listener),
}
