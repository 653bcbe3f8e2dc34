"""The objective of a model as formulas."""

from collections.abc import Mapping
from typing import Any

_TARGETS = {
    "rating": ("r_{ij}", "the rating $r_{ij}$"),
    "sqrt": (r"\sqrt{r_{ij}}", r"the square root of the rating, $\sqrt{r_{ij}}$,"),
    "scale": (r"\sqrt{r_{ij}}", r"the square root of the rating, $\sqrt{r_{ij}}$,"),
    "binary": ("1", "1"),
}
# Each with the values that `objective_lines` leaves out, and what it does.
_CONSTANTS: tuple[tuple[str, str, tuple[float, ...], str], ...] = (
    ("unobserved_weight", "w_0", (0,), "how much a movie that is not rated counts; a rating is 1"),
    (
        "regularization",
        r"\lambda",
        (),
        "holds all numbers small, so that it learns nothing by heart",
    ),
    ("alpha", r"\alpha", (0,), "how much more a high rating counts"),
    ("regularization_exponent", r"\nu", (0, 1), "holds those with many ratings smaller"),
)

OBJECTIVE_PARAMETERS = ("target", "biases", *(name for name, *_ in _CONSTANTS))
"""Those of a model that change its formula."""


def target_text(parameters: Mapping[str, Any]) -> str:
    """What the prediction for a rated movie comes near to, as Markdown."""
    return _TARGETS[parameters["target"]][1]


def objective_lines(parameters: Mapping[str, Any]) -> list[str]:
    """LaTeX of what a model with these parameters minimizes: a line for each term.

    One line of all would have to be scrolled on a phone. What is 0 or 1 is left out.
    """
    confidence = r" (1 + \alpha\, r_{ij})\," if parameters["alpha"] else ""
    target = _TARGETS[parameters["target"]][0]
    prediction, user, item = r"u_i \cdot v_j", r"\|u_i\|^2", r"\|v_j\|^2"
    if parameters["biases"]:
        prediction = rf"\mu - b_i - b_j - {prediction}"
        user, item = rf"\big({user} + b_i^2/3\big)", rf"\big({item} + b_j^2/3\big)"
    degrees = any(parameters.get(f"{side}_degree_exponent") for side in ("user", "item"))
    pair = r"\,a_i b_j" if degrees else ""
    if degrees:
        user, item = rf"a_i {user}", rf"b_j {item}"
    lines = [rf"\sum_{{(i,j)\ \text{{rated}}}}{pair}{confidence} ({target} - {prediction})^2"]
    weighted = parameters["unobserved_weight"] != 0
    if weighted:
        lines.append(rf"+\ w_0 \sum_{{(i,j)\ \text{{not rated}}}}{pair} (u_i \cdot v_j)^2")
    exponent = parameters["regularization_exponent"]
    if not exponent:
        return [*lines, rf"+\ \lambda \Big(\sum_i {user} + \sum_j {item}\Big)"]
    size = r"\big(n_i + w_0 (N - n_i)\big)" if weighted else "n_i"
    power = "" if exponent == 1 else r"^\nu"
    return [
        *lines,
        rf"+\ \sum_i \lambda_i {user} + \sum_j \lambda_j {item}",
        rf"\text{{with}}\ \lambda_i = \lambda\, {size}{power}",
    ]


def constants_text(parameters: Mapping[str, Any]) -> str:
    """The symbols in `objective_lines`, their values and what they do: a list in Markdown."""
    values = [
        "$u_i$, $v_j$: the numbers of person $i$ and of movie $j$",
        "$r_{ij}$: the stars that $i$ gave to $j$",
    ]
    values += [
        f"${symbol}$ "
        + ("(follows the data)" if value == "scale" else f"= {value:.3g}")
        + f": {does}"
        for name, symbol, unseen, does in _CONSTANTS
        if (value := parameters[name]) not in unseen
    ]
    if parameters["regularization_exponent"]:
        values.append(
            r"$n_i$: how many movies $i$ has rated, of $N$; for a movie, by how many people, in "
            r"$\lambda_j$"
        )
    exponents = [2 * parameters.get(f"{s}_degree_exponent", 0) for s in ("user", "item")]
    if any(exponents):
        values.append(
            f"$a_i = (n_i/{parameters['typical_user_degree']:.3g})^{{-{exponents[0]:g}}}$, "
            f"$b_j = (n_j/{parameters['typical_item_degree']:.3g})^{{-{exponents[1]:g}}}$: how "
            "much a pair counts, with $n$ ratings of the person and the movie"
        )
    return "\n".join(f"- {value}" for value in values)
