// A half-step: every row of one side solved against the other, in parallel.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels.h"

namespace cinefold {

enum class Target { rating, sqrt, binary };

// What a row is fitted to follows from its ratings when it is solved: kept for all of them, targets
// and weights would take as much memory as the ratings.
struct Meaning {
    Target target = Target::rating;
    float alpha = 0;                  // a rating r has the weight 1 + alpha r
    const float* baseline = nullptr;  // (n_columns,) that targets are measured from, or null: 0
};

// The observations of all rows (compressed sparse rows) and their regularization.
struct Observations {
    const int64_t* offsets;        // (n_rows + 1,)
    const int32_t* columns;        // (n_observed,)
    const float* ratings;          // (n_observed,)
    const float* weights;          // (n_observed,) or null: all 1
    const double* regularization;  // (n_rows,)
    const int64_t* order;          // (n_rows,) rows by falling number of observations
    int64_t n_rows;
    Meaning meaning;

    int64_t count(int64_t i) const { return offsets[i + 1] - offsets[i]; }
};

struct Outcome {
    bool interrupted = false;
    int64_t singular_row = -1;  // the first row whose equations are not positive definite
};

// The levels this machine runs, best first.
std::vector<const KernelTable*> available_kernels();

// The best of them, or the one CINEFOLD_SIMD names.
// Throws std::invalid_argument for a name that is unknown or that this machine cannot run.
const KernelTable& select_kernels();

// Solves all rows into `factors` (n_rows, n_factors), rows `factor_stride` apart, which hold the
// previous solutions, or zeros: conjugate gradients and relaxation start there. A row's losses go
// to losses (n_rows, 2) unless that is null. Each row is solved by one thread in a fixed order of
// operations, so that the result does not depend on n_threads. `interrupted` is asked from the
// calling thread several times a second.
Outcome solve_rows(const KernelTable&, const FixedSide&, const Observations&, const Method&,
                   float* factors, int64_t factor_stride, double* losses, int n_threads,
                   const std::function<bool()>& interrupted);

// V'V (d, d) of V (n, d), rows `stride` apart, each row times its scale (n,) unless that is null,
// summed in double precision.
void gram(const KernelTable&, const float* v, const float* scale, int64_t n, int d, int64_t stride,
          double* out, int n_threads);

// out (n, padded(d)) = a (n, d) @ q (d, padded(d)), rows of `a` `stride` apart; `out` may be `a` if
// that is padded(d).
void rotate(const KernelTable&, const float* a, int64_t n, int d, int64_t stride, const float* q,
            float* out, int n_threads);

// norms (n,) = |row|^2 of rows (n, stride), largest (stride,) the largest magnitude in each column
void measure(const KernelTable&, const float* rows, int64_t n, int stride, float* norms,
             float* largest, int n_threads);

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight);

}  // namespace cinefold
