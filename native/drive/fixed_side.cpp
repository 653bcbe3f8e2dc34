#include "drive/fixed_side.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "drive/memory.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

constexpr int64_t kRowsPerSum = 1024;

// Sums of the leaves, of kRowsPerSum rows each, in pairs up a binary tree.
class GramTree {
  public:
    GramTree(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
             int64_t stride)
        : kernels_(kernels), v_(v), scale_(scale), n_(n), d_(d), stride_(stride) {}

    int64_t n_nodes(int level) const {
        const int64_t rows = kRowsPerSum << level;
        return (n_ + rows - 1) / rows;
    }

    // The sum of node `index` of a level into out (padded(d), padded(d)); `sums` has as much for
    // each level below.
    void sum(int level, int64_t index, void* workspace, std::vector<std::vector<double>>& sums,
             double* out) const {
        const int64_t size = int64_t(padded(d_)) * padded(d_);
        if (level == 0) {
            const int64_t begin = index * kRowsPerSum, end = std::min(begin + kRowsPerSum, n_);
            std::fill_n(out, size, 0.0);
            kernels_.add_gram(v_ + begin * stride_, scale_ ? scale_ + begin : nullptr, end - begin,
                              d_, stride_, workspace, out);
            return;
        }
        sum(level - 1, 2 * index, workspace, sums, out);
        if (2 * index + 1 >= n_nodes(level - 1)) return;
        if (int(sums.size()) < level) sums.resize(level);
        std::vector<double> right = std::move(sums[level - 1]);
        right.resize(size);
        sum(level - 1, 2 * index + 1, workspace, sums, right.data());
        for (int64_t k = 0; k < size; ++k) out[k] += right[k];
        sums[level - 1] = std::move(right);
    }

  private:
    const KernelTable& kernels_;
    const float *v_, *scale_;
    const int64_t n_;
    const int d_;
    const int64_t stride_;
};

// The level whose nodes are handed out: their sums are the same whatever it is. It is the one whose
// longest thread has least to do, in leaves, where to keep a node's sums costs a sixteenth of a
// leaf.
int shared_level(const GramTree& tree, int d, int n_threads) {
    const int64_t most = std::max<int64_t>((int64_t(1) << 22) / (int64_t(d) * d), 16);
    int best = -1;
    double least = 0;
    for (int level = 0; best < 0 || tree.n_nodes(level - 1) > 1; ++level) {
        const int64_t nodes = tree.n_nodes(level), turns = (nodes - 1) / std::max(n_threads, 1) + 1;
        if (nodes > most) continue;
        const double cost = double(turns << level) + double(nodes) / 16;
        if (best >= 0 && cost >= least) continue;
        best = level;
        least = cost;
    }
    return best;
}

}  // namespace

void gram(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
          int64_t stride, double* out, int n_threads) {
    const GramTree tree(kernels, v, scale, n, d, stride);
    const int64_t side = padded(d), size = side * side;
    const int level = shared_level(tree, d, n_threads);
    const int64_t n_nodes = tree.n_nodes(level);
    const std::unique_ptr<double[]> partial(new double[std::max<int64_t>(n_nodes, 1) * size]);
    if (n_nodes == 0) std::fill_n(partial.get(), size, 0.0);
    for_each_block(n_threads, n_nodes, [&] {
        return [&, workspace = make_workspace(kernels.gram_workspace_bytes(d)),
                sums = std::vector<std::vector<double>>()](int64_t node) mutable {
            tree.sum(level, node, workspace.get(), sums, partial.get() + node * size);
        };
    });
    // Up the rest of the tree, some entries at a time.
    const int64_t entries =
        std::max<int64_t>((int64_t(1) << 16) / std::max<int64_t>(n_nodes, 1), 1);
    for_each_block(n_threads, (size + entries - 1) / entries, [&] {
        return [&](int64_t block) {
            const int64_t begin = block * entries, count = std::min(entries, size - begin);
            for (int64_t nodes = n_nodes; nodes > 1; nodes = (nodes + 1) / 2)
                for (int64_t node = 0; node < nodes; node += 2) {
                    double* to = partial.get() + node / 2 * size + begin;
                    const double* left = partial.get() + node * size + begin;
                    if (node + 1 < nodes)
                        std::transform(left, left + count, left + size, to, std::plus<>());
                    else
                        std::copy_n(left, count, to);
                }
        };
    });
    for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j)
            out[int64_t(i) * d + j] = out[int64_t(j) * d + i] = partial[i * side + j];
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
