"""The documents of `policies/organisation/` with an organisation's own values, as AWS Organizations takes them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Kind = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
KINDS: Final[Mapping[str, Kind]] = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}
"""How a file's name begins -> what it is."""
WORD: Final = re.compile(r'"@[A-Z]+@"')
LONGEST: Final = 5120
"""Characters of one policy. Source: AWS Organizations User Guide, "Quotas and service limits"."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """What an organisation puts into the documents.

    Args:
        organisation_id: such as `o-a1b2c3d4e5`.
        regions: where anything may be made or called.
        accounts: of the stacks and of their peers: VPCs of theirs may be peered, their endpoint services used.
        vpc_arns: VPCs of other accounts that may be peered as well.
        deployer_arns: roles by which the reviewed pipeline deploys; `*` is any text.
    """

    organisation_id: str
    regions: Sequence[str]
    accounts: Sequence[str]
    vpc_arns: Sequence[str]
    deployer_arns: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Document:
    """One policy of the organisation.

    Args:
        name: such as `scp-network`.
        text: JSON without spaces.
    """

    name: str
    kind: Kind
    text: str


def documents(folder: Path, values: Values) -> Iterator[Document]:
    """Every document of a folder, filled in.

    Raises:
        ValueError: a document is longer than AWS takes, or holds a word that nothing stands for.
    """
    words: Mapping[str, Sequence[str]] = {
        "@ORGANISATION@": [values.organisation_id],
        "@REGIONS@": values.regions,
        "@ACCOUNTS@": values.accounts,
        "@VPCS@": [*(f"arn:*:ec2:*:{account}:vpc/*" for account in values.accounts), *values.vpc_arns],
        "@DEPLOYERS@": values.deployer_arns,
    }
    for path in sorted(folder.glob("*.json")):
        filled = _filled(json.loads(path.read_text(encoding="utf-8")), words)
        text = json.dumps(filled, separators=(",", ":"))
        if WORD.search(text):
            raise ValueError(f"{path.name}: a word between @ and @ has no value")
        if len(text) > LONGEST:
            raise ValueError(
                f"{path.name}: {len(text)} characters, and AWS takes {LONGEST}; name fewer accounts or roles"
            )
        yield Document(name=path.stem, kind=KINDS[path.stem.partition("-")[0]], text=text)


def _filled(value: Any, words: Mapping[str, Sequence[str]]) -> Any:
    """A word becomes its values: a list where it stands alone, further elements inside a list."""
    if isinstance(value, str):
        return list(words.get(value, [])) or value
    if isinstance(value, list):
        return [
            one
            for item in value
            for one in (words.get(item, [item]) if isinstance(item, str) else [_filled(item, words)])
        ]
    if isinstance(value, dict):
        return {key: _filled(inner, words) for key, inner in value.items()}
    return value
