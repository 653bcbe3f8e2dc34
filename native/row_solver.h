// The exact solution of one row.
//
// A row of the normal equations is  A x = b  with
//   A = D + sum_j w_j v_j v_j',   b = sum_j c_j r_j v_j,   w_j = c_j - w0,   D = base + lambda I,
// where D is diagonal because the fixed side is kept in the eigenbasis of its Gram matrix.
// Both ways of solving it are one symmetric product and one Cholesky factorisation:
//   primal   D + V'WV  is n_factors x n_factors; its lanes are factors, its depth observations;
//   dual     I + X X'  is n x n, X = W^1/2 V D^-1/2; its lanes are observations, its depth factors
//            (Woodbury: x = D^-1/2 X' t,  (I + X X') t = W^-1/2 (c r)).
// The dual needs w_j > 0, is exact as well, and is cheaper for rows with few observations.
#pragma once

#include <math.h>

#include "cholesky.h"
#include "tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kDepth = 128;            // observations packed at a time
constexpr int kCapacity = kDepth + 1;  // of a panel: panels a power of two apart share cache sets
constexpr int kLine = 16;              // floats of a cache line
constexpr float kSmallestWeight = 1e-3f;  // below it, dividing by the weight costs accuracy
constexpr double kIllConditioned = 1500;

struct Workspace {
    float* panels;   // packed vectors, [panel][depth][W]
    float* scaled;   // the same, each vector times its weight
    float* matrix;   // upper triangle, row-major, matrix_stride(order)
    float* inverse;  // reciprocal pivots
    float* rhs;
    float* scale;    // D^-1/2
    float* targets;  // c_j r_j of the packed observations
    double* wide;    // residual and solution of a refinement
};

std::size_t vector_floats(int stride) { return std::size_t(stride > kDepth ? stride : kDepth) + W; }

std::size_t panel_floats(int stride) {
    return std::size_t(stride) * (stride > kCapacity ? stride : kCapacity);
}

std::size_t workspace_floats(int n_factors) {
    const int stride = padded(n_factors);
    return panel_floats(stride) + std::size_t(stride) * kCapacity +
           std::size_t(stride) * matrix_stride(stride) + 4 * vector_floats(stride) +
           4 * std::size_t(stride) + 16 * kAlign;
}

Workspace carve(float* memory, int stride) {
    Workspace w;
    auto take = [&memory](std::size_t n) {
        float* p = memory;
        memory += (n + kAlign - 1) / kAlign * kAlign;
        return p;
    };
    w.panels = take(panel_floats(stride));
    w.scaled = take(std::size_t(stride) * kCapacity);
    w.matrix = take(std::size_t(stride) * matrix_stride(stride));
    w.inverse = take(vector_floats(stride));
    w.rhs = take(vector_floats(stride));
    w.scale = take(vector_floats(stride));
    w.targets = take(vector_floats(stride));
    w.wide = reinterpret_cast<double*>(take(4 * std::size_t(stride)));
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

    inline void step() {
        if (remaining <= 0) {
            if (n_next <= 0) return;
            columns = next_columns;
            remaining = n_next < kDepth ? n_next : kDepth;
            n_next = 0;
        }
        const float* source = side.rows + std::ptrdiff_t(*columns) * side.stride + line;
        __builtin_prefetch(source, 0, 2);
        line += kLine;
        if (line >= side.stride) {
            line = 0;
            ++columns;
            --remaining;
        }
    }
};

// ---------------------------------------------------------------------------------------------
// Packing

inline float weight_of(const Row& row, int64_t j) { return row.weights ? row.weights[j] : 1.0f; }

// Observations [first, first + depth) with factors along the lanes: panels[p][k][lane].
template <bool with_scaled>
void pack_factors(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    for (int k = 0; k < depth; ++k) {
        const float* source = side.rows + std::ptrdiff_t(row.columns[first + k]) * side.stride;
        const float c = weight_of(row, first + k);
        const float weight = c - side.unobserved_weight;
        for (int i = 0; i < side.stride; i += W) {
            const Vec v = S::load(source + i);
            S::store(w.panels + (std::ptrdiff_t(i) * kCapacity + k * W), v);
            if (with_scaled)
                S::store(w.scaled + (std::ptrdiff_t(i) * kCapacity + k * W), v * weight);
        }
        w.targets[k] = c * row.targets[first + k];
    }
}

