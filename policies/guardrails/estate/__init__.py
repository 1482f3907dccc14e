"""Estate: what must be there, and what must belong together, in a whole stack."""

from ..rules import Rule
from . import edge, front, kubernetes, names, network, references, security_groups, storage, watch

RULES: tuple[Rule, ...] = (
    *references.RULES,
    *network.RULES,
    *security_groups.RULES,
    *names.RULES,
    *front.RULES,
    *watch.RULES,
    *storage.RULES,
    *kubernetes.RULES,
    *edge.RULES,
)
