"""`python -m sandbox.tools [NAME …]`: brings the named tools, by default all, and the provider plugins."""

import sys

from sandbox.places import rehearsal_folder
from sandbox.tools import TOOLS, PlainReporter, ToolError, ensure, install_plugins


def main(names: list[str]) -> int:
    """Print where each tool is; 1 when one could not be had, 2 when there is no such tool."""
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        print(f"{', '.join(unknown)}: no such tool; there are {', '.join(TOOLS)}", file=sys.stderr)
        return 2
    folder = rehearsal_folder()
    try:
        found = ensure(names or TOOLS, folder, PlainReporter())
    except ToolError as problem:
        print(problem, file=sys.stderr)
        return 1
    plugins = install_plugins(folder, found.get("pulumi"))
    for name, path in {**found, **plugins}.items():
        print(f"{name}: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
