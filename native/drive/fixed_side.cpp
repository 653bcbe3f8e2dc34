#include "drive/fixed_side.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

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
    constexpr int64_t rows_at_once = 64;
    const int width = padded(d);
    const auto panels = packed_change(kernels, columns, d);
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&, given = zeros(rows_at_once * width), rotated = zeros(rows_at_once * width),
                norms_of = std::array<float, rows_at_once>(),
                place = std::array<int64_t, rows_at_once>()](int64_t block) mutable {
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
            }
            kernels.score(given.get(),
                          (count + kernels.tile_rows - 1) / kernels.tile_rows * kernels.tile_rows,
                          width, panels.get(), d, d, rotated.get());
            kernels.row_norms(rotated.get(), count, width, norms_of.data());
            for (int k = 0; k < count; ++k) {
                std::copy_n(&rotated[k * width], width, out + place[k] * width);
                norms[place[k]] = norms_of[k];
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
