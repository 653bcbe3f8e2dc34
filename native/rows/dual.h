// The dual, for rows with few observations (Woodbury), n x n, by Cholesky factorisation:
//   (I + X X') t = W^-1/2 (c r),   x = D^-1/2 X' t,   X = W^1/2 V D^-1/2.
// The equations are exact as well, and need w_j > 0.
//
// Layout: lanes are observations, the depth of the product X X' is the factors; X' is packed
// (d, matrix_stride(n)).
// Edges: observations up to a multiple of W are zero, with 1 on the diagonal.
#pragma once

#include "blas/cholesky.h"
#include "rows/losses.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// X' (d, n) of the dual: the observations along the lanes, sqrt(w) v D^-1/2.
void pack_observations(const FixedSide& side, const Row& row, std::ptrdiff_t step, Workspace& w) {
    for (int64_t first = 0; first < row.n; first += W) {
        const float* sources[W];
        float roots[W];
        const int count = row.n - first < W ? int(row.n - first) : W;
        for (int i = 0; i < W; ++i) {
            const int64_t j = first + (i < count ? i : 0);
            sources[i] = side.rows + std::ptrdiff_t(row.columns[j]) * side.stride;
            roots[i] = i < count ? sqrtf(weight_of(row, j) - side.unobserved_weight) : 0.0f;
        }
        for (int f = 0; f < side.stride; f += W) {
            const Vec scale = S::load(w.scale + f);
            Vec block[W];
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) block[i] = S::load(sources[i] + f) * scale * roots[i];
            S::transpose(block);
            float* out = w.packed + f * step + first;
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) S::store(out + i * step, block[i]);
        }
    }
}

// X X' to w.matrix.
void dual_gram(const FixedSide& side, const Row& row, int order, Workspace& w) {
    const std::ptrdiff_t ld = matrix_stride(order);
    pack_observations(side, row, ld, w);
    Prefetch prefetch(side, row, row.n);
    const Strided observations{w.packed, ld};
    syrk<Start::zero, false>(w.matrix, ld, order, observations, observations, side.stride, nullptr,
                             nullptr, [&] { prefetch.fetch(side.stride / MR); });
}

// x = D^-1/2 X' t, with t in w.rhs.
void dual_to_primal(const FixedSide& side, int order, const Workspace& w, float* x) {
    const std::ptrdiff_t ld = matrix_stride(order);
    for (int f = 0; f < side.stride; f += W)
        S::store(x + f, S::load(w.scale + f) *
                            inner_products(Strided{w.packed + f * ld, ld}, w.rhs, order));
}

// D^-1/2 for this lambda, which most rows share with the row before.
void scale_for(const FixedSide& side, double regularization, Workspace& w) {
    if (w.head->scaled_for == regularization) return;
    w.head->scaled_for = regularization;
    for (int i = 0; i < side.stride; ++i)
        w.scale[i] = i < side.n_factors ? float(1.0 / sqrt(side.base[i] + regularization)) : 0.0f;
}

Status solve_dual(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    scale_for(side, row.regularization, w);
    const int n = int(row.n);
    const int order = (n + W - 1) / W * W;
    const std::ptrdiff_t ld = matrix_stride(order);
    dual_gram(side, row, order, w);
    for (int j = 0; j < order; ++j) {
        w.matrix[j * ld + j] += 1.0f;
        const float c = j < n ? weight_of(row, j) : 0.0f;
        w.targets[j] = j < n ? c * row.targets[j] / sqrtf(c - side.unobserved_weight) : 0.0f;
        w.rhs[j] = w.targets[j];
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, order, w.rhs, &y_squared)) return Status::singular;

    dual_to_primal(side, order, w, x);

    // Predictions come with the solution: sqrt(w) s = X X' t = g - t.
    LossSums sums;
    for (int j = 0; j < order; j += W) {
        float s[W];
        for (int i = 0; i < W; ++i)
            s[i] = j + i < n ? (w.targets[j + i] - w.rhs[j + i]) /
                                   sqrtf(weight_of(row, j + i) - side.unobserved_weight)
                             : 0.0f;
        add_losses(sums, row, j, n - j, S::load(s));
    }
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
