// What a level is: its vector width, its register tile, and its vectors of floats and doubles.
// Every header of the kernels is compiled once per level, each time into that level's namespace.
//   CINEFOLD_LEVEL  the name of that namespace and of the level,
//   CINEFOLD_LANES  floats per vector register,
//   CINEFOLD_MR     rows of a register tile,
//   CINEFOLD_NV     its vectors in each row: CINEFOLD_MR x CINEFOLD_NV accumulators.
#pragma once

#include "simd/padding.h"
#include "simd/vector.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int W = CINEFOLD_LANES;
constexpr int MR = CINEFOLD_MR;
constexpr int NV = CINEFOLD_NV;
static_assert(kAlign % W == 0 && W % MR == 0);

using S = Simd<W>;
using Vec = S::Vec;

// W doubles, in two registers: sums in a vector wider than those are kept in memory by GCC.
struct Wide {
    typedef double Half __attribute__((vector_size(W / 2 * sizeof(double))));
    Half low, high;

    friend inline Wide operator+(Wide a, Wide b) { return {a.low + b.low, a.high + b.high}; }
    friend inline Wide operator*(Wide a, Wide b) { return {a.low * b.low, a.high * b.high}; }
    friend inline Wide operator+(Wide a, double b) { return {a.low + b, a.high + b}; }
    friend inline Wide operator*(Wide a, double b) { return {a.low * b, a.high * b}; }
    inline void operator+=(Wide b) { *this = *this + b; }
};

inline Wide load_wide(const double* p) {
    Wide v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline void store_wide(double* p, Wide v) { __builtin_memcpy(p, &v, sizeof v); }

inline Wide widen(Vec v) {
    typedef double Full __attribute__((vector_size(W * sizeof(double))));
    const Full f = __builtin_convertvector(v, Full);
    Wide w;
    __builtin_memcpy(&w, &f, sizeof w);
    return w;
}

inline double sum_lanes(Wide v) {
    double sums[W / 2];
    v.low += v.high;
    for (int i = 0; i < W / 2; ++i) sums[i] = v.low[i];
    for (int half = W / 4; half; half /= 2)
        for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
    return sums[0];
}

// The first n of W values, zero beyond.
inline Vec load_some(const float* p, int n) {
    if (n >= W) return S::load(p);
    float values[W] = {};
    for (int i = 0; i < n; ++i) values[i] = p[i];
    return S::load(values);
}

// Hands out arrays from the memory of a workspace, each 64-byte aligned. Without memory it only
// counts, so that a workspace is as large as what is taken from it.
class Arena {
  public:
    explicit Arena(void* memory) : memory_(static_cast<char*>(memory)) {}

    template <class T>
    T* take(std::size_t n) {
        const std::size_t at = used_;
        used_ += (n * sizeof(T) + 63) / 64 * 64;
        return memory_ ? static_cast<T*>(static_cast<void*>(memory_ + at)) : nullptr;
    }
    std::size_t used() const { return used_; }

  private:
    char* const memory_;
    std::size_t used_ = 0;
};

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
