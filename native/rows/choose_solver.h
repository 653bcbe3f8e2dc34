// Which way of solving a row costs least.
//
// Costs are in multiply-adds of a register tile of vectors. They are fitted to the times that
//     python -m benchmarks.solver_constants
// measures on the processor at hand, and prints beside the ones here.
#pragma once

#include "rows/conditioning.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr double kPivot = 64 * W;   // latency of one of the pivots of a factorisation
constexpr double kTransposed = 16;  // gathering, turning and storing an entry of X' of the dual
// An entry in a step of conjugate gradients, bound by the cache, or in a row too long for it by
// memory; and how many such steps it takes to gather, copy and look at a row.
constexpr double kStepOnCopies = 1.4 + 0.1 * W;
constexpr double kStepInPlace = 4 + 0.65 * W;
constexpr double kStepsToCopy = 6;
constexpr double kFactorsInStep = 8;  // observations that a step's own vectors are worth
constexpr double kFewSteps = 4;       // an entry in a step of few, most of which end early

double cholesky_cost(double order) { return order * order * order / 6 + kPivot * order; }

double primal_cost(double n, double d) {
    return n * padded(int(d)) * padded(int(d)) / 2 + cholesky_cost(d);
}

double whole_vectors(double n) { return double((int64_t(n) + W - 1) / W * W); }

double dual_cost(double n, double d) {
    const double order = whole_vectors(n);
    return d * order * order / 2 + cholesky_cost(order) + kTransposed * order * d;
}

double cg_cost(const FixedSide& side, int64_t n, int steps) {
    const bool copied = is_copied(side.stride, n);
    const double step = copied ? kStepOnCopies : kStepInPlace;
    const double entries = (whole_vectors(double(n)) + kFactorsInStep) * side.stride;
    return ((copied ? kStepsToCopy : 1) + steps) * step * entries;
}

double few_steps_cost(const FixedSide& side, int64_t n, int steps) {
    return kFewSteps * (1 + steps) * n * side.stride;
}

bool prefers_dual(double n, double d) { return n < d && dual_cost(n, d) < primal_cost(n, d); }

double direct_cost(double n, double d) {
    return prefers_dual(n, d) ? dual_cost(n, d) : primal_cost(n, d);
}

// By costs alone.
Solver cheapest_solver(const FixedSide& side, int64_t n, const Method& method) {
    if (method.solver != Solver::automatic) return method.solver;
    const double d = side.n_factors, directly = direct_cost(double(n), d);
    if (method.max_steps > 0 && few_steps_cost(side, n, method.max_steps) < directly)
        return Solver::few_steps;
    if (cg_cost(side, n, method.expected.steps(n)) < directly) return Solver::cg;
    return prefers_dual(double(n), d) ? Solver::dual : Solver::primal;
}

Solver choose_solver(const FixedSide& side, const Row& row, const Method& method) {
    const Solver cheapest = cheapest_solver(side, row.n, method);
    if (cheapest == Solver::primal || cheapest == Solver::few_steps) return cheapest;
    const bool automatic = method.solver == Solver::automatic;
    if (cheapest == Solver::cg && !automatic) return cheapest;
    const Weights weights = weights_of(side, row);
    if (automatic && ill_conditioned(side, row, weights)) return Solver::primal;
    if (cheapest == Solver::cg) return cheapest;
    return weights.positive && row.n < side.n_factors ? Solver::dual : Solver::primal;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
