// The observed entries of a row: the workspace they are brought to, and their vectors of the fixed
// side, gathered, scaled, transposed or multiplied.
#pragma once

#include <math.h>

#include "cholesky.h"
#ifdef CINEFOLD_MATRIX_UNIT
#include "matrix_unit.h"
#endif

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
    double* scale_for;   // of the last row that asked for it; at the very front
    float* targets;      // c_j r_j
    double* wide;        // residual and solution of a refinement
    float* iterative;    // 4 vectors of factors, 2 of observations
    const float** rows;  // the fixed side's rows of the observations at hand
#ifdef CINEFOLD_INTEGERS
    float* to_integers;    // of each column, or each observation of the dual
    float* from_integers;  // and back
#endif
#ifdef CINEFOLD_MATRIX_UNIT
    float* tiles;  // operands of the matrix unit
    float* spare;  // weighted ones that are to be turned
    float* roots;  // sqrt(w), of the dual
#endif
};

int packed_rows(int stride) { return stride > kDepth ? stride : kDepth; }

int vector_floats(int stride) { return packed_rows(stride) + W; }

std::size_t workspace_floats(int n_factors, int64_t longest) {
    const int stride = padded(n_factors);
    return std::size_t(2 * (longest + kAlign)) + 4 * std::size_t(stride) +
           std::size_t(packed_rows(stride) + stride) * matrix_stride(stride) +
           3 * std::size_t(vector_floats(stride)) + 4 * std::size_t(stride) + 2 * kDepth +
#ifdef CINEFOLD_MATRIX_UNIT
           operand_floats(stride) + kSpareFloats + std::size_t(vector_floats(stride)) +
#endif
#ifdef CINEFOLD_INTEGERS
           2 * std::size_t(vector_floats(stride)) +
#endif
           20 * kAlign;
}

Workspace carve(float* memory, int stride) {
    Workspace w;
    auto take = [&memory](std::size_t n) {
        float* p = memory;
        memory += (n + kAlign - 1) / kAlign * kAlign;
        return p;
    };
    w.scale_for = reinterpret_cast<double*>(take(2));
    w.packed = take(std::size_t(packed_rows(stride)) * matrix_stride(stride));
    w.matrix = take(std::size_t(stride) * matrix_stride(stride));
    w.rhs = take(vector_floats(stride));
    w.scale = take(vector_floats(stride));
    w.targets = take(vector_floats(stride));
    w.wide = reinterpret_cast<double*>(take(4 * std::size_t(stride)));
    w.rows = reinterpret_cast<const float**>(take(2 * kDepth));
#ifdef CINEFOLD_INTEGERS
    w.to_integers = take(vector_floats(stride));
    w.from_integers = take(vector_floats(stride));
#endif
#ifdef CINEFOLD_MATRIX_UNIT
    w.tiles = take(operand_floats(stride));
    w.spare = take(kSpareFloats);
    w.roots = take(vector_floats(stride));
#endif
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

struct Weights {
    bool positive;  // all w are clear of 0, as the dual needs them
    double size;    // max |w|
};

Weights weights_of(const FixedSide& side, const Row& row) {
    float lowest = weight_of(row, 0), largest = lowest;
    for (int64_t j = 1; row.weights && j < row.n; ++j) {
        const float c = row.weights[j];
        lowest = c < lowest ? c : lowest;
        largest = c > largest ? c : largest;
    }
    lowest -= side.unobserved_weight;
    largest -= side.unobserved_weight;
    const double size = fabsf(lowest) > fabsf(largest) ? fabsf(lowest) : fabsf(largest);
    return {lowest > kSmallestWeight, size};
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

// out += sum_j g_j v_j, and unless it is null squares += sum_j weights_j v_j^2, where
// coefficients(first, count, v'x, g, weights) gives those of W observations, zero beyond count.
template <class Coefficients>
void multiply_observations(const FixedSide& side, const Row& row, const float* x,
                           Coefficients&& coefficients, float* out, float* squares) {
    const int stride = side.stride;
    const float* rows[2][W];  // of these observations, and of the next ones
    auto look_up = [&](int64_t first, const float** to) {
        for (int i = 0; i < W; ++i) {
            const int64_t j = first + i < row.n ? first + i : row.n - 1;
            to[i] = side.rows + std::ptrdiff_t(row.columns[j]) * stride;
        }
    };
    look_up(0, rows[0]);
    int now = 0;
    for (int64_t first = 0; first < row.n; first += W, now = 1 - now) {
        const int count = row.n - first < W ? int(row.n - first) : W;
        const bool more = first + W < row.n;
        if (more) look_up(first + W, rows[1 - now]);
        const float* const* v = rows[now];
        const float* const* next = rows[1 - now];
        alignas(64) float g[W], weights[W];
        coefficients(first, count, inner_products(Gathered{v}, x, stride), g, weights);
        for (int f = 0; f < stride; f += W) {
            Vec sum[2] = {S::load(out + f), S::zero()};
            Vec square[2] = {S::zero(), S::zero()};
            if (squares) square[0] = S::load(squares + f);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) {
                const Vec value = S::load(v[i] + f);
                sum[i % 2] = sum[i % 2] + value * g[i];
                if (squares) square[i % 2] = square[i % 2] + value * value * weights[i];
                if (more && (W >= kLine || f % kLine == 0)) __builtin_prefetch(next[i] + f);
            }
            S::store(out + f, sum[0] + sum[1]);
            if (squares) S::store(squares + f, square[0] + square[1]);
        }
    }
}

// r = b - A x; unless they are null, the diagonal of A - D is added to `diagonal`, and v'x become
// `predictions`.
void find_residual(const FixedSide& side, const Row& row, const float* x, float* r, float* diagonal,
                   float* predictions) {
    for (int i = 0; i < side.stride; ++i)
        r[i] = i < side.n_factors ? -float(side.base[i] + row.regularization) * x[i] : 0.0f;
    multiply_observations(
        side, row, x,
        [&](int64_t first, int count, Vec s, float* g, float* weights) {
            if (predictions) S::store(predictions + first, s);
            for (int i = 0; i < W; ++i) {
                const bool real = i < count;
                const float c = real ? weight_of(row, first + i) : 0.0f;
                weights[i] = real ? c - side.unobserved_weight : 0.0f;
                g[i] = real ? c * row.targets[first + i] - weights[i] * s[i] : 0.0f;
            }
        },
        r, diagonal);
}

double inner_product(const float* a, const float* b, int length) {
    Wide sum{};
    for (int i = 0; i < length; i += W)
        sum += __builtin_convertvector(S::load(a + i), Wide) *
               __builtin_convertvector(S::load(b + i), Wide);
    return sum_lanes(sum);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
