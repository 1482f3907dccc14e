"""What a program plans, asked without an engine: the production code, under the name that tests know."""

from operations.planned import COMPUTED, UNKNOWN, Answer, Plan, Planned, plan, texts

__all__ = ["COMPUTED", "UNKNOWN", "Answer", "Plan", "Planned", "plan", "texts"]
