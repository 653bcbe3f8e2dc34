// Register tiles, and the symmetric product made of them.
#pragma once

#include "level.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

struct NoPrefetch {
    inline void step() {}
};

// Register tile: c[i][v] (+/-)= sum_k a[k][i] * b[k][v],  i < MR, v < NV vectors.

enum class Start { zero, load };

template <int NV, Start start, bool subtract, bool a_by_rows = false, class Fetch = NoPrefetch>
inline void tile(float* __restrict c, std::ptrdiff_t c_stride, const float* __restrict a,
                 std::ptrdiff_t a_step, const float* __restrict b, std::ptrdiff_t b_step,
                 std::ptrdiff_t b_panel, int depth, Fetch&& prefetch = {}) {
    Vec acc[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v)
            acc[i][v] = start == Start::load ? S::load(c + i * c_stride + v * W) : S::zero();
    for (int k = 0; k < depth; ++k) {
        if (k % 2 == 0) prefetch.step();
        Vec bv[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) bv[v] = S::load(b + k * b_step + v * b_panel);
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
            const Vec av = S::splat(a_by_rows ? a[i * a_step + k] : a[k * a_step + i]);
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v)
                acc[i][v] = subtract ? acc[i][v] - av * bv[v] : acc[i][v] + av * bv[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) S::store(c + i * c_stride + v * W, acc[i][v]);
}

// Upper triangle of c (order x order) = or += A'B over `depth` packed vectors, where A is B or B
// with each vector scaled; `capacity` is the depth the panels were laid out for.
template <Start start, class Fetch = NoPrefetch>
void symmetric_product(float* c, std::ptrdiff_t c_stride, int order, const float* a, const float* b,
                       int capacity, int depth, Fetch&& prefetch = {}) {
    const std::ptrdiff_t panel = std::ptrdiff_t(capacity) * W;
    for (int col = 0; col < order; col += 2 * W) {
        const int rows = col + 2 * W < order ? col + 2 * W : order;
        const float* bp = b + (col / W) * panel;
        for (int row = 0; row < rows; row += MR) {
            const float* ap = a + (row / W) * panel + row % W;
            float* cp = c + row * c_stride + col;
            const bool left = row < col + W;  // the tile's left vector reaches the diagonal
            const bool right = col + W < order;
            if (left && right)
                tile<2, start, false>(cp, c_stride, ap, W, bp, W, panel, depth, prefetch);
            else if (left)
                tile<1, start, false>(cp, c_stride, ap, W, bp, W, 0, depth, prefetch);
            else
                tile<1, start, false>(cp + W, c_stride, ap, W, bp + panel, W, 0, depth, prefetch);
        }
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
