"""Supply chain: only known types, images, models, add-ons and machines."""

from ..rules import Rule
from . import cluster, engines, images, managed, types, volumes

RULES: tuple[Rule, ...] = (
    *types.RULES,
    *images.RULES,
    *engines.RULES,
    *volumes.RULES,
    *cluster.RULES,
    *managed.RULES,
)
