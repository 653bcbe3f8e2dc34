// Cholesky factorisation  A = U'U  by block rows of W, left-looking, and the two triangular solves.
#pragma once

#include <math.h>

#include "tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

inline int matrix_stride(int order) { return order + W; }  // odd number of cache lines: no aliasing

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

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
