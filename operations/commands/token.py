"""`cloister token`: tokens of clients, from issue to revocation."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from operations.commands.options import AsJson, Stack, print_json

app = typer.Typer(help="Tokens of clients: issued, listed, inspected, revoked.", no_args_is_help=True)


@app.command()
def issue(
    stack: Stack,
    client: Annotated[str, typer.Option(help="A client that the stack declares under `clients:`.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model; repeat for more. All of the client's otherwise.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How long the token is valid.")] = 8.0,
    as_json: AsJson = False,
) -> None:
    """Sign a token with the platform's KMS key. It is shown once, on standard output, and kept nowhere."""
    import boto3

    from operations.gateways import gateway_stack
    from operations.token_issue import issue as issue_token

    target = gateway_stack(stack)
    session = boto3.Session(region_name=target.settings.region)
    issued = issue_token(
        client=client,
        models=model,
        hours=hours,
        gateway=target.settings.gateway,
        clients=target.settings.clients,
        signing_key=target.platform["signing_key_id"],
        audit_bucket=target.platform["audit_bucket_name"],
        kms=session.client("kms"),
        s3=session.client("s3"),
        now=datetime.now(UTC),
    )
    if as_json:
        print_json({"token": issued.token, "record": issued.record})
        return
    record = issued.record
    print(
        f"token {record.jti} for {record.client} (models {', '.join(record.models)}) "
        f"until {record.expires_at:%Y-%m-%d %H:%M} UTC",
        file=sys.stderr,
    )
    print(issued.token)


@app.command("list")
def list_(
    stack: Stack,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was issued, newest first, from the records in the audit bucket."""
    import boto3
    from rich.console import Console
    from rich.table import Table

    from operations.gateways import gateway_stack
    from operations.token_list import list_tokens

    target = gateway_stack(stack)
    tokens = list_tokens(
        audit_bucket=target.platform["audit_bucket_name"],
        s3=boto3.client("s3", region_name=target.settings.region),
        now=datetime.now(UTC),
        client=client,
    )
    if as_json:
        print_json(tokens)
        return
    table = Table("id", "client", "models", "issued", "expires", "state", box=None)
    for token in tokens:
        record = token.record
        times = (f"{when:%Y-%m-%d %H:%M}" for when in (record.issued_at, record.expires_at))
        table.add_row(record.jti, record.client, ", ".join(record.models), *times, token.state)
    Console().print(table)


@app.command()
def inspect(stack: Stack, as_json: AsJson = False) -> None:
    """Read a token from standard input: who it is for, until when, and whether the signature is ours."""
    from operations.gateways import gateway_stack
    from operations.token_inspect import inspect as inspect_token

    keys = gateway_stack(stack).signing_keys
    found = inspect_token(sys.stdin.read().strip(), signing_keys=keys, now=datetime.now(UTC))
    if as_json:
        print_json(found)
        return
    print(f"signature {found.signature} (key {found.kid}), {found.state}")
    for name, value in found.claims.items():
        print(f"  {name}: {value}")


@app.command()
def revoke(
    stack: Stack,
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit bucket.")],
    token_id: Annotated[
        str | None, typer.Option("--id", help="Id of one token (its jti), as `token list` shows it.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="All tokens of this client.")] = None,
) -> None:
    """Refuse one token, or all of a client, from now on; every gateway of the stack knows within seconds."""
    import boto3

    from operations.gateways import gateway_stack
    from operations.token_revoke import publish_revocations
    from operations.token_revoke import revoke as revoke_token

    if (token_id is None) == (client is None):
        raise typer.BadParameter("name either --id or --client")
    target = gateway_stack(stack)
    text = revoke_token(
        jti=token_id,
        client=client,
        reason=reason,
        audit_bucket=target.platform["audit_bucket_name"],
        s3=boto3.client("s3", region_name=target.settings.region),
        now=datetime.now(UTC),
    )
    publish_revocations(target.revocation_target(), text)
    print(f"revoked {token_id or client}; the gateways of {stack} have the new list")


@app.command()
def publish(stack: Stack) -> None:
    """Give a stack's gateways every revocation in force: before an edge stack's first `up`, and after a loss."""
    from operations.gateways import bring_up_to_date, gateway_stack

    bring_up_to_date(gateway_stack(stack))
    print(f"the gateways of {stack} have every revocation that is in force")
