"""EKS: who may call the API server, what nodes and pods may read."""

from collections.abc import Iterator

from ..findings import Resource, each, items, names
from ..rules import Rule, rule

_EKS = "https://docs.aws.amazon.com/eks/latest/userguide/"
_CLUSTER = "aws:eks/cluster:Cluster"
_ACCESS_POLICIES = frozenset(
    {
        "AmazonEKSAdminPolicy",
        "AmazonEKSAdminViewPolicy",
        "AmazonEKSClusterAdminPolicy",
        "AmazonEKSEditPolicy",
        "AmazonEKSViewPolicy",
    }
)


@rule(
    _CLUSTER,
    fix='Give encryptionConfig with an own key and resources ["secrets"].',
    source=f"{_EKS}enable-kms.html",
    severity="critical",
)
def access_cluster_secrets_are_encrypted(cluster: Resource) -> Iterator[str]:
    """Kubernetes Secrets are encrypted under an own key."""
    provider = cluster.get("encryptionConfig.provider") or {}
    if not names(provider, "keyArn"):
        yield "encryptionConfig.provider.keyArn is not given"
    if "secrets" not in [entry for _, entry in each(cluster.props, "encryptionConfig.resources")]:
        yield "encryptionConfig.resources does not hold secrets"


@rule(
    _CLUSTER,
    fix="Set authenticationMode to API and bootstrapClusterCreatorAdminPermissions to false.",
    source=f"{_EKS}access-entries.html",
)
def access_cluster_callers_are_declared(cluster: Resource) -> Iterator[str]:
    """Callers of the API server are declared as access entries, the cluster's creator too."""
    if cluster.get("accessConfig.authenticationMode") != "API":
        yield f"accessConfig.authenticationMode is {cluster.get('accessConfig.authenticationMode')!r}"
    if cluster.get("accessConfig.bootstrapClusterCreatorAdminPermissions") is not False:
        yield "accessConfig.bootstrapClusterCreatorAdminPermissions is not false"


@rule(_CLUSTER, fix="Enable the log types api, audit and authenticator.", source=f"{_EKS}control-plane-logs.html")
def access_cluster_is_audited(cluster: Resource) -> Iterator[str]:
    """The API server logs its calls and who made them."""
    enabled = {entry for _, entry in each(cluster.props, "enabledClusterLogTypes")}
    missing = sorted({"api", "audit", "authenticator"} - enabled)
    if missing:
        yield f"enabledClusterLogTypes lacks {', '.join(missing)}"


@rule(
    "aws:eks/nodeGroup:NodeGroup",
    fix="Remove remoteAccess; use kubectl or Session Manager.",
    source=f"{_EKS}managed-node-groups.html",
)
def access_nodes_have_no_ssh(group: Resource) -> Iterator[str]:
    """Nodes have no SSH key and open no SSH port."""
    if group.get("remoteAccess"):
        yield "remoteAccess is set"


@rule(
    "aws:eks/nodeGroup:NodeGroup",
    fix="Give launchTemplate with metadataOptions.",
    source=f"{_EKS}launch-templates.html",
)
def access_nodes_use_a_template(group: Resource) -> Iterator[str]:
    """Nodes start from a declared launch template, which guards their metadata."""
    if not names(group.props, "launchTemplate"):
        yield "launchTemplate is not given"


@rule(
    "aws:ec2/launchTemplate:LaunchTemplate",
    fix="Set httpTokens to required and httpPutResponseHopLimit to 1.",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html",
    severity="critical",
)
def access_node_metadata_needs_a_token(template: Resource) -> Iterator[str]:
    """A node's metadata needs a token and one hop, so that pods cannot take the node's role."""
    options = template.get("metadataOptions") or {}
    if options.get("httpTokens") != "required":
        yield f"metadataOptions.httpTokens is {options.get('httpTokens')!r}"
    if options.get("httpPutResponseHopLimit") != 1:
        yield f"metadataOptions.httpPutResponseHopLimit is {options.get('httpPutResponseHopLimit')!r}"


@rule("aws:ec2/launchTemplate:LaunchTemplate", fix="Remove keyName.", source=f"{_EKS}launch-templates.html")
def access_template_has_no_key_pair(template: Resource) -> Iterator[str]:
    """A launch template brings no SSH key."""
    if names(template.props, "keyName"):
        yield "keyName is set"


@rule(
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    fix="Use one of EKS's own access policies.",
    source=f"{_EKS}access-policies.html",
)
def access_entry_policy_is_listed(association: Resource) -> Iterator[str]:
    """A caller gets one of EKS's own access policies."""
    name = str(association.get("policyArn")).rpartition("/")[2]
    if name not in _ACCESS_POLICIES:
        yield f"policyArn {association.get('policyArn')!r} is not listed"


@rule("aws:eks/accessEntry:AccessEntry", fix="Name groups of your own.", source=f"{_EKS}access-entries.html")
def access_entry_names_no_system_group(entry: Resource) -> Iterator[str]:
    """No caller is put into a system group of Kubernetes."""
    for group in items(entry.get("kubernetesGroups")):
        if str(group).startswith("system:"):
            yield f"kubernetesGroups holds {group!r}"
    if str(entry.get("userName") or "").startswith("system:"):
        yield f"userName is {entry.get('userName')!r}"


@rule(
    "aws:eks/accessEntry:AccessEntry",
    fix="Use type STANDARD for people and roles; node groups make their own entries.",
    source=f"{_EKS}creating-access-entries.html",
)
def access_entry_joins_nodes_of_ec2_only(entry: Resource) -> Iterator[str]:
    """No machine from outside the VPC may join the cluster as a node."""
    if entry.get("type") not in (None, "", "STANDARD", "EC2_LINUX"):
        yield f"type is {entry.get('type')!r}"


RULES: tuple[Rule, ...] = (
    access_cluster_secrets_are_encrypted,
    access_cluster_callers_are_declared,
    access_cluster_is_audited,
    access_nodes_have_no_ssh,
    access_nodes_use_a_template,
    access_node_metadata_needs_a_token,
    access_template_has_no_key_pair,
    access_entry_policy_is_listed,
    access_entry_names_no_system_group,
    access_entry_joins_nodes_of_ec2_only,
)
