"""The part of a machine's local NVMe that keeps weights: prepared by the node, shared by its pods, gone with it.

AWS encrypts instance store volumes in hardware, with a key for each volume that is destroyed when the machine stops.
Source: EC2 User Guide, "Data protection in Amazon EC2", encryption at rest.
"""

from typing import Final

from components.catalog.instances import InstanceType

NODE_CACHE_FOLDER: Final = "/mnt/cloister"
"""Where a node has it. Bottlerocket binds its local disks to folders below /mnt and to the container runtime's only."""
SHARE: Final = 0.7
"""Of the disks; images have the rest, and together they stay below what makes the kubelet remove images (85 %)."""


def node_cache_bytes(machine: InstanceType) -> int:
    """What all models together may take on one machine; 0 where it has no local disks, or no GPUs that need weights."""
    return int(machine.nvme_gb * 10**9 * SHARE) if machine.gpus else 0
