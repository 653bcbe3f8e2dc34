// The kernels of a half-step. This file is compiled once per instruction set (see CMakeLists.txt),
// each time into its own namespace, with
//   CINEFOLD_LEVEL  the name of that namespace and of the level,
//   CINEFOLD_LANES  floats per vector register,
//   CINEFOLD_MR     rows of a register tile (CINEFOLD_MR x 2 vectors of accumulators).
//
// A row of the normal equations is  A x = b  with
//   A = D + sum_j w_j v_j v_j',   b = sum_j c_j r_j v_j,   w_j = c_j - w0,   D = base + lambda I,
// where D is diagonal because the fixed side is kept in the eigenbasis of its Gram matrix.
// Both ways of solving it are one symmetric product and one Cholesky factorisation:
//   primal   D + V'WV  is n_factors x n_factors; its lanes are factors, its depth observations;
//   dual     I + X X'  is n x n, X = W^1/2 V D^-1/2; its lanes are observations, its depth factors
//            (Woodbury: x = D^-1/2 X' t,  (I + X X') t = W^-1/2 (c r)).
// The dual needs w_j > 0, is exact as well, and is cheaper for rows with few observations.
#include "kernels.h"

#include <math.h>

#include "simd.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int W = CINEFOLD_LANES;
constexpr int MR = CINEFOLD_MR;
static_assert(kAlign % W == 0 && W % MR == 0);

using S = Simd<W>;
using Vec = S::Vec;
typedef double Wide __attribute__((vector_size(W * sizeof(double))));

constexpr int kDepth = 128;            // observations packed at a time
constexpr int kCapacity = kDepth + 1;  // of a panel: panels a power of two apart share cache sets
constexpr int kLine = 16;              // floats of a cache line
constexpr float kSmallestWeight = 1e-3f;  // below it, dividing by the weight costs accuracy
constexpr double kIllConditioned = 1500;

inline int matrix_stride(int order) { return order + W; }  // odd number of cache lines: no aliasing

