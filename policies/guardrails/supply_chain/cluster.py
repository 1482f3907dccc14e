"""Add-ons, machine images and repositories: listed, pinned and immutable."""

import base64
import email
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..findings import Resource, names
from ..pods import listed
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
# What an add-on may be told: where and how often it runs, and which of its own functions are on.
_ADD_ON_PARTS = frozenset({"agent", "controller", "node", "nodeAgent"})
_ADD_ON_SETTINGS = _ADD_ON_PARTS | listed(
    "affinity autoScaling computeType enableNetworkPolicy enablePolicyEventLogs env nodeSelector podAnnotations "
    "podDisruptionBudget podLabels priorityClassName replicaCount resources tolerations topologySpreadConstraints "
    "updateStrategy"
)
_ADD_ON_VARIABLES = re.compile(
    r"(ENABLE|WARM|MINIMUM|MAX|ENI|DISABLE|POD_SECURITY_GROUP|NETWORK_POLICY|AWS_VPC|AWS_VPC_CNI|AWS_VPC_K8S)_\w+"
)
_BOTTLEROCKET = frozenset({"bootstrap-commands", "host-containers", "kubernetes", "metrics"})
_LOCAL_DISKS = ["apiclient", "ephemeral-storage"]
_BOTTLEROCKET_KUBERNETES = listed(
    "container-log-max-files container-log-max-size cpu-manager-policy eviction-hard eviction-soft "
    "image-gc-high-threshold-percent image-gc-low-threshold-percent kube-reserved max-pods memory-manager-policy "
    "node-labels node-taints pod-pids-limit shutdown-grace-period system-reserved topology-manager-policy"
)
_KUBELET = listed(
    "containerLogMaxFiles containerLogMaxSize cpuManagerPolicy evictionHard evictionSoft "
    "imageGCHighThresholdPercent imageGCLowThresholdPercent kubeReserved maxPods memoryManagerPolicy podPidsLimit "
    "registerWithTaints shutdownGracePeriod shutdownGracePeriodCriticalPods systemReserved topologyManagerPolicy"
)
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


@rule(
    "aws:eks/addon:Addon",
    fix="Leave images, arguments and files to EKS; configure only what the rule lists.",
    source=f"{_EKS}add-ons-images.html",
)
def supply_chain_add_on_keeps_its_images(addon: Resource) -> Iterator[str]:
    """No add-on's configuration replaces its images, its arguments, its files or the servers that it asks."""
    text = addon.get("configurationValues")
    configuration = (yaml.safe_load(text) if isinstance(text, str) else text) or {}
    if not isinstance(configuration, Mapping):
        yield "configurationValues is not an object"
        return
    for path, settings in (("configurationValues", configuration), *_parts(configuration)):
        for key in settings:
            if key not in _ADD_ON_SETTINGS:
                yield f"{path}.{key} is set"
    for path, name, value in _variables(configuration):
        if not _ADD_ON_VARIABLES.fullmatch(name) or (name.upper() == "ENABLE_IPV6" and str(value).lower() != "false"):
            yield f"{path}.{name} is set"


