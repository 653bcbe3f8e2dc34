// V'V of many rows, in parts that several threads sum.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "drive/memory.h"

namespace cinefold {

// Sums of kRows rows each are the leaves of a binary tree, in double precision; whoever comes with
// the second of a pair adds them up. So the order depends on n alone, and rows 1024 2^k i to
// 1024 2^k (i + 1) have the same sum as a matrix of their own.
class GramSum {
  public:
    static constexpr int64_t kRows = 1024;
    using Sum = std::unique_ptr<double[]>;

    // What a thread needs for its leaves.
    struct Scratch {
        WorkspaceMemory workspace;
        Sum spare;
    };

    // Of V (n, d), rows `stride` apart, each times its scale (n,) unless that is null.
    GramSum(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
            int64_t stride);
    ~GramSum();
    GramSum(const GramSum&) = delete;
    GramSum& operator=(const GramSum&) = delete;

    int64_t n_leaves() const { return (n_ + kRows - 1) / kRows; }
    int64_t rows_of(int64_t leaf) const { return std::min(kRows, n_ - leaf * kRows); }
    Scratch scratch() const { return {make_workspace(kernels_.gram_workspace_bytes(d_)), nullptr}; }

    // So many more rows of the leaf are there; whoever comes with the last of them sums it.
    void add(int64_t leaf, int64_t n_rows, Scratch& scratch);

    // All of it, once all rows are there: (d, d).
    void write(double* out) const;

  private:
    void sum(int64_t leaf, Scratch& scratch);

    const KernelTable& kernels_;
    const float *v_, *scale_;
    const int64_t n_;
    const int d_;
    const int64_t stride_;
    std::vector<std::atomic<int64_t>> missing_;  // rows of each leaf
    std::vector<std::atomic<double*>> waiting_;  // the first of each pair to come
    Sum root_;
};

}  // namespace cinefold
