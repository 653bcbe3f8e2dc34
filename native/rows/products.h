// Products with a row's matrix that never form it:  A x = D x + sum_j w_j (v_j'x) v_j.
//
// Layout: W observations at a time, read where they lie (GatheredInPlace), while they are copied
// (Copying), or from the copies (Copied).
// Edges: copies beyond the last observation are zero; in place its lanes repeat the first one, with
// coefficient 0.
#pragma once

#include "rows/gather.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// Fetches a block ahead, in the order in which it will be read.
class GatheredInPlace {
  public:
    GatheredInPlace(const FixedSide& side, const Row& row) : side_(side), row_(row) {
        look_up(row.columns, row.n, next_);
    }

    Gathered at(int64_t first, int) {
        for (int i = 0; i < W; ++i) vectors_[i] = next_[i];
        if (first + W < row_.n)
            look_up(row_.columns + first + W, row_.n - first - W, next_);
        else if (row_.n_next > 0)
            look_up(row_.next_columns, row_.n_next, next_);
        return {vectors_};
    }

    inline void fetch(int f, int end) {
        constexpr int step = W > kLine ? W : kLine;
        for (f = (f + step - 1) / step * step; f < end; f += step)
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i) __builtin_prefetch(next_[i] + f);
    }

  private:
    void look_up(const int32_t* columns, int64_t n, const float** vectors) {
        for (int i = 0; i < W; ++i)
            vectors[i] = side_.rows + std::ptrdiff_t(columns[i < n ? i : 0]) * side_.stride;
    }

    const FixedSide& side_;
    const Row& row_;
    const float *vectors_[W], *next_[W];
};

// W vectors of observations that follow each other in memory as they are read: entry (i, f) at
// base[(f / W * W + i) * W + f % W].
struct Interleaved {
    const float* base;

    Interleaved from(std::ptrdiff_t f) const { return {base + f * W}; }
    inline Vec vec(int i, int v) const { return S::load(base + (v * W + i) * W); }
};

// Leaves copies, zero beyond the last, for those who read them again and again.
class Copying {
  public:
    Copying(const FixedSide& side, const Row& row, float* copies)
        : in_place_(side, row), copies_(copies), stride_(side.stride) {}

    Interleaved at(int64_t first, int count) {
        const Gathered from = in_place_.at(first, count);
        float* to = copies_ + first * stride_;
        for (int f = 0; f < stride_; f += W)
            for (int i = 0; i < W; ++i, to += W)
                S::store(to, i < count ? from.from(f).vec(i, 0) : S::zero());
        return {copies_ + first * stride_};
    }
    void fetch(int f, int end) { in_place_.fetch(f, end); }

  private:
    GatheredInPlace in_place_;
    float* const copies_;
    const int stride_;
};

// Fetches what the next row will copy.
class Copied {
  public:
    Copied(const FixedSide& side, const Row& row, const float* copies)
        : copies_(copies), stride_(side.stride), prefetch_(side, row, row.n) {}

    Interleaved at(int64_t first, int) const { return {copies_ + first * stride_}; }
    void fetch(int f, int end) { prefetch_.fetch((end - f) * W / kLine / 8); }

  private:
    const float* const copies_;
    const int stride_;
    Prefetch prefetch_;
};

// out += sum_i g_i v_i and, if squared, squares += sum_i weights_i v_i^2 of W observations: N
// vectors of factors.
template <int N, bool squared, class Rows>
inline void add_multiples(const Rows rows, const float* g, float* out, const float* weights,
                          float* squares) {
    Vec even[N], odd[N], square[N];
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
        even[v] = S::load(out + v * W), odd[v] = S::zero();
        if (squared) square[v] = S::load(squares + v * W);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; i += 2) {
        const Vec even_g = S::splat(g[i]), odd_g = S::splat(g[i + 1]);
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const Vec a = rows.vec(i, v), b = rows.vec(i + 1, v);
            even[v] = even[v] + a * even_g;
            odd[v] = odd[v] + b * odd_g;
            if (squared) {
                square[v] = square[v] + a * a * weights[i];
                square[v] = square[v] + b * b * weights[i + 1];
            }
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) {
        S::store(out + v * W, even[v] + odd[v]);
        if (squared) S::store(squares + v * W, square[v]);
    }
}

// out += sum_j g_j v_j and, if squared, squares += sum_j weights_j v_j^2, where
// coefficients(first, count, v'x, g, weights) gives those of W observations.
template <bool squared, class Source, class Coefficients>
void multiply_by_observations(Source source, const Row& row, int stride, const float* x,
                              Coefficients&& coefficients, float* out, float* squares) {
    constexpr int wide = squared ? 2 : 4;
    for (int64_t first = 0; first < row.n; first += W) {
        const int count = row.n - first < W ? int(row.n - first) : W;
        const auto vectors = source.at(first, count);
        alignas(64) float g[W], weights[W];
        coefficients(first, count, inner_products(vectors, x, stride), g, weights);
        for (int i = count; i < W; ++i) g[i] = weights[i] = 0;
        const auto add = [&](auto n, int f) {
            add_multiples<n, squared>(vectors.from(f), g, out + f, weights,
                                      squared ? squares + f : nullptr);
            source.fetch(f, f + n * W);
        };
        int f = 0;
        for (; f + wide * W <= stride; f += wide * W) add(std::integral_constant<int, wide>{}, f);
        for (; f < stride; f += W) add(std::integral_constant<int, 1>{}, f);
    }
}

double inner_product(const float* a, const float* b, int length) {
    Wide sum{};
    for (int i = 0; i < length; i += W) sum += widen(S::load(a + i)) * widen(S::load(b + i));
    return sum_lanes(sum);
}

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
