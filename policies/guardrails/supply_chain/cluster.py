"""Add-ons, machine images and repositories: listed, pinned and immutable."""

import base64
import re
from collections.abc import Iterator
from typing import Any

from ..findings import Resource, document, leaves, names
from ..rules import Rule, rule

_ADD_ONS = frozenset(
    {
        "amazon-cloudwatch-observability",
        "aws-ebs-csi-driver",
        "aws-efs-csi-driver",
        "aws-fsx-csi-driver",
        "aws-mountpoint-s3-csi-driver",
        "coredns",
        "eks-node-monitoring-agent",
        "eks-pod-identity-agent",
        "kube-proxy",
        "metrics-server",
        "snapshot-controller",
        "vpc-cni",
    }
)
_MACHINE_IMAGES = re.compile(r"(AL2023|BOTTLEROCKET)_(x86_64|ARM_64)(_STANDARD|_NVIDIA|_NEURON|_FIPS|_NVIDIA_FIPS)?")
_EKS = "https://docs.aws.amazon.com/eks/latest/userguide/"


@rule(
    "aws:eks/addon:Addon",
    fix="Use an add-on of AWS itself, or list it in the rule after a review.",
    source=f"{_EKS}eks-add-ons.html",
)
def supply_chain_add_on_is_listed(addon: Resource) -> Iterator[str]:
    """Only add-ons that AWS itself builds are installed."""
    if addon.get("addonName") not in _ADD_ONS:
        yield f"add-on {addon.get('addonName')!r} is not listed"


@rule(
    "aws:eks/addon:Addon",
    fix="Give addonVersion in full, such as v1.12.4-eksbuild.1.",
    source=f"{_EKS}updating-an-add-on.html",
)
def supply_chain_add_on_is_pinned(addon: Resource) -> Iterator[str]:
    """Every add-on has a full version."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", str(addon.get("addonVersion"))):
        yield f"addonVersion is {addon.get('addonVersion')!r}"


@rule("aws:eks/addon:Addon", fix="Leave the add-on's images to EKS.", source=f"{_EKS}add-ons-images.html")
def supply_chain_add_on_keeps_its_images(addon: Resource) -> Iterator[str]:
    """No add-on's configuration replaces its images."""
    configuration = document(addon.get("configurationValues"))
    for path, _ in leaves(configuration, "configurationValues"):
        last = re.split(r"[.\[]", path)
        if any(
            part.lower() in ("image", "repository", "registry", "imageregistry", "containerregistry") for part in last
        ):
            yield f"{path} is set"


@rule(
    "aws:eks/nodeGroup:NodeGroup",
    fix="Use an AL2023 or Bottlerocket AMI type of EKS.",
    source=f"{_EKS}eks-optimized-amis.html",
)
def supply_chain_node_image_is_of_eks(group: Resource) -> Iterator[str]:
    """Nodes run an operating system image that EKS publishes."""
    if not _MACHINE_IMAGES.fullmatch(str(group.get("amiType"))):
        yield f"amiType is {group.get('amiType')!r}"


@rule(
    "aws:ec2/launchTemplate:LaunchTemplate",
    fix="Leave imageId out: the node group's amiType chooses the image that EKS publishes.",
    source=f"{_EKS}launch-templates.html",
)
def supply_chain_template_names_no_image(template: Resource) -> Iterator[str]:
    """No launch template brings a machine image of its own."""
    if names(template.props, "imageId"):
        yield "imageId is set"


@rule(
    "aws:ec2/launchTemplate:LaunchTemplate",
    fix="Give nodes a NodeConfig document only; software comes in images.",
    source="https://awslabs.github.io/amazon-eks-ami/nodeadm/",
)
def supply_chain_node_runs_no_script(template: Resource) -> Iterator[str]:
    """A node's user data configures kubelet and runs no script."""
    if not template.get("userData"):
        return
    text = _decoded(template.get("userData"))
    if text.startswith("#!") or re.search(r"text/x-shellscript|^#!|\b(curl|wget)\b|https?://", text, re.MULTILINE):
        yield "userData holds a script or a download"


@rule(
    "aws:ecr/repository:Repository",
    fix="Set imageTagMutability to IMMUTABLE.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
)
def supply_chain_tags_are_immutable(repository: Resource) -> Iterator[str]:
    """A repository's tags cannot be moved to another image."""
    if repository.get("imageTagMutability") != "IMMUTABLE":
        yield f"imageTagMutability is {repository.get('imageTagMutability') or 'MUTABLE'!r}"


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode("utf-8")
    except ValueError:
        return str(value)


RULES: tuple[Rule, ...] = (
    supply_chain_add_on_is_listed,
    supply_chain_add_on_is_pinned,
    supply_chain_add_on_keeps_its_images,
    supply_chain_node_image_is_of_eks,
    supply_chain_template_names_no_image,
    supply_chain_node_runs_no_script,
    supply_chain_tags_are_immutable,
)
