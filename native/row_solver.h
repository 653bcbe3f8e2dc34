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

constexpr int kDepth = 64;                // observations of a product: their rows stay in L1 or L2
constexpr int kTiny = 4;                  // rows of so few are solved without a packed product
constexpr int kLine = 16;                 // floats of a cache line
constexpr float kSmallestWeight = 1e-3f;  // below it, dividing by the weight costs accuracy
constexpr double kIllConditioned = 1500;

struct Workspace {
    float* packed;       // primal: observations times their weights, (depth, matrix_stride(d));
                         // dual: X' (d, matrix_stride(n))
    float* matrix;       // upper triangle, row-major, matrix_stride(order)
    float* rhs;          // (order,)
    float* scale;        // D^-1/2 for the lambda
    double* scale_for;   // of the last row that asked for it
    float* targets;      // c_j r_j
    double* wide;        // residual and solution of a refinement
    const float** rows;  // the fixed side's rows of the observations at hand
};

int packed_rows(int stride) { return stride > kDepth ? stride : kDepth; }

int vector_floats(int stride) { return packed_rows(stride) + W; }

std::size_t workspace_floats(int n_factors) {
    const int stride = padded(n_factors);
    return std::size_t(packed_rows(stride) + stride) * matrix_stride(stride) +
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
// Packing

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
    Wide all{}, norm{};  // w0 sum over all columns of s^2 = x' base x
    for (int k = 0; k < side.stride; k += W) {
        const Wide value = __builtin_convertvector(S::load(x + k), Wide);
        all += load_wide(side.base + k) * (value * value);
        norm += value * value;
    }
    loss->weighted = sum_lanes(sums.weighted) + sum_lanes(all) -
                     side.unobserved_weight * sum_lanes(sums.predicted) +
                     row.regularization * sum_lanes(norm);
    loss->squared = sum_lanes(sums.squared);
}

// ---------------------------------------------------------------------------------------------
// The two exact solvers of a row

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

// Losses of the gathered observations [first, first + depth).
void predict_gathered(const Workspace& w, const Row& row, int64_t first, int depth, int stride,
                      const float* x, LossSums& sums) {
    for (int k = depth; k % W; ++k) w.rows[k] = w.rows[0];
    for (int k = 0; k < depth; k += W)
        add_losses(sums, row, first + k, depth - k,
                   inner_products(Gathered{w.rows + k}, x, stride));
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
    Wide sum{};  // x'Dx
    for (int k = 0; k < side.stride; k += W) {
        const Wide value = __builtin_convertvector(S::load(x + k), Wide);
        sum += (load_wide(side.base + k) + row.regularization) * (value * value);
    }
    const double diagonal = sum_lanes(sum);
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
    solve_forward(w.matrix, ld, stride, w.rhs);
    solve_backward(w.matrix, ld, stride, w.rhs);
    for (int i = 0; i < stride; ++i) x[i] = float(solution[i] + w.rhs[i]);
}

template <Start start, bool uniform>
void add_block(const FixedSide& side, const Row& row, int64_t first, int depth, Workspace& w) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    gather(side, row, first, depth, w);
    Prefetch prefetch(side, row, first + depth);
    const int lines = depth * (stride / kLine) / symmetric_tiles(stride) + 1;
    const auto between = [&] { prefetch.fetch(lines); };
    const Gathered v{w.rows};
    if constexpr (uniform) {
        symmetric_product<start, true>(w.matrix, ld, stride, v, v, depth, w.targets, w.rhs,
                                       between);
    } else {
        scale_gathered(side, row, first, depth, w);
        symmetric_product<start, true>(w.matrix, ld, stride, Strided{w.packed, ld}, v, depth,
                                       w.targets, w.rhs, between);
    }
}

double trace(const float* matrix, std::ptrdiff_t ld, int order) {
    double sum = 0;
    for (int i = 0; i < order; ++i) sum += matrix[i * ld + i];
    return sum;
}