inline Wide load_wide(const double* p) {
    Wide v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline void store_wide(double* p, Wide v) { __builtin_memcpy(p, &v, sizeof v); }

inline double sum_lanes(Wide v) {
    double sum = 0;
    for (int i = 0; i < W; ++i) sum += v[i];
    return sum;
}

struct Workspace {
    float* panels;   // packed vectors, [panel][depth][W]
    float* scaled;   // the same, each vector times its weight
    float* matrix;   // upper triangle, row-major, matrix_stride(order)
    float* inverse;  // reciprocal pivots
    float* rhs;
    float* scale;  // D^-1/2
    float* x;
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
           std::size_t(stride) * matrix_stride(stride) + 5 * vector_floats(stride) +
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
    w.x = take(vector_floats(stride));
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

struct NoPrefetch {
    inline void step() {}
};

// ---------------------------------------------------------------------------------------------
// Register tile: c[i][v] (+/-)= sum_k a[k][i] * b[k][v],  i < MR, v < NV vectors.

enum class Start { zero, load };

template <int NV, Start start, bool subtract, bool a_by_rows = false, class Fetch = NoPrefetch>
inline void tile(float* __restrict c, std::ptrdiff_t c_stride, const float* __restrict a,
                 std::ptrdiff_t a_step, const float* __restrict b, std::ptrdiff_t b_step,
                 std::ptrdiff_t b_panel, int depth, Fetch&& prefetch = {}) {
    Vec acc[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v)
            acc[i][v] = start == Start::load ? S::load(c + i * c_stride + v * W) : S::zero();
    for (int k = 0; k < depth; ++k) {
        if (k % 2 == 0) prefetch.step();
        Vec bv[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) bv[v] = S::load(b + k * b_step + v * b_panel);
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
            const Vec av = S::splat(a_by_rows ? a[i * a_step + k] : a[k * a_step + i]);
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v)
                acc[i][v] = subtract ? acc[i][v] - av * bv[v] : acc[i][v] + av * bv[v];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) S::store(c + i * c_stride + v * W, acc[i][v]);
}

// Upper triangle of c (order x order) = or += A'B over `depth` packed vectors, where A is B or B
// with each vector scaled; `capacity` is the depth the panels were laid out for.
template <Start start, class Fetch = NoPrefetch>
void symmetric_product(float* c, std::ptrdiff_t c_stride, int order, const float* a, const float* b,
                       int capacity, int depth, Fetch&& prefetch = {}) {
    const std::ptrdiff_t panel = std::ptrdiff_t(capacity) * W;
    for (int col = 0; col < order; col += 2 * W) {
        const int rows = col + 2 * W < order ? col + 2 * W : order;
        const float* bp = b + (col / W) * panel;
        for (int row = 0; row < rows; row += MR) {
            const float* ap = a + (row / W) * panel + row % W;
            float* cp = c + row * c_stride + col;
            const bool left = row < col + W;  // the tile's left vector reaches the diagonal
            const bool right = col + W < order;
            if (left && right)
                tile<2, start, false>(cp, c_stride, ap, W, bp, W, panel, depth, prefetch);
            else if (left)
                tile<1, start, false>(cp, c_stride, ap, W, bp, W, 0, depth, prefetch);
            else
                tile<1, start, false>(cp + W, c_stride, ap, W, bp + panel, W, 0, depth, prefetch);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Cholesky factorisation  A = U'U  by block rows of W, left-looking, and the two triangular solves.

// Factors the W x W block on the diagonal in registers and solves its part of U'y = rhs.
inline bool factor_diagonal(float* u, std::ptrdiff_t stride, float* inverse, float* rhs) {
    Vec row[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) row[i] = S::load(u + i * stride);
    Vec y = S::load(rhs);
    bool positive = true;
#pragma GCC unroll 16
    for (int k = 0; k < W; ++k) {
        const float pivot = row[k][k];
        positive &= pivot > 0.0f;
        const float inv = 1.0f / sqrtf(pivot);
        inverse[k] = inv;
        row[k] = row[k] * inv;
        S::store(u + k * stride, row[k]);
        const float yk = y[k] * inv;
        rhs[k] = yk;
        y = y - row[k] * yk;
#pragma GCC unroll 16
        for (int i = k + 1; i < W; ++i) row[i] = row[i] - row[k] * row[k][i];
    }
    return positive;
}

// U_kk' X = A for one block of W columns to the right of the diagonal block.
inline void solve_panel(const float* diagonal, std::ptrdiff_t stride, const float* inverse,
                        float* a) {
    Vec x[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) {
        Vec sum = S::load(a + i * stride);
#pragma GCC unroll 16
        for (int k = 0; k < i; ++k) sum = sum - x[k] * diagonal[k * stride + i];
        x[i] = sum * inverse[i];
        S::store(a + i * stride, x[i]);
    }
}

inline void update_rows(float* u, std::ptrdiff_t stride, int row, int order) {
    for (int r = row; r < row + W; r += MR) {
        int col = row;
        for (; col + 2 * W <= order; col += 2 * W)
            tile<2, Start::load, true>(u + r * stride + col, stride, u + r, stride, u + col, stride,
                                       W, row);
        if (col < order)
            tile<1, Start::load, true>(u + r * stride + col, stride, u + r, stride, u + col, stride,
                                       0, row);
    }
}

// rhs[col..] -= U[rows, col..]' y[rows] for the block of rows just solved.
inline void subtract_block(const float* panel, std::ptrdiff_t stride, const float* y, float* rhs) {
    Vec rest = S::load(rhs);
#pragma GCC unroll 16
    for (int k = 0; k < W; ++k) rest = rest - S::load(panel + k * stride) * y[k];
    S::store(rhs, rest);
}

// U x = rhs in place.
void solve_backward(const float* u, std::ptrdiff_t stride, int order, const float* inverse,
                    float* rhs) {
    for (int row = order - W; row >= 0; row -= W) {
        Vec sums[W];
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) sums[i] = S::zero();
        for (int col = row + W; col < order; col += W) {
            const Vec x = S::load(rhs + col);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i)
                sums[i] = sums[i] + S::load(u + (row + i) * stride + col) * x;
        }
        S::transpose(sums);
        Vec y = S::load(rhs + row);
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) y = y - sums[i];
        Vec columns[W];
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) columns[i] = S::load(u + (row + i) * stride + row);
        S::transpose(columns);
#pragma GCC unroll 16
        for (int i = W - 1; i >= 0; --i) {
            const float xi = y[i] * inverse[row + i];
            rhs[row + i] = xi;
            y = y - columns[i] * xi;
        }
    }
}

