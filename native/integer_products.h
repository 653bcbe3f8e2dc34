// The products of a row in integers: which pairs of numbers the lanes hold.
#pragma once

#include "integers.h"
#include "observations.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// c_ij *= u_i u_j in the upper triangle.
void scale_back(float* c, std::ptrdiff_t ld, int order, const float* u) {
    for (int i = 0; i < order; ++i)
        for (int j = i / W * W; j < order; j += W)
            S::store(c + i * ld + j, S::load(c + i * ld + j) * S::load(u + j) * u[i]);
}

// The largest rounding of a lane's vector, of `depth` entries each off by up to half an integer,
// relative to the vector's length.
double rounding(const Workspace& w, int64_t depth, int order) {
    const std::ptrdiff_t ld = matrix_stride(order);
    double largest = 0;
    for (int i = 0; i < order; ++i) {
        const double square = w.from_integers[i] * w.from_integers[i] / w.matrix[i * ld + i];
        if (square > largest) largest = square;
    }
    return sqrt(largest * double(depth) / 12);
}

// ---------------------------------------------------------------------------------------------
// V'WV: pairs of observations

static_assert(kDepth == 2 * kSummedPairs);

inline int32_t* integers_of(const Workspace& w) { return reinterpret_cast<int32_t*>(w.packed); }

// The gathered rows as integers, to operand B and, each times its coefficient, to operand A; adds
// to b on the way.
template <bool uniform>
void round_gathered(int depth, int stride, const float* coefficients, Workspace& w) {
    const std::ptrdiff_t step = matrix_stride(stride);
    for (int i = 0; i < stride; i += W) {
        const Vec factor = S::load(w.to_integers + i);
        Vec sum[2] = {S::load(w.rhs + i), S::zero()};
        const auto add = [&](int k, Vec low, Vec high) {
            sum[0] = sum[0] + low * w.targets[k];
            sum[1] = sum[1] + high * w.targets[k + 1];
            low = low * factor;
            high = high * factor;
            int32_t* const b = integers_of(w) + k / 2 * step + i;
            store_pairs(b, nearest_integers(low, high));
            if (!uniform)
                store_pairs(b + kSummedPairs * step,
                            nearest_integers(low * coefficients[k], high * coefficients[k + 1]));
        };
        for (int k = 0; k + 1 < depth; k += 2)
            add(k, S::load(w.rows[k] + i), S::load(w.rows[k + 1] + i));
        if (depth % 2) add(depth - 1, S::load(w.rows[depth - 1] + i), S::zero());
        S::store(w.rhs + i, sum[0] + sum[1]);
    }
}

template <Start start, bool uniform>
void add_rounded(const FixedSide& side, const Row& row, int64_t first, int depth,
                 float largest_weight, Workspace& w) {
    const int stride = side.stride;
    const std::ptrdiff_t ld = matrix_stride(stride);
    gather(side, row, first, depth, w);
    w.targets[depth] = 0;
    float coefficients[kDepth + 1];
    if (!uniform) {
        for (int k = 0; k < depth; ++k)
            coefficients[k] = (weight_of(row, first + k) - side.unobserved_weight) / largest_weight;
        coefficients[depth] = 0;
    }
    round_gathered<uniform>(depth, stride, coefficients, w);
    Prefetch prefetch(side, row, first + depth);
    const int lines = depth * (stride / kLine) / symmetric_tiles(stride) + 1;
    const PackedPairs b{integers_of(w), ld};
    symmetric_product<start, false>(w.matrix, ld, stride, uniform ? b : b.from(kSummedPairs * ld),
                                    b, (depth + 1) / 2, nullptr, nullptr,
                                    [&] { prefetch.fetch(lines); });
}

