// The symmetric product on the matrix unit of a processor (Intel's AMX).
//
// The unit multiplies tiles of bfloat16, eight significant bits each, and adds in float32, at 16
// times the speed of float32. A float32 is the sum of three bfloat16 exactly, of two nearly, each
// the nearest one to what the others leave:
//   three parts,  x y = hh + hm + mh + mm + hl + lh, with a relative error of up to 2^-24, which is
//                 that of the rounding of x y itself;
//   two parts,    x y = hh + hm + mh, with one of up to 2^-15: half the work, for solutions that
//                 are refined afterwards.
// (Henry, Tang, Heinecke 2019: Leveraging the bfloat16 Artificial Intelligence Datatype For
// Higher-Precision Computations.)
//
// A tile is 16 rows of 16 words, each the bfloat16 of two k. The rows of operand A are rows of the
// result, its words pairs of k; the rows of operand B are pairs of k, its words columns of the
// result. Which k make a pair is free: here k and k + 16 do, so that no lanes need to be exchanged.
#pragma once

#include <immintrin.h>

#include "level.h"

namespace cinefold::CINEFOLD_LEVEL {
namespace {

constexpr int kSlab = 32;      // the depth of a tile
constexpr int kTile = 256;     // floats that a tile takes
constexpr int kParts = 3;      // at most: h, m, l
constexpr int kTogether = 4;   // slabs that are multiplied before the result leaves the unit
constexpr int kSplitRows = 4;  // rows of a tile that are packed at once

constexpr std::ptrdiff_t kOperand = kParts * kTile;  // floats of the tiles of 16 lanes
constexpr std::size_t kSpareFloats = kOperand;

// From this order on the unit is faster than vectors of integers: to pack an operand costs as much
// for few columns as for many.
constexpr int kUnitOrder = 144;

// Operands A and B of kTogether slabs, twice: some are multiplied while the next are packed.
inline std::size_t operand_floats(int order) {
    return order < kUnitOrder ? 0 : std::size_t(order / W) * kOperand * 2 * kTogether * 2;
}

// ---------------------------------------------------------------------------------------------
// Packing

typedef uint32_t Bits __attribute__((vector_size(W * sizeof(uint32_t))));

// The nearest bfloat16 of both vectors, word by word; they are left with the rest.
inline Vec take_pair(Vec& low, Vec& high) {
    constexpr uint32_t half = 0x8000, kept = 0xffff0000;
    const Bits first = (Bits(low) + half) & kept, second = (Bits(high) + half) & kept;
    low = low - Vec(first);
    high = high - Vec(second);
    return Vec(first >> 16 | second);
}

// Row i of the tiles of the parts.
template <int parts>
inline void split_pair(Vec low, Vec high, float* tiles, int i) {
#pragma GCC unroll 3
    for (int part = 0; part < parts; ++part)
        S::store(tiles + part * kTile + i * W, take_pair(low, high));
}

inline void turn_tile(const float* from, float* to) {
    Vec block[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) block[i] = S::load(from + i * W);
    S::transpose(block);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) S::store(to + i * W, block[i]);
}

struct Turn {  // the tiles of one operand are the transposed ones of the other
    const float* from;
    float* to;
};

// ---------------------------------------------------------------------------------------------
// Multiplying

// The unit with its eight tiles of 16 rows of 64 bytes: 0 to 3 for results, 4 and 5 for operand A,
// 6 and 7 for operand B.
class MatrixUnit {
  public:
    MatrixUnit() {
        struct alignas(64) {
            uint8_t palette = 1, start_row = 0, reserved[14] = {};
            uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
            uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
        } config;
        // To a compiler, this and loads of tiles do not read all of the memory that they do.
        __asm__ volatile("" ::"r"(&config) : "memory");
        _tile_loadconfig(&config);
    }
    ~MatrixUnit() { _tile_release(); }
    MatrixUnit(const MatrixUnit&) = delete;
    MatrixUnit& operator=(const MatrixUnit&) = delete;
};

// A block of R x C tiles of the result; if it is on the diagonal, without the tile below that.
template <int R, int C, bool diagonal>
struct Block {
    static constexpr bool right = C > 1, lower = R > 1 && !diagonal, corner = R > 1 && C > 1;

