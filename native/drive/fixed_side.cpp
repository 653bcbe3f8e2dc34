#include "drive/fixed_side.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "drive/gram_sum.h"
#include "drive/memory.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

// Of norms that several threads add; NaN is larger than all.
class LargestNorm {
  public:
    void add(const float* norms, int64_t n) {
        uint32_t largest = 0;  // of bits, which rise with the number
        for (int64_t i = 0; i < n; ++i) {
            uint32_t bits;
            std::memcpy(&bits, norms + i, sizeof bits);
            largest = std::max(largest, bits);
        }
        for (uint32_t last = bits_;
             last < largest && !bits_.compare_exchange_weak(last, largest);) {
        }
    }

    float get() const {
        const uint32_t bits = bits_;
        float norm;
        std::memcpy(&norm, &bits, sizeof norm);
        return norm;
    }

  private:
    std::atomic<uint32_t> bits_{0};
};

}  // namespace

void gram(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
          int64_t stride, double* out, int n_threads) {
    GramSum sum(kernels, v, scale, n, d, stride);
    for_each_block(n_threads, sum.n_leaves(), [&] {
        return [&, scratch = sum.scratch()](int64_t leaf) mutable {
            sum.add(leaf, sum.rows_of(leaf), scratch);
        };
    });
    sum.write(out);
}

float rotate(const KernelTable& kernels, const float* a, int64_t n, int d, int64_t stride,
             const float* columns, float* out, float* norms, int n_threads) {
    constexpr int64_t rows_at_once = 128;
    const int width = padded(d), tile = kernels.tile_rows, tile_columns = kernels.tile_columns;
    const auto panels = packed_change(kernels, columns, d);
    LargestNorm largest;
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&, given = zeros(int64_t(tile) * width), turned = zeros(int64_t(tile) * width),
                place = std::vector<int64_t>(tile)](int64_t block) mutable {
            const int64_t begin = block * rows_at_once, end = std::min(begin + rows_at_once, n);
            int64_t fetched = std::min(begin + tile, n);
            int count = 0;
            for (int64_t i = begin; i < end; ++i) {
                const float* row = a + i * stride;
                if (row[0] == 0 && std::memcmp(row, row + 1, (d - 1) * sizeof *row) == 0) {
                    float* to = out + i * width;
                    std::fill(to == row ? to + d : to, to + width, 0.0f);
                } else {
                    std::copy_n(row, d, &given[count * width]);
                    place[count++] = i;
                }
                if (count == 0 || (count < tile && i + 1 < end)) continue;
                // Rows side by side are written at once. While a tile is multiplied the next rows
                // are fetched.
                const bool together = count == tile && place[tile - 1] - place[0] == tile - 1;
                const int64_t soon = std::min(i + 2 * tile, n);
                float* to = together ? out + place[0] * width : turned.get();
                for (int col = 0; col < width; col += tile_columns) {
                    const int n_columns = std::min(tile_columns, width - col);
                    for (int64_t k = fetched; k < soon; ++k)
                        for (int c = col; c < col + n_columns; c += kAlign)
                            __builtin_prefetch(a + k * stride + c, 0, 2);
                    kernels.score(given.get(), tile, width, panels.get() + col * width, n_columns,
                                  d, to + col, width);
                }
                for (int k = 0; k < count && !together; ++k)
                    std::copy_n(&turned[k * width], width, out + place[k] * width);
                count = 0;
                fetched = soon;
            }
            kernels.row_norms(out + begin * width, end - begin, width, norms + begin);
            largest.add(norms + begin, end - begin);
        };
    });
    return largest.get();
}

AlignedFloats packed_change(const KernelTable& kernels, const float* columns, int d) {
    if (!columns) return nullptr;
    auto panels = zeros(int64_t(padded(d)) * padded(d));
    kernels.pack_items(columns, d, d, d, panels.get());
    return panels;
}

float row_norms(const KernelTable& kernels, const float* rows, int64_t n, int stride, float* norms,
                int n_threads) {
    constexpr int64_t rows_at_once = 1024;
    LargestNorm largest;
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&](int64_t block) {
            const int64_t begin = block * rows_at_once, count = std::min(rows_at_once, n - begin);
            kernels.row_norms(rows + begin * stride, count, stride, norms + begin);
            largest.add(norms + begin, count);
        };
    });
    return largest.get();
}

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight) {
    const auto [smallest, largest] = std::minmax_element(base, base + n_factors);
    return {rows,      norms,    base,        n_factors, padded(n_factors), unobserved_weight,
            *smallest, *largest, largest_norm};
}

}  // namespace cinefold
