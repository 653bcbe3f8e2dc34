// The solution of one row by conjugate gradients (Hestenes & Stiefel 1952), from the row's previous
// one, preconditioned with M, the diagonal of A. In the eigenbasis of the fixed side's Gram matrix
// a product with A costs O(n d) and no d^2:  A p = D p + sum_j w_j (v_j'p) v_j.  Every step lowers
// the loss. Few steps improve a row; a few more solve it, to the rounding of float32.
//
// Layout: vectors of factors (stride,), of observations (n,), see Workspace; products.h reads V.
// Edges: padding factors have residual 0 and M = 1, padding observations weight 0.
#pragma once

#include "rows/losses.h"
#include "rows/products.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// r = b - A x; unless they are null, the diagonal of A - D is added to `diagonal`, and v'x become
// `predictions`.
template <class Source>
void residual_at(const FixedSide& side, const Row& row, Source source, const float* x, float* r,
                 float* diagonal, float* predictions) {
    for (int i = 0; i < side.stride; ++i)
        r[i] = i < side.n_factors ? -float(side.base[i] + row.regularization) * x[i] : 0.0f;
    const auto coefficients = [&](int64_t first, int count, Vec s, float* g, float* weights) {
        if (predictions) S::store(predictions + first, s);
        const Vec c = weights_at(row, first, count), w = c - side.unobserved_weight;
        S::store(weights, w);
        S::store(g, c * load_some(row.targets + first, count) - w * s);
    };
    if (diagonal)
        multiply_by_observations<true>(source, row, side.stride, x, coefficients, r, diagonal);
    else
        multiply_by_observations<false>(source, row, side.stride, x, coefficients, r, nullptr);
}

// r and M at x.
void start_residual(const FixedSide& side, const Row& row, const Workspace& w, const float* x) {
    for (int i = 0; i < side.stride; ++i) {
        const bool real = i < side.n_factors;
        w.cg.base[i] = real ? float(side.base[i] + row.regularization) : 0.0f;
        w.cg.diagonal[i] = real ? w.cg.base[i] : 1.0f;
    }
    const auto find = [&](auto source) {
        residual_at(side, row, source, x, w.cg.residual, w.cg.diagonal, w.cg.predictions);
    };
    if (w.cg.copies)
        find(Copying(side, row, w.cg.copies));
    else
        find(GatheredInPlace(side, row));
    for (int i = 0; i < side.stride; i += W)
        S::store(w.cg.inverse + i, S::splat(1.0f) / S::load(w.cg.diagonal + i));
}

// sum a^2 m
double energy_norm2(const float* a, const float* m, int stride) {
    Wide sum{};
    for (int i = 0; i < stride; i += W) {
        const Vec value = S::load(a + i);
        sum += widen(value) * widen(value * S::load(m + i));
    }
    return sum_lanes(sum);
}

// q = A p;  v'p becomes w.cg.changes.
void multiply_by_matrix(const FixedSide& side, const Row& row, const Workspace& w) {
    for (int i = 0; i < side.stride; i += W)
        S::store(w.cg.product + i, S::load(w.cg.base + i) * S::load(w.cg.direction + i));
    const auto coefficients = [&](int64_t first, int count, Vec s, float* g, float*) {
        S::store(w.cg.changes + first, s);
        S::store(g, (weights_at(row, first, count) - side.unobserved_weight) * s);
    };
    const auto multiply = [&](auto source) {
        multiply_by_observations<false>(source, row, side.stride, w.cg.direction, coefficients,
                                        w.cg.product, nullptr);
    };
    if (w.cg.copies)
        multiply(Copied(side, row, w.cg.copies));
    else
        multiply(GatheredInPlace(side, row));
}

