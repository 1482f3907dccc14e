"""What an organisation forbids to every account of an organisational unit, whoever asks and with whatever tool."""

from dataclasses import dataclass
from pathlib import Path

import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.organisation.documents import Values, documents


@dataclass(frozen=True, kw_only=True)
class OrganisationPoliciesArgs:
    """What is forbidden, and to whom.

    Args:
        folder: holds the documents.
        values: what is written into them.
        targets: ids of organisational units or accounts, such as `ou-ab12-cd34ef56`.
    """

    folder: Path
    values: Values
    targets: tuple[str, ...]


class OrganisationPolicies(ComponentResource):
    """Service control policies and a resource control policy, attached to each target.

    Outputs:
        policy_ids: dict of str, name of a document -> id of the policy.
    Source: AWS Organizations User Guide, "Authorization policies".
    """

    policy_ids: Output[dict[str, str]]

    def __init__(self, name: str, args: OrganisationPoliciesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:organisation:OrganisationPolicies", name, None, opts)
        ids = {}
        for document in documents(args.folder, args.values):
            policy = aws.organizations.Policy(
                f"{name}-{document.name}",
                name=f"cloister-{document.name}",
                description=f"Cloister: policies/organisation/{document.name}.json",
                type=document.kind,
                content=document.text,
                opts=ResourceOptions(parent=self),
            )
            for target in args.targets:
                aws.organizations.PolicyAttachment(
                    f"{name}-{document.name}-{target}",
                    policy_id=policy.id,
                    target_id=target,
                    opts=ResourceOptions(parent=self),
                )
            ids[document.name] = policy.id
        self.policy_ids = Output.all(**ids)
        self.register_outputs({"policy_ids": self.policy_ids})
