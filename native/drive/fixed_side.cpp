#include "drive/fixed_side.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "drive/gram_sum.h"
#include "drive/memory.h"
#include "drive/threads.h"

namespace cinefold {

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

void rotate(const KernelTable& kernels, const float* a, int64_t n, int d, int64_t stride,
            const float* columns, float* out, float* norms, int n_threads) {
    constexpr int64_t rows_at_once = 128;
    const int width = padded(d), tile = kernels.tile_rows, tile_columns = kernels.tile_columns;
    const auto panels = packed_change(kernels, columns, d);
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&, given = zeros(int64_t(tile) * width), turned = zeros(tile * tile_columns),
                place = std::vector<int64_t>(tile)](int64_t block) mutable {
            const int64_t begin = block * rows_at_once, end = std::min(begin + rows_at_once, n);
            int count = 0;
            for (int64_t i = begin; i < end; ++i) {
                const float* row = a + i * stride;
                if (std::all_of(row, row + d, [](float value) { return value == 0; })) {
                    std::fill_n(out + i * width, width, 0.0f);
                    norms[i] = 0;
                } else {
                    std::copy_n(row, d, &given[count * width]);
                    place[count++] = i;
                }
                if (count < tile && i + 1 < end) continue;
                // While a tile is multiplied the next rows are fetched.
                for (int col = 0; col < width; col += tile_columns) {
                    const int n_columns = std::min(tile_columns, width - col);
                    for (int64_t k = i + tile; k < std::min(i + 2 * tile, n); ++k)
                        for (int c = col; c < col + n_columns; c += kAlign)
                            __builtin_prefetch(a + k * stride + c);
                    kernels.score(given.get(), tile, width, panels.get() + col * width, n_columns,
                                  d, turned.get());
                    for (int k = 0; k < count; ++k)
                        std::copy_n(&turned[k * n_columns], n_columns,
                                    out + place[k] * width + col);
                }
                for (int k = 0; k < count; ++k)
                    kernels.row_norms(out + place[k] * width, 1, width, norms + place[k]);
                count = 0;
            }
        };
    });
}

AlignedFloats packed_change(const KernelTable& kernels, const float* columns, int d) {
    if (!columns) return nullptr;
    auto panels = zeros(int64_t(padded(d)) * padded(d));
    kernels.pack_items(columns, d, d, d, panels.get());
    return panels;
}

void row_norms(const KernelTable& kernels, const float* rows, int64_t n, int stride, float* norms,
               int n_threads) {
    constexpr int64_t rows_at_once = 1024;
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&](int64_t block) {
            const int64_t begin = block * rows_at_once;
            kernels.row_norms(rows + begin * stride, std::min(rows_at_once, n - begin), stride,
                              norms + begin);
        };
    });
}

float largest_norm(const float* norms, int64_t n) {
    uint32_t largest =
        0;  // of bits, which rise with the number: infinity, NaN and -0 are above all
    for (int64_t i = 0; i < n; ++i) {
        uint32_t bits;
        std::memcpy(&bits, norms + i, sizeof bits);
        largest = std::max(largest, bits);
    }
    float norm;
    std::memcpy(&norm, &largest, sizeof norm);
    return norm < 0 ? NAN : norm;
}

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight) {
    const auto [smallest, largest] = std::minmax_element(base, base + n_factors);
    return {rows,      norms,    base,        n_factors, padded(n_factors), unobserved_weight,
            *smallest, *largest, largest_norm};
}

}  // namespace cinefold
