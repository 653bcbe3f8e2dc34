// Register tiles:  C (+/-)= A'B,  C of MR rows and up to NV vectors, summed over `depth`.
//
// Layout: C is row-major with rows c_stride apart; A and B are any of the operands below, which say
// where entry (k, i) is read.
// Edges: the rows of C are always MR; its vectors are 1 to NV, chosen at run time by tile_of.
// Lengths are multiples of W, so there are no masks: callers pad with zeros.
#pragma once

#include "simd/level.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

enum class Start { zero, load };  // C = or C +=

// Distance of the rows of a square matrix: an odd number of cache lines, since rows a power of two
// apart would share the cache's few sets.
inline int matrix_stride(int order) { return ((order + kAlign - 1) / kAlign | 1) * kAlign; }

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

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
