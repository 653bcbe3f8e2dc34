#include "drive/gram_sum.h"

#include <algorithm>

namespace cinefold {

GramSum::GramSum(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
                 int64_t stride)
    : kernels_(kernels),
      v_(v),
      scale_(scale),
      n_(n),
      d_(d),
      stride_(stride),
      missing_(n_leaves()),
      waiting_(n_leaves() + 64) {  // half as many pairs on each level, rounded up
    for (int64_t leaf = 0; leaf < n_leaves(); ++leaf) missing_[leaf] = rows_of(leaf);
}

GramSum::~GramSum() {
    for (const auto& sum : waiting_) delete[] sum.load();
}

void GramSum::add(int64_t leaf, int64_t n_rows, Scratch& scratch) {
    if ((missing_[leaf] -= n_rows) == 0) sum(leaf, scratch);
}

void GramSum::sum(int64_t leaf, Scratch& scratch) {
    const int64_t side = padded(d_);
    Sum sum = std::move(scratch.spare);
    if (!sum) sum.reset(new double[side * side]);
    std::fill_n(sum.get(), side * side, 0.0);
    const int64_t begin = leaf * kRows;
    kernels_.add_gram(v_ + begin * stride_, scale_ ? scale_ + begin : nullptr, rows_of(leaf), d_,
                      stride_, scratch.workspace.get(), sum.get());
    std::atomic<double*>* pairs = waiting_.data();
    for (int64_t nodes = n_leaves(), node = leaf; nodes > 1; node /= 2) {
        std::atomic<double*>& pair = pairs[node / 2];
        const bool alone = (node ^ 1) >= nodes;
        nodes = (nodes + 1) / 2;
        pairs += nodes;
        if (alone) continue;
        double* other = nullptr;  // of the same pair
        if (pair.compare_exchange_strong(other, sum.get())) return void(sum.release());
        pair = nullptr;
        for (int64_t i = 0; i < side; ++i)
            for (int64_t j = i; j < side; ++j) sum[i * side + j] += other[i * side + j];
        scratch.spare.reset(other);
    }
    root_ = std::move(sum);
}

void GramSum::write(double* out) const {
    const int64_t side = padded(d_);
    for (int i = 0; i < d_; ++i)
        for (int j = i; j < d_; ++j)
            out[int64_t(i) * d_ + j] = out[int64_t(j) * d_ + i] = root_ ? root_[i * side + j] : 0.0;
}

}  // namespace cinefold
