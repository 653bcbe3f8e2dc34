// The vectors and weights of a row's observations, gathered from the fixed side.
//
// Layout: side.rows (n_rows, stride), read at random rows; W observations or kDepth at a time.
// Edges: lanes beyond the last observation have weight and target 0.
#pragma once

#include <math.h>

#include "rows/workspace.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kLine = 16;  // floats of a cache line

// Gathering rows at random is bound by the latency of memory, the products by arithmetic: the
// products fetch, a cache line at a time, what will be gathered after them.

struct Prefetch {
    const FixedSide& side;
    const int32_t* columns;
    int64_t remaining;
    const int32_t* next_columns;
    int64_t n_next;
    int line = 0;

    Prefetch(const FixedSide& fixed, const Row& row, int64_t first)
        : side(fixed),
          columns(row.columns + first),
          remaining(row.n - first),
          next_columns(row.next_columns),
          n_next(row.n_next) {}

    inline void fetch(int lines) {
        while (lines > 0) {
            if (remaining <= 0) {
                if (n_next <= 0) return;
                columns = next_columns;
                remaining = n_next < kDepth ? n_next : kDepth;
                n_next = 0;
            }
            const float* source = side.rows + std::ptrdiff_t(*columns) * side.stride;
            const int stop =
                side.stride < line + lines * kLine ? side.stride : line + lines * kLine;
            lines -= (stop - line) / kLine;
            for (; line < stop; line += kLine) __builtin_prefetch(source + line, 0, 3);
            if (line == side.stride) {
                line = 0;
                ++columns;
                --remaining;
            }
        }
    }
};

inline float weight_of(const Row& row, int64_t j) { return row.weights ? row.weights[j] : 1.0f; }

inline Vec weights_at(const Row& row, int64_t first, int count) {
    return row.weights ? load_some(row.weights + first, count) : S::splat(1.0f);
}

// Looks up the rows of the observations [first, first + depth), and their c r.
void gather(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    for (int k = 0; k < depth; ++k) {
        w.rows[k] = side.rows + std::ptrdiff_t(row.columns[first + k]) * side.stride;
        w.targets[k] = weight_of(row, first + k) * row.targets[first + k];
    }
}

// Inner products with x (length,) of the W rows that `rows` begins with.
template <class Rows>
inline Vec inner_products(const Rows rows, const float* x, int length) {
    Vec dot[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) dot[i] = S::zero();
    for (int p = 0; p < length; p += W) {
        const auto at = rows.from(p);
        const Vec xv = S::load(x + p);
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) dot[i] = dot[i] + at.vec(i, 0) * xv;
    }
    return S::sum_rows(dot);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
