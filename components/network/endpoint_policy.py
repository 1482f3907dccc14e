"""Who may ask what through each VPC endpoint: principals of our account, about things of our account."""

from collections.abc import Collection, Mapping, Sequence

from components import iam
from components.catalog.endpoint_service import EndpointService
from components.catalog.names import Names
from components.catalog.vpc_endpoints import ADD_ON_REGISTRY_ACCOUNTS, endpoint_services


def endpoint_policy(
    service: EndpointService,
    names: Names,
    uses: Collection[str],
    *,
    organisation: str | None = None,
    state_bucket: str | None = None,
) -> str:
    """The policy of one endpoint: nothing of a foreign account can be reached, whoever's credentials are used.

    The only exceptions belong to AWS and can be read alone: image layers, images of EKS add-ons, and for an elastic
    pool AWS's machine images and the parameters that name them. Nothing inside writes the audit or the access-log
    bucket (AWS's own services do, from outside), so neither is here.

    Args:
        service: the service.
        names: physical names of the platform.
        uses: what is enabled; it decides what may be asked.
        organisation: AWS Organizations id; callers and things must be of it besides.
        state_bucket: holds the state of the stacks that a runner inside deploys; without it nothing can be written
            to S3.

    Raises:
        LookupError: no enabled use needs the service.
    """
    enabled = next((each for each in endpoint_services(uses) if each.suffix == service.suffix), None)
    if enabled is None:
        raise LookupError(f"{service.suffix!r} is needed by none of {', '.join(sorted(uses))}")
    perimeter = _Perimeter(names, organisation)
    match enabled.suffix:
        case "s3":
            statements = _s3(enabled, perimeter, state_bucket)
        case "ecr.api":
            statements = [perimeter.own("OwnAccount", enabled.actions, ["*"])]
        case "ecr.dkr":
            statements = _images(enabled, perimeter)
        case "ec2":
            statements = [perimeter.own("OwnAccount", enabled.actions, ["*"]), *_machine_images(enabled, perimeter)]
        case "ssm":
            statements = _ssm(enabled, perimeter)
        case "elasticloadbalancing":
            statements = _targets(enabled, perimeter)
        case other:
            statements = [perimeter.own("OwnAccount", enabled.actions, _resources(other, names))]
    return iam.document(*statements)


class _Perimeter:
    """Statements that hold callers and things to our account, and to the organisation where it is known.

    Source: AWS data perimeter policy examples, "VPC endpoint policies".
    """

    def __init__(self, names: Names, organisation: str | None) -> None:
        self.names = names
        self.caller: dict[str, str] = {"aws:PrincipalAccount": names.account_id}
        self.thing: dict[str, str] = {"aws:ResourceAccount": names.account_id}
        if organisation is not None:
            self.caller["aws:PrincipalOrgID"] = organisation
            self.thing["aws:ResourceOrgID"] = organisation

    def own(self, sid: str, actions: Sequence[str], resources: Sequence[str]) -> iam.Statement:
        """Our callers, our things."""
        return self.ours(sid, actions, resources, self.thing)

    def ours(
        self, sid: str, actions: Sequence[str], resources: Sequence[str], held: Mapping[str, str]
    ) -> iam.Statement:
        """Our callers, and things of which something else is held."""
        condition = {"StringEquals": {**self.caller, **held}}
        return iam.allow(sid, actions, resources, principal="*", condition=condition)

    def arn(self, service: str, resource: str) -> str:
        """ARN of a thing of ours."""
        return iam.arn(service, self.names.region, self.names.account_id, resource)

    def of_aws(self, service: str, resource: str) -> str:
        """ARN of a thing that belongs to AWS and carries no account."""
        return iam.arn(service, self.names.region, "", resource)


def _resources(suffix: str, names: Names) -> list[str]:
    """What can be named before it exists; conditions hold the rest."""
    named = {
        "eks": ("eks", f"cluster/{names.cluster}"),
        "eks-auth": ("eks", f"cluster/{names.cluster}"),
        "kms": ("kms", "key/*"),
        "logs": ("logs", "log-group:*"),
        "sqs": ("sqs", "*"),
        "aps-workspaces": ("aps", "workspace/*"),
        "secretsmanager": ("secretsmanager", "secret:*"),
    }
    if suffix not in named:
        return ["*"]
    service, resource = named[suffix]
    return [iam.arn(service, names.region, names.account_id, resource)]


def _s3(service: EndpointService, perimeter: _Perimeter, state_bucket: str | None) -> list[iam.Statement]:
    names = perimeter.names

    def whole(bucket: str) -> list[str]:
        return [iam.bucket_arn(names.region, bucket), iam.bucket_arn(names.region, bucket, "/*")]

    statements = [
        perimeter.own("ReadWeights", service.asked_by("weights"), whole(names.weight_cache_bucket)),
        # ECR signs these requests itself: the principal is AWS's, the bucket as well.
        iam.allow(
            "ImageLayers",
            service.asked_by("cluster"),
            [iam.bucket_arn(names.region, names.layer_bucket, "/*")],
            principal="*",
        ),
    ]
    if state_bucket is not None and (actions := service.asked_by("runner")):
        statements.append(perimeter.own("State", actions, whole(state_bucket)))
    return statements


def _images(service: EndpointService, perimeter: _Perimeter) -> list[iam.Statement]:
    names = perimeter.names
    statements = [perimeter.own("OwnImages", service.actions, [perimeter.arn("ecr", "repository/cloister/*")])]
    if (add_ons := ADD_ON_REGISTRY_ACCOUNTS.get(names.region)) is not None:
        resource = iam.arn("ecr", names.region, add_ons, "repository/*")
        statements.append(perimeter.ours("AddOnImages", service.actions, [resource], {"aws:ResourceAccount": add_ons}))
    return statements


def _machine_images(service: EndpointService, perimeter: _Perimeter) -> list[iam.Statement]:
    """Starting a machine also asks about its image and the snapshot below it, and AWS's are AWS's.

    Source: AWS data perimeter policy examples, "ec2_endpoint_policy"; Karpenter's controller policy.
    """
    starts = [
        action for action in service.asked_by("elastic-pool") if action in ("ec2:RunInstances", "ec2:CreateFleet")
    ]
    images = [perimeter.of_aws("ec2", "image/*"), perimeter.of_aws("ec2", "snapshot/*")]
    return [perimeter.ours("AwsMachineImages", starts, images, {"ec2:Owner": "amazon"})] if starts else []


def _ssm(service: EndpointService, perimeter: _Perimeter) -> list[iam.Statement]:
    statements = []
    if sessions := service.asked_by("sessions"):
        statements.append(perimeter.own("OwnAccount", sessions, ["*"]))
    if lookup := service.asked_by("elastic-pool"):
        parameters = [perimeter.of_aws("ssm", "parameter/aws/service/*")]
        statements.append(perimeter.ours("AwsParameters", lookup, parameters, {}))
    return statements


def _targets(service: EndpointService, perimeter: _Perimeter) -> list[iam.Statement]:
    """One target group; reading the health of targets knows no resources.

    Source: Service Authorization Reference, "Elastic Load Balancing V2".
    """
    changes = [action for action in service.actions if ":Describe" not in action]
    reads = [action for action in service.actions if ":Describe" in action]
    group = perimeter.arn("elasticloadbalancing", f"targetgroup/{perimeter.names.load_balancer}/*")
    return [perimeter.own("OneTargetGroup", changes, [group]), perimeter.own("Health", reads, ["*"])]
