// Products of 16-bit integers, two at a time: some processors do twice as many as of floats.
//
// A column of floats becomes integers by its largest entry, each then off by up to 2^-13.5 of that;
// their products and sums are exact.
#pragma once

#include <immintrin.h>

#include "tile.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

// In each lane two integers of 16 bits, or the sum of products of such pairs.
typedef int32_t Pairs __attribute__((vector_size(W * sizeof(int32_t))));

constexpr int kSummedPairs = 32;  // 2 * 32 products of integers up to this have a sum of 31 bits
constexpr float kLargestInteger = 5792;

// From this order on integers gain what it costs to make them and to refine the solution, the more
// the narrower the vectors: of wide ones memory is the limit sooner.
constexpr int kIntegerOrder = W == 4 ? 48 : 96;
constexpr double kIntegerCost = W == 4 ? 0.65 : 0.8;

inline Pairs load_pairs(const int32_t* p) {
    Pairs v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline void store_pairs(int32_t* p, Pairs v) { __builtin_memcpy(p, &v, sizeof v); }

inline Pairs add_products(Pairs sum, Pairs a, Pairs b) {
#if CINEFOLD_LANES == 16
    return Pairs(_mm512_dpwssd_epi32(__m512i(sum), __m512i(a), __m512i(b)));
#else
    return sum + Pairs(_mm_madd_epi16(__m128i(a), __m128i(b)));
#endif
}

// What a tile of integers is added up in: it begins at zero, and joins the floats in the end.
struct Integers {
    template <Start>
    static inline Pairs begin(const float*) {
        return Pairs{};
    }
    static inline Pairs spread(int32_t pair) { return pair - Pairs{}; }
    template <bool>
    static inline Pairs add(Pairs sum, Pairs a, Pairs b) {
        return add_products(sum, a, b);
    }
    template <Start start>
    static inline void end(float* c, Pairs sum) {
        S::store(c, Floats::begin<start>(c) + __builtin_convertvector(sum, Vec));
    }
};

struct PackedPairs {  // entry (k, i), of k a pair, at base[k * step + i]
    using Arithmetic = Integers;
    const int32_t* base;
    std::ptrdiff_t step;

    PackedPairs from(std::ptrdiff_t i) const { return {base + i, step}; }
    inline int32_t at(int k, int i) const { return base[k * step + i]; }
    inline Pairs vec(int k, int v) const { return load_pairs(base + k * step + v * W); }
};

// The nearest integers: 1.5 * 2^23 more leaves them in the lowest bits of a float.
inline Pairs nearest_integers(Vec low, Vec high) {
    const Vec shift = S::splat(12582912.0f);
    return (Pairs(low + shift) & 0xffff) | Pairs(high + shift) << 16;
}

// What entries up to `largest` are multiplied with to be integers. Entries whose squares are no
// floats are zero.
inline float to_integers(float largest) {
    return largest > 1e-19f ? kLargestInteger / largest : 0.0f;
}

inline float from_integers(float largest) { return largest * (1 / kLargestInteger); }

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
