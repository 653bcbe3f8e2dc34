// The observed entries of a row: the workspace they are brought to, and their vectors of the fixed
// side, gathered, scaled, transposed or multiplied.
#pragma once

#include <math.h>

#include "cholesky.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kDepth = 64;                // observations of a product: their rows stay in L1 or L2
constexpr int kCollidingStride = 256;     // rows multiples of 1 KiB apart share few cache sets
constexpr int kLine = 16;                 // floats of a cache line
constexpr float kSmallestWeight = 1e-3f;  // below it, dividing by the weight costs accuracy
constexpr double kIllConditioned = 1500;

struct Workspace {
    float* packed;       // primal: copies of observations, (depth, matrix_stride(d));
                         // dual: X' (d, matrix_stride(n))
    float* matrix;       // upper triangle, row-major, matrix_stride(order)
    float* rhs;          // (order,)
    float* scale;        // D^-1/2 for the lambda
    double* scale_for;   // of the last row that asked for it
    float* targets;      // c_j r_j
    double* wide;        // residual and solution of a refinement
    float* iterative;    // 4 vectors of factors, 2 of observations
    const float** rows;  // the fixed side's rows of the observations at hand
};

int packed_rows(int stride) { return stride > kDepth ? stride : kDepth; }

int vector_floats(int stride) { return packed_rows(stride) + W; }

std::size_t workspace_floats(int n_factors, int64_t longest) {
    const int stride = padded(n_factors);
    return std::size_t(2 * (longest + kAlign)) + 4 * std::size_t(stride) +
           std::size_t(packed_rows(stride) + stride) * matrix_stride(stride) +
           3 * std::size_t(vector_floats(stride)) + 4 * std::size_t(stride) + 2 * kDepth +
           18 * kAlign;
}

Workspace carve(float* memory, int stride) {
    Workspace w;
    auto take = [&memory](std::size_t n) {
        float* p = memory;
        memory += (n + kAlign - 1) / kAlign * kAlign;
        return p;
    };
    w.packed = take(std::size_t(packed_rows(stride)) * matrix_stride(stride));
    w.matrix = take(std::size_t(stride) * matrix_stride(stride));
    w.rhs = take(vector_floats(stride));
    w.scale = take(vector_floats(stride));
    w.targets = take(vector_floats(stride));
    w.scale_for = reinterpret_cast<double*>(take(2));
    w.wide = reinterpret_cast<double*>(take(4 * std::size_t(stride)));
    w.rows = reinterpret_cast<const float**>(take(2 * kDepth));
    w.iterative = memory;
    return w;
}

// ---------------------------------------------------------------------------------------------
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

// ---------------------------------------------------------------------------------------------
// Vectors of the observations

inline float weight_of(const Row& row, int64_t j) { return row.weights ? row.weights[j] : 1.0f; }

// Looks up the rows of the observations [first, first + depth), and their c r.
void gather(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    for (int k = 0; k < depth; ++k) {
        w.rows[k] = side.rows + std::ptrdiff_t(row.columns[first + k]) * side.stride;
        w.targets[k] = weight_of(row, first + k) * row.targets[first + k];
    }
}

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