def _parts(configuration: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The settings of an add-on's parts."""
    for part in sorted(_ADD_ON_PARTS & configuration.keys()):
        if isinstance(configuration[part], Mapping):
            yield f"configurationValues.{part}", configuration[part]


def _variables(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for path, settings in (("configurationValues", configuration), *_parts(configuration)):
        variables = settings.get("env") or {}
        if isinstance(variables, Mapping):
            yield from ((f"{path}.env", str(name), variables[name]) for name in variables)
        else:
            yield f"{path}.env", "a list", None


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
    fix="Give nodes a NodeConfig document, or Bottlerocket's settings of the kubelet; software comes in images.",
    source="https://awslabs.github.io/amazon-eks-ami/nodeadm/",
    severity="critical",
)
def supply_chain_node_runs_no_script(template: Resource) -> Iterator[str]:
    """A node's user data configures kubelet and local disks, nothing else: no script, no registry, no own container."""
    if not template.get("userData"):
        return
    text = _decoded(template.get("userData"))
    if text is None:
        yield "userData is packed or no text"
        return
    if "settings" in (settings := _toml(text)):
        yield from _bottlerocket_problems(settings)
        return
    for document in _node_documents(text):
        yield from _node_problems(document)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _bottlerocket_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Source: Bottlerocket's settings reference."""
    settings = document["settings"]
    for key in sorted((document.keys() - {"settings"}) | (settings.keys() - _BOTTLEROCKET)):
        yield f"userData sets {key}"
    for key in sorted(settings.get("kubernetes", {}).keys() - _BOTTLEROCKET_KUBERNETES):
        yield f"userData sets kubernetes.{key}"
    for name, container in settings.get("host-containers", {}).items():
        if container != {"enabled": False}:
            yield f"userData sets up host container {name}"
    for name, entry in settings.get("bootstrap-commands", {}).items():
        commands = entry.get("commands", [])
        if entry.keys() - {"commands", "mode", "essential"} or any(found[:2] != _LOCAL_DISKS for found in commands):
            yield f"userData runs bootstrap command {name}"
    if settings.get("metrics", {}) not in ({}, {"send-metrics": False}):
        yield "userData sets metrics"


def _node_documents(text: str) -> Iterator[Any]:
    """The YAML documents of user data, plain or in the parts of a MIME message; other kinds of parts come as text."""
    if not text.lstrip().lower().startswith(("mime-version", "content-type")):
        yield from _yaml(text)
        return
    for part in email.message_from_string(text.lstrip()).walk():
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            kind = part.get_content_type()
            yield from _yaml(body.decode("utf-8")) if kind == "application/node.eks.aws" else [kind]  # type: ignore[union-attr]


def _yaml(text: str) -> Iterator[Any]:
    try:
        yield from (document for document in yaml.safe_load_all(text) if document is not None)
    except yaml.YAMLError:
        yield "text"


def _node_problems(document: Any) -> Iterator[str]:
    """Source: nodeadm's API reference, NodeConfig."""
    if not isinstance(document, Mapping) or document.get("kind") != "NodeConfig":
        yield "userData holds something else than a NodeConfig"
        return
    if not str(document.get("apiVersion")).startswith("node.eks.aws/"):
        yield "userData holds a NodeConfig that is not EKS's"
    spec = document.get("spec") or {}
    kubelet, instance = spec.get("kubelet") or {}, spec.get("instance") or {}
    places = (
        ("spec", spec, {"cluster", "instance", "kubelet"}),
        ("spec.kubelet", kubelet, {"config", "flags"}),
        ("spec.kubelet.config", kubelet.get("config") or {}, _KUBELET),
        ("spec.instance", instance, {"localStorage"}),
    )
    for path, settings, known in places:
        for key in sorted(settings.keys() - known):
            yield f"userData sets {path}.{key}"
    for flag in kubelet.get("flags") or ():
        if not str(flag).startswith(("--node-labels=", "--register-with-taints=")):
            yield f"userData gives the kubelet flag {str(flag).partition('=')[0]!r}"


@rule(
    "aws:ecr/repository:Repository",
    fix="Set imageTagMutability to IMMUTABLE.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
)
def supply_chain_tags_are_immutable(repository: Resource) -> Iterator[str]:
    """A repository's tags cannot be moved to another image."""
    if repository.get("imageTagMutability") != "IMMUTABLE":
        yield f"imageTagMutability is {repository.get('imageTagMutability') or 'MUTABLE'!r}"


def _decoded(value: Any) -> str | None:
    """User data as text, base64 as AWS wants it or already plain; None for packed data."""
    try:
        raw = base64.b64decode(str(value), validate=True)
    except ValueError:
        return str(value)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


RULES: tuple[Rule, ...] = (
    supply_chain_add_on_is_listed,
    supply_chain_add_on_is_pinned,
    supply_chain_add_on_keeps_its_images,
    supply_chain_node_image_is_of_eks,
    supply_chain_template_names_no_image,
    supply_chain_node_runs_no_script,
    supply_chain_tags_are_immutable,
)
