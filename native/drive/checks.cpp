#include "drive/checks.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace cinefold {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

int64_t row_of(const int64_t* offsets, int64_t n_rows, int64_t entry) {
    return std::upper_bound(offsets, offsets + n_rows, entry) - offsets - 1;
}

}  // namespace

void check_rows(const int64_t* offsets, int64_t n_rows, const int32_t* columns, int64_t n_entries,
                int64_t n_columns, bool rising) {
    if (offsets[0] != 0)
        refuse("row offsets must start at 0, not at " + std::to_string(offsets[0]));
    for (int64_t i = 0; i < n_rows; ++i)
        if (offsets[i + 1] < offsets[i])
            refuse("row offsets must not fall: row " + std::to_string(i) + " begins at " +
                   std::to_string(offsets[i]) + " and ends at " + std::to_string(offsets[i + 1]));
    if (offsets[n_rows] != n_entries)
        refuse("row offsets must end at the number of entries, " + std::to_string(n_entries) +
               ", not at " + std::to_string(offsets[n_rows]));
    // Without branches, as a vectorised loop: a second look says which one it was.
    bool outside = false;
    const auto limit = uint64_t(n_columns);
    for (int64_t k = 0; k < n_entries; ++k) outside |= uint64_t(uint32_t(columns[k])) >= limit;
    for (int64_t k = 0; outside && k < n_entries; ++k)
        if (columns[k] < 0 || columns[k] >= n_columns)
            refuse("column " + std::to_string(columns[k]) + " of row " +
                   std::to_string(row_of(offsets, n_rows, k)) + " is not one of the " +
                   std::to_string(n_columns) + " columns");
    for (int64_t i = 0; rising && i < n_rows; ++i)
        if (!std::is_sorted(columns + offsets[i], columns + offsets[i + 1]))
            refuse("the columns of row " + std::to_string(i) + " must rise");
}

std::vector<int64_t> longest_first(const int64_t* offsets, int64_t n_rows) {
    std::vector<int64_t> order(n_rows);
    std::iota(order.begin(), order.end(), int64_t(0));
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return offsets[a + 1] - offsets[a] > offsets[b + 1] - offsets[b];
    });
    return order;
}

}  // namespace cinefold