// All observations along the lanes: panels[p][factor][lane] = sqrt(w) v D^-1/2.
void pack_observations(const FixedSide& side, const Row& row, Workspace& w) {
    for (int64_t first = 0; first < row.n; first += W) {
        const float* sources[W];
        float roots[W];
        const int count = row.n - first < W ? int(row.n - first) : W;
        for (int i = 0; i < W; ++i) {
            const int64_t j = first + (i < count ? i : 0);
            sources[i] = side.rows + std::ptrdiff_t(row.columns[j]) * side.stride;
            roots[i] = i < count ? sqrtf(weight_of(row, j) - side.unobserved_weight) : 0.0f;
        }
        float* panel = w.panels + first * side.stride;
        for (int f = 0; f < side.stride; f += W) {
            const Vec scale = S::load(w.scale + f);
            Vec block[W];
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) block[i] = S::load(sources[i] + f) * scale * roots[i];
            S::transpose(block);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) S::store(panel + (f + i) * W, block[i]);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Loss of the solved row

struct LossSums {
    Wide weighted{}, squared{}, predicted{};

    inline void add(Vec prediction, Vec target, Vec weight, Vec mask) {
        const Wide s = __builtin_convertvector(prediction * mask, Wide);
        const Wide error = __builtin_convertvector((target - prediction) * mask, Wide);
        weighted += error * error * __builtin_convertvector(weight, Wide);
        squared += error * error;
        predicted += s * s;
    }
};

inline Vec load_some(const float* p, int n) {
    float padded_values[W] = {};
    for (int i = 0; i < n; ++i) padded_values[i] = p[i];
    return S::load(padded_values);
}

inline void add_losses(LossSums& sums, const Row& row, int64_t first, int count, Vec prediction) {
    if (count >= W) {
        const Vec weight = row.weights ? S::load(row.weights + first) : S::splat(1.0f);
        sums.add(prediction, S::load(row.targets + first), weight, S::splat(1.0f));
    } else {
        static const float ones[W] = {1,
                                      1,
                                      1,
                                      1
#if CINEFOLD_LANES > 4
                                      ,
                                      1,
                                      1,
                                      1,
                                      1
#endif
#if CINEFOLD_LANES > 8
                                      ,
                                      1,
                                      1,
                                      1,
                                      1,
                                      1,
                                      1,
                                      1,
                                      1
#endif
        };
        const Vec mask = load_some(ones, count);
        const Vec weight = row.weights ? load_some(row.weights + first, count) : mask;
        sums.add(prediction, load_some(row.targets + first, count), weight, mask);
    }
}

void finish_loss(const FixedSide& side, const Row& row, const LossSums& sums, const float* x,
                 RowLoss* loss) {
    double all = 0, norm = 0;  // w0 sum over all columns of s^2 = x' base x
    for (int k = 0; k < side.n_factors; ++k) {
        const double square = double(x[k]) * x[k];
        all += side.base[k] * square;
        norm += square;
    }
    loss->weighted = sum_lanes(sums.weighted) + all -
                     side.unobserved_weight * sum_lanes(sums.predicted) + row.regularization * norm;
    loss->squared = sum_lanes(sums.squared);
}

// ---------------------------------------------------------------------------------------------
// The two exact solvers of a row

void accumulate_rhs(const Workspace& w, int stride, int depth) {
    for (int p = 0; p < stride; p += W) {
        const float* panel = w.panels + std::ptrdiff_t(p) * kCapacity;
        Vec sum[4] = {S::zero(), S::zero(), S::zero(), S::zero()};
        int k = 0;
        for (; k + 4 <= depth; k += 4)
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i)
                sum[i] = sum[i] + S::load(panel + (k + i) * W) * w.targets[k + i];
        for (; k < depth; ++k) sum[0] = sum[0] + S::load(panel + k * W) * w.targets[k];
        S::store(w.rhs + p, S::load(w.rhs + p) + ((sum[0] + sum[1]) + (sum[2] + sum[3])));
    }
}

// Inner products with x (length,) of the W packed vectors that start at `packed`; `capacity` is the
// depth their panels were laid out for.
inline Vec inner_products(const float* packed, std::ptrdiff_t capacity, const float* x,
                          int length) {
    Vec dot[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) dot[i] = S::zero();
    for (int p = 0; p < length; p += W) {
        const float* panel = packed + p * capacity;
        const Vec xv = S::load(x + p);
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) dot[i] = dot[i] + S::load(panel + i * W) * xv;
    }
    S::transpose(dot);
    Vec sum = dot[0];
#pragma GCC unroll 16
    for (int i = 1; i < W; ++i) sum = sum + dot[i];
    return sum;
}

