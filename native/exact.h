// The exact solution of one row.
//
// A row of the normal equations is  A x = b  with
//   A = D + sum_j w_j v_j v_j',   b = sum_j c_j r_j v_j,   w_j = c_j - w0,   D = base + lambda I,
// where D is diagonal because the fixed side is kept in the eigenbasis of its Gram matrix.
// Both ways of solving it are one symmetric product and one Cholesky factorisation:
//   primal   D + V'WV  is n_factors x n_factors; its lanes are factors, its depth observations;
//   dual     I + X X'  is n x n, X = W^1/2 V D^-1/2; its lanes are observations, its depth factors
//            (Woodbury: x = D^-1/2 X' t,  (I + X X') t = W^-1/2 (c r)).
// The dual needs w_j > 0, is exact as well, and is cheaper for rows with few observations.
#pragma once

#include <math.h>

#include "losses.h"
#include "products.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Losses of the gathered observations [first, first + depth).
void predict_gathered(const Workspace& w, const Row& row, int64_t first, int depth, int stride,
                      const float* x, LossSums& sums) {
    for (int k = depth; k % W; ++k) w.rows[k] = w.rows[0];
    for (int k = 0; k < depth; k += W)
        add_losses(sums, row, first + k, depth - k,
                   inner_products(Gathered{w.rows + k}, x, stride));
}

// The losses at any x.
void losses_at(const FixedSide& side, const Row& row, Workspace& w, const float* x, RowLoss* loss) {
    LossSums sums;
    for (int64_t first = 0; first < row.n; first += kDepth) {
        const int depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        gather(side, row, first, depth, w);
        predict_gathered(w, row, first, depth, side.stride, x, sums);
    }
    finish_loss(side, row, sums, x, loss);
}

