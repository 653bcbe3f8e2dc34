// What a row's weights and norms say about its equations before they are solved.
#pragma once

#include "rows/gather.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr float kSmallestWeight = 1e-3f;  // below it, dividing by the weight costs accuracy
constexpr double kIllConditioned = 1500;

struct Weights {
    bool positive;  // all w are clear of 0, as the dual needs them
    double size;    // max |w|
};

Weights weights_of(const FixedSide& side, const Row& row) {
    float lowest = weight_of(row, 0), largest = lowest;
    for (int64_t j = 1; row.weights && j < row.n; ++j) {
        const float c = row.weights[j];
        lowest = c < lowest ? c : lowest;
        largest = c > largest ? c : largest;
    }
    lowest -= side.unobserved_weight;
    largest -= side.unobserved_weight;
    const double size = fabsf(lowest) > fabsf(largest) ? fabsf(lowest) : fabsf(largest);
    return {lowest > kSmallestWeight, size};
}

// Whether the condition number of A may exceed what float32 solves to four digits; `size` is
// sum |w| |v|^2: |A| <= max D + size, and A >= D where no w is negative, A >= lambda I in any case.
bool ill_conditioned(const FixedSide& side, const Row& row, double size, bool positive) {
    const double above = side.largest_base + row.regularization + size;
    const double below = row.regularization + (positive ? side.smallest_base : 0.0);
    return !(above <= kIllConditioned * below);
}

// The same, looking at the norms one by one only if the largest does not settle it.
bool ill_conditioned(const FixedSide& side, const Row& row, const Weights& weights) {
    const double most = row.n * double(side.largest_norm);
    if (!ill_conditioned(side, row, weights.size * most, weights.positive)) return false;
    double norms = 0;
    for (int64_t j = 0; j < row.n; ++j) norms += side.norms[row.columns[j]];
    return ill_conditioned(side, row, weights.size * norms, weights.positive);
}

bool weighs_equally(const FixedSide& side, const Row& row) {
    return !row.weights && 1.0f - side.unobserved_weight > kSmallestWeight;
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
