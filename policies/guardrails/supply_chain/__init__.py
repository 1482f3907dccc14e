"""Supply chain: only known types, images, models, add-ons and machines."""

from ..rules import Rule
from . import cluster, engines, images, managed, types

RULES: tuple[Rule, ...] = (*types.RULES, *images.RULES, *engines.RULES, *cluster.RULES, *managed.RULES)
