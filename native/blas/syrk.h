// Symmetric rank-k update:  C = A'B or C += A'B over `depth` vectors, where A is B or B with each
// vector scaled; and with `coefficients`  sums = B' coefficients  or +=, while B is read.
//
// Layout: C (order x order) row-major, rows c_stride apart; sums (order,).
// Edges: order is a multiple of W. Tiles that reach across the diagonal are cut at whole vectors:
// the upper triangle is right, and what lies below it is unspecified.
#pragma once

#include "blas/tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// About how many tiles syrk takes.
inline int syrk_tiles(int order) { return order / MR * (order / W + NV) / (2 * NV) + 1; }

// Calls between() after each tile.
template <Start start, bool with_sums, class A, class B, class Between>
void syrk(float* c, std::ptrdiff_t c_stride, int order, const A a, const B b, int depth,
          const float* coefficients, float* sums, Between&& between) {
    for (int col = 0; col < order; col += NV * W) {
        const int width = vectors_from(col, order);
        for (int row = 0; row < col + width * W; row += MR) {
            const int left = row > col ? (row - col) / W : 0;  // vectors below the diagonal
            float* cp = c + row * c_stride + col + left * W;
            const auto bp = b.from(col + left * W);
            if (with_sums && row == 0)
                tile_of<NV, start, false, with_sums>(width, cp, c_stride, a.from(row), bp, depth,
                                                     coefficients, sums + col);
            else
                tile_of<NV, start>(width - left, cp, c_stride, a.from(row), bp, depth);
            between();
        }
    }
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
