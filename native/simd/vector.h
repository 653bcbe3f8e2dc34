// A vector of W floats and the few operations the kernels need, on GCC/Clang vector extensions,
// so that one source serves every instruction set: the width is a template parameter.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

namespace cinefold::CINEFOLD_LEVEL {
namespace {

template <int W>
struct Simd {
    typedef float Vec __attribute__((vector_size(W * sizeof(float))));
    typedef Vec Stored __attribute__((aligned(sizeof(float)), may_alias));

    static inline Vec load(const float* p) {
        Vec v;
        std::memcpy(&v, p, sizeof v);
        return v;
    }
    // Not memcpy, for which GCC takes vectors through general registers on ARM.
    static inline void store(float* p, Vec v) { *reinterpret_cast<Stored*>(p) = v; }
    // Unlike x + 0, x - 0 is x for every x, which compilers know: no arithmetic remains.
    static inline Vec splat(float x) { return x - Vec{}; }
    static inline Vec zero() { return Vec{}; }

    // Lane I in every lane.
    template <int I>
    static inline Vec splat_lane(Vec v) {
        return spread<I>(v, std::make_index_sequence<W>{});
    }

    // In-place transpose of W vectors: log2(W) rounds of pairwise lane exchanges.
    static inline void transpose(Vec (&rows)[W]) { exchange_from<1>(rows); }

    // Lane i is the sum of rows[i], which are overwritten.
    static inline Vec sum_rows(Vec (&rows)[W]) {
        add_pairs<1>(rows);
        return rows[0];
    }

    static inline float sum(Vec v) { return halve<W / 2>(v)[0]; }

  private:
    template <int I, std::size_t... Lane>
    static inline Vec spread(Vec v, std::index_sequence<Lane...>) {
        return __builtin_shufflevector(v, v, (int(Lane) * 0 + I)...);
    }
    template <int Stride, std::size_t... I>
    static inline void exchange(Vec& a, Vec& b, std::index_sequence<I...>) {
        const Vec low =
            __builtin_shufflevector(a, b, (int(I) & Stride ? int(I) - Stride + W : int(I))...);
        b = __builtin_shufflevector(a, b, (int(I) & Stride ? int(I) + W : int(I) + Stride)...);
        a = low;
    }
    template <int Stride>
    static inline void exchange_from(Vec (&rows)[W]) {
        if constexpr (Stride < W) {
#pragma GCC unroll 16
            for (int i = 0; i < W; ++i)
                if (!(i & Stride))
                    exchange<Stride>(rows[i], rows[i + Stride], std::make_index_sequence<W>{});
            exchange_from<Stride * 2>(rows);
        }
    }
    template <int Stride>
    static inline void add_pairs(Vec (&rows)[W]) {
        if constexpr (Stride < W) {
#pragma GCC unroll 16
            for (int i = 0; i < W; i += 2 * Stride) {
                exchange<Stride>(rows[i], rows[i + Stride], std::make_index_sequence<W>{});
                rows[i] = rows[i] + rows[i + Stride];
            }
            add_pairs<Stride * 2>(rows);
        }
    }
    template <int Half, std::size_t... I>
    static inline Vec fold(Vec v, std::index_sequence<I...>) {
        return v + __builtin_shufflevector(v, v, (int(I) ^ Half)...);
    }
    template <int Half>
    static inline Vec halve(Vec v) {
        if constexpr (Half == 0)
            return v;
        else
            return halve<Half / 2>(fold<Half>(v, std::make_index_sequence<W>{}));
    }
};

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