// U'y = rhs in place.
void solve_forward(const float* u, std::ptrdiff_t stride, int order, const float* inverse,
                   float* rhs) {
    for (int row = 0; row < order; row += W) {
        Vec rest = S::load(rhs + row);
        for (int k = 0; k < W; ++k) {
            rhs[row + k] = rest[k] * inverse[row + k];
            rest = rest - S::load(u + (row + k) * stride + row) * rhs[row + k];
        }
        for (int col = row + W; col < order; col += W)
            subtract_block(u + row * stride + col, stride, rhs + row, rhs + col);
    }
}

// Factors A in place and solves A x = rhs in place; `order` is a multiple of W. False if A is not
// positive definite. `y_squared` is |y|^2 of the intermediate U'y = rhs.
bool cholesky_solve(float* u, std::ptrdiff_t stride, int order, float* inverse, float* rhs,
                    double* y_squared) {
    Wide squares{};
    for (int row = 0; row < order; row += W) {
        if (row > 0) update_rows(u, stride, row, order);
        float* diagonal = u + row * stride + row;
        if (!factor_diagonal(diagonal, stride, inverse + row, rhs + row)) return false;
        for (int col = row + W; col < order; col += W) {
            float* panel = u + row * stride + col;
            solve_panel(diagonal, stride, inverse + row, panel);
            subtract_block(panel, stride, rhs + row, rhs + col);
        }
        const Wide y = __builtin_convertvector(S::load(rhs + row), Wide);
        squares += y * y;
    }
    *y_squared = sum_lanes(squares);
    solve_backward(u, stride, order, inverse, rhs);
    return true;
}

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

// Losses of the packed observations [first, first + depth).
void predict_packed(const Workspace& w, const Row& row, int64_t first, int depth, int stride,
                    const float* x, LossSums& sums) {
    for (int k = 0; k < depth; k += W) {
        Vec dot[W];
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) dot[i] = S::zero();
        for (int p = 0; p < stride; p += W) {
            const float* panel = w.panels + std::ptrdiff_t(p) * kCapacity + k * W;
            const Vec xv = S::load(x + p);
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) dot[i] = dot[i] + S::load(panel + i * W) * xv;
        }
        S::transpose(dot);
        Vec prediction = dot[0];
#pragma GCC unroll 16
        for (int i = 1; i < W; ++i) prediction = prediction + dot[i];
        add_losses(sums, row, first + k, depth - k, prediction);
    }
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
    for (int f = 0; f < stride; f += W) {
        Vec dot[W];
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) dot[i] = S::zero();
        for (int j = 0; j < order; j += W) {
            const Vec t = S::load(w.rhs + j);
            const float* panel = w.panels + std::ptrdiff_t(j) * stride + f * W;
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) dot[i] = dot[i] + S::load(panel + i * W) * t;
        }
        S::transpose(dot);
        Vec sum = dot[0];
#pragma GCC unroll 16
        for (int i = 1; i < W; ++i) sum = sum + dot[i];
        S::store(x + f, sum * S::load(w.scale + f));
    }
    finish_loss(side, row, sums, x, loss);
    return Status::ok;
}

// Estimated vector operations of the two ways: a product and a factorisation each, plus the
// transposes of the dual. Measured on rows of 8 to 256 observations (benchmarks/row_solver).
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

// ---------------------------------------------------------------------------------------------
// Gram matrix and product

