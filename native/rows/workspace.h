// The memory that the solvers of a row share.
#pragma once

#include "blas/gram.h"
#include "rows/row.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Conjugate gradients read a row's vectors in every step. Where they fit into the cache of a core,
// they are copied there.
constexpr int64_t kCopied = 1 << 19;  // floats

bool is_copied(int stride, int64_t n) { return n * stride <= kCopied; }

struct Workspace {
    WorkspaceHead* head;          // at the front
    float* packed;                // primal: copies of observations, (kDepth, matrix_stride(d));
                                  // dual: X' (d, matrix_stride(n))
    float* matrix;                // upper triangle, row-major, matrix_stride(order)
    float* rhs;                   // (order,)
    float* scale;                 // D^-1/2 for the lambda in `head`
    float* targets;               // c_j r_j
    const float** rows;           // the fixed side's rows of the observations at hand
    double *residual, *solution;  // of iterative refinement, (stride,)
    float* previous;              // the row before, for relaxation
    struct {
        float *residual, *direction, *product, *base, *diagonal, *inverse;  // (stride,)  D, M, M^-1
        float *predictions, *changes;  // (n,)  v'x and v'direction
        float* copies;                 // of the row's vectors; null where they are read in place
    } cg;
};

// For rows of up to `longest` observations.
Workspace carve(Arena& arena, int stride, int64_t longest) {
    const std::size_t d = stride, lanes = (stride > kDepth ? stride : kDepth) + W;
    const std::size_t ld = matrix_stride(stride), n = std::size_t(longest) + W;
    Workspace w;
    w.head = arena.take<WorkspaceHead>(1);
    w.packed = arena.take<float>(lanes * ld);
    w.matrix = arena.take<float>(d * ld);
    w.rhs = arena.take<float>(lanes);
    w.scale = arena.take<float>(lanes);
    w.targets = arena.take<float>(lanes);
    w.rows = arena.take<const float*>(kDepth + W);
    w.residual = arena.take<double>(d);
    w.solution = arena.take<double>(d);
    w.previous = arena.take<float>(d);
    for (float** vector : {&w.cg.residual, &w.cg.direction, &w.cg.product, &w.cg.base,
                           &w.cg.diagonal, &w.cg.inverse})
        *vector = arena.take<float>(d);
    w.cg.predictions = arena.take<float>(n);
    w.cg.changes = arena.take<float>(n);
    w.cg.copies = arena.take<float>((n * d < kCopied ? n * d : std::size_t(kCopied)) + W * d);
    return w;
}

Workspace workspace_in(void* memory, const FixedSide& side, int64_t n) {
    Arena arena(memory);
    Workspace w = carve(arena, side.stride, n);
    if (!is_copied(side.stride, n)) w.cg.copies = nullptr;
    return w;
}

std::size_t workspace_bytes(int n_factors, int64_t longest) {
    Arena arena(nullptr);
    carve(arena, padded(n_factors), longest);
    return arena.used();
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
