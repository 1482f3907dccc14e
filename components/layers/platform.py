"""The layer `platform`: keys, network, storage and cluster of one account and region."""

from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

from components.catalog.add_ons import BEFORE_NODES, ON_NODES
from components.catalog.names import Names
from components.cluster.add_ons import AddOns, AddOnsArgs
from components.cluster.administrators import Administrators, AdministratorsArgs
from components.cluster.control_plane import ControlPlane, ControlPlaneArgs
from components.cluster.identity import (
    GATEWAY_SERVICE_ACCOUNT,
    WEIGHTS_SERVICE_ACCOUNT,
    PodIdentity,
    PodIdentityArgs,
    read_policy,
    register_policy,
)
from components.cluster.node_pool import NodePool, NodePoolArgs
from components.cluster.nodes import Nodes, NodesArgs
from components.layers.platform_network import PlatformNetwork, platform_network
from components.observability.alarm_topic import AlarmTopic, AlarmTopicArgs
from components.settings.layer import PlatformSettings
from components.storage.audit_trail import AuditTrail, AuditTrailArgs
from components.storage.keys import Keys, KeysArgs
from components.storage.registry import Registry, RegistryArgs
from components.storage.weight_cache import WeightCache, WeightCacheArgs


def build(settings: PlatformSettings) -> Mapping[str, Input[Any]]:
    """Declare the platform; what it exports is all that other layers know of it."""
    provider = aws.Provider(
        "aws",
        region=settings.region,
        allowed_account_ids=[settings.account_id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=settings.tags),
    )
    ours = ResourceOptions(providers=[provider])
    names = Names(account_id=settings.account_id, region=settings.region)
    keys = Keys("keys", KeysArgs(names=names), opts=ours)
    weights = WeightCache(
        "weights",
        WeightCacheArgs(
            names=names,
            settings=settings.weight_cache,
            key_arn=keys.storage_key_arn,
            vpc_cidrs=settings.network.vpc_cidrs,
            administrators=settings.cluster.administrators,
        ),
        opts=ours,
    )
    registry = Registry(
        "registry",
        RegistryArgs(
            settings=settings.registry,
            account_id=settings.account_id,
            region=settings.region,
            key_arn=keys.storage_key_arn,
        ),
        opts=ours,
    )
    audit = AuditTrail(
        "audit", AuditTrailArgs(names=names, settings=settings.audit, key_arn=keys.storage_key_arn), opts=ours
    )
    alarms = AlarmTopic("alarms", AlarmTopicArgs(names=names, key_arn=keys.storage_key_arn), opts=ours)
    network = platform_network(settings, names, keys, alarms, ours)
    control_plane = _cluster(settings, names, network, keys, ours)
    return {
        "account_id": settings.account_id,
        "region": settings.region,
        "vpc_id": network.vpc_id,
        "vpc_cidr": settings.network.cidr,
        "subnet_ids": network.subnets.node_subnet_ids,
        "cluster_name": control_plane.cluster_name,
        "cluster_endpoint": control_plane.endpoint,
        "cluster_certificate_authority": control_plane.certificate_authority,
        "inference_namespace": settings.cluster.inference_namespace,
        "weight_cache_bucket_name": weights.bucket,
        "audit_bucket_name": audit.bucket,
        "storage_key_arn": keys.storage_key_arn,
        "signing_key_id": keys.signing_key_id,
        "signing_key_arn": keys.signing_key_arn,
        "signing_keys": _signing_keys(keys, provider),
        "registry_url": registry.registry_url,
        "node_pools": {
            name: pool.model_dump(include={"instance_type", "min_nodes", "max_nodes"})
            for name, pool in settings.node_pools.items()
        },
        "alarm_topic_arn": alarms.topic_arn,
        **network.exports,
    }


def _cluster(
    settings: PlatformSettings,
    names: Names,
    network: PlatformNetwork,
    keys: Keys,
    ours: ResourceOptions,
) -> ControlPlane:
    """The control plane, its administrators, nodes and add-ons, and what their pods may do in AWS."""
    control_plane = ControlPlane(
        "control-plane",
        ControlPlaneArgs(
            names=names,
            cluster=settings.cluster,
            vpc_id=network.vpc_id,
            subnet_ids=list(network.subnets.endpoint_subnet_ids.values()),
            client_cidrs=[
                *network.addresses.inner,
                *network.addresses.runners,
                *settings.network.callers("kubernetes"),
            ],
            node_cidrs=network.addresses.inner,
            key_arn=keys.storage_key_arn,
        ),
        opts=ours,
    )
    cluster_name = control_plane.cluster_name
    Administrators(
        "administrators",
        AdministratorsArgs(
            region=settings.region, cluster_name=cluster_name, principal_arns=settings.cluster.administrators
        ),
        opts=ours,
    )
    nodes = Nodes(
        "nodes",
        NodesArgs(
            names=names,
            vpc_id=network.vpc_id,
            control_plane_group_id=control_plane.security_group_id,
            endpoint_cidrs=network.addresses.endpoints,
            storage_prefix_list_id=network.endpoints.storage_prefix_list_id,
            front_group_id=network.front.security_group_id if network.front else None,
        ),
        opts=ours,
    )
    before = AddOns(
        "add-ons-before-nodes",
        AddOnsArgs(names=names, cluster_name=cluster_name, add_ons=BEFORE_NODES),
        opts=ours,
    )
    pools = [
        NodePool(
            f"pool-{name}",
            NodePoolArgs(
                pool_name=name,
                pool=pool,
                cluster_name=cluster_name,
                kubernetes_version=settings.cluster.kubernetes_version,
                role_arn=nodes.role_arn,
                security_group_id=nodes.security_group_id,
                subnet_ids=list(network.subnets.node_subnet_ids.values()),
                key_arn=keys.storage_key_arn,
                tags=settings.tags,
                after=[nodes, before],
            ),
            opts=ours,
        )
        for name, pool in settings.node_pools.items()
    ]
    AddOns(
        "add-ons-on-nodes",
        AddOnsArgs(names=names, cluster_name=cluster_name, add_ons=ON_NODES, after=pools),
        opts=ours,
    )
    for identity, service_account, policy in (
        ("weights-reader", WEIGHTS_SERVICE_ACCOUNT, read_policy(names)),
        *([("gateway-registrar", GATEWAY_SERVICE_ACCOUNT, register_policy(names))] if network.front else []),
    ):
        PodIdentity(
            identity,
            PodIdentityArgs(
                names=names,
                cluster_name=cluster_name,
                namespace=settings.cluster.inference_namespace,
                service_account=service_account,
                purpose=identity,
                policy=policy,
            ),
            opts=ours,
        )
    return control_plane


def _signing_keys(keys: Keys, provider: aws.Provider) -> Output[list[dict[str, str]]]:
    """The public half of what signs tokens: the one lookup of this project, as no resource gives it."""
    public = aws.kms.get_public_key_output(key_id=keys.signing_key_id, opts=InvokeOptions(provider=provider))
    return Output.all(keys.signing_key_id, public.public_key).apply(
        lambda pair: [{"kid": str(pair[0]), "public_key": str(pair[1])}]
    )
