"""Estate: what must be there, and what must belong together, in a whole stack."""

from ..rules import Rule
from . import edge, kubernetes, network, references, storage

RULES: tuple[Rule, ...] = (
    *references.RULES,
    *network.RULES,
    *storage.RULES,
    *kubernetes.RULES,
    *edge.RULES,
)
