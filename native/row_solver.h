// How a row is solved: whichever way is estimated to be the cheapest.
#pragma once

#include "conjugate_gradient.h"
#include "exact.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Costs in multiplications of a register tile. The primal and the dual are a product and a
// factorisation each, with the latency of its pivots, and the dual's transposes; conjugate
// gradients are bound by the cache or, where a row is too long for it, by memory. The constants are
// fitted to measured times.

double factorisation_cost(double order) { return order * order * order / 6 + 30 * W * order; }

double product_cost(double depth, double order) { return depth * order * order / 2; }

double primal_cost(double n, double d) {
    return product_cost(n, padded(int(d))) + factorisation_cost(d);
}

double dual_cost(double n, double d) {
    const double order = double((int64_t(n) + W - 1) / W * W);
    return product_cost(d, order) * n / order + factorisation_cost(order) + 3 * n * d;
}

double iterative_cost(const FixedSide& side, int64_t n, int steps) {
    const bool copied = is_copied(side.stride, n);
    const double step = copied ? 1.8 + 0.1 * W : 4 + 0.65 * W, begin = copied ? 5 * step : step;
    return (begin + steps * step) * n * side.stride;
}

// Of a few steps without copies; at the tolerance most rows end before the last one.
double improving_cost(const FixedSide& side, int64_t n, int steps) {
    return 4.0 * (1 + steps) * n * side.stride;
}

// Carries an exact solution on, beyond or short of where it is least: a row's loss is quadratic, so
// that a relaxation between 0 and 2 leaves it no higher than it was at the previous row.
class Relaxation {
  public:
    Relaxation(const Method& method, const float* x, int stride, const Workspace& w)
        : factor_(method.relaxation), previous_(w.previous) {
        if (factor_ == 1.0f) return;
        for (int i = 0; i < stride; ++i) previous_[i] = x[i];
    }

    void apply(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) const {
        if (factor_ == 1.0f) return;
        for (int i = 0; i < side.stride; ++i) x[i] = previous_[i] + factor_ * (x[i] - previous_[i]);
        if (loss) losses_at(side, row, w, x, loss);
    }

  private:
    const float factor_;
    float* const previous_;
};

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

Status solve_sums(const FixedSide& side, const Row& row, const Method& method, const double* sums,
                  float* memory, float* x, RowLoss* loss) {
    Workspace w = carve(memory, side.stride);
    const int stride = side.stride;
    const Relaxation relaxation(method, x, stride, w);
    for (int i = 0; i < stride; ++i) {
        float* to = w.matrix + i * matrix_stride(stride);
        for (int j = i / W * W; j < stride; ++j)
            to[j] = float(sums[i * std::ptrdiff_t(stride) + j]);
        w.rhs[i] = float(sums[std::ptrdiff_t(stride) * stride + i]);
    }
    const Status status = weighs_equally(side, row) ? solve_summed<true>(side, row, w, x, loss)
                                                    : solve_summed<false>(side, row, w, x, loss);
    relaxation.apply(side, row, w, x, loss);
    return status;
}

Status solve_directly(const FixedSide& side, const Row& row, bool light, Workspace& w, float* x,
                      RowLoss* loss) {
    if (light) {
        const Weights weights = weights_of(side, row);
        if (weights.positive && !ill_conditioned(side, row, weights) &&
            solve_dual(side, row, w, x, loss) == Status::ok)
            return Status::ok;
    }
    return weighs_equally(side, row) ? solve_primal<true>(side, row, w, x, loss)
                                     : solve_primal<false>(side, row, w, x, loss);
}

// How many steps the exact solution takes from x, which is overwritten; more than `most` if so many
// do not do.
int steps_needed(const FixedSide& side, const Row& row, int most, float* memory, float* x) {
    const Workspace w = carve(memory, side.stride);
    if (ill_conditioned(side, row, weights_of(side, row))) return most + 1;
    return solve_by_steps(side, row, most, w, x, nullptr);
}

// Twice what is expected, before a row is given up and solved directly after all.
int most_steps(int expected) { return 2 * expected + 2; }

Status solve_row(const FixedSide& side, const Row& row, const Method& method, float* memory,
                 float* x, RowLoss* loss) {
    if (row.n == 0) {
        for (int i = 0; i < side.stride; ++i) x[i] = 0;
        if (loss) *loss = {0, 0};
        return Status::ok;
    }
    Workspace w = carve(memory, side.stride);
    const double n = double(row.n), d = side.n_factors;
    const bool light = n < d && dual_cost(n, d) < primal_cost(n, d);
    const double direct_cost = light ? dual_cost(n, d) : primal_cost(n, d);
    if (method.max_steps > 0 && improving_cost(side, row.n, method.max_steps) < direct_cost) {
        improve(side, row, method, w, x, loss);
        return Status::ok;
    }
    const Relaxation relaxation(method, x, side.stride, w);
    const int expected = method.expected.steps(row.n), most = most_steps(expected);
    const bool by_steps = iterative_cost(side, row.n, expected) < direct_cost &&
                          !ill_conditioned(side, row, weights_of(side, row)) &&
                          solve_by_steps(side, row, most, w, x, loss) <= most;
    const Status status = by_steps ? Status::ok : solve_directly(side, row, light, w, x, loss);
    relaxation.apply(side, row, w, x, loss);
    return status;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
