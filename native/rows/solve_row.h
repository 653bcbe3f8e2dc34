// The solution of one row, and of rows too long for one thread.
#pragma once

#include "rows/choose_solver.h"
#include "rows/conjugate_gradient.h"
#include "rows/dual.h"
#include "rows/primal.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

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

void add_normal_equations(const FixedSide& side, const Row& part, void* memory, double* sums) {
    Workspace w = workspace_in(memory, side, 0);
    if (weighs_equally(side, part))
        sum_observations<true>(side, part, w);
    else
        sum_observations<false>(side, part, w);
    const int stride = side.stride;
    for (int i = 0; i < stride; ++i) {
        const float* row = w.matrix + i * matrix_stride(stride);
        for (int j = i / W * W; j < stride; ++j) sums[i * std::ptrdiff_t(stride) + j] += row[j];
        sums[std::ptrdiff_t(stride) * stride + i] += w.rhs[i];
    }
}

Status solve_normal_equations(const FixedSide& side, const Row& row, const Method& method,
                              const double* sums, void* memory, float* x, RowLoss* loss) {
    Workspace w = workspace_in(memory, side, 0);
    const int stride = side.stride;
    const Relaxation relaxation(method, x, stride, w);
    for (int i = 0; i < stride; ++i) {
        float* to = w.matrix + i * matrix_stride(stride);
        for (int j = i / W * W; j < stride; ++j)
            to[j] = float(sums[i * std::ptrdiff_t(stride) + j]);
        w.rhs[i] = float(sums[std::ptrdiff_t(stride) * stride + i]);
    }
    const Status status = weighs_equally(side, row) ? solve_sums<true>(side, row, w, x, loss)
                                                    : solve_sums<false>(side, row, w, x, loss);
    relaxation.apply(side, row, w, x, loss);
    return status;
}

// ---------------------------------------------------------------------------------------------

int count_cg_steps(const FixedSide& side, const Row& row, int limit, void* memory, float* x) {
    const Workspace w = workspace_in(memory, side, row.n);
    if (ill_conditioned(side, row, weights_of(side, row))) return limit + 1;
    return solve_by_cg(side, row, limit, w, x, nullptr);
}

// Before a row is given up and solved directly after all.
int most_steps(const Method& method, int64_t n) { return 2 * method.expected.steps(n) + 2; }

// Exactly by the solver chosen; by another one if that fails.
Status solve_exactly(const FixedSide& side, const Row& row, const Method& method, Solver solver,
                     Workspace& w, float* x, RowLoss* loss) {
    if (solver == Solver::cg) {
        const int limit = most_steps(method, row.n);
        if (solve_by_cg(side, row, limit, w, x, loss) <= limit) return Status::ok;
        Method directly = method;
        directly.expected.count = 0;
        directly.max_steps = 0;
        directly.solver = Solver::automatic;
        solver = choose_solver(side, row, directly);
    }
    if (solver == Solver::dual && solve_dual(side, row, w, x, loss) == Status::ok)
        return Status::ok;
    return weighs_equally(side, row) ? solve_primal<true>(side, row, w, x, loss)
                                     : solve_primal<false>(side, row, w, x, loss);
}

Status solve_row(const FixedSide& side, const Row& row, const Method& method, void* memory,
                 float* x, RowLoss* loss) {
    if (row.n == 0) {
        for (int i = 0; i < side.stride; ++i) x[i] = 0;
        if (loss) *loss = {0, 0};
        return Status::ok;
    }
    Workspace w = workspace_in(memory, side, row.n);
    const Solver solver = choose_solver(side, row, method);
    if (solver == Solver::few_steps) {
        improve_by_cg(side, row, method, w, x, loss);
        return Status::ok;
    }
    const Relaxation relaxation(method, x, side.stride, w);
    const Status status = solve_exactly(side, row, method, solver, w, x, loss);
    relaxation.apply(side, row, w, x, loss);
    return status;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
