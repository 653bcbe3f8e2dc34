// Cholesky factorisation  A = U'U  by block rows of W, left-looking, and the two triangular solves.
//
// Layout: the upper triangle of A, row-major, rows `stride` apart, becomes U. Blocks on the
// diagonal are kept as the transposed inverse of U's: all that follows them are products then,
// without the latency of a substitution. Edges: the order is a multiple of W; padding has 1 on the
// diagonal and 0 elsewhere.
#pragma once

#include <math.h>

#include <utility>

#include "blas/tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Lane masks, as floats to be multiplied or integers to be tested, would cost a load each; these
// are constants of the level.
typedef int32_t Mask __attribute__((vector_size(W * sizeof(int32_t))));

template <int K, std::size_t... Lane>
constexpr Mask lane_is(std::index_sequence<Lane...>) {
    return Mask{(int(Lane) == K ? -1 : 0)...};
}

template <int K, std::size_t... Lane>
constexpr Mask lane_above(std::index_sequence<Lane...>) {
    return Mask{(int(Lane) > K ? -1 : 0)...};
}

using Lanes = std::make_index_sequence<W>;

template <int K, int I>
inline void eliminate_row(Vec (&row)[W], const Vec pivot_row, const Vec multiples) {
    const Vec kept = lane_is<K>(Lanes{}) ? S::zero() : row[I];
    row[I] = kept - pivot_row * S::template splat_lane<I>(multiples);
}

// Gauss-Jordan step K on the rows below it: left of column K they hold L^-1, right of it what is
// left of A = L D L'.
template <int K, std::size_t... Below>
inline void eliminate(Vec (&row)[W], Vec& y, float* pivots, float* z,
                      std::index_sequence<Below...>) {
    const Vec pivot = S::template splat_lane<K>(row[K]);
    const Vec multiples = row[K] / pivot;
    const Vec pivot_row = lane_is<K>(Lanes{}) ? S::splat(1.0f) : row[K];
    (eliminate_row<K, K + 1 + int(Below)>(row, pivot_row, multiples), ...);
    pivots[K] = pivot[0];
    const Vec yk = S::template splat_lane<K>(y);
    z[K] = yk[0];
    y = y - multiples * yk;
    row[K] = lane_above<K>(Lanes{}) ? S::zero() : pivot_row;
}

template <std::size_t... K>
inline void eliminate_all(Vec (&row)[W], Vec& y, float* pivots, float* z,
                          std::index_sequence<K...>) {
    (eliminate<int(K)>(row, y, pivots, z, std::make_index_sequence<W - 1 - K>{}), ...);
}

// Replaces the W x W block on the diagonal by U^-T = D^-1/2 L^-1 and its part of rhs by U^-T rhs.
inline bool factor_diagonal(float* block, std::ptrdiff_t stride, float* rhs) {
    Vec row[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) row[i] = S::load(block + i * stride);
    Vec y = S::load(rhs);
    alignas(64) float pivots[W], z[W], root[W];
    eliminate_all(row, y, pivots, z, Lanes{});
    bool positive = true;
    for (int i = 0; i < W; ++i) positive &= pivots[i] > 0.0f;
    for (int i = 0; i < W; ++i) root[i] = 1.0f / sqrtf(pivots[i]);
    S::store(rhs, S::load(z) * S::load(root));
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) S::store(block + i * stride, row[i] * root[i]);
    return positive;
}

// Rows [row, row + W) of A, from the diagonal on, less what the rows above account for.
inline void update_rows(float* u, std::ptrdiff_t stride, int row, int order) {
    for (int r = row; r < row + W; r += MR)
        for (int col = row; col < order; col += NV * W)
            tile_of<NV, Start::load, true>(vectors_from(col, order), u + r * stride + col, stride,
                                           Strided{u + r, stride}, Strided{u + col, stride}, row);
}

// The row of blocks right of a diagonal block, times its U^-T, in place: from the bottom up, since
// U^-T is lower triangular.
inline void solve_panel(const float* diagonal, float* panel, std::ptrdiff_t stride, int width) {
    for (int col = 0; col < width; col += NV * W)
        for (int r = W - MR; r >= 0; r -= MR)
            tile_of<NV, Start::zero>(vectors_from(col, width), panel + r * stride + col, stride,
                                     Transposed{diagonal + r * stride, stride},
                                     Strided{panel + col, stride}, r + MR);
}

// rhs[col..] -= U[rows, col..]' y[rows] for the block of rows just solved.
inline void subtract_block(const float* panel, std::ptrdiff_t stride, const float* y, float* rhs) {
    Vec rest[2] = {S::load(rhs), S::zero()};
#pragma GCC unroll 16
    for (int k = 0; k < W; ++k) rest[k % 2] = rest[k % 2] - S::load(panel + k * stride) * y[k];
    S::store(rhs, rest[0] + rest[1]);
}

// U x = rhs in place.
void solve_backward(const float* u, std::ptrdiff_t stride, int order, float* rhs) {
    for (int row = order - W; row >= 0; row -= W) {
        if (row + W < order) {
            Vec sums[W];
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) sums[i] = S::zero();
            for (int col = row + W; col < order; col += W) {
                const Vec x = S::load(rhs + col);
#pragma GCC unroll 16
                for (int i = 0; i < W; ++i)
                    sums[i] = sums[i] + S::load(u + (row + i) * stride + col) * x;
            }
            S::store(rhs + row, S::load(rhs + row) - S::sum_rows(sums));
        }
        Vec x[4] = {S::zero(), S::zero(), S::zero(), S::zero()};
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i)
            x[i % 4] = x[i % 4] + S::load(u + (row + i) * stride + row) * rhs[row + i];
        S::store(rhs + row, (x[0] + x[1]) + (x[2] + x[3]));
    }
}

// U'y = rhs in place.
void solve_forward(const float* u, std::ptrdiff_t stride, int order, float* rhs) {
    for (int row = 0; row < order; row += W) {
        const Vec rest = S::load(rhs + row);
        Vec products[W];
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) products[i] = S::load(u + (row + i) * stride + row) * rest;
        S::store(rhs + row, S::sum_rows(products));
        for (int col = row + W; col < order; col += W)
            subtract_block(u + row * stride + col, stride, rhs + row, rhs + col);
    }
}

// Factors A in place and solves A x = rhs in place; `order` is a multiple of W. False if A is not
// positive definite. `y_squared` is |y|^2 of the intermediate U'y = rhs.
bool cholesky_solve(float* u, std::ptrdiff_t stride, int order, float* rhs, double* y_squared) {
    Wide squares{};
    for (int row = 0; row < order; row += W) {
        if (row > 0) update_rows(u, stride, row, order);
        float* diagonal = u + row * stride + row;
        if (!factor_diagonal(diagonal, stride, rhs + row)) return false;
        solve_panel(diagonal, diagonal + W, stride, order - row - W);
        for (int col = row + W; col < order; col += W)
            subtract_block(u + row * stride + col, stride, rhs + row, rhs + col);
        const Wide y = widen(S::load(rhs + row));
        squares += y * y;
    }
    *y_squared = sum_lanes(squares);
    solve_backward(u, stride, order, rhs);
    return true;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
