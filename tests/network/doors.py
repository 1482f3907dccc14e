"""The endpoints of one platform as doors: whether a request of somebody, about somebody's things, gets through."""

from dataclasses import dataclass

from components.catalog.names import Names
from components.catalog.vpc_endpoints import endpoint_services
from components.network.endpoint_policy import endpoint_policy
from tests.iam_evaluator import Request, allows

OURS, THEIRS, ORGANISATION, STATE = "111122223333", "444455556666", "o-cl0ister01", "state-of-the-bank"
LONGEST = 20_480
"""Characters of an endpoint policy. Source: VPC User Guide, "Amazon VPC quotas"."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The endpoints of one platform, and what goes through them."""

    region: str
    uses: tuple[str, ...] = ()
    organisation: str | None = None
    state_bucket: str | None = None

    @property
    def partition(self) -> str:
        return "aws-eusc" if self.region.startswith("eusc-") else "aws"

    @property
    def weights(self) -> str:
        return self.bucket(f"cloister-weights-{OURS}-{self.region}")

    @property
    def audit(self) -> str:
        return self.bucket(f"cloister-audit-{OURS}-{self.region}")

    def arn(self, service: str, resource: str, account: str = OURS) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{account}:{resource}"

    def bucket(self, name: str) -> str:
        return f"arn:{self.partition}:s3:::{name}"

    def let(
        self,
        suffix: str,
        action: str,
        resource: str = "*",
        *,
        caller: str = OURS,
        owner: str = OURS,
        caller_organisation: str = ORGANISATION,
        owner_organisation: str = ORGANISATION,
        image_owner: str = "",
    ) -> bool:
        """Whether an endpoint lets one request through, with the condition keys that AWS puts into it."""
        [service] = [each for each in endpoint_services(self.uses) if each.suffix == suffix]
        names = Names(account_id=OURS, region=self.region)
        policy = endpoint_policy(
            service, names, self.uses, organisation=self.organisation, state_bucket=self.state_bucket
        )
        assert len(policy) <= LONGEST
        context = {
            "aws:PrincipalAccount": caller,
            "aws:PrincipalOrgID": caller_organisation,
            "aws:ResourceAccount": owner,
            "aws:ResourceOrgID": owner_organisation,
        }
        if image_owner:
            context["ec2:Owner"] = image_owner
        principal = f"arn:{self.partition}:sts::{caller}:assumed-role/some/session"
        return allows(policy, Request(action=action, resource=resource, principal=principal, context=context))
