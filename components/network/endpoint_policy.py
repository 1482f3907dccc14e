"""Who may ask what through each VPC endpoint: principals of our account, about things of our account."""

from collections.abc import Sequence

from components import iam
from components.catalog.names import Names
from components.catalog.vpc_endpoints import ADD_ON_REGISTRY_ACCOUNTS, EndpointService


def endpoint_policy(service: EndpointService, names: Names) -> str:
    """The policy of one endpoint: nothing of a foreign account can be reached, whoever's credentials are used.

    Source: AWS data perimeter policy examples, "VPC endpoint policies".
    """
    if service.suffix == "s3":
        return iam.document(*_s3(service.actions, names))
    if service.suffix.startswith("ecr."):
        return iam.document(*_ecr(service.actions, names))
    return iam.document(_own("OwnAccount", service.actions, ["*"], names))


def _own(sid: str, actions: Sequence[str], resources: Sequence[str], names: Names) -> iam.Statement:
    return iam.allow(
        sid,
        actions,
        resources,
        principal="*",
        condition={
            "StringEquals": {"aws:PrincipalAccount": names.account_id, "aws:ResourceAccount": names.account_id},
        },
    )


def _s3(actions: Sequence[str], names: Names) -> list[iam.Statement]:
    bucket = names.weight_cache_bucket
    return [
        _own(
            "ReadWeights",
            actions,
            [iam.bucket_arn(names.region, bucket), iam.bucket_arn(names.region, bucket, "/*")],
            names,
        ),
        # ECR signs these requests itself: the principal is AWS's, the bucket as well.
        iam.allow(
            "ImageLayers", ["s3:GetObject"], [iam.bucket_arn(names.region, names.layer_bucket, "/*")], principal="*"
        ),
    ]


def _ecr(actions: Sequence[str], names: Names) -> list[iam.Statement]:
    pull = [action for action in actions if action != "ecr:GetAuthorizationToken"]
    own = iam.arn("ecr", names.region, names.account_id, "repository/cloister/*")
    statements = [_own("OwnImages", pull, [own], names)]
    if "ecr:GetAuthorizationToken" in actions:
        statements.append(_own("Token", ["ecr:GetAuthorizationToken"], ["*"], names))
    if (add_ons := ADD_ON_REGISTRY_ACCOUNTS.get(names.region)) is not None:
        statements.append(
            iam.allow(
                "AddOnImages",
                pull,
                [iam.arn("ecr", names.region, add_ons, "repository/*")],
                principal="*",
                condition={
                    "StringEquals": {"aws:PrincipalAccount": names.account_id, "aws:ResourceAccount": add_ons},
                },
            )
        )
    return statements