// Steps until enough(r'M^-1 r, that of the first residual, how much the last step has lowered
// (x - A^-1 b)'A(x - A^-1 b)), at most `limit`. Returns how many it took, limit + 1 if that was not
// enough. A step moves x by `relaxation` of what it should; the residual stays that of the solution
// not relaxed.
template <class Enough>
int conjugate_gradients(const FixedSide& side, const Row& row, int limit, float relaxation,
                        const Workspace& w, float* x, Enough&& enough) {
    const int stride = side.stride;
    float *r = w.cg.residual, *p = w.cg.direction, *q = w.cg.product;
    start_residual(side, row, w, x);
    double energy = 0, first_energy = 0, gain = HUGE_VAL;
    for (int step = 0;; ++step) {
        const double before = energy;
        energy = energy_norm2(r, w.cg.inverse, stride);
        if (step == 0) first_energy = energy;
        if (energy == 0 || enough(energy, first_energy, gain)) return step;
        if (!(energy > 0) || step == limit) return limit + 1;
        const float beta = step == 0 ? 0.0f : float(energy / before);
        for (int i = 0; i < stride; i += W) {
            const Vec kept = step == 0 ? S::zero() : S::load(p + i) * beta;
            S::store(p + i, S::load(r + i) * S::load(w.cg.inverse + i) + kept);
        }
        multiply_by_matrix(side, row, w);
        const double curvature = inner_product(p, q, stride);
        if (!(curvature > 0)) return limit + 1;
        const float alpha = float(energy / curvature), relaxed = relaxation * alpha;
        gain = energy * alpha;
        for (int i = 0; i < stride; i += W) {
            S::store(x + i, S::load(x + i) + S::load(p + i) * relaxed);
            S::store(r + i, S::load(r + i) - S::load(q + i) * alpha);
        }
        for (int64_t j = 0; j < row.n; j += W)
            S::store(w.cg.predictions + j,
                     S::load(w.cg.predictions + j) + S::load(w.cg.changes + j) * relaxed);
    }
}

void losses_of_predictions(const FixedSide& side, const Row& row, const Workspace& w,
                           const float* x, RowLoss* loss) {
    if (!loss) return;
    LossSums sums;
    for (int64_t j = 0; j < row.n; j += W)
        add_losses(sums, row, j, row.n - j < W ? int(row.n - j) : W, S::load(w.cg.predictions + j));
    finish_loss(side, row, sums, x, loss);
}

// x holds the starting point, and on return a better solution, relaxed.
void improve_by_cg(const FixedSide& side, const Row& row, const Method& method, Workspace& w,
                   float* x, RowLoss* loss) {
    w.cg.copies = nullptr;  // read in place
    const double least = double(method.tolerance) * method.tolerance;
    conjugate_gradients(
        side, row, method.max_steps, method.relaxation, w, x,
        [&](double energy, double first_energy, double) { return energy <= least * first_energy; });
    losses_of_predictions(side, row, w, x, loss);
}

// The exact solution: steps until one gains no more than float32 can tell. Returns how many they
// were; limit + 1 if that many were not enough, and x is then of no use.
int solve_by_cg(const FixedSide& side, const Row& row, int limit, const Workspace& w, float* x,
                RowLoss* loss) {
    constexpr double sufficient = 1.0 / (1 << 21), far = 2;
    const int stride = side.stride;
    const auto enough = [&](double, double, double gain) {
        Wide size{};  // x'M x
        for (int i = 0; i < stride; i += W) {
            const Vec value = S::load(x + i);
            size += widen(value) * widen(value * S::load(w.cg.diagonal + i));
        }
        return gain <= sufficient * sufficient * sum_lanes(size);
    };
    for (int steps = 0;;) {
        const double start = inner_product(x, x, stride);
        steps += conjugate_gradients(side, row, limit - steps, 1.0f, w, x, enough);
        if (steps > limit) return limit + 1;
        // What rounding has made of a start that was much longer than the solution is left to take
        // off: the residual of the solution is found again.
        if (!(start > far * far * inner_product(x, x, stride))) {
            losses_of_predictions(side, row, w, x, loss);
            return steps;
        }
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