// Whether the condition number of A may exceed what float32 solves to four digits; `size` is
// sum |w| |v|^2: |A| <= max D + size, and A >= D where no w is negative, A >= lambda I in any case.
bool ill_conditioned(const FixedSide& side, const Row& row, double size, bool positive) {
    const double above = side.largest_base + row.regularization + size;
    const double below = row.regularization + (positive ? side.smallest_base : 0.0);
    return !(above <= kIllConditioned * below);
}

template <bool uniform>
Status solve_primal(const FixedSide& side, const Row& row, Workspace& w, bool ill, float* x,
                    RowLoss* loss) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    // Equal weights are divided out of the equations, so that the product needs no scaled copy.
    const double weight = uniform ? 1.0 - double(side.unobserved_weight) : 1.0;
    int64_t first = 0;
    int depth = 0;
    for (int64_t next = 0; next < row.n; next += kDepth) {
        first = next;
        depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        if (first == 0)
            add_block<Start::zero, uniform>(side, row, first, depth, w);
        else
            add_block<Start::load, uniform>(side, row, first, depth, w);
    }
    if (uniform) ill = ill_conditioned(side, row, weight * trace(w.matrix, ld, stride), true);
    for (int i = 0; i < stride; ++i) {
        const bool real = i < side.n_factors;
        w.matrix[i * ld + i] += real ? float((side.base[i] + row.regularization) / weight) : 1.0f;
        x[i] = w.rhs[i] * float(1.0 / weight);
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, stride, x, &y_squared)) return Status::singular;
    if (ill) refine(side, row, w, weight, x);
    if (uniform) {
        *loss = uniform_loss(side, row, weight, y_squared, x);
        return Status::ok;
    }
    LossSums sums;
    for (;;) {  // the last block is still gathered
        predict_gathered(w, row, first, depth, stride, x, sums);
        if (first == 0) break;
        first -= kDepth;
        depth = kDepth;
        gather(side, row, first, depth, w);
    }
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

// D^-1/2 for this lambda, which most rows share with the row before.
void scale_to(const FixedSide& side, double regularization, Workspace& w) {
    if (*w.scale_for == regularization && w.scale[0] != 0.0f) return;
    *w.scale_for = regularization;
    for (int i = 0; i < side.n_factors; ++i)
        w.scale[i] = float(1.0 / sqrt(side.base[i] + regularization));
}

