// What a half-step needs to know of the side that it holds fixed, computed on several threads.
#pragma once

#include <cstdint>

#include "drive/memory.h"

namespace cinefold {

// V'V (d, d) of V (n, d), rows `stride` apart, each row times its scale (n,) unless that is null.
// Sums of 1,024 rows are added in pairs, in double precision, up a binary tree: the order depends
// on n alone, and rows 1024 2^k i to 1024 2^k (i + 1) have the same sum as a matrix of their own.
void gram(const KernelTable&, const float* v, const float* scale, int64_t n, int d, int64_t stride,
          double* out, int n_threads);

// out (n, padded(d)) = a (n, d) @ columns (d, d)', rows of `a` `stride` apart, and norms (n,) =
// |row|^2 of out, which may be `a` if that is padded(d). Rows of zeros, as of items without
// ratings, are no work. Returns the largest norm, not finite if any is not.
float rotate(const KernelTable&, const float* a, int64_t n, int d, int64_t stride,
             const float* columns, float* out, float* norms, int n_threads);

// The columns (d, d) of a change of basis as the panels that `score` reads; none if null.
AlignedFloats packed_change(const KernelTable&, const float* columns, int d);

// norms (n,) = |row|^2 of rows (n, stride); the same largest one.
float row_norms(const KernelTable&, const float* rows, int64_t n, int stride, float* norms,
                int n_threads);

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight);

}  // namespace cinefold