// Losses of the packed observations [first, first + depth).
void predict_packed(const Workspace& w, const Row& row, int64_t first, int depth, int stride,
                    const float* x, LossSums& sums) {
    for (int k = 0; k < depth; k += W)
        add_losses(sums, row, first + k, depth - k,
                   inner_products(w.panels + k * W, kCapacity, x, stride));
}

double sum_of_squares(const float* values, int64_t n) {
    Wide sum{};
    int64_t j = 0;
    for (; j + W <= n; j += W) {
        const Wide v = __builtin_convertvector(S::load(values + j), Wide);
        sum += v * v;
    }
    double rest = 0;
    for (; j < n; ++j) rest += double(values[j]) * values[j];
    return sum_lanes(sum) + rest;
}

// The losses of a row with all c = 1 follow from the factorisation, without another look at V.
// With A = U'U (divided by the weight w = 1 - w0) and U'y = b:  b'A^-1 b = w |y|^2, so that the
// minimum is  sum r^2 - w |y|^2,  and  sum_obs s^2 = x'(A - D)x / w.
RowLoss uniform_loss(const FixedSide& side, const Row& row, double weight, double y_squared,
                     const float* x) {
    double diagonal = 0;  // x'Dx
    for (int i = 0; i < side.n_factors; ++i)
        diagonal += (side.base[i] + row.regularization) * (double(x[i]) * x[i]);
    const double targets = sum_of_squares(row.targets, row.n), fit = weight * y_squared;
    const double squared = targets - 2 * fit + (fit - diagonal) / weight;
    return {targets - fit, squared > 0 ? squared : 0};
}

// One step of iterative refinement, for ill-conditioned rows: x += A^-1 (b - A x), the residual in
// double precision from the observations themselves (Higham 2002, ch. 12).
void refine(const FixedSide& side, const Row& row, Workspace& w, double weight, float* x) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    double* residual = w.wide;
    double* solution = w.wide + stride;
    for (int i = 0; i < stride; ++i) {
        solution[i] = x[i];
        residual[i] = i < side.n_factors ? -(side.base[i] + row.regularization) * x[i] : 0.0;
    }
    for (int64_t j = 0; j < row.n; ++j) {
        const float* v = side.rows + std::ptrdiff_t(row.columns[j]) * stride;
        Wide dot{};
        for (int i = 0; i < stride; i += W)
            dot += __builtin_convertvector(S::load(v + i), Wide) * load_wide(solution + i);
        const double c = weight_of(row, j);
        const double factor =
            c * row.targets[j] - (c - double(side.unobserved_weight)) * sum_lanes(dot);
        for (int i = 0; i < stride; i += W)
            store_wide(residual + i, load_wide(residual + i) +
                                         __builtin_convertvector(S::load(v + i), Wide) * factor);
    }
    for (int i = 0; i < stride; ++i) w.rhs[i] = float(residual[i] / weight);
    solve_forward(w.matrix, ld, stride, w.inverse, w.rhs);
    solve_backward(w.matrix, ld, stride, w.inverse, w.rhs);
    for (int i = 0; i < stride; ++i) x[i] = float(solution[i] + w.rhs[i]);
}

template <bool uniform>
Status solve_primal(const FixedSide& side, const Row& row, Workspace& w, bool ill_conditioned,
                    float* x, RowLoss* loss) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    // Equal weights are divided out of the equations, so that the product needs no scaled copy.
    const double weight = uniform ? 1.0 - double(side.unobserved_weight) : 1.0;
    for (int i = 0; i < stride; ++i) w.rhs[i] = 0;
    int64_t first = 0;
    int depth = 0;
    for (int64_t next = 0; next < row.n; next += kDepth) {
        first = next;
        depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        pack_factors<!uniform>(side, row, first, depth, w);
        accumulate_rhs(w, stride, depth);
        const float* a = uniform ? w.panels : w.scaled;
        Prefetch prefetch(side, row, first + depth);
        if (first == 0)
            symmetric_product<Start::zero>(w.matrix, ld, stride, a, w.panels, kCapacity, depth,
                                           prefetch);
        else
            symmetric_product<Start::load>(w.matrix, ld, stride, a, w.panels, kCapacity, depth,
                                           prefetch);
    }
    for (int i = 0; i < stride; ++i) {
        const bool real = i < side.n_factors;
        w.matrix[i * ld + i] += real ? float((side.base[i] + row.regularization) / weight) : 1.0f;
        x[i] = w.rhs[i] * float(1.0 / weight);
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, stride, w.inverse, x, &y_squared)) return Status::singular;
    if (ill_conditioned) refine(side, row, w, weight, x);
    if (uniform) {
        *loss = uniform_loss(side, row, weight, y_squared, x);
        return Status::ok;
    }
    LossSums sums;
    for (;;) {  // the last block is still packed
        predict_packed(w, row, first, depth, stride, x, sums);
        if (first == 0) break;
        first -= kDepth;
        depth = kDepth;
        pack_factors<false>(side, row, first, depth, w);
    }
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