Status solve_dual(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    const int stride = side.stride, n = int(row.n);
    const int order = (n + W - 1) / W * W;
    const std::ptrdiff_t ld = matrix_stride(order);
    pack_observations(side, row, ld, w);
    Prefetch prefetch(side, row, row.n);
    const Strided observations{w.packed, ld};
    symmetric_product<Start::zero, false>(w.matrix, ld, order, observations, observations, stride,
                                          nullptr, nullptr, [&] { prefetch.fetch(stride / MR); });
    for (int j = 0; j < order; ++j) {
        w.matrix[j * ld + j] += 1.0f;
        const float c = j < n ? weight_of(row, j) : 0.0f;
        w.targets[j] = j < n ? c * row.targets[j] / sqrtf(c - side.unobserved_weight) : 0.0f;
        w.rhs[j] = w.targets[j];
    }
    double y_squared;
    if (!cholesky_solve(w.matrix, ld, order, w.rhs, &y_squared)) return Status::singular;

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
        S::store(x + f, S::load(w.scale + f) *
                            inner_products(Strided{w.packed + f * ld, ld}, w.rhs, order));
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

// The dual of N observations, small enough to stay in registers.
template <int N>
Status solve_tiny(const FixedSide& side, const Row& row, Workspace& w, float* x, RowLoss* loss) {
    const float* v[N];
    Vec products[N][N];
    for (int i = 0; i < N; ++i) {
        v[i] = side.rows + std::ptrdiff_t(row.columns[i]) * side.stride;
        for (int j = 0; j <= i; ++j) products[i][j] = S::zero();
    }
    for (int f = 0; f < side.stride; f += W) {
        const Vec scale = S::load(w.scale + f);
        Vec scaled[N];
#pragma GCC unroll 4
        for (int i = 0; i < N; ++i) {
            scaled[i] = S::load(v[i] + f) * scale;
#pragma GCC unroll 4
            for (int j = 0; j <= i; ++j) products[i][j] = products[i][j] + scaled[i] * scaled[j];
        }
    }
    // I + X X' = L L'; L z = g, L' t = z
    double l[N][N], t[N], g[N], root[N];
    for (int i = 0; i < N; ++i) {
        const float c = weight_of(row, i);
        root[i] = sqrt(double(c) - double(side.unobserved_weight));
        g[i] = c * row.targets[i] / root[i];
        t[i] = g[i];
        for (int j = 0; j <= i; ++j) {
            l[i][j] = (i == j) + root[i] * root[j] * double(S::sum(products[i][j]));
            for (int k = 0; k < j; ++k) l[i][j] -= l[i][k] * l[j][k];
            if (j < i) {
                l[i][j] /= l[j][j];
                t[i] -= l[i][j] * t[j];
            }
        }
        if (!(l[i][i] > 0)) return Status::singular;
        l[i][i] = sqrt(l[i][i]);
        t[i] /= l[i][i];
    }
    LossSums sums;
    float s[W] = {};
    for (int i = N - 1; i >= 0; --i) {
        for (int k = i + 1; k < N; ++k) t[i] -= l[k][i] * t[k];
        t[i] /= l[i][i];
        s[i] = float((g[i] - t[i]) / root[i]);
    }
    add_losses(sums, row, 0, N, S::load(s));
    for (int f = 0; f < side.stride; f += W) {
        const Vec scale = S::load(w.scale + f);
        Vec sum = S::zero();
        for (int i = 0; i < N; ++i) sum = sum + S::load(v[i] + f) * float(root[i] * t[i]);
        S::store(x + f, sum * scale * scale);
    }
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

struct Weights {
    bool positive;  // all weights w are clear of 0, as the dual needs them
    double size;    // a bound of sum |w| |v|^2: of its terms, or term by term
};

Weights weights_of(const FixedSide& side, const Row& row, bool term_by_term) {
    float lowest = weight_of(row, 0), largest = lowest;
    for (int64_t j = 1; row.weights && j < row.n; ++j) {
        const float c = row.weights[j];
        lowest = c < lowest ? c : lowest;
        largest = c > largest ? c : largest;
    }
    double norms = row.n * double(side.largest_norm);
    if (term_by_term) {
        norms = 0;
        for (int64_t j = 0; j < row.n; ++j) norms += side.norms[row.columns[j]];
    }
    lowest -= side.unobserved_weight;
    largest -= side.unobserved_weight;
    const double size = fabsf(lowest) > fabsf(largest) ? fabsf(lowest) : fabsf(largest);
    return {lowest > kSmallestWeight, size * norms};
}

Status solve_row(const FixedSide& side, const Row& row, float* memory, float* x, RowLoss* loss) {
    if (row.n == 0) {
        for (int i = 0; i < side.stride; ++i) x[i] = 0;
        *loss = {0, 0};
        return Status::ok;
    }
    Workspace w = carve(memory, side.stride);
    const bool light = row.n < side.n_factors && dual_is_cheaper(double(row.n), side.n_factors);
    const bool uniform = !row.weights && 1.0f - side.unobserved_weight > kSmallestWeight;
    if (uniform && !light) return solve_primal<true>(side, row, w, false, x, loss);
    Weights weights = weights_of(side, row, false);
    bool ill = ill_conditioned(side, row, weights.size, weights.positive);
    if (ill) {
        weights = weights_of(side, row, true);
        ill = ill_conditioned(side, row, weights.size, weights.positive);
    }
    if (light && weights.positive && !ill) {
        scale_to(side, row.regularization, w);
        switch (row.n) {
            case 1:
                return solve_tiny<1>(side, row, w, x, loss);
            case 2:
                return solve_tiny<2>(side, row, w, x, loss);
            case 3:
                return solve_tiny<3>(side, row, w, x, loss);
            case kTiny:
                return solve_tiny<kTiny>(side, row, w, x, loss);
            default:
                return solve_dual(side, row, w, x, loss);
        }
    }
    if (uniform) return solve_primal<true>(side, row, w, ill, x, loss);
    return solve_primal<false>(side, row, w, ill, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
