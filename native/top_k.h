// The k best of each row of scores.
#pragma once

#include <cstdint>

namespace cinefold {

// For each row of scores (n_rows, n_columns): the columns of its k largest scores, falling; equal
// scores by rising column. Entries of -infinity (and NaN) are never chosen; missing places are
// column -1 with score -infinity.
void top_k(const float* scores, int64_t n_rows, int64_t n_columns, int k, int32_t* columns,
           float* best, int n_threads);

}  // namespace cinefold
