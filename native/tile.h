// Register tiles, and the symmetric product made of them.
#pragma once

#include "level.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

enum class Start { zero, load };

// Operands of a product over k: at(k, i) is a single entry, vec(k, v) a vector of W.

struct Strided {  // entry (k, i) at base[k * step + i]
    const float* base;
    std::ptrdiff_t step;

    Strided from(std::ptrdiff_t i) const { return {base + i, step}; }
    inline float at(int k, int i) const { return base[k * step + i]; }
    inline Vec vec(int k, int v) const { return S::load(base + k * step + v * W); }
};

struct Transposed {  // entry (k, i) at base[i * step + k]
    const float* base;
    std::ptrdiff_t step;

    inline float at(int k, int i) const { return base[i * step + k]; }
};

struct Panels {  // vector (k, v) at base[v * panel + k * W]
    const float* base;
    std::ptrdiff_t panel;

    inline Vec vec(int k, int v) const { return S::load(base + v * panel + k * W); }
};

struct Gathered {  // entry (k, i) at rows[k][offset + i]
    const float* const* rows;
    std::ptrdiff_t offset = 0;

    Gathered from(std::ptrdiff_t i) const { return {rows, offset + i}; }
    inline float at(int k, int i) const { return rows[k][offset + i]; }
    inline Vec vec(int k, int v) const { return S::load(rows[k] + offset + v * W); }
};

// c[i][v] (+/-)= sum_k a(k, i) * b(k, v),  i < MR, v < N vectors; and with `coefficients`
// sums[v] (+)= sum_k coefficients[k] * b(k, v).
template <int N, Start start, bool subtract = false, bool with_sums = false, class A, class B>
inline void tile(float* c, std::ptrdiff_t c_stride, const A a, const B b, int depth,
                 const float* coefficients = nullptr, float* sums = nullptr) {
    Vec acc[MR][N], bv[N], sum[N];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v)
            acc[i][v] = start == Start::load ? S::load(c + i * c_stride + v * W) : S::zero();
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v)
        sum[v] = with_sums && start == Start::load ? S::load(sums + v * W) : S::zero();
    for (int k = 0; k < depth; ++k) {
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) bv[v] = b.vec(k, v);
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
            const Vec av = S::splat(a.at(k, i));
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v)
                acc[i][v] = subtract ? acc[i][v] - av * bv[v] : acc[i][v] + av * bv[v];
        }
        if constexpr (with_sums)
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) sum[v] = sum[v] + bv[v] * coefficients[k];
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) S::store(c + i * c_stride + v * W, acc[i][v]);
    if constexpr (with_sums)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) S::store(sums + v * W, sum[v]);
}

// A tile of `width` <= N vectors.
template <int N, Start start, bool subtract = false, bool with_sums = false, class A, class B>
inline void tile_of(int width, float* c, std::ptrdiff_t c_stride, const A a, const B b, int depth,
                    const float* coefficients = nullptr, float* sums = nullptr) {
    if constexpr (N > 1)
        if (width < N)
            return tile_of<N - 1, start, subtract, with_sums>(width, c, c_stride, a, b, depth,
                                                              coefficients, sums);
    tile<N, start, subtract, with_sums>(c, c_stride, a, b, depth, coefficients, sums);
}

// The vectors of the tile at column `col` of `columns`.
inline int vectors_from(std::ptrdiff_t col, std::ptrdiff_t columns) {
    return columns - col < NV * W ? int(columns - col) / W : NV;
}

// About how many tiles a symmetric product takes.
inline int symmetric_tiles(int order) { return order / MR * (order / W + NV) / (2 * NV) + 1; }

// Upper triangle of c (order x order) = or += A'B over `depth` vectors, where A is B or B with each
// vector scaled; and with `coefficients` sums (order,) = or += B' coefficients. Calls between()
// after each tile.
template <Start start, bool with_sums, class A, class B, class Between>
void symmetric_product(float* c, std::ptrdiff_t c_stride, int order, const A a, const B b,
                       int depth, const float* coefficients, float* sums, Between&& between) {
    for (int col = 0; col < order; col += NV * W) {
        const int width = vectors_from(col, order);
        for (int row = 0; row < col + width * W; row += MR) {
            const int left = row > col ? (row - col) / W : 0;  // vectors below the diagonal
            float* cp = c + row * c_stride + col + left * W;
            const auto bp = b.from(col + left * W);
            if (with_sums && row == 0)
                tile_of<NV, start, false, with_sums>(width, cp, c_stride, a.from(row), bp, depth,
                                                     coefficients, sums + col);
            else
                tile_of<NV, start>(width - left, cp, c_stride, a.from(row), bp, depth);
            between();
        }
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
