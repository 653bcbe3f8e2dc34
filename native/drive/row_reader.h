// Rows of the observations as the kernels take them.
#pragma once

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "drive/half_step.h"
#include "drive/memory.h"

namespace cinefold {

inline WorkspaceMemory row_workspace(const KernelTable& kernels, const FixedSide& side,
                                     int64_t longest) {
    auto workspace = make_workspace(kernels.workspace_bytes(side.n_factors, longest));
    new (workspace.get()) WorkspaceHead;
    return workspace;
}

// Rows between asking for memory and needing it: light rows take less time than memory does.
inline int64_t rows_ahead(int64_t n) {
    return std::clamp<int64_t>(32 / std::max<int64_t>(n, 1), 1, 16);
}

// Rows with the targets and weights that their ratings stand for; a row is valid until the next.
class RowReader {
  public:
    explicit RowReader(const Observations& rows) : rows_(rows) {}

    Row operator()(int64_t i) { return (*this)(i, 0, rows_.count(i)); }

    // Its observations from `first` to `last`.
    Row operator()(int64_t i, int64_t first, int64_t last) {
        const int64_t begin = rows_.offsets[i] + first, n = last - first;
        const int32_t* columns = rows_.columns + begin;
        const float* ratings = rows_.ratings + begin;
        const float* weights = rows_.weights ? rows_.weights + begin : nullptr;
        return {columns, targets(ratings, columns, n), confidence(ratings, weights, n),
                n,       rows_.regularization[i],      nullptr,
                0};
    }

  private:
    const float* targets(const float* ratings, const int32_t* columns, int64_t n) {
        const Target target = rows_.target;
        const float* baseline = rows_.baseline;
        if (target == Target::rating && !baseline) return ratings;
        float* out = resized(targets_, n);
        if (target == Target::sqrt)
            for (int64_t j = 0; j < n; ++j) out[j] = std::sqrt(ratings[j]);
        else if (target == Target::binary)
            for (int64_t j = 0; j < n; ++j) out[j] = ratings[j] > 0 ? 1.0f : 0.0f;
        else
            std::copy_n(ratings, n, out);
        if (baseline)
            for (int64_t j = 0; j < n; ++j) out[j] -= baseline[columns[j]];
        return out;
    }

    const float* confidence(const float* ratings, const float* weights, int64_t n) {
        const float alpha = rows_.alpha;
        if (alpha == 0) return weights;
        float* out = resized(weights_, n);
        for (int64_t j = 0; j < n; ++j)
            out[j] = (1 + alpha * ratings[j]) * (weights ? weights[j] : 1.0f);
        return out;
    }

    static float* resized(std::vector<float>& values, int64_t n) {
        if (int64_t(values.size()) < n) values.resize(n);
        return values.data();
    }

    const Observations& rows_;
    std::vector<float> targets_, weights_;
};

}  // namespace cinefold
