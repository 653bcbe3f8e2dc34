// The losses of a solved row x:  sum_obs c (r - s)^2 + w0 sum_unobs s^2 + lambda |x|^2  and
// sum_obs (r - s)^2, with the scores s_j = v_j'x.
//
// Layout: scores come W at a time, from whichever way solved the row; sums are in double precision.
// Edges: lanes beyond the last observation are masked.
#pragma once

#include "rows/gather.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

struct LossSums {
    Wide weighted{}, squared{}, predicted{};

    inline void add(Vec prediction, Vec target, Vec weight, Vec mask) {
        const Wide s = widen(prediction * mask);
        const Wide error = widen((target - prediction) * mask);
        weighted += error * error * widen(weight);
        squared += error * error;
        predicted += s * s;
    }
};

inline void add_losses(LossSums& sums, const Row& row, int64_t first, int count, Vec prediction) {
    static const float ones[kAlign] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    sums.add(prediction, load_some(row.targets + first, count), weights_at(row, first, count),
             load_some(ones, count));
}

void finish_loss(const FixedSide& side, const Row& row, const LossSums& sums, const float* x,
                 RowLoss* loss) {
    if (!loss) return;
    Wide all{}, norm{};  // w0 sum over all columns of s^2 = x' base x
    for (int k = 0; k < side.stride; k += W) {
        const Wide value = widen(S::load(x + k));
        all += load_wide(side.base + k) * (value * value);
        norm += value * value;
    }
    loss->weighted = sum_lanes(sums.weighted) + sum_lanes(all) -
                     side.unobserved_weight * sum_lanes(sums.predicted) +
                     row.regularization * sum_lanes(norm);
    loss->squared = sum_lanes(sums.squared);
}

double sum_of_squares(const float* values, int64_t n) {
    Wide sum{};
    int64_t j = 0;
    for (; j + W <= n; j += W) {
        const Wide v = widen(S::load(values + j));
        sum += v * v;
    }
    double rest = 0;
    for (; j < n; ++j) rest += double(values[j]) * values[j];
    return sum_lanes(sum) + rest;
}

// The losses of a row with all c = 1 follow from the factorisation, without another look at V.
// With A = U'U (divided by the weight w = 1 - w0) and U'y = b:  b'A^-1 b = w |y|^2, so that the
// minimum is  sum r^2 - w |y|^2,  and  sum_obs s^2 = x'(A - D)x / w.
RowLoss uniform_loss(const FixedSide& side, const Row& row, double weight, double y_squared,
                     const float* x) {
    Wide sum{};  // x'Dx
    for (int k = 0; k < side.stride; k += W) {
        const Wide value = widen(S::load(x + k));
        sum += (load_wide(side.base + k) + row.regularization) * (value * value);
    }
    const double diagonal = sum_lanes(sum);
    const double targets = sum_of_squares(row.targets, row.n), fit = weight * y_squared;
    const double squared = targets - 2 * fit + (fit - diagonal) / weight;
    return {targets - fit, squared > 0 ? squared : 0};
}

// Losses of the gathered observations [first, first + depth).
void predict_gathered(const Workspace& w, const Row& row, int64_t first, int depth, int stride,
                      const float* x, LossSums& sums) {
    for (int k = depth; k % W; ++k) w.rows[k] = w.rows[0];
    for (int k = 0; k < depth; k += W)
        add_losses(sums, row, first + k, depth - k,
                   inner_products(Gathered{w.rows + k}, x, stride));
}

// The losses at any x.
void losses_at(const FixedSide& side, const Row& row, Workspace& w, const float* x, RowLoss* loss) {
    LossSums sums;
    for (int64_t first = 0; first < row.n; first += kDepth) {
        const int depth = row.n - first < kDepth ? int(row.n - first) : kDepth;
        gather(side, row, first, depth, w);
        predict_gathered(w, row, first, depth, side.stride, x, sums);
    }
    finish_loss(side, row, sums, x, loss);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
