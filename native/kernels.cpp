// The kernels of one level: the row solver, and what is done to whole matrices. This file is
// compiled once per instruction set (see CMakeLists.txt).
#include "kernels.h"

#include "row_solver.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

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
