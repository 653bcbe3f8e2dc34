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

// x holds the starting point, and on return the solution, relaxed; the residual stays that of the
// solution itself.
void improve(const FixedSide& side, const Row& row, const Method& method, const Workspace& w,
             float* x, RowLoss* loss) {
    const int stride = side.stride;
    const CgVectors cg = cg_vectors(w, stride, row.n);
    float* r = cg.residual;
    float* p = cg.direction;
    float* q = cg.product;
    for (int i = 0; i < stride; ++i)
        cg.diagonal[i] = i < side.n_factors ? float(side.base[i] + row.regularization) : 1.0f;
    find_residual(side, row, x, r, cg.diagonal, cg.predictions);

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
