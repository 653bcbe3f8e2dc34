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
    double* scale_for;   // of the last row that asked for it; at the very front
    float* targets;      // c_j r_j
    double* wide;        // residual and solution of a refinement
    float* previous;     // the row before
    float* iterative;    // 5 vectors of factors, 2 of observations, and copies of theirs
    const float** rows;  // the fixed side's rows of the observations at hand
};

int packed_rows(int stride) { return stride > kDepth ? stride : kDepth; }

// Conjugate gradients read a row's vectors in every step. Where they fit into the cache of a core,
// they are copied there.
constexpr std::ptrdiff_t kCopied = 1 << 19;

bool is_copied(int stride, int64_t n) { return n * stride <= kCopied; }

std::size_t copied_floats(int stride, int64_t longest) {
    const std::size_t all = std::size_t(longest) * stride;
    return (all < kCopied ? all : kCopied) + W * std::size_t(stride);
}

int vector_floats(int stride) { return packed_rows(stride) + W; }

std::size_t workspace_floats(int n_factors, int64_t longest) {
    const int stride = padded(n_factors);
    return std::size_t(2 * (longest + kAlign)) + copied_floats(stride, longest) +
           6 * std::size_t(stride) +
           std::size_t(packed_rows(stride) + stride) * matrix_stride(stride) +
           3 * std::size_t(vector_floats(stride)) + 4 * std::size_t(stride) + 2 * kDepth +
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
    w.previous = take(stride);
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

// The first n of W values, zero beyond.
inline Vec load_some(const float* p, int n) {
    if (n >= W) return S::load(p);
    float padded_values[W] = {};
    for (int i = 0; i < n; ++i) padded_values[i] = p[i];
    return S::load(padded_values);
}

inline Vec weights_at(const Row& row, int64_t first, int count) {
    return row.weights ? load_some(row.weights + first, count) : S::splat(1.0f);
}

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

// ---------------------------------------------------------------------------------------------
// Products with the row's observations, W of them at a time: where their vectors are read

// Fetches a block ahead, in the order in which it will be read.
class InPlace {
  public:
    InPlace(const FixedSide& side, const Row& row) : side_(side), row_(row) {
        look_up(row.columns, row.n, next_);
    }

    Gathered at(int64_t first, int) {
        for (int i = 0; i < W; ++i) vectors_[i] = next_[i];
        if (first + W < row_.n)
            look_up(row_.columns + first + W, row_.n - first - W, next_);
        else if (row_.n_next > 0)
            look_up(row_.next_columns, row_.n_next, next_);
        return {vectors_};
    }

    inline void fetch(int f, int end) {
        constexpr int step = W > kLine ? W : kLine;
        for (f = (f + step - 1) / step * step; f < end; f += step)
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) __builtin_prefetch(next_[i] + f);
    }

  private:
    void look_up(const int32_t* columns, int64_t n, const float** vectors) {
        for (int i = 0; i < W; ++i)
            vectors[i] = side_.rows + std::ptrdiff_t(columns[i < n ? i : 0]) * side_.stride;
    }

    const FixedSide& side_;
    const Row& row_;
    const float *vectors_[W], *next_[W];
};

// W vectors of observations that follow each other in memory as they are read: entry (i, f) at
// base[(f / W * W + i) * W + f % W].
struct Interleaved {
    const float* base;

    Interleaved from(std::ptrdiff_t f) const { return {base + f * W}; }
    inline Vec vec(int i, int v) const { return S::load(base + (v * W + i) * W); }
};

// Leaves copies, zero beyond the last, for those who read them again and again.
class Copying {
  public:
    Copying(const FixedSide& side, const Row& row, float* copies)
        : in_place_(side, row), copies_(copies), stride_(side.stride) {}

    Interleaved at(int64_t first, int count) {
        const Gathered from = in_place_.at(first, count);
        float* to = copies_ + first * stride_;
        for (int f = 0; f < stride_; f += W)
            for (int i = 0; i < W; ++i, to += W)
                S::store(to, i < count ? from.from(f).vec(i, 0) : S::zero());
        return {copies_ + first * stride_};
    }
    void fetch(int f, int end) { in_place_.fetch(f, end); }

