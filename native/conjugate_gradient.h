// The approximate solution of one row by conjugate gradients (Hestenes & Stiefel 1952), from the
// row's previous solution. In the eigenbasis of the fixed side's Gram matrix a product with A
// costs O(n d) and no d^2:  A p = D p + sum_j w_j (v_j'p) v_j.  Every step lowers the loss.
#pragma once

#include "losses.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

struct CgVectors {
    float *residual, *direction, *product, *diagonal;  // (stride,)
    float *predictions, *changes;                      // (n,) v'x and v'direction
};

CgVectors cg_vectors(const Workspace& w, int stride, int64_t n) {
    float* base = w.iterative;
    const int64_t length = (n + kAlign - 1) / kAlign * kAlign;
    return {base,
            base + stride,
            base + 2 * stride,
            base + 3 * stride,
            base + 4 * stride,
            base + 4 * stride + length};
}

// out += sum_j g_j v_j, and unless it is null squares += sum_j weights_j v_j^2, where
// coefficients(first, count, v'x, g, weights) gives those of W observations, zero beyond count.
template <class Coefficients>
void multiply_observations(const FixedSide& side, const Row& row, const float* x,
                           Coefficients&& coefficients, float* out, float* squares) {
    const int stride = side.stride;
    const float* rows[2][W];  // of these observations, and of the next ones
    auto look_up = [&](int64_t first, const float** to) {
        for (int i = 0; i < W; ++i) {
            const int64_t j = first + i < row.n ? first + i : row.n - 1;
            to[i] = side.rows + std::ptrdiff_t(row.columns[j]) * stride;
        }
    };
    look_up(0, rows[0]);
    int now = 0;
    for (int64_t first = 0; first < row.n; first += W, now = 1 - now) {
        const int count = row.n - first < W ? int(row.n - first) : W;
        const bool more = first + W < row.n;
        if (more) look_up(first + W, rows[1 - now]);
        const float* const* v = rows[now];
        const float* const* next = rows[1 - now];
        alignas(64) float g[W], weights[W];
        coefficients(first, count, inner_products(Gathered{v}, x, stride), g, weights);
        for (int f = 0; f < stride; f += W) {
            Vec sum[2] = {S::load(out + f), S::zero()};
            Vec square[2] = {S::zero(), S::zero()};
            if (squares) square[0] = S::load(squares + f);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) {
                const Vec value = S::load(v[i] + f);
                sum[i % 2] = sum[i % 2] + value * g[i];
                if (squares) square[i % 2] = square[i % 2] + value * value * weights[i];
                if (more && (W >= kLine || f % kLine == 0)) __builtin_prefetch(next[i] + f);
            }
            S::store(out + f, sum[0] + sum[1]);
            if (squares) S::store(squares + f, square[0] + square[1]);
        }
    }
}

double inner_product(const float* a, const float* b, int length) {
    Wide sum{};
    for (int i = 0; i < length; i += W)
        sum += __builtin_convertvector(S::load(a + i), Wide) *
               __builtin_convertvector(S::load(b + i), Wide);
    return sum_lanes(sum);
}

// x holds the starting point, and on return the solution, relaxed; the residual stays that of the
// solution itself.
void improve(const FixedSide& side, const Row& row, const Method& method, const Workspace& w,
             float* x, RowLoss* loss) {
    const int stride = side.stride;
    const CgVectors cg = cg_vectors(w, stride, row.n);
    float* r = cg.residual;
    float* p = cg.direction;
    float* q = cg.product;
    for (int i = 0; i < stride; ++i) {
        const float d = i < side.n_factors ? float(side.base[i] + row.regularization) : 1.0f;
        r[i] = -d * x[i];
        cg.diagonal[i] = d;
    }
    // r = b - A x and the diagonal of A in one pass
    multiply_observations(
        side, row, x,
        [&](int64_t first, int count, Vec s, float* g, float* weights) {
            S::store(cg.predictions + first, s);
            for (int i = 0; i < W; ++i) {
                const bool real = i < count;
                const float c = real ? weight_of(row, first + i) : 0.0f;
                weights[i] = real ? c - side.unobserved_weight : 0.0f;
                g[i] = real ? c * row.targets[first + i] - weights[i] * s[i] : 0.0f;
            }
        },
        r, cg.diagonal);

    double energy = 0, first_energy = 0;  // r'M^-1 r
    for (int step = 0;; ++step) {
        const double before = energy;
        energy = 0;
        for (int i = 0; i < stride; ++i) energy += double(r[i]) * r[i] / cg.diagonal[i];
        if (step == 0) first_energy = energy;
        if (!(energy > first_energy * method.tolerance * method.tolerance) ||
            step == method.max_steps)
            break;
        const float beta = step == 0 ? 0.0f : float(energy / before);
        for (int i = 0; i < stride; ++i) {
            p[i] = r[i] / cg.diagonal[i] + (step == 0 ? 0.0f : beta * p[i]);
            q[i] = i < side.n_factors ? float(side.base[i] + row.regularization) * p[i] : 0.0f;
        }
        multiply_observations(
            side, row, p,
            [&](int64_t first, int count, Vec s, float* g, float*) {
                S::store(cg.changes + first, s);
                for (int i = 0; i < W; ++i)
                    g[i] = i < count ? (weight_of(row, first + i) - side.unobserved_weight) * s[i]
                                     : 0.0f;
            },
            q, nullptr);
        const double curvature = inner_product(p, q, stride);
        if (!(curvature > 0)) break;  // rounding is all that is left
        const float alpha = float(energy / curvature), relaxed = method.relaxation * alpha;
        for (int i = 0; i < stride; i += W) {
            S::store(x + i, S::load(x + i) + S::load(p + i) * relaxed);
            S::store(r + i, S::load(r + i) - S::load(q + i) * alpha);
        }
        for (int64_t j = 0; j < row.n; j += W)
            S::store(cg.predictions + j,
                     S::load(cg.predictions + j) + S::load(cg.changes + j) * relaxed);
    }
    LossSums sums;
    for (int64_t j = 0; j < row.n; j += W)
        add_losses(sums, row, j, row.n - j < W ? int(row.n - j) : W, S::load(cg.predictions + j));
    finish_loss(side, row, sums, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