template <bool uniform>
void sum_rounded(const FixedSide& side, const Row& row, Workspace& w) {
    const int stride = side.stride;
    const float largest_weight = uniform ? 1.0f : float(weights_of(side, row).size);
    for (int i = 0; i < stride; ++i) {
        w.to_integers[i] = to_integers(side.largest_entries[i]);
        w.from_integers[i] = from_integers(side.largest_entries[i]) * sqrtf(largest_weight);
        w.rhs[i] = 0;
    }
    for (int64_t first = 0; first < row.n; first += kDepth) {
        const int depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        if (first == 0)
            add_rounded<Start::zero, uniform>(side, row, first, depth, largest_weight, w);
        else
            add_rounded<Start::load, uniform>(side, row, first, depth, largest_weight, w);
    }
    scale_back(w.matrix, matrix_stride(stride), stride, w.from_integers);
}

// ---------------------------------------------------------------------------------------------
// X X': pairs of factors f and f + W, so that no lanes are exchanged; each observation becomes
// integers by its own largest entry.

// Rows of X' from its factors [begin, end) on, the observations along the lanes.
void round_observations(const FixedSide& side, const Row& row, int begin, int end,
                        std::ptrdiff_t step, Workspace& w) {
    for (int64_t first = 0; first < row.n; first += W) {
        const int count = row.n - first < W ? int(row.n - first) : W;
        for (int f = begin; f < end; f += 2 * W) {
            Vec block[W];
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) {
                const int64_t j = first + (i < count ? i : 0);
                const float* v = side.rows + std::ptrdiff_t(row.columns[j]) * side.stride + f;
                const Vec factor = S::splat(i < count ? w.to_integers[j] : 0.0f);
                const Vec low = S::load(v) * S::load(w.scale + f) * factor;
                const Vec high = f + W < side.stride
                                     ? S::load(v + W) * S::load(w.scale + f + W) * factor
                                     : S::zero();
                block[i] = Vec(nearest_integers(low, high));
            }
            S::transpose(block);
            float* out = w.packed + (f - begin) / 2 * step + first;
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) S::store(out + i * step, block[i]);
        }
    }
}

// The integers of each observation, for X = W^1/2 V D^-1/2.
void find_scales(const FixedSide& side, const Row& row, int order, Workspace& w) {
    for (int64_t j = 0; j < order; ++j) w.to_integers[j] = w.from_integers[j] = 0;
    for (int64_t j = 0; j < row.n; ++j) {
        const float* v = side.rows + std::ptrdiff_t(row.columns[j]) * side.stride;
        Vec most = S::zero();
        for (int f = 0; f < side.stride; f += W) {
            const Vec x = S::load(v + f) * S::load(w.scale + f);
            most = S::larger(most, S::larger(x, -x));
        }
        float largest = 0;
        for (int i = 0; i < W; ++i) largest = most[i] > largest ? most[i] : largest;
        const float root = sqrtf(weight_of(row, j) - side.unobserved_weight);
        w.to_integers[j] = to_integers(largest);
        w.from_integers[j] = root * from_integers(largest);
    }
}

void relate_rounded(const FixedSide& side, const Row& row, int order, Workspace& w) {
    const std::ptrdiff_t ld = matrix_stride(order);
    find_scales(side, row, order, w);
    Prefetch prefetch(side, row, row.n);
    const auto add = [&](auto start, int begin, int end) {
        round_observations(side, row, begin, end, ld, w);
        const PackedPairs x{integers_of(w), ld};
        const int pairs = (end - begin + 2 * W - 1) / (2 * W) * W;
        symmetric_product<decltype(start)::value, false>(w.matrix, ld, order, x, x, pairs, nullptr,
                                                         nullptr, [&] { prefetch.fetch(2); });
    };
    for (int f = 0; f < side.stride; f += 2 * kSummedPairs) {
        const int end = f + 2 * kSummedPairs < side.stride ? f + 2 * kSummedPairs : side.stride;
        if (f == 0)
            add(std::integral_constant<Start, Start::zero>{}, f, end);
        else
            add(std::integral_constant<Start, Start::load>{}, f, end);
    }
    scale_back(w.matrix, ld, order, w.from_integers);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