// One step of iterative refinement, for ill-conditioned rows: x += A^-1 (b - A x), the residual in
// double precision from the observations themselves (Higham 2002, ch. 12).
void refine(const FixedSide& side, const Row& row, Workspace& w, double weight, float* x) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    double* residual = w.wide;
    double* solution = w.wide + stride;
    for (int i = 0; i < stride; ++i) {
        solution[i] = x[i];
        residual[i] = i < side.n_factors ? -(side.base[i] + row.regularization) * x[i] : 0.0;
    }
    for (int64_t j = 0; j < row.n; ++j) {
        const float* v = side.rows + std::ptrdiff_t(row.columns[j]) * stride;
        Wide dot{};
        for (int i = 0; i < stride; i += W)
            dot += __builtin_convertvector(S::load(v + i), Wide) * load_wide(solution + i);
        const double c = weight_of(row, j);
        const double factor =
            c * row.targets[j] - (c - double(side.unobserved_weight)) * sum_lanes(dot);
        for (int i = 0; i < stride; i += W)
            store_wide(residual + i, load_wide(residual + i) +
                                         __builtin_convertvector(S::load(v + i), Wide) * factor);
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

// Whether the condition number of A may exceed what float32 solves to four digits; `size` is
// sum |w| |v|^2: |A| <= max D + size, and A >= D where no w is negative, A >= lambda I in any case.
bool ill_conditioned(const FixedSide& side, const Row& row, double size, bool positive) {
    const double above = side.largest_base + row.regularization + size;
    const double below = row.regularization + (positive ? side.smallest_base : 0.0);
    return !(above <= kIllConditioned * below);
}

// The same, looking at the norms one by one only if the largest does not settle it.
bool ill_conditioned(const FixedSide& side, const Row& row, const Weights& weights) {
    const double most = row.n * double(side.largest_norm);
    if (!ill_conditioned(side, row, weights.size * most, weights.positive)) return false;
    double norms = 0;
    for (int64_t j = 0; j < row.n; ++j) norms += side.norms[row.columns[j]];
    return ill_conditioned(side, row, weights.size * norms, weights.positive);
}

// The primal, given its sums.
template <bool uniform>
Status solve_summed(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
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
    if (ill) refine(side, row, w, weight, x);
    if (loss && uniform)
        *loss = uniform_loss(side, row, weight, y_squared, x);
    else if (loss)
        losses_at(side, row, w, x, loss);
    return Status::ok;
}

bool weighs_equally(const FixedSide& side, const Row& row) {
    return !row.weights && 1.0f - side.unobserved_weight > kSmallestWeight;
}

template <bool uniform>
Status solve_primal(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    sum_products<uniform>(side, row, w);
    return solve_summed<uniform>(side, row, w, x, loss);
}

// D^-1/2 for this lambda, which most rows share with the row before.
void scale_to(const FixedSide& side, double regularization, Workspace& w) {
    if (*w.scale_for == regularization) return;
    *w.scale_for = regularization;
    for (int i = 0; i < side.stride; ++i)
        w.scale[i] = i < side.n_factors ? float(1.0 / sqrt(side.base[i] + regularization)) : 0.0f;
}

Status solve_packed_dual(const FixedSide& side, const Row& row, Workspace& w, float* x,
                         RowLoss* loss) {
    const int n = int(row.n);
    const int order = (n + W - 1) / W * W;
    const std::ptrdiff_t ld = matrix_stride(order);
    relate_observations(side, row, order, w);
    for (int j = 0; j < order; ++j) {
        w.matrix[j * ld + j] += 1.0f;
        const float c = j < n ? weight_of(row, j) : 0.0f;
        w.targets[j] = j < n ? c * row.targets[j] / sqrtf(c - side.unobserved_weight) : 0.0f;
        w.rhs[j] = w.targets[j];
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, order, w.rhs, &y_squared)) return Status::singular;

    combine_observations(side, order, w, x);

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

// The dual of N observations, small enough to stay in registers.
template <int N>
Status solve_tiny(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    const float* v[N];
    Vec products[N][N];
    for (int i = 0; i < N; ++i) {
        v[i] = side.rows + std::ptrdiff_t(row.columns[i]) * side.stride;
        for (int j = 0; j <= i; ++j) products[i][j] = S::zero();
    }
    for (int f = 0; f < side.stride; f += W) {
        const Vec scale = S::load(w.scale + f);
        Vec scaled[N];
#pragma GCC unroll 4
        for (int i = 0; i < N; ++i) {
            scaled[i] = S::load(v[i] + f) * scale;
#pragma GCC unroll 4
            for (int j = 0; j <= i; ++j) products[i][j] = products[i][j] + scaled[i] * scaled[j];
        }
    }
    // I + X X' = L L'; L z = g, L' t = z
    double l[N][N], t[N], g[N], root[N];
    for (int i = 0; i < N; ++i) {
        const float c = weight_of(row, i);
        root[i] = sqrt(double(c) - double(side.unobserved_weight));
        g[i] = c * row.targets[i] / root[i];
        t[i] = g[i];
        for (int j = 0; j <= i; ++j) {
            l[i][j] = (i == j) + root[i] * root[j] * double(S::sum(products[i][j]));
            for (int k = 0; k < j; ++k) l[i][j] -= l[i][k] * l[j][k];
            if (j < i) {
                l[i][j] /= l[j][j];
                t[i] -= l[i][j] * t[j];
            }
        }
        if (!(l[i][i] > 0)) return Status::singular;
        l[i][i] = sqrt(l[i][i]);
        t[i] /= l[i][i];
    }
    LossSums sums;
    float s[W] = {};
    for (int i = N - 1; i >= 0; --i) {
        for (int k = i + 1; k < N; ++k) t[i] -= l[k][i] * t[k];
        t[i] /= l[i][i];
        s[i] = float((g[i] - t[i]) / root[i]);
    }
    add_losses(sums, row, 0, N, S::load(s));
    for (int f = 0; f < side.stride; f += W) {
        const Vec scale = S::load(w.scale + f);
        Vec sum = S::zero();
        for (int i = 0; i < N; ++i) sum = sum + S::load(v[i] + f) * float(root[i] * t[i]);
        S::store(x + f, sum * scale * scale);
    }
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

Status solve_dual(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    scale_to(side, row.regularization, w);
    switch (row.n) {
        case 1:
            return solve_tiny<1>(side, row, w, x, loss);
        case 2:
            return solve_tiny<2>(side, row, w, x, loss);
        case 3:
            return solve_tiny<3>(side, row, w, x, loss);
        case 4:
            return solve_tiny<4>(side, row, w, x, loss);
        default:
            return solve_packed_dual(side, row, w, x, loss);
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
