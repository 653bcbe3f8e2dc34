// The primal:  (D + V'WV) x = b,  n_factors x n_factors, by Cholesky factorisation.
//
// Layout: lanes are factors, the depth of the product is the observations, kDepth at a time, read
// where they lie unless they are weighted or would collide in the cache.
// Edges: padding factors have 1 on the diagonal. Equal weights are divided out of the equations.
// Rows that may be ill-conditioned get one step of iterative refinement.
#pragma once

#include "blas/cholesky.h"
#include "rows/conditioning.h"
#include "rows/losses.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kCollidingStride = 256;  // rows multiples of 1 KiB apart share few cache sets

// The gathered rows, each times its w.
void scale_gathered(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    const std::ptrdiff_t step = matrix_stride(side.stride);
    for (int k = 0; k < depth; ++k) {
        const float weight = weight_of(row, first + k) - side.unobserved_weight;
        for (int i = 0; i < side.stride; i += W)
            S::store(w.packed + k * step + i, S::load(w.rows[k] + i) * weight);
    }
}

// The gathered rows, at a distance where they do not collide.
void copy_gathered(int depth, int stride, Workspace& w) {
    const std::ptrdiff_t step = matrix_stride(stride);
    for (int k = 0; k < depth; ++k)
        for (int i = 0; i < stride; i += W)
            S::store(w.packed + k * step + i, S::load(w.rows[k] + i));
}

template <Start start, bool uniform>
void add_observations(const FixedSide& side, const Row& row, int64_t first, int depth,
                      Workspace& w) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    gather(side, row, first, depth, w);
    Prefetch prefetch(side, row, first + depth);
    const int lines = depth * (stride / kLine) / syrk_tiles(stride) + 1;
    const auto between = [&] { prefetch.fetch(lines); };
    const auto sum = [&](const auto a, const auto b) {
        syrk<start, true>(w.matrix, ld, stride, a, b, depth, w.targets, w.rhs, between);
    };
    const Gathered rows{w.rows};
    const Strided packed{w.packed, ld};
    if (!uniform) {
        scale_gathered(side, row, first, depth, w);
        sum(packed, rows);
    } else if (stride % kCollidingStride == 0) {
        copy_gathered(depth, stride, w);
        sum(packed, packed);
    } else {
        sum(rows, rows);
    }
}

// V'WV and b of a row's observations, to w.matrix and w.rhs; equal weights are divided out of the
// equations, so that the product needs no scaled copy.
template <bool uniform>
void sum_observations(const FixedSide& side, const Row& row, Workspace& w) {
    for (int64_t first = 0; first < row.n; first += kDepth) {
        const int depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        if (first == 0)
            add_observations<Start::zero, uniform>(side, row, first, depth, w);
        else
            add_observations<Start::load, uniform>(side, row, first, depth, w);
    }
}

// One step of iterative refinement, for ill-conditioned rows: x += A^-1 (b - A x), the residual in
// double precision from the observations themselves (Higham 2002, ch. 12).
void iterative_refinement(const FixedSide& side, const Row& row, Workspace& w, double weight,
                          float* x) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    double *residual = w.residual, *solution = w.solution;
    for (int i = 0; i < stride; ++i) {
        solution[i] = x[i];
        residual[i] = i < side.n_factors ? -(side.base[i] + row.regularization) * x[i] : 0.0;
    }
    for (int64_t j = 0; j < row.n; ++j) {
        const float* v = side.rows + std::ptrdiff_t(row.columns[j]) * stride;
        Wide dot{};
        for (int i = 0; i < stride; i += W) dot += widen(S::load(v + i)) * load_wide(solution + i);
        const double c = weight_of(row, j);
        const double factor =
            c * row.targets[j] - (c - double(side.unobserved_weight)) * sum_lanes(dot);
        for (int i = 0; i < stride; i += W)
            store_wide(residual + i, load_wide(residual + i) + widen(S::load(v + i)) * factor);
    }
    for (int i = 0; i < stride; ++i) w.rhs[i] = float(residual[i] / weight);
    solve_forward(w.matrix, ld, stride, w.rhs);
    solve_backward(w.matrix, ld, stride, w.rhs);
    for (int i = 0; i < stride; ++i) x[i] = float(solution[i] + w.rhs[i]);
}

double trace(const float* matrix, std::ptrdiff_t ld, int order) {
    double sum = 0;
    for (int i = 0; i < order; ++i) sum += matrix[i * ld + i];
    return sum;
}

// The primal, given its sums.
template <bool uniform>
Status solve_sums(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    const double weight = uniform ? 1.0 - double(side.unobserved_weight) : 1.0;
    const bool ill = uniform
                         ? ill_conditioned(side, row, weight * trace(w.matrix, ld, stride), true)
                         : ill_conditioned(side, row, weights_of(side, row));
    for (int i = 0; i < stride; ++i) {
        const bool real = i < side.n_factors;
        w.matrix[i * ld + i] += real ? float((side.base[i] + row.regularization) / weight) : 1.0f;
        x[i] = w.rhs[i] * float(1.0 / weight);
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, stride, x, &y_squared)) return Status::singular;
    if (ill) iterative_refinement(side, row, w, weight, x);
    if (loss && uniform)
        *loss = uniform_loss(side, row, weight, y_squared, x);
    else if (loss)
        losses_at(side, row, w, x, loss);
    return Status::ok;
}

template <bool uniform>
Status solve_primal(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    sum_observations<uniform>(side, row, w);
    return solve_sums<uniform>(side, row, w, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
