// The solution of one row by conjugate gradients (Hestenes & Stiefel 1952), from the row's previous
// one, preconditioned with the diagonal of A. In the eigenbasis of the fixed side's Gram matrix a
// product with A costs O(n d) and no d^2:  A p = D p + sum_j w_j (v_j'p) v_j.  Every step lowers
// the loss. Few steps improve a row; a few more solve it, to the rounding of float32.
#pragma once

#include "losses.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

struct CgVectors {
    float *residual, *direction, *product, *base, *inverse;  // (stride,)  base is D, inverse M^-1
    float *predictions, *changes;                            // (n,) v'x and v'direction
    float* copies;  // of the row's vectors; null where they are read in place
};

CgVectors cg_vectors(const Workspace& w, int stride, int64_t n, bool copied) {
    float* next = w.iterative;
    auto take = [&next](int64_t length) {
        float* p = next;
        next += (length + kAlign - 1) / kAlign * kAlign;
        return p;
    };
    CgVectors cg;
    for (float** vector : {&cg.residual, &cg.direction, &cg.product, &cg.base, &cg.inverse})
        *vector = take(stride);
    cg.predictions = take(n);
    cg.changes = take(n);
    cg.copies = copied ? next : nullptr;
    return cg;
}

// r and M at x.
void begin(const FixedSide& side, const Row& row, const CgVectors& cg, const float* x) {
    for (int i = 0; i < side.stride; ++i) {
        const bool real = i < side.n_factors;
        cg.base[i] = real ? float(side.base[i] + row.regularization) : 0.0f;
        cg.inverse[i] = real ? cg.base[i] : 1.0f;
    }
    const auto find = [&](auto source) {
        find_residual(side, row, source, x, cg.residual, cg.inverse, cg.predictions);
    };
    if (cg.copies)
        find(Copying(side, row, cg.copies));
    else
        find(InPlace(side, row));
    for (int i = 0; i < side.stride; i += W)
        S::store(cg.inverse + i, S::splat(1.0f) / S::load(cg.inverse + i));
}

// sum a^2 m
double energy_of(const float* a, const float* m, int stride) {
    Wide sum{};
    for (int i = 0; i < stride; i += W) {
        const Vec value = S::load(a + i);
        sum += __builtin_convertvector(value, Wide) *
               __builtin_convertvector(value * S::load(m + i), Wide);
    }
    return sum_lanes(sum);
}

// q = A p;  v'p becomes cg.changes.
void multiply_by_matrix(const FixedSide& side, const Row& row, const CgVectors& cg) {
    for (int i = 0; i < side.stride; i += W)
        S::store(cg.product + i, S::load(cg.base + i) * S::load(cg.direction + i));
    const auto coefficients = [&](int64_t first, int count, Vec s, float* g, float*) {
        S::store(cg.changes + first, s);
        S::store(g, (weights_at(row, first, count) - side.unobserved_weight) * s);
    };
    const auto multiply = [&](auto source) {
        multiply_observations<false>(source, row, side.stride, cg.direction, coefficients,
                                     cg.product, nullptr);
    };
    if (cg.copies)
        multiply(Copied(side, row, cg.copies));
    else
        multiply(InPlace(side, row));
}

// Steps until enough(r'M^-1 r, that of the first residual, how much the last step has lowered
// (x - A^-1 b)'A(x - A^-1 b)), or `most`; how many it took, more than `most` if that was not
// enough. A step moves x by `relaxation` of what it should; the residual stays that of the solution
// not relaxed.
template <class Enough>
int take_steps(const FixedSide& side, const Row& row, int most, float relaxation,
               const CgVectors& cg, float* x, Enough&& enough) {
    const int stride = side.stride;
    float *r = cg.residual, *p = cg.direction, *q = cg.product;
    begin(side, row, cg, x);
    double energy = 0, first_energy = 0, gain = HUGE_VAL;
    for (int step = 0;; ++step) {
        const double before = energy;
        energy = energy_of(r, cg.inverse, stride);
        if (step == 0) first_energy = energy;
        if (energy == 0 || enough(energy, first_energy, gain)) return step;
        if (!(energy > 0) || step == most) return most + 1;
        const float beta = step == 0 ? 0.0f : float(energy / before);
        for (int i = 0; i < stride; i += W) {
            const Vec kept = step == 0 ? S::zero() : S::load(p + i) * beta;
            S::store(p + i, S::load(r + i) * S::load(cg.inverse + i) + kept);
        }
        multiply_by_matrix(side, row, cg);
        const double curvature = inner_product(p, q, stride);
        if (!(curvature > 0)) return most + 1;
        const float alpha = float(energy / curvature), relaxed = relaxation * alpha;
        gain = energy * alpha;
        for (int i = 0; i < stride; i += W) {
            S::store(x + i, S::load(x + i) + S::load(p + i) * relaxed);
            S::store(r + i, S::load(r + i) - S::load(q + i) * alpha);
        }
        for (int64_t j = 0; j < row.n; j += W)
            S::store(cg.predictions + j,
                     S::load(cg.predictions + j) + S::load(cg.changes + j) * relaxed);
    }
}

void losses_of_predictions(const FixedSide& side, const Row& row, const CgVectors& cg,
                           const float* x, RowLoss* loss) {
    if (!loss) return;
    LossSums sums;
    for (int64_t j = 0; j < row.n; j += W)
        add_losses(sums, row, j, row.n - j < W ? int(row.n - j) : W, S::load(cg.predictions + j));
    finish_loss(side, row, sums, x, loss);
}

// x holds the starting point, and on return a better solution, relaxed.
void improve(const FixedSide& side, const Row& row, const Method& method, const Workspace& w,
             float* x, RowLoss* loss) {
    const CgVectors cg = cg_vectors(w, side.stride, row.n, false);
    const double least = double(method.tolerance) * method.tolerance;
    take_steps(
        side, row, method.max_steps, method.relaxation, cg, x,
        [&](double energy, double first_energy, double) { return energy <= least * first_energy; });
    losses_of_predictions(side, row, cg, x, loss);
}

// The exact solution: steps until one gains no more than float32 can tell. How many they were, more
// than `most` if so many do not do; x is then of no use.
int solve_by_steps(const FixedSide& side, const Row& row, int most, const Workspace& w, float* x,
                   RowLoss* loss) {
    constexpr double sufficient = 1.0 / (1 << 21), far = 2;
    const int stride = side.stride;
    const CgVectors cg = cg_vectors(w, stride, row.n, is_copied(stride, row.n));
    const auto enough = [&](double, double, double gain) {
        Wide size{};  // x'M x
        for (int i = 0; i < stride; i += W) {
            const Vec value = S::load(x + i);
            size += __builtin_convertvector(value, Wide) *
                    __builtin_convertvector(value / S::load(cg.inverse + i), Wide);
        }
        return gain <= sufficient * sufficient * sum_lanes(size);
    };
    for (int steps = 0;;) {
        const double start = inner_product(x, x, stride);
        steps += take_steps(side, row, most - steps, 1.0f, cg, x, enough);
        if (steps > most) return most + 1;
        // What rounding has made of a start that was much longer than the solution is left to take
        // off: the residual of the solution is found again.
        if (!(start > far * far * inner_product(x, x, stride))) {
            losses_of_predictions(side, row, cg, x, loss);
            return steps;
        }
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
