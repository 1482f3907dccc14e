"""Machines of one type that join the cluster."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog import instances
from components.catalog.names import POOL_LABEL
from components.catalog.node_cache import NODE_CACHE_FOLDER
from components.settings.cluster import NodePool as NodePoolSettings

GPU_TAINT: Final = "nvidia.com/gpu"
CAPACITY: Final = {"on-demand": "ON_DEMAND", "spot": "SPOT"}


@dataclass(frozen=True, kw_only=True)
class MachineImage:
    """How an operating system image of EKS is asked for, and what its disks are.

    Attributes:
        ami_types: architecture -> `amiType`.
        disks: device -> whether it holds images, weights and pods, and so takes the pool's `disk_gib`.
        user_data: what EKS merges with its own.
    """

    ami_types: Mapping[str, str]
    disks: Mapping[str, bool]
    user_data: str = ""


AMAZON_LINUX: Final = MachineImage(
    ami_types={"x86_64": "AL2023_x86_64_STANDARD", "arm64": "AL2023_ARM_64_STANDARD"}, disks={"/dev/xvda": True}
)
# Bottlerocket's NVIDIA images have driver and device plug-in built in, so that GPUs need no privileged DaemonSet.
# Its control container would be pulled from a registry that the sealed VPC does not reach, and its usage reports would
# only raise the name firewall's alarm.
BOTTLEROCKET: Final = MachineImage(
    ami_types={"x86_64": "BOTTLEROCKET_x86_64_NVIDIA", "arm64": "BOTTLEROCKET_ARM_64_NVIDIA"},
    disks={"/dev/xvda": False, "/dev/xvdb": True},
    user_data="".join(f"[settings.host-containers.{name}]\nenabled = false\n" for name in ("control", "admin"))
    + "[settings.metrics]\nsend-metrics = false\n",
)
# Local disks, as one RAID 0 where there are several, hold the container runtime's images and the weights. One entry:
# two would run in the order of their names. A machine on which it fails does not join.
LOCAL_DISKS: Final = (
    "[settings.bootstrap-commands.local-disks]\n"
    'commands = [["apiclient", "ephemeral-storage", "init"], '
    f'["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "{NODE_CACHE_FOLDER}"]]\n'
    'mode = "always"\nessential = true\n'
)


def machine_image(machine: instances.InstanceType) -> MachineImage:
    """Bottlerocket for GPUs, with its local disks in use if there are any; Amazon Linux otherwise.

    Source: EKS API Reference, `Nodegroup.amiType`; Bottlerocket's settings reference, "bootstrap-commands",
    "host-containers" and "metrics"; which folders may be bound: bottlerocket-core-kit, `ephemeral_storage.rs`.
    """
    if not machine.gpus:
        return AMAZON_LINUX
    return replace(BOTTLEROCKET, user_data=BOTTLEROCKET.user_data + (LOCAL_DISKS if machine.nvme_gb else ""))


@dataclass(frozen=True, kw_only=True)
class NodePoolArgs:
    """One pool.

    Attributes:
        pool_name: its key in the settings; pods choose it by the label `cloister/pool`.
        pool: machine type, size, disk.
        cluster_name: the cluster to join.
        kubernetes_version: of the kubelets.
        role_arn: role of the nodes.
        security_group_id: of the nodes.
        subnet_ids: one for each zone.
        key_arn: encrypts the disks.
        tags: of instances and disks, which do not get the provider's default tags.
        after: what nodes need before they start: rights of their role, the network add-ons.
    """

    pool_name: str
    pool: NodePoolSettings
    cluster_name: Input[str]
    kubernetes_version: str
    role_arn: Input[str]
    security_group_id: Input[str]
    subnet_ids: Sequence[Input[str]]
    key_arn: Input[str]
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource] = ()


class NodePool(pulumi.ComponentResource):
    """One EKS managed node group; GPU machines refuse pods that do not ask for a GPU.

    Outputs:
        node_group_arn: str.
    Source: EKS User Guide, "Managed node groups" and "Customize managed nodes with launch templates".
    """

    node_group_arn: Output[str]

    def __init__(self, name: str, args: NodePoolArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:cluster:NodePool", name, None, opts)
        pool, machine = args.pool, instances.find(args.pool.instance_type)
        image = machine_image(machine)
        template = self._template(f"{name}-template", args, image)
        taint = aws.eks.NodeGroupTaintArgs(key=GPU_TAINT, value="true", effect="NO_SCHEDULE")
        group = aws.eks.NodeGroup(
            f"{name}-group",
            cluster_name=args.cluster_name,
            node_group_name=args.pool_name,
            version=args.kubernetes_version,
            node_role_arn=args.role_arn,
            subnet_ids=list(args.subnet_ids),
            instance_types=[pool.instance_type],
            ami_type=image.ami_types[machine.architecture],
            capacity_type=CAPACITY[pool.capacity],
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=pool.min_nodes, max_size=pool.max_nodes, desired_size=pool.min_nodes
            ),
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            labels={POOL_LABEL: args.pool_name},
            taints=[taint] if machine.gpus else [],
            # The autoscaler moves the desired size; the stack only says between which bounds.
            opts=ResourceOptions(
                parent=self, depends_on=list(args.after), ignore_changes=["scalingConfig.desiredSize"]
            ),
        )
        self.node_group_arn = group.arn
        self.register_outputs({"node_group_arn": group.arn})

    def _template(self, name: str, args: NodePoolArgs, image: MachineImage) -> aws.ec2.LaunchTemplate:
        """Encrypted disk, no public address, and instance metadata that pods cannot reach."""
        tags = {**args.tags, "Name": f"cloister-{args.pool_name}"}
        return aws.ec2.LaunchTemplate(
            name,
            update_default_version=True,
            user_data=base64.b64encode(image.user_data.encode()).decode() or None,
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=device,
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=args.pool.disk_gib if data else None,
                        volume_type="gp3",
                        encrypted="true",
                        kms_key_id=args.key_arn,
                        delete_on_termination="true",
                    ),
                )
                for device, data in image.disks.items()
            ],
            network_interfaces=[
                aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                    device_index=0,
                    associate_public_ip_address="false",
                    delete_on_termination="true",
                    security_groups=[args.security_group_id],
                )
            ],
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume")
            ],
            opts=ResourceOptions(parent=self),
        )
