"""Start the provider for the engine; with `restore`, bring a restarted moto back, with `nodes` a new cluster's nodes."""

from __future__ import annotations

import sys

from sandbox.providers.serve import serve

from .provider import Provider, kept_resources, stand_in_for


def restore() -> int:
    """Make what a restarted moto lost, in every region that has kept resources; returns how many."""
    return sum(stand_in_for(region).restore() for region in _regions())


def restore_nodes() -> int:
    """Give a new Kubernetes cluster the nodes of the kept node groups; returns the number of groups."""
    return sum(stand_in_for(region).restore_nodes() for region in _regions())


def _regions() -> list[str]:
    return sorted({resource.region for resource in kept_resources().all()})


if __name__ == "__main__":
    if sys.argv[1:2] == ["restore"]:
        print(f"{restore()} resources restored")
    elif sys.argv[1:2] == ["nodes"]:
        print(f"the nodes of {restore_nodes()} node groups restored")
    else:
        serve(Provider())