  private:
    InPlace in_place_;
    float* const copies_;
    const int stride_;
};

// Fetches what the next row will copy.
class Copied {
  public:
    Copied(const FixedSide& side, const Row& row, const float* copies)
        : copies_(copies), stride_(side.stride), prefetch_(side, row, row.n) {}

    Interleaved at(int64_t first, int) const { return {copies_ + first * stride_}; }
    void fetch(int f, int end) { prefetch_.fetch((end - f) * W / kLine / 8); }

  private:
    const float* const copies_;
    const int stride_;
    Prefetch prefetch_;
};

// out += sum_i g_i v_i and, if squared, squares += sum_i weights_i v_i^2 of W observations: N
// vectors of factors.
template <int N, bool squared, class Rows>
inline void add_multiples(const Rows rows, const float* g, float* out, const float* weights,
                          float* squares) {
    Vec even[N], odd[N], square[N];
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
        even[v] = S::load(out + v * W), odd[v] = S::zero();
        if (squared) square[v] = S::load(squares + v * W);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; i += 2) {
        const Vec even_g = S::splat(g[i]), odd_g = S::splat(g[i + 1]);
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const Vec a = rows.vec(i, v), b = rows.vec(i + 1, v);
            even[v] = even[v] + a * even_g;
            odd[v] = odd[v] + b * odd_g;
            if (squared) {
                square[v] = square[v] + a * a * weights[i];
                square[v] = square[v] + b * b * weights[i + 1];
            }
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
        S::store(out + v * W, even[v] + odd[v]);
        if (squared) S::store(squares + v * W, square[v]);
    }
}

// out += sum_j g_j v_j and, if squared, squares += sum_j weights_j v_j^2, where
// coefficients(first, count, v'x, g, weights) gives those of W observations.
template <bool squared, class Source, class Coefficients>
void multiply_observations(Source source, const Row& row, int stride, const float* x,
                           Coefficients&& coefficients, float* out, float* squares) {
    constexpr int wide = squared ? 2 : 4;
    for (int64_t first = 0; first < row.n; first += W) {
        const int count = row.n - first < W ? int(row.n - first) : W;
        const auto vectors = source.at(first, count);
        alignas(64) float g[W], weights[W];
        coefficients(first, count, inner_products(vectors, x, stride), g, weights);
        for (int i = count; i < W; ++i) g[i] = weights[i] = 0;
        const auto add = [&](auto n, int f) {
            add_multiples<n, squared>(vectors.from(f), g, out + f, weights,
                                      squared ? squares + f : nullptr);
            source.fetch(f, f + n * W);
        };
        int f = 0;
        for (; f + wide * W <= stride; f += wide * W) add(std::integral_constant<int, wide>{}, f);
        for (; f < stride; f += W) add(std::integral_constant<int, 1>{}, f);
    }
}

// r = b - A x; unless they are null, the diagonal of A - D is added to `diagonal`, and v'x become
// `predictions`.
template <class Source>
void find_residual(const FixedSide& side, const Row& row, Source source, const float* x, float* r,
                   float* diagonal, float* predictions) {
    for (int i = 0; i < side.stride; ++i)
        r[i] = i < side.n_factors ? -float(side.base[i] + row.regularization) * x[i] : 0.0f;
    const auto coefficients = [&](int64_t first, int count, Vec s, float* g, float* weights) {
        if (predictions) S::store(predictions + first, s);
        const Vec c = weights_at(row, first, count), w = c - side.unobserved_weight;
        S::store(weights, w);
        S::store(g, c * load_some(row.targets + first, count) - w * s);
    };
    if (diagonal)
        multiply_observations<true>(source, row, side.stride, x, coefficients, r, diagonal);
    else
        multiply_observations<false>(source, row, side.stride, x, coefficients, r, nullptr);
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