    static inline void zero() {
        _tile_zero(0);
        if constexpr (right) _tile_zero(1);
        if constexpr (lower) _tile_zero(2);
        if constexpr (corner) _tile_zero(3);
    }
    static inline void load(const float* c, std::ptrdiff_t ld) {
        const std::ptrdiff_t bytes = ld * std::ptrdiff_t(sizeof(float));
        _tile_loadd(0, c, bytes);
        if constexpr (right) _tile_loadd(1, c + W, bytes);
        if constexpr (lower) _tile_loadd(2, c + W * ld, bytes);
        if constexpr (corner) _tile_loadd(3, c + W * ld + W, bytes);
    }
    static inline void store(float* c, std::ptrdiff_t ld) {
        const std::ptrdiff_t bytes = ld * std::ptrdiff_t(sizeof(float));
        _tile_stored(0, c, bytes);
        if constexpr (right) _tile_stored(1, c + W, bytes);
        if constexpr (lower) _tile_stored(2, c + W * ld, bytes);
        if constexpr (corner) _tile_stored(3, c + W * ld + W, bytes);
    }
    static inline void load_a(const float* part) {
        _tile_loadd(4, part, 64);
        if constexpr (R > 1) _tile_loadd(5, part + kParts * kTile, 64);
    }
    static inline void load_b(const float* part) {
        _tile_loadd(6, part, 64);
        if constexpr (C > 1) _tile_loadd(7, part + kParts * kTile, 64);
    }
    static inline void multiply() {
        _tile_dpbf16ps(0, 4, 6);
        if constexpr (right) _tile_dpbf16ps(1, 4, 7);
        if constexpr (lower) _tile_dpbf16ps(2, 5, 6);
        if constexpr (corner) _tile_dpbf16ps(3, 5, 7);
    }
    // += the products of a slab, in an order that changes one operand at a time. The unit works
    // beside the processor's other ones for as long as only few of its instructions are waiting:
    // between() is called after each product.
    template <int parts, class Between>
    static inline void add(const float* a, const float* b, const Between& between) {
        load_b(b);
        if constexpr (parts == 3) load_a(a + 2 * kTile), multiply(), between();  // l h
        load_a(a + kTile), multiply(), between();                                // m h
        if constexpr (parts == 3) load_b(b + kTile), multiply(), between();      // m m
        load_a(a);
        if constexpr (parts == 2) multiply(), between(), load_b(b + kTile);  // h h
        multiply(), between();                                               // h m
        if constexpr (parts == 3) {
            load_b(b + 2 * kTile), multiply(), between();  // h l
            load_b(b), multiply(), between();              // h h
        }
    }
};

// Upper triangle of c (order x order) = A B, summed over slabs. source.split(slab, tile, row, a, b)
// makes rows [row, row + kSplitRows) of the tiles of 16 lanes for one operand and says which are to
// be turned for the other.
template <int parts, class Source>
class MatrixProduct {
  public:
    MatrixProduct(Source& source, float* c, std::ptrdiff_t ld, int order, int64_t n_slabs,
                  float* memory)
        : source_(source), c_(c), ld_(ld), tiles_(order / W), n_slabs_(n_slabs), memory_(memory) {}

    void run() {
        const MatrixUnit unit;
        allow(kTogether);
        pack(steps_left());
        for (int64_t first = 0; first < n_slabs_; first += kTogether) multiply_slabs(first);
    }

  private:
    static constexpr int kSplits = W / kSplitRows;
    static constexpr int kSteps =
        kSplits + parts;  // to pack a tile: split its rows, turn its parts

    float* operand(int64_t slab, int which) const {
        return memory_ + ((slab % (2 * kTogether)) * 2 + which) * tiles_ * kOperand;
    }

    void allow(int64_t slabs) { allowed_ = slabs < n_slabs_ ? slabs : n_slabs_; }

    int64_t steps_left() const { return ((allowed_ - slab_) * tiles_ - tile_) * kSteps - step_; }

    void pack(int64_t steps) {
        for (; steps > 0 && slab_ < allowed_; --steps) {
            if (step_ < kSplits)
                turn_ = source_.template split<parts>(slab_, tile_, step_ * kSplitRows,
                                                      operand(slab_, 0) + tile_ * kOperand,
                                                      operand(slab_, 1) + tile_ * kOperand);
            else
                turn_tile(turn_.from + (step_ - kSplits) * kTile,
                          turn_.to + (step_ - kSplits) * kTile);
            if (++step_ < kSteps) continue;
            step_ = 0;
            if (++tile_ < tiles_) continue;
            tile_ = 0;
            ++slab_;
        }
    }

    void multiply_slabs(int64_t first) {
        __asm__ volatile("" ::: "memory");  // the operands, see MatrixUnit
        const int64_t rest = n_slabs_ - first;
        const int slabs = rest < kTogether ? int(rest) : kTogether;
        allow(first + 2 * kTogether);
        const int blocks = (tiles_ + 1) / 2;
        const int64_t products = int64_t(blocks * (blocks + 1) / 2) * slabs * (parts == 3 ? 6 : 3);
        share_ = int(steps_left() * 256 / products) + 1;
        for (int col = 0; col < tiles_; col += 2) {
            const bool wide = col + 1 < tiles_;
            for (int row = 0; row < col; row += 2)
                wide ? multiply_block<2, 2, false>(first, slabs, row, col)
                     : multiply_block<2, 1, false>(first, slabs, row, col);
            wide ? multiply_block<2, 2, true>(first, slabs, col, col)
                 : multiply_block<1, 1, true>(first, slabs, col, col);
        }
        pack(steps_left());
    }

    template <int R, int C, bool diagonal>
    inline void multiply_block(int64_t first, int slabs, int row, int col) {
        using B = Block<R, C, diagonal>;
        float* c = c_ + row * W * ld_ + col * W;
        if (first == 0)
            B::zero();
        else
            B::load(c, ld_);
        for (int s = 0; s < slabs; ++s)
            B::template add<parts>(operand(first + s, 0) + row * kOperand,
                                   operand(first + s, 1) + col * kOperand, [this] {
                                       due_ += share_;
                                       if (due_ >= 256) {
                                           pack(due_ / 256);
                                           due_ %= 256;
                                       }
                                   });
        B::store(c, ld_);
    }

    Source& source_;
    float* const c_;
    const std::ptrdiff_t ld_;
    const int tiles_;
    const int64_t n_slabs_;
    float* const memory_;
    int64_t allowed_ = 0, slab_ = 0;  // of those that may be packed, the next
    int tile_ = 0, step_ = 0;
    int share_ = 0, due_ = 0;  // steps for each product, in 256ths
    Turn turn_{};
};

}  // namespace
}  // namespace cinefold::CINEFOLD_LEVEL
