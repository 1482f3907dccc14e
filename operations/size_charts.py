"""The parts of a GPU's memory, by the names that pictures give them."""

from components.model.memory import Budget
from operations.size_model import ModelSize


def parts_of_budget(budget: Budget) -> dict[str, float]:
    """Part -> GiB, of a plan."""
    return {
        "weights": budget.weights_gib,
        "activations": budget.activation_gib,
        "other CUDA memory": budget.non_torch_gib,
        "CUDA graphs": budget.graphs_gib,
        "KV cache": budget.available_gib,
    }


def parts_of_answer(answer: ModelSize) -> dict[str, float]:
    """Part -> GiB, of the answer of `cloister size`."""
    terms = answer.budget
    return {
        "weights": terms["weights_gib"],
        "activations": terms["activation_gib"],
        "other CUDA memory": terms["non_torch_gib"],
        "CUDA graphs": terms["cuda_graphs_gib"],
        "KV cache": terms["available_kv_gib"],
    }
