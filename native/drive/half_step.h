// A half-step: every row of one side solved against the other, in parallel.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/kernels.h"

namespace cinefold {

enum class Target { rating, sqrt, binary };

// The observations of all rows (compressed sparse rows), what is fitted to them, and their
// regularization. Targets and weights follow from the ratings when a row is solved: kept for all of
// them they would take as much memory as the ratings.
struct Observations {
    const int64_t* offsets;        // (n_rows + 1,)
    const int32_t* columns;        // (n_observed,)
    const float* ratings;          // (n_observed,)
    const float* weights;          // (n_observed,) or null: all 1
    const double* regularization;  // (n_rows,)
    const int64_t* order;          // (n_rows,) rows by falling number of observations
    int64_t n_rows;
    Target target = Target::rating;
    float alpha = 0;                  // a rating r has the weight 1 + alpha r
    const float* baseline = nullptr;  // (n_columns,) that targets are measured from, or null: 0

    int64_t count(int64_t i) const { return offsets[i + 1] - offsets[i]; }
};

// The rows that conjugate gradients and relaxation start from.
struct Previous {
    const float* rows;  // (n_rows, n_factors), rows `stride` apart
    int64_t stride;
    const float* change = nullptr;  // null, or the columns (n_factors, n_factors) of what they are
                                    // multiplied by
};

struct Outcome {
    bool interrupted = false;
    int64_t singular_row = -1;  // the first row whose equations are not positive definite
};

// How many steps of conjugate gradients the exact solution takes from `previous`: tried on a few
// rows of each of several lengths, those for which the ways to solve them cost about the same. It
// depends on the problem alone, not on threads; few rows are not worth the trial.
ExpectedSteps expected_steps(const KernelTable&, const FixedSide&, const Observations&,
                             const Previous&, int n_threads);

// Solves all rows into `factors` (n_rows, n_factors), rows `factor_stride` apart, which may be
// those of `previous`. Unless they are null, a row's losses go to losses (n_rows, 2), and the Gram
// matrix of all rows to gram (n_factors, n_factors), as if by gram(). Each row is solved in a fixed
// order of operations that depends on nothing but the row, the fixed side and the method: neither
// on n_threads nor on the other rows of the call. `interrupted` is asked from the calling thread
// after each block of rows.
Outcome solve_rows(const KernelTable&, const FixedSide&, const Observations&, Method,
                   const Previous&, float* factors, int64_t factor_stride, double* losses,
                   double* gram, int n_threads, const std::function<bool()>& interrupted);

}  // namespace cinefold
