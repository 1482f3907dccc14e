"""Residency: everything is made, kept and sent inside the allowed EU regions and the own accounts."""

from ..rules import Rule
from . import aws, data, kubernetes, managed, providers

RULES: tuple[Rule, ...] = (*providers.RULES, *aws.RULES, *data.RULES, *kubernetes.RULES, *managed.RULES)
