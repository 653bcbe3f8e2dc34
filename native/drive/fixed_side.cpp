#include "drive/fixed_side.h"

#include <algorithm>
#include <vector>

#include "drive/memory.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

// A partition that depends on the problem alone keeps sums independent of the number of threads.
int64_t gram_blocks(int64_t n, int d) {
    const int64_t by_memory = std::max<int64_t>(8, (int64_t(1) << 19) / (int64_t(d) * d));
    return std::clamp<int64_t>(n / 512, 1, std::min<int64_t>(64, by_memory));
}

}  // namespace

void gram(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
          int64_t stride, double* out, int n_threads) {
    const int64_t blocks = gram_blocks(n, d), side = padded(d), size = side * side;
    std::vector<double> partial(blocks * size, 0.0);
    for_each_block(n_threads, blocks, [&] {
        return [&, workspace = make_workspace(kernels.gram_workspace_bytes(d))](int64_t b) {
            const int64_t begin = n * b / blocks, end = n * (b + 1) / blocks;
            kernels.add_gram(v + begin * stride, scale ? scale + begin : nullptr, end - begin, d,
                             stride, workspace.get(), partial.data() + b * size);
        };
    });
    for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j) {
            double sum = 0;
            for (int64_t b = 0; b < blocks; ++b) sum += partial[b * size + i * side + j];
            out[int64_t(i) * d + j] = out[int64_t(j) * d + i] = sum;
        }
}

void rotate(const KernelTable& kernels, const float* a, int64_t n, int d, int64_t stride,
            const float* q, float* out, int n_threads) {
    constexpr int64_t rows_at_once = 256;
    for_each_block(n_threads, (n + rows_at_once - 1) / rows_at_once, [&] {
        return [&, rotated = zeros(rows_at_once * padded(d))](int64_t block) {
            const int64_t begin = block * rows_at_once, rows = std::min(rows_at_once, n - begin);
            kernels.multiply(a + begin * stride, rows, d, stride, q, d, rotated.get());
            std::copy_n(rotated.get(), rows * padded(d), out + begin * padded(d));
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

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight) {
    const auto [smallest, largest] = std::minmax_element(base, base + n_factors);
    return {rows,      norms,    base,        n_factors, padded(n_factors), unobserved_weight,
            *smallest, *largest, largest_norm};
}

}  // namespace cinefold
