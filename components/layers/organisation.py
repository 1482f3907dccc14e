"""The layer `organisation`: what AWS Organizations forbids to the accounts of the stacks."""

from typing import Any, Final

import pulumi_aws as aws
from pulumi import ResourceOptions

from components.organisation.documents import Values
from components.organisation.policies import OrganisationPolicies, OrganisationPoliciesArgs
from components.settings.errors import SettingsError
from components.settings.layer import OrganisationSettings
from components.settings.load import ROOT

FOLDER: Final = ROOT / "policies" / "organisation"


def build(settings: OrganisationSettings) -> dict[str, Any]:
    """The documents of `policies/organisation/`, attached to the targets.

    Outputs: policy_ids.

    Raises:
        SettingsError: a document would be longer than AWS takes.
    """
    provider = aws.Provider(
        "organisation",
        region=settings.region,
        allowed_account_ids=[settings.account_id],
        default_tags={"tags": settings.tags},
    )
    try:
        policies = OrganisationPolicies(
            "organisation",
            OrganisationPoliciesArgs(
                folder=FOLDER,
                values=Values(
                    organisation_id=settings.organisation_id,
                    regions=settings.regions,
                    accounts=settings.accounts,
                    vpc_arns=settings.peer_vpc_arns,
                    deployer_arns=settings.deployer_arns,
                ),
                targets=settings.targets,
            ),
            ResourceOptions(providers=[provider]),
        )
    except ValueError as error:
        raise SettingsError("policies/organisation", [str(error)]) from None
    return {"policy_ids": policies.policy_ids}
