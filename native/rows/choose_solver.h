// Which way of solving a row costs least.
//
// Costs are in multiply-adds of a register tile of vectors. They are fitted to the times that
//     python -m benchmarks.solver_constants
// measures on the processor at hand, and prints beside the ones here. What does not wait for the
// multiplier is worth the more of these, the more `lanes` it multiplies at once.
#pragma once

#include "rows/conditioning.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr double kTransposed = 16;    // gathering, turning and storing an entry of X' of the dual
constexpr double kStepsToCopy = 6;    // that it takes to gather, copy and look at a row
constexpr double kFactorsInStep = 8;  // observations that a step's own vectors are worth
constexpr double kFewSteps = 5;       // an entry in a step of few, most of which end early

double pivot_cost(int lanes) { return 80 * lanes; }  // its latency, in a factorisation

// An entry in a step of conjugate gradients, bound by the cache, half of which other things need
// too, or in a row too long for it by memory.
double step_cost(int lanes, int stride, int64_t n) {
    if (!is_copied(stride, n)) return 1.1 * lanes;
    return (1.4 + 0.14 * lanes) * (is_copied(2 * stride, n) ? 1 : 1.5);
}

double cholesky_cost(double order, int lanes) {
    return order * order * order / 6 + pivot_cost(lanes) * order;
}

// A vector's products, with those of the tiles on the diagonal that nobody reads, and looking it
// up.
double primal_cost(double n, int stride, int lanes) {
    const double products = stride * (stride + W + lanes / 2.0) / 2;
    return n * products + cholesky_cost(stride, lanes);
}

double whole_vectors(double n) { return double((int64_t(n) + W - 1) / W * W); }

double dual_cost(double n, double d, int lanes) {
    const double order = whole_vectors(n);
    return d * order * order / 2 + cholesky_cost(order, lanes) + kTransposed * order * d;
}

double cg_cost(const FixedSide& side, int64_t n, int steps, int lanes) {
    const double entries = (whole_vectors(double(n)) + kFactorsInStep) * side.stride;
    const double first = is_copied(side.stride, n) ? kStepsToCopy : 1;
    return (first + steps) * step_cost(lanes, side.stride, n) * entries;
}

double few_steps_cost(const FixedSide& side, int64_t n, int steps) {
    return kFewSteps * (1 + steps) * n * side.stride;
}

// By costs alone.
Solver cheapest_solver(const FixedSide& side, int64_t n, const Method& method) {
    if (method.solver != Solver::automatic) return method.solver;
    const double d = side.n_factors, primal = primal_cost(double(n), side.stride, method.lanes);
    const double dual = n < d ? dual_cost(double(n), d, method.lanes) : HUGE_VAL;
    const double directly = dual < primal ? dual : primal;
    if (method.max_steps > 0 && few_steps_cost(side, n, method.max_steps) < directly)
        return Solver::few_steps;
    if (cg_cost(side, n, method.expected.steps(n), method.lanes) < directly) return Solver::cg;
    return dual < primal ? Solver::dual : Solver::primal;
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
