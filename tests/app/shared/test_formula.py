from __future__ import annotations

from cinefold import WeightedMatrixFactorization
from cinefold.app.shared.formula import constants_text, objective_lines, target_text


def lines(preset="ranking", **changes):
    parameters = WeightedMatrixFactorization.preset(preset, **changes).get_params()
    return objective_lines(parameters)


def test_the_default_is_shown_as_it_is():
    assert lines() == [
        r"\sum_{(i,j)\ \text{rated}} (\sqrt{r_{ij}} - u_i \cdot v_j)^2",
        r"+\ w_0 \sum_{(i,j)\ \text{not rated}} (u_i \cdot v_j)^2",
        r"+\ \sum_i \lambda_i \|u_i\|^2 + \sum_j \lambda_j \|v_j\|^2",
        r"\text{with}\ \lambda_i = \lambda\, \big(n_i + w_0 (N - n_i)\big)",
    ]
    parameters = WeightedMatrixFactorization().get_params()
    assert "root" in target_text(parameters)
    symbols = [line.split(":")[0] for line in constants_text(parameters).splitlines()]
    assert symbols == [
        "- $u_i$, $v_j$",
        "- $r_{ij}$",
        "- $w_0$ (follows the data)",
        r"- $\lambda$ (follows the data)",
        "- $n_i$",
    ]


def test_plain_squared_errors_have_one_lambda():
    assert lines("plain") == [
        r"\sum_{(i,j)\ \text{rated}} (r_{ij} - u_i \cdot v_j)^2",
        r"+\ w_0 \sum_{(i,j)\ \text{not rated}} (u_i \cdot v_j)^2",
        r"+\ \lambda \Big(\sum_i \|u_i\|^2 + \sum_j \|v_j\|^2\Big)",
    ]
    parameters = WeightedMatrixFactorization.preset("plain").get_params()
    assert r"$w_0$ = 0.15: " in constants_text(parameters)
    assert r"$\lambda$ = 25: " in constants_text(parameters)


def test_stars_have_biases_and_no_unrated_movies():
    assert lines("stars") == [
        r"\sum_{(i,j)\ \text{rated}} (r_{ij} - \mu - b_i - b_j - u_i \cdot v_j)^2",
        r"+\ \sum_i \lambda_i \big(\|u_i\|^2 + b_i^2/3\big) "
        r"+ \sum_j \lambda_j \big(\|v_j\|^2 + b_j^2/3\big)",
        r"\text{with}\ \lambda_i = \lambda\, n_i^\nu",
    ]
    parameters = WeightedMatrixFactorization.preset("stars").get_params()
    assert r"$\nu$ = 0.5" in constants_text(parameters)
    assert "w_0" not in constants_text(parameters)


def test_confidence_and_binary_targets():
    first = lines(alpha=0.4, target="binary")[0]
    assert first == r"\sum_{(i,j)\ \text{rated}} (1 + \alpha\, r_{ij})\, (1 - u_i \cdot v_j)^2"
    parameters = WeightedMatrixFactorization(alpha=0.4).get_params()
    assert r"$\alpha$ = 0.4" in constants_text(parameters)


def test_weights_of_pairs_are_in_every_term():
    parameters = WeightedMatrixFactorization(regularization_exponent=0.0).get_params()
    parameters |= {"user_degree_exponent": 0.5, "item_degree_exponent": 0.25}
    parameters |= {"typical_user_degree": 24.0, "typical_item_degree": 17.5}
    assert objective_lines(parameters) == [
        r"\sum_{(i,j)\ \text{rated}}\,a_i b_j (\sqrt{r_{ij}} - u_i \cdot v_j)^2",
        r"+\ w_0 \sum_{(i,j)\ \text{not rated}}\,a_i b_j (u_i \cdot v_j)^2",
        r"+\ \lambda \Big(\sum_i a_i \|u_i\|^2 + \sum_j b_j \|v_j\|^2\Big)",
    ]
    assert r"$a_i = (n_i/24)^{-1}$, $b_j = (n_j/17.5)^{-0.5}$" in constants_text(parameters)