// The Gram matrix is needed in double precision throughout: its rounding would show in the small
// eigenvalues, which ill-conditioned rows depend on.
void add_gram(const float* v, int64_t n, int d, int64_t v_stride, float* memory, double* out) {
    const int stride = padded(d);
    constexpr int depth_limit = 64;
    double* panels = reinterpret_cast<double*>(memory);  // [panel][depth][W]
    for (int64_t first = 0; first < n; first += depth_limit) {
        const int depth = n - first < depth_limit ? int(n - first) : depth_limit;
        for (int k = 0; k < depth; ++k)
            for (int i = 0; i < stride; i += W) {
                const float* source = v + (first + k) * v_stride + i;
                const Vec value =
                    i + W <= d ? S::load(source) : load_some(source, d - i > 0 ? d - i : 0);
                store_wide(panels + (std::ptrdiff_t(i) * depth_limit + k * W),
                           __builtin_convertvector(value, Wide));
            }
        for (int col = 0; col < stride; col += W)
            for (int row = 0; row < col + W; row += MR) {
                const double* a = panels + std::ptrdiff_t(row / W * W) * depth_limit + row % W;
                const double* b = panels + std::ptrdiff_t(col) * depth_limit;
                Wide sum[MR] = {};
                for (int k = 0; k < depth; ++k) {
                    const Wide bv = load_wide(b + k * W);
#pragma GCC unroll 16
                    for (int i = 0; i < MR; ++i) sum[i] += bv * a[k * W + i];
                }
#pragma GCC unroll 16
                for (int i = 0; i < MR; ++i) {
                    double* c = out + std::ptrdiff_t(row + i) * stride + col;
                    store_wide(c, load_wide(c) + sum[i]);
                }
            }
    }
}

void multiply(const float* a, int64_t n, int d_in, int64_t a_stride, const float* q, int d_out,
              float* out) {
    const std::ptrdiff_t stride = padded(d_out);
    int64_t row = 0;
    for (; row + MR <= n; row += MR)
        for (int col = 0; col < stride; col += W)
            tile<1, Start::zero, false, true>(out + row * stride + col, stride, a + row * a_stride,
                                              a_stride, q + col, stride, 0, d_in);
    for (; row < n; ++row)
        for (int col = 0; col < stride; col += W) {
            Vec sum = S::zero();
            for (int k = 0; k < d_in; ++k)
                sum = sum + S::load(q + k * stride + col) * a[row * a_stride + k];
            S::store(out + row * stride + col, sum);
        }
}

void squared_norms(const float* rows, int64_t n, int64_t stride, float* out) {
    for (int64_t i = 0; i < n; ++i) {
        Vec sum = S::zero();
        for (int64_t k = 0; k < stride; k += W) {
            const Vec v = S::load(rows + i * stride + k);
            sum = sum + v * v;
        }
        out[i] = S::sum(sum);
    }
}

// ---------------------------------------------------------------------------------------------
// Scores of items for queries

void pack_items(const float* items, int64_t n, int stride, float* panels) {
    for (int64_t first = 0; first < n; first += kAlign)
        for (int half = 0; half < kAlign; half += W)
            for (int f = 0; f < stride; f += W) {
                Vec block[W];
#pragma GCC unroll 16
                for (int i = 0; i < W; ++i) {
                    const int64_t item = first + half + i;
                    block[i] = item < n ? S::load(items + item * stride + f) : S::zero();
                }
                S::transpose(block);
                float* panel = panels + (first + half) * stride;
#pragma GCC unroll 16
                for (int i = 0; i < W; ++i) S::store(panel + (f + i) * W, block[i]);
            }
}

void score(const float* queries, int n_queries, int64_t query_stride, const float* panels,
           int n_items, int n_factors, int stride, float* out) {
    const std::ptrdiff_t out_stride = padded(n_items), panel = std::ptrdiff_t(stride) * W;
    for (std::ptrdiff_t col = 0; col < out_stride; col += 2 * W) {
        const float* items = panels + col * stride;
        for (int row = 0; row < n_queries; row += MR) {
            const float* q = queries + row * query_stride;
            float* c = out + row * out_stride + col;
            if (col + W < out_stride)
                tile<2, Start::zero, false, true>(c, out_stride, q, query_stride, items, W, panel,
                                                  n_factors);
            else
                tile<1, Start::zero, false, true>(c, out_stride, q, query_stride, items, W, 0,
                                                  n_factors);
        }
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

extern const KernelTable table;
const KernelTable table = {CINEFOLD_LEVEL_NAME,
                           workspace_floats,
                           solve_row,
                           add_gram,
                           multiply,
                           squared_norms,
                           MR,
                           pack_items,
                           score,
                           next_above};

}  // namespace cinefold::CINEFOLD_LEVEL
