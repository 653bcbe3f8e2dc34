// The kernels of one level: the row solver, and what is done to whole matrices. This file is
// compiled once per instruction set (see CMakeLists.txt).
#include "kernels.h"

#include "row_solver.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kInFloat = 4;  // blocks of kDepth rows whose products are summed in float32

void add_gram(const float* v, const float* scale, int64_t n, int d, int64_t v_stride, float* memory,
              double* out) {
    const int stride = padded(d);
    const std::ptrdiff_t ld = matrix_stride(stride);
    const Workspace w = carve(memory, stride);
    int summed = 0;
    for (int64_t first = 0; first < n; first += kDepth) {
        const int depth = n - first < kDepth ? int(n - first) : kDepth;
        for (int k = 0; k < depth; ++k) {
            const float factor = scale ? scale[first + k] : 1.0f;
            for (int i = 0; i < stride; i += W) {
                const float* source = v + (first + k) * v_stride + i;
                const Vec value =
                    i + W <= d ? S::load(source) : load_some(source, d - i > 0 ? d - i : 0);
                S::store(w.packed + k * ld + i, value * factor);
            }
        }
        const Strided rows{w.packed, ld};
        const auto add = [&](auto start) {
            symmetric_product<decltype(start)::value, false>(w.matrix, ld, stride, rows, rows,
                                                             depth, nullptr, nullptr, [] {});
        };
        if (summed == 0)
            add(std::integral_constant<Start, Start::zero>{});
        else
            add(std::integral_constant<Start, Start::load>{});
        if (++summed < kInFloat && first + kDepth < n) continue;
        summed = 0;
        for (int row = 0; row < stride; ++row)
            for (int col = row / W * W; col < stride; col += W) {
                double* sum = out + std::ptrdiff_t(row) * stride + col;
                store_wide(sum, load_wide(sum) + __builtin_convertvector(
                                                     S::load(w.matrix + row * ld + col), Wide));
            }
    }
}

void multiply(const float* a, int64_t n, int d_in, int64_t a_stride, const float* q, int d_out,
              float* out) {
    const std::ptrdiff_t stride = padded(d_out);
    int64_t row = 0;
    for (; row + MR <= n; row += MR)
        for (int col = 0; col < stride; col += NV * W)
            tile_of<NV, Start::zero>(vectors_from(col, stride), out + row * stride + col, stride,
                                     Transposed{a + row * a_stride, a_stride},
                                     Strided{q + col, stride}, d_in);
    for (; row < n; ++row)
        for (int col = 0; col < stride; col += W) {
            Vec sum = S::zero();
            for (int k = 0; k < d_in; ++k)
                sum = sum + S::load(q + k * stride + col) * a[row * a_stride + k];
            S::store(out + row * stride + col, sum);
        }
}

void measure(const float* rows, int64_t n, int64_t stride, float* norms, float* largest) {
    for (int64_t i = 0; i < n; ++i) {
        Vec sum = S::zero();
        for (int64_t k = 0; k < stride; k += W) {
            const Vec v = S::load(rows + i * stride + k);
            sum = sum + v * v;
            S::store(largest + k, S::larger(S::load(largest + k), S::larger(v, -v)));
        }
        norms[i] = S::sum(sum);
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
    for (std::ptrdiff_t col = 0; col < out_stride; col += NV * W) {
        const Panels items{panels + col * stride, panel};
        for (int row = 0; row < n_queries; row += MR)
            tile_of<NV, Start::zero>(
                vectors_from(col, out_stride), out + row * out_stride + col, out_stride,
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

extern const KernelTable table;
const KernelTable table = {CINEFOLD_LEVEL_NAME,
                           workspace_floats,
                           solve_row,
                           steps_needed,
                           add_products,
                           solve_sums,
                           add_gram,
                           multiply,
                           measure,
                           MR,
                           pack_items,
                           score,
                           next_above};

}  // namespace cinefold::CINEFOLD_LEVEL
