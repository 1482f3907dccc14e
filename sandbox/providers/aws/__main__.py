"""Starts the provider for the engine; `restore` brings a restarted moto back, `nodes` a new cluster's nodes."""

from __future__ import annotations

import sys

from sandbox.providers.serve import ProviderError, serve

from .provider import Provider, kept_resources, stand_in_for


def restore() -> int:
    """Make what a restarted moto lost, in every region that has kept resources; returns how many."""
    return sum(stand_in_for(region).restore() for region in _regions())


def restore_nodes() -> int:
    """Give a new Kubernetes cluster the nodes of the kept node groups; returns the number of groups."""
    return sum(stand_in_for(region).restore_nodes() for region in _regions())


def _regions() -> list[str]:
    return sorted({resource.region for resource in kept_resources().all()})


def main(verb: str | None) -> None:
    """Do what the verb says, or serve the engine."""
    try:
        if verb == "restore":
            print(f"{restore()} AWS resources restored")
        elif verb == "nodes":
            print(f"nodes of {restore_nodes()} node groups restored")
        else:
            serve(Provider())
    except ProviderError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