Status solve_dual(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    const int stride = side.stride, n = int(row.n);
    const int order = (n + W - 1) / W * W;
    const std::ptrdiff_t ld = matrix_stride(order);
    for (int i = 0; i < stride; ++i)
        w.scale[i] =
            i < side.n_factors ? float(1.0 / sqrt(side.base[i] + row.regularization)) : 0.0f;
    pack_observations(side, row, w);
    symmetric_product<Start::zero>(w.matrix, ld, order, w.panels, w.panels, stride, stride,
                                   Prefetch(side, row, row.n));
    for (int j = 0; j < order; ++j) {
        w.matrix[j * ld + j] += 1.0f;
        const float c = j < n ? weight_of(row, j) : 0.0f;
        w.targets[j] = j < n ? c * row.targets[j] / sqrtf(c - side.unobserved_weight) : 0.0f;
        w.rhs[j] = w.targets[j];
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, order, w.inverse, w.rhs, &y_squared)) return Status::singular;

    // Predictions come with the solution: sqrt(w) s = X X' t = g - t.
    LossSums sums;
    for (int j = 0; j < order; j += W) {
        float s[W];
        for (int i = 0; i < W; ++i)
            s[i] = j + i < n ? (w.targets[j + i] - w.rhs[j + i]) /
                                   sqrtf(weight_of(row, j + i) - side.unobserved_weight)
                             : 0.0f;
        add_losses(sums, row, j, n - j, S::load(s));
    }
    for (int f = 0; f < stride; f += W)
        S::store(x + f,
                 S::load(w.scale + f) * inner_products(w.panels + f * W, stride, w.rhs, order));
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

// Estimated multiplications of the two ways: a product and a factorisation each (with the latency
// of its pivots), and the transposes of the dual.
bool dual_is_cheaper(double n, double d) {
    auto factorisation = [](double order) { return order * order * order / 6 + 30 * W * order; };
    const double primal = n * d * d / 2 + factorisation(d);
    const double dual = n * n * d / 2 + factorisation(n) + 6 * n * d;
    return dual < primal;
}

struct Conditioning {
    bool positive;  // all weights w are clear of 0, as the dual needs them
    bool ill;       // the condition number of A may exceed what float32 solves to four digits
};

// |A| <= max D + sum |w| |v|^2, and A >= D where no w is negative, A >= lambda I in any case.
Conditioning conditioning(const FixedSide& side, const Row& row) {
    float lowest = weight_of(row, 0), largest = lowest;
    double norms = 0;
    for (int64_t j = 0; j < row.n; ++j) {
        const float c = weight_of(row, j);
        lowest = c < lowest ? c : lowest;
        largest = c > largest ? c : largest;
        norms += side.norms[row.columns[j]];
    }
    lowest -= side.unobserved_weight;
    largest -= side.unobserved_weight;
    const double size = fabsf(lowest) > fabsf(largest) ? fabsf(lowest) : fabsf(largest);
    const double above = side.largest_base + row.regularization + size * norms;
    const double below = row.regularization + (lowest < 0 ? 0.0 : side.smallest_base);
    return {lowest > kSmallestWeight, !(above <= kIllConditioned * below)};
}

Status solve_row(const FixedSide& side, const Row& row, float* memory, float* x, RowLoss* loss) {
    if (row.n == 0) {
        for (int i = 0; i < side.stride; ++i) x[i] = 0;
        *loss = {0, 0};
        return Status::ok;
    }
    Workspace w = carve(memory, side.stride);
    const Conditioning state = conditioning(side, row);
    if (state.positive && !state.ill && row.n < side.n_factors &&
        dual_is_cheaper(double(row.n), side.n_factors))
        return solve_dual(side, row, w, x, loss);
    if (state.positive && !row.weights) return solve_primal<true>(side, row, w, state.ill, x, loss);
    return solve_primal<false>(side, row, w, state.ill, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
