"""Serves the provider: `python -m sandbox.providers.kubernetes`."""

import sys

from sandbox.providers.kubernetes.messages import Messages
from sandbox.providers.kubernetes.provider import KubernetesProvider
from sandbox.providers.serve import engine_address, serve

serve(KubernetesProvider(Messages(engine_address(sys.argv[1:]))))
