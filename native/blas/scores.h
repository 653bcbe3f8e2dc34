// Scores of items for queries:  out = queries items',  and the scan for those above a bar.
//
// Layout: items are packed with W items along the lanes, vector (f, p) of panel p at
// panels[p * W * stride + f * W], stride = padded(n_factors); queries are row-major, MR of them at
// a time; out has rows of padded(n_items). Edges: items beyond the last and factors beyond
// n_factors are zero; queries come in multiples of MR.
#pragma once

#include "blas/tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

void pack_items(const float* items, int64_t n, int n_factors, int64_t item_stride, float* panels) {
    const int stride = padded(n_factors);
    for (int64_t first = 0; first < n; first += kAlign)
        for (int half = 0; half < kAlign; half += W)
            for (int f = 0; f < stride; f += W) {
                Vec block[W];
#pragma GCC unroll 16
                for (int i = 0; i < W; ++i) {
                    const int64_t item = first + half + i;
                    block[i] = item < n && f < n_factors
                                   ? load_some(items + item * item_stride + f, n_factors - f)
                                   : S::zero();
                }
                S::transpose(block);
                float* panel = panels + (first + half) * stride;
#pragma GCC unroll 16
                for (int i = 0; i < W; ++i) S::store(panel + (f + i) * W, block[i]);
            }
}

void score(const float* queries, int n_queries, int64_t query_stride, const float* panels,
           int n_items, int n_factors, float* out, int64_t out_stride) {
    const std::ptrdiff_t stride = padded(n_factors), columns = padded(n_items);
    for (std::ptrdiff_t col = 0; col < columns; col += NV * W) {
        const Panels items{panels + col * stride, stride * W};
        for (int row = 0; row < n_queries; row += MR)
            tile_of<NV, Start::zero>(
                vectors_from(col, columns), out + row * out_stride + col, out_stride,
                Transposed{queries + row * query_stride, query_stride}, items, n_factors);
    }
}

int64_t next_above(const float* scores, int64_t begin, int64_t n, float bar) {
    int64_t j = begin;
    for (; j + W <= n; j += W) {
        const auto above = S::load(scores + j) > bar;
        int any = 0;
        for (int i = 0; i < W; ++i) any |= above[i];
        if (any) break;
    }
    for (; j < n; ++j)
        if (scores[j] > bar) return j;
    return n;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
