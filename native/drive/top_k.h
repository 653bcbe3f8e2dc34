// The k best items of each query by inner product, without ever holding all scores.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/kernels.h"

namespace cinefold {

struct TopKProblem {
    const float* queries;  // (n_queries, n_factors)
    int64_t n_queries;
    const float* items;  // (n_items, n_factors), rows item_stride apart
    int64_t n_items, item_stride;
    int n_factors;
    const int64_t* offsets;   // null, or (n_queries + 1,): items that a query must not get,
    const int32_t* excluded;  // rising within each query
    const uint8_t* allowed;   // null, or (n_items,): 0 for items that no query may get
};

// For each query the items of its k largest scores, falling; equal scores by rising item. Missing
// places are item -1 with score -infinity. A score is the same in any batch and on any number of
// threads. Returns false if `interrupted` did.
bool top_k(const KernelTable&, const TopKProblem&, int k, int32_t* items, float* scores,
           int n_threads, const std::function<bool()>& interrupted);

}  // namespace cinefold
