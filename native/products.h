// The two products that a row's matrix is made of: V'WV and b of the primal, X X' of the dual.
#pragma once

#include "observations.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// ---------------------------------------------------------------------------------------------
// The primal

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
void add_block(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    gather(side, row, first, depth, w);
    Prefetch prefetch(side, row, first + depth);
    const int lines = depth * (stride / kLine) / symmetric_tiles(stride) + 1;
    const auto between = [&] { prefetch.fetch(lines); };
    const auto sum = [&](const auto a, const auto b) {
        symmetric_product<start, true>(w.matrix, ld, stride, a, b, depth, w.targets, w.rhs,
                                       between);
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
void sum_products(const FixedSide& side, const Row& row, Workspace& w) {
    for (int64_t first = 0; first < row.n; first += kDepth) {
        const int depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        if (first == 0)
            add_block<Start::zero, uniform>(side, row, first, depth, w);
        else
            add_block<Start::load, uniform>(side, row, first, depth, w);
    }
}

// ---------------------------------------------------------------------------------------------
// The dual

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
void relate_observations(const FixedSide& side, const Row& row, int order, Workspace& w) {
    const std::ptrdiff_t ld = matrix_stride(order);
    pack_observations(side, row, ld, w);
    Prefetch prefetch(side, row, row.n);
    const Strided observations{w.packed, ld};
    symmetric_product<Start::zero, false>(w.matrix, ld, order, observations, observations,
                                          side.stride, nullptr, nullptr,
                                          [&] { prefetch.fetch(side.stride / MR); });
}

// x = D^-1/2 X' t, with t in w.rhs.
void combine_observations(const FixedSide& side, int order, const Workspace& w, float* x) {
    const std::ptrdiff_t ld = matrix_stride(order);
    for (int f = 0; f < side.stride; f += W)
        S::store(x + f, S::load(w.scale + f) *
                            inner_products(Strided{w.packed + f * ld, ld}, w.rhs, order));
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
