// Checks of what comes from outside, made once, so that nothing after them can leave its arrays.
#pragma once

#include <cstdint>
#include <vector>

namespace cinefold {

// Throws std::invalid_argument, naming what is wrong, unless `offsets` (n_rows + 1,) start at 0,
// never fall and end at n_entries, and all columns (n_entries,) are in [0, n_columns) and, if
// `rising`, do not fall within a row.
void check_rows(const int64_t* offsets, int64_t n_rows, const int32_t* columns, int64_t n_entries,
                int64_t n_columns, bool rising);

// The rows by falling number of entries, equal ones by rising index.
std::vector<int64_t> longest_first(const int64_t* offsets, int64_t n_rows);

}  // namespace cinefold
