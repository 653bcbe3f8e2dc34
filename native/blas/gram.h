// Products of whole matrices of factors.
//
//   add_gram   out += V'S^2V,  S the scales of the rows or I
//   row_norms  norms_i = |v_i|^2
//
// Layout: V is row-major with any distance between rows; out of add_gram is (padded(d), padded(d))
// in double precision, its upper triangle only.
// Edges: the last vector of a row of V is read up to d and filled with zeros; rows of row_norms are
// padded with zeros.
#pragma once

#include "blas/syrk.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kDepth = 64;   // vectors of one syrk: their rows stay in the first or second cache
constexpr int kInFloat = 4;  // blocks of kDepth rows whose products are summed in float32

struct GramWorkspace {
    float *block, *product;  // (kDepth, matrix_stride), (stride, matrix_stride)
};

GramWorkspace gram_workspace(Arena& arena, int stride) {
    const std::size_t ld = matrix_stride(stride);
    GramWorkspace w;
    w.block = arena.take<float>(kDepth * ld);
    w.product = arena.take<float>(stride * ld);
    return w;
}

std::size_t gram_workspace_bytes(int d) {
    Arena arena(nullptr);
    gram_workspace(arena, padded(d));
    return arena.used();
}

// Copies up to kDepth rows from row `first` on, but for those of zeros; returns how many, and moves
// `first` beyond them.
int copy_scaled(const float* v, const float* scale, int64_t n, int d, int64_t v_stride,
                int64_t& first, float* block) {
    const int stride = padded(d);
    const std::ptrdiff_t ld = matrix_stride(stride);
    int depth = 0;
    for (; first < n && depth < kDepth; ++first) {
        const float* row = v + first * v_stride;
        int k = 0;
        while (k < d && row[k] == 0) ++k;
        if (k == d) continue;
        const float factor = scale ? scale[first] : 1.0f;
        for (int i = 0; i < stride; i += W) {
            const Vec value = i < d ? load_some(row + i, d - i) : S::zero();
            S::store(block + depth * ld + i, value * factor);
        }
        ++depth;
    }
    return depth;
}

void add_gram(const float* v, const float* scale, int64_t n, int d, int64_t v_stride, void* memory,
              double* out) {
    const int stride = padded(d);
    const std::ptrdiff_t ld = matrix_stride(stride);
    Arena arena(memory);
    const GramWorkspace w = gram_workspace(arena, stride);
    int summed = 0;
    for (int64_t first = 0; first < n;) {
        const int depth = copy_scaled(v, scale, n, d, v_stride, first, w.block);
        const Strided rows{w.block, ld};
        const auto add = [&](auto start) {
            syrk<decltype(start)::value, false>(w.product, ld, stride, rows, rows, depth, nullptr,
                                                nullptr, [] {});
        };
        if (summed == 0)
            add(std::integral_constant<Start, Start::zero>{});
        else
            add(std::integral_constant<Start, Start::load>{});
        if (++summed < kInFloat && first < n) continue;
        summed = 0;
        for (int row = 0; row < stride; ++row)
            for (int col = row / W * W; col < stride; col += W) {
                double* sum = out + std::ptrdiff_t(row) * stride + col;
                store_wide(sum, load_wide(sum) + widen(S::load(w.product + row * ld + col)));
            }
    }
}

void row_norms(const float* rows, int64_t n, int64_t stride, float* norms) {
    for (int64_t i = 0; i < n; ++i) {
        Vec sum = S::zero();
        for (int64_t k = 0; k < stride; k += W) {
            const Vec v = S::load(rows + i * stride + k);
            sum = sum + v * v;
        }
        norms[i] = S::sum(sum);
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
