"""`cloister size`: does it fit, and what does it cost, before anything is built."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from components.catalog.transfer import transfer_costs
from components.catalog.vpc_endpoints import enabled_uses, endpoint_services
from components.model.lock import load_lock
from components.settings.checks import lock_path
from components.settings.layer import PlatformSettings, ServingSettings
from components.settings.load import ROOT, load_stack
from operations.commands.options import AsJson, print_json
from operations.errors import CommandError
from operations.size import ModelRow, PlatformParts, SizeReport, size_report

WIDE: Final = 130
"""Columns from which on a terminal has room for the reasons of prices; `--json` always has them."""
KMS_KEYS: Final = 2  # storage and signing, components/storage/keys.py
ALARMS: Final = 1  # blocked name queries, components/network/name_firewall.py


def size(
    stack: Annotated[str, typer.Option("--stack", help="A serving stack; its platform's machines are looked up.")],
    as_json: AsJson = False,
) -> None:
    """Print the memory plan of every model and the monthly price of a serving stack with its platform."""
    report = report_of(stack)
    if as_json:
        print_json(report)
    else:
        show(Console(highlight=False), report)
    if report.refused:
        raise typer.Exit(1)


def report_of(stack: str) -> SizeReport:
    """The report for a serving stack, from its files alone.

    Raises:
        CommandError: the stack serves nothing.
        SettingsError: a stack or lock file holds problems.
    """
    settings = load_stack(stack)
    if not isinstance(settings, ServingSettings):
        raise CommandError(f"stack {stack!r} is of layer {settings.layer}; name a serving stack")
    platform = load_stack(settings.platform)
    assert isinstance(platform, PlatformSettings)  # load_stack checked it
    return size_report(
        settings.region,
        settings.models,
        {model.lock: load_lock(lock_path(model.lock, ROOT)) for model in settings.models.values()},
        platform.node_pools,
        parts_of(platform),
    )


def parts_of(platform: PlatformSettings) -> PlatformParts:
    """What a platform has beside its machines, counted from its settings."""
    network = platform.network
    fronts = 0 if network.front is None else 1
    uses = enabled_uses((*network.uses, *(["front"] if fronts else [])))
    shared = {service for peering in network.peerings.values() for service in peering.services}
    return PlatformParts(
        zones=len(platform.zones),
        interface_endpoints=sum(service.kind == "Interface" for service in endpoint_services(uses)),
        kms_keys=KMS_KEYS,
        load_balancers=fronts,
        vpn_connections=len(network.vpns),
        private_zones=fronts + len(shared),
        alarms=ALARMS,
        transfer=transfer_costs(
            platform.region,
            zones=len(platform.zones),
            cross_zone=network.front is not None and network.front.cross_zone,
            peers=tuple(network.peerings),
            private_link=network.private_link is not None,
            vpns=tuple(network.vpns),
            uses=uses,
        ),
    )


def show(console: Console, report: SizeReport) -> None:
    """Print a report for people."""
    for row in report.models:
        console.print(f"  {row.model}: {_memory(row)}", soft_wrap=True)
    bill = Table("per month", "USD", box=None, padding=(0, 2))
    for cost in report.costs:
        bill.add_row(cost.what, "not known" if cost.usd_per_month is None else f"{cost.usd_per_month:,.2f}")
    bill.add_row("together", f"{report.usd_per_month:,.2f}" + (" and what is not known" if report.unpriced else ""))
    console.print(bill)
    wide = console.width >= WIDE
    transfer = Table("transfer", "USD per GB", *(["what"] if wide else []), box=None, padding=(0, 2))
    for flow in report.transfer:
        price = "-" if flow.usd_per_gb is None else f"{flow.usd_per_gb:.4f}"
        transfer.add_row(flow.name, price, *([flow.what] if wide else []))
    console.print(transfer)
    console.print(
        f"  List prices in {report.region}, on demand, before tax; components/catalog/data/README.md says how old."
    )


def _memory(row: ModelRow) -> str:
    plan = row.memory
    if plan is None:
        return f"refused: {row.problem}"
    other = plan.activation_gib + plan.non_torch_gib + plan.graphs_gib
    gpus = f"{plan.gpus} x {plan.gpu}"
    where = f"{row.nodes} x {row.instance_type}, {gpus} a replica: weights {plan.weights_gib:.1f} GiB"
    cache = f"KV cache {plan.kv_available_gib:.1f} GiB = {plan.concurrency:.0f} of the longest requests at once"
    return f"{where}, workspace {other:.1f} GiB, {cache}: {plan.verdict}" + (f"; {row.problem}" if row.problem else "")
