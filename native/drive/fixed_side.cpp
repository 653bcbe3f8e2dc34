#include "drive/fixed_side.h"

#include <algorithm>
#include <array>
#include <bitset>
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
            const float* q, float* out, float* norms, int n_threads) {
    constexpr int64_t rows_at_once = 256;
    const int width = padded(d);
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&, given = zeros(rows_at_once * d), rotated = zeros(rows_at_once * width),
                norms_of = std::array<float, rows_at_once>()](int64_t block) mutable {
            const int64_t begin = block * rows_at_once, end = std::min(begin + rows_at_once, n);
            std::bitset<rows_at_once> is_zero;
            for (int64_t i = begin; i < end; ++i)
                is_zero[i - begin] = std::all_of(a + i * stride, a + i * stride + d,
                                                 [](float value) { return value == 0; });
            const int64_t count = end - begin - int64_t(is_zero.count());
            const bool in_place = is_zero.none();
            for (int64_t i = begin, k = 0; !in_place && i < end; ++i)
                if (!is_zero[i - begin]) std::copy_n(a + i * stride, d, &given[k++ * d]);
            kernels.multiply(in_place ? a + begin * stride : given.get(), count, d,
                             in_place ? stride : d, q, d, rotated.get());
            kernels.row_norms(rotated.get(), count, width, norms_of.data());
            for (int64_t i = begin, k = 0; i < end; ++i) {
                const bool zero = is_zero[i - begin];
                norms[i] = zero ? 0 : norms_of[k];
                if (zero)
                    std::fill_n(out + i * width, width, 0.0f);
                else
                    std::copy_n(&rotated[k++ * width], width, out + i * width);
            }
        };
    });
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
