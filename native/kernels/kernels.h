// The contract between the kernels (kernels.cpp, compiled once per instruction set) and the code
// that drives them. Only plain types cross it: the kernel files share no inline library code with
// the rest, so that no instruction beyond the baseline can leak into it at link time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rows/row.h"

namespace cinefold {

struct KernelTable {
    const char* name;
    int lanes;  // floats that are multiplied at once, see Method
    // Of the workspace for rows of up to `longest` observations, 64-byte aligned.
    std::size_t (*workspace_bytes)(int n_factors, int64_t longest);
    // Solves one row. `x` holds `stride` floats, zero beyond n_factors: the previous solution,
    // which conjugate gradients and relaxation start from. The loss may be null: not asked for.
    Status (*solve_row)(const FixedSide&, const Row&, const Method&, void* workspace, float* x,
                        RowLoss*);
    // How rows of `n` observations are solved, by what it costs: those that turn out to be
    // ill-conditioned otherwise.
    Solver (*cheapest_solver)(const FixedSide&, int64_t n, const Method&);
    // How many steps of conjugate gradients the exact solution takes from `x`, which is
    // overwritten; `limit` + 1 if it takes more than `limit`.
    int (*count_cg_steps)(const FixedSide&, const Row&, int limit, void* workspace, float* x);
    // A row of very many observations in parts: sums (stride + 1, stride) += V'WV and, in the last
    // row, b of some of them; and the exact solution, relaxed, from the sums of all.
    void (*add_normal_equations)(const FixedSide&, const Row& part, void* workspace, double* sums);
    Status (*solve_normal_equations)(const FixedSide&, const Row&, const Method&,
                                     const double* sums, void* workspace, float* x, RowLoss*);
    std::size_t (*gram_workspace_bytes)(int d);
    // out (padded(d), padded(d)) += V'V over `n` rows of length d and distance `stride`, each times
    // its scale unless that is null; upper triangle only, in float32 over some rows at a time,
    // their sums in double precision.
    void (*add_gram)(const float* v, const float* scale, int64_t n, int d, int64_t stride,
                     void* workspace, double* out);
    // norms (n,) = |row|^2 of n rows of padded length `stride`
    void (*row_norms)(const float* rows, int64_t n, int64_t stride, float* norms);
    int tile_rows;     // queries of `score` come in multiples of it
    int tile_columns;  // items of which it is fastest in multiples, as it is of kAlign
    // Items (n, n_factors), rows `stride` apart, with items along the lanes: kAlign *
    // padded(n_factors) floats for each kAlign items, zero beyond n.
    void (*pack_items)(const float* items, int64_t n, int n_factors, int64_t stride, float* panels);
    // out (n_queries, padded(n_items)) = queries (n_queries, n_factors) @ items', rows out_stride
    // apart
    void (*score)(const float* queries, int n_queries, int64_t query_stride, const float* panels,
                  int n_items, int n_factors, float* out, int64_t out_stride);
    // The first index from `begin` on whose score is above `bar`; n if there is none.
    int64_t (*next_above)(const float* scores, int64_t begin, int64_t n, float bar);
};

// The levels that CMakeLists.txt builds for an architecture are among these.
namespace baseline {
extern const KernelTable table;
}
namespace neon {
extern const KernelTable table;
}
namespace avx2 {
extern const KernelTable table;
}
namespace avx512 {
extern const KernelTable table;
}

}  // namespace cinefold
