// What a row is solved from and against. Only plain types: these are part of the contract of
// kernels/kernels.h.
#pragma once

#include <cstdint>

#include "rows/method.h"
#include "simd/padding.h"

namespace cinefold {

// The fixed side of a half-step, in the eigenbasis of its Gram matrix, where
// unobserved_weight * V'V is the diagonal `base`.
struct FixedSide {
    const float* rows;   // (n_rows, stride), zero padded, 64-byte aligned
    const float* norms;  // (n_rows,)  |v|^2
    const double* base;  // (stride,)  unobserved_weight * eigenvalues of V'V, zero padded
    int n_factors;
    int stride;  // padded(n_factors)
    float unobserved_weight;
    double smallest_base, largest_base;
    float largest_norm;
};

// One row of the normal equations: the observed entries of one user (or item).
struct Row {
    const int32_t* columns;  // (n,)
    const float* targets;    // (n,)
    const float* weights;    // (n,) or null: all 1
    int64_t n;
    double regularization;
    const int32_t* next_columns;  // the columns that the following row will gather, and how many
    int64_t n_next;
};

struct RowLoss {
    double weighted;  // sum_obs c (r - s)^2 + w0 sum_unobs s^2 + lambda |x|^2
    double squared;   // sum_obs (r - s)^2
};

// What a workspace begins with, made by the code that allocates it; the rest may hold anything.
struct WorkspaceHead {
    double scaled_for = -1;  // the lambda that the scale kept in the workspace belongs to; -1: none
};

}  // namespace cinefold
