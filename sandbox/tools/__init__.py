"""The rehearsal's tools: Pulumi's engine, Kubernetes' control plane, and plugins."""

from sandbox.tools.acquire import ensure
from sandbox.tools.launchers import install_language_host, install_plugins, official_plugin
from sandbox.tools.reporter import PlainReporter, Reporter
from sandbox.tools.tool import TOOLS, ToolError

__all__ = [
    "TOOLS",
    "PlainReporter",
    "Reporter",
    "ToolError",
    "ensure",
    "install_language_host",
    "install_plugins",
    "official_plugin",
]
