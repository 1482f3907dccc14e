"""What a rehearsal says at its end: what there is, what was proved, how to use it, what it costs for real."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from operations.commands.size_tables import show_report
from operations.console import Console, duration
from operations.rehearse.questions import QUESTION, Answer, Refusal
from operations.rehearse.stacks import Deployment
from operations.size import report_of


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the gateway answered and what it refused."""

    stack: str
    url: str
    model: str
    client: str
    answer: Answer
    refusals: Sequence[Refusal]


def show(console: Console, deployments: Sequence[Deployment], proof: Proof, seconds: float) -> None:
    """Print the summary."""
    rich = console.rich
    rich.print("\n[bold]What there is now[/bold]")
    table = Table("stack", "resources", "changed", "of which", box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for deployment in deployments:
        total = sum(deployment.resources.values())
        table.add_row(deployment.stack, str(total), str(deployment.changed), _kinds(deployment.resources))
    rich.print(table)
    rich.print("\n[bold]What was checked[/bold]")
    for line in _rules():
        rich.print(f"  {line}")
    rich.print(f"  gateway: 1 answer, {len(proof.refusals)} refusals in OpenAI's error form")
    rich.print("\n[bold]Ask it yourself[/bold]")
    rich.print("  source .cloister/env", soft_wrap=True)
    rich.print(f"  TOKEN=$(cloister token issue --stack {proof.stack} --client {proof.client})", soft_wrap=True)
    rich.print(_curl(proof), soft_wrap=True, markup=False)
    _cost(console)
    rich.print("\n[bold]To stop[/bold]")
    rich.print("  make stop ends what runs, make rehearse brings it back, make destroy removes all of it")
    rich.print(f"\nAll of it took {duration(seconds)}.")


def _kinds(resources: Counter[str]) -> str:
    """The most common resource types, without Cloister's own components."""
    names = Counter[str]()
    for token, count in resources.items():
        if not token.startswith(("cloister:", "pulumi:")):
            names[token.rsplit(":", 1)[1]] += count
    return ", ".join(f"{count} {name}" for name, count in names.most_common(4))


def _rules() -> list[str]:
    from policies.guardrails import RULES

    themes = Counter(rule.id.split("-")[0].replace("supply", "supply chain") for rule in RULES)
    named = ", ".join(f"{count} {theme}" for theme, count in themes.most_common())
    return [f"policies: {len(RULES)} rules on every resource of every stack, all mandatory ({named})"]


def _curl(proof: Proof) -> str:
    body = f'{{"model": "{proof.model}", "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}'
    return (
        f'  curl {proof.url}/v1/chat/completions -H "Authorization: Bearer $TOKEN" '
        f"-H 'Content-Type: application/json' \\\n    -d '{body}'"
    )


def _cost(console: Console) -> None:
    """Memory plan and monthly price of the same stacks on real hardware."""
    console.rich.print("\n[bold]The same on real hardware[/bold]")
    show_report(console.rich, report_of("serving-rehearsal"))
