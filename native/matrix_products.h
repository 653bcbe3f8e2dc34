// The products of a row on the matrix unit: which vectors its tiles are made of.
#pragma once

#include "matrix_unit.h"
#include "observations.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// V'WV, its depth the observations: rows of operand B are pairs of observations. Sums up b on the
// way.
template <bool uniform>
class ObservationPairs {
  public:
    ObservationPairs(const FixedSide& side, const Row& row, Workspace& w)
        : side_(side), row_(row), w_(w), prefetch_(side, row, 2 * kSlab) {
        for (int i = 0; i < side.stride; ++i) w.rhs[i] = 0;
    }

    template <int parts>
    Turn split(int64_t slab, int tile, int first, float* a, float* b) {
        float* const rhs = w_.rhs + tile * W;
        float* const weighted = uniform ? b : w_.spare;
        Vec sums[2] = {S::load(rhs), S::zero()};
        for (int i = first; i < first + kSplitRows; ++i) {
            const int64_t k = slab * kSlab + i;
            Vec low = vector(k, tile), high = vector(k + W, tile);
            sums[0] = sums[0] + low * target(k);
            sums[1] = sums[1] + high * target(k + W);
            split_pair<parts>(low, high, b, i);
            if (!uniform) split_pair<parts>(low * weight(k), high * weight(k + W), weighted, i);
        }
        S::store(rhs, sums[0] + sums[1]);
        prefetch_.fetch(2 * kSplitRows);
        return {weighted, a};
    }

  private:
    Vec vector(int64_t k, int tile) const {
        if (k >= row_.n) return S::zero();
        return S::load(side_.rows + std::ptrdiff_t(row_.columns[k]) * side_.stride + tile * W);
    }
    float weight(int64_t k) const {
        return k < row_.n ? weight_of(row_, k) - side_.unobserved_weight : 0.0f;
    }
    float target(int64_t k) const {
        if (k >= row_.n) return 0.0f;
        return uniform ? row_.targets[k] : weight_of(row_, k) * row_.targets[k];
    }

    const FixedSide& side_;
    const Row& row_;
    Workspace& w_;
    Prefetch prefetch_;
};

template <bool uniform, int parts>
void sum_by_unit(const FixedSide& side, const Row& row, Workspace& w) {
    using Source = ObservationPairs<uniform>;
    Source source(side, row, w);
    MatrixProduct<parts, Source>(source, w.matrix, matrix_stride(side.stride), side.stride,
                                 (row.n + kSlab - 1) / kSlab, w.tiles)
        .run();
}

// X X', its depth the factors: rows of operand A are observations.
class FactorPairs {
  public:
    FactorPairs(const FixedSide& side, const Row& row, Workspace& w)
        : side_(side), row_(row), w_(w), prefetch_(side, row, row.n) {}

    template <int parts>
    Turn split(int64_t slab, int tile, int first, float* a, float* b) {
        const std::ptrdiff_t f = slab * kSlab;
        const bool both = f + W < side_.stride;
        for (int i = first; i < first + kSplitRows; ++i) {
            Vec low = S::zero(), high = S::zero();
            if (const int64_t j = tile * W + i; j < row_.n) {
                const float* v = side_.rows + std::ptrdiff_t(row_.columns[j]) * side_.stride + f;
                low = S::load(v) * S::load(w_.scale + f) * w_.roots[j];
                if (both) high = S::load(v + W) * S::load(w_.scale + f + W) * w_.roots[j];
            }
            split_pair<parts>(low, high, a, i);
        }
        prefetch_.fetch(2 * kSplitRows);
        return {a, b};
    }

  private:
    const FixedSide& side_;
    const Row& row_;
    const Workspace& w_;
    Prefetch prefetch_;
};

void multiply_by_unit(const FixedSide& side, const Row& row, int order, Workspace& w) {
    for (int64_t j = 0; j < row.n; ++j)
        w.roots[j] = sqrtf(weight_of(row, j) - side.unobserved_weight);
    FactorPairs source(side, row, w);
    MatrixProduct<2, FactorPairs>(source, w.matrix, matrix_stride(order), order,
                                  (side.stride + kSlab - 1) / kSlab, w.tiles)
        .run();
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
