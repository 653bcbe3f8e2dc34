// How a row is solved: whichever way is estimated to be the cheapest.
#pragma once

#include "conjugate_gradient.h"
#include "exact.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Costs in multiplications of a register tile. The primal and the dual are a product and a
// factorisation each, with the latency of its pivots, and the dual's transposes; conjugate
// gradients are bound by memory. The constants are fitted to measured times.

double factorisation_cost(double order) { return order * order * order / 6 + 30 * W * order; }

double primal_cost(double n, double d) { return n * d * d / 2 + factorisation_cost(d); }

double dual_cost(double n, double d) {
    const double order = double((int64_t(n) + W - 1) / W * W);
    return n * order * d / 2 + factorisation_cost(order) + 3 * n * d;
}

double iterative_cost(double n, double d, int steps) { return (1 + steps) * 4 * n * d; }

struct Weights {
    bool positive;  // all weights w are clear of 0, as the dual needs them
    double size;    // a bound of sum |w| |v|^2: of its terms, or term by term
};

Weights weights_of(const FixedSide& side, const Row& row, bool term_by_term) {
    float lowest = weight_of(row, 0), largest = lowest;
    for (int64_t j = 1; row.weights && j < row.n; ++j) {
        const float c = row.weights[j];
        lowest = c < lowest ? c : lowest;
        largest = c > largest ? c : largest;
    }
    double norms = row.n * double(side.largest_norm);
    if (term_by_term) {
        norms = 0;
        for (int64_t j = 0; j < row.n; ++j) norms += side.norms[row.columns[j]];
    }
    lowest -= side.unobserved_weight;
    largest -= side.unobserved_weight;
    const double size = fabsf(lowest) > fabsf(largest) ? fabsf(lowest) : fabsf(largest);
    return {lowest > kSmallestWeight, size * norms};
}

Weights weights_of(const FixedSide& side, const Row& row) {
    const Weights bound = weights_of(side, row, false);
    const bool clear = !ill_conditioned(side, row, bound.size, bound.positive);
    return clear ? bound : weights_of(side, row, true);
}

bool weighs_equally(const FixedSide& side, const Row& row) {
    return !row.weights && 1.0f - side.unobserved_weight > kSmallestWeight;
}

// ---------------------------------------------------------------------------------------------
// A row in parts: the sums of some of its observations, and the solution from the sums of all

void add_products(const FixedSide& side, const Row& part, float* memory, double* sums) {
    Workspace w = carve(memory, side.stride);
    if (weighs_equally(side, part))
        sum_products<true>(side, part, w);
    else
        sum_products<false>(side, part, w);
    const int stride = side.stride;
    for (int i = 0; i < stride; ++i) {
        const float* row = w.matrix + i * matrix_stride(stride);
        for (int j = i / W * W; j < stride; ++j) sums[i * std::ptrdiff_t(stride) + j] += row[j];
        sums[std::ptrdiff_t(stride) * stride + i] += w.rhs[i];
    }
}

Status solve_sums(const FixedSide& side, const Row& row, const double* sums, float* memory,
                  float* x, RowLoss* loss) {
    Workspace w = carve(memory, side.stride);
    const int stride = side.stride;
    for (int i = 0; i < stride; ++i) {
        float* to = w.matrix + i * matrix_stride(stride);
        for (int j = i / W * W; j < stride; ++j)
            to[j] = float(sums[i * std::ptrdiff_t(stride) + j]);
        w.rhs[i] = float(sums[std::ptrdiff_t(stride) * stride + i]);
    }
    if (weighs_equally(side, row)) return solve_summed<true>(side, row, w, false, x, loss);
    const Weights weights = weights_of(side, row);
    const bool ill = ill_conditioned(side, row, weights.size, weights.positive);
    return solve_summed<false>(side, row, w, ill, x, loss);
}

Status solve_row(const FixedSide& side, const Row& row, const Iterative& method, float* memory,
                 float* x, RowLoss* loss) {
    if (row.n == 0) {
        for (int i = 0; i < side.stride; ++i) x[i] = 0;
        *loss = {0, 0};
        return Status::ok;
    }
    Workspace w = carve(memory, side.stride);
    const double n = double(row.n), d = side.n_factors;
    const bool light = n < d && dual_cost(n, d) < primal_cost(n, d);
    if (method.max_steps > 0 &&
        iterative_cost(n, d, method.max_steps) < (light ? dual_cost(n, d) : primal_cost(n, d)))
        return improve(side, row, method, w, x, loss);
    const bool uniform = weighs_equally(side, row);
    if (uniform && !light) return solve_primal<true>(side, row, w, false, x, loss);
    const Weights weights = weights_of(side, row);
    const bool ill = ill_conditioned(side, row, weights.size, weights.positive);
    if (light && weights.positive && !ill) {
        scale_to(side, row.regularization, w);
        switch (row.n) {
            case 1:
                return solve_tiny<1>(side, row, w, x, loss);
            case 2:
                return solve_tiny<2>(side, row, w, x, loss);
            case 3:
                return solve_tiny<3>(side, row, w, x, loss);
            case kTiny:
                return solve_tiny<kTiny>(side, row, w, x, loss);
            default:
                return solve_dual(side, row, w, x, loss);
        }
    }
    if (uniform) return solve_primal<true>(side, row, w, ill, x, loss);
    return solve_primal<false>(side, row, w, ill, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
