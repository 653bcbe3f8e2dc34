#include "drive/half_step.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "drive/memory.h"
#include "drive/row_reader.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

// A row of so many observations that is to be factored is summed in parts, by several threads:
// alone, one would keep the others waiting for it at the end.
constexpr int64_t kSplit = 1 << 14;
constexpr int64_t kPart = 1 << 13;

// Bounds of blocks of the ordered rows, from `first` on, of about equal cost: heavy rows are alone.
std::vector<int64_t> equal_blocks(const Observations& rows, int n_factors, int64_t first) {
    const int64_t enough = std::max<int64_t>(4096, 16 * n_factors);
    std::vector<int64_t> bounds{first};
    while (bounds.back() < rows.n_rows) {
        const int64_t at = bounds.back(), cost = 8 + rows.count(rows.order[at]);
        bounds.push_back(std::min(at + std::max<int64_t>(enough / cost, 1), rows.n_rows));
    }
    return bounds;
}

// A row in parts, each summed into memory of its own: the partition and the order in which the sums
// are added depend on the row alone, not on the threads.
struct SplitRow {
    int64_t i;
    std::vector<std::vector<double>> sums;
    std::atomic<int> missing;

    SplitRow(int64_t row, int n_parts) : i(row), sums(n_parts), missing(n_parts) {}
};

// What the threads of a half-step share.
struct HalfStep {
    const KernelTable& kernels;
    const FixedSide& side;
    const Observations& rows;
    const Method& method;
    float* factors;
    int64_t factor_stride;
    double* losses;
    std::atomic<int64_t> singular{rows.n_rows};  // the first row that is; n_rows if none

    void keep(int64_t i, Status status, const float* x, const RowLoss& loss) {
        if (status != Status::ok) {
            int64_t first = singular.load();
            while (i < first && !singular.compare_exchange_weak(first, i)) {
            }
        }
        std::copy_n(x, side.n_factors, factors + i * factor_stride);
        if (losses) {
            losses[2 * i] = loss.weighted;
            losses[2 * i + 1] = loss.squared;
        }
    }

    void previous(int64_t i, float* x) const {
        std::copy_n(factors + i * factor_stride, side.n_factors, x);
    }

    void solve(int64_t at, int64_t end, RowReader& read, void* workspace, float* x) {
        const int64_t i = rows.order[at];
        Row row = read(i);
        if (const int64_t ahead = at + rows_ahead(row.n); ahead < end) {
            const int64_t next = rows.order[ahead];
            row.next_columns = rows.columns + rows.offsets[next];
            row.n_next = rows.count(next);
            fetch_observations(rows, at + 2 * (ahead - at), end);
        }
        previous(i, x);
        RowLoss loss{};
        const Status status =
            kernels.solve_row(side, row, method, workspace, x, losses ? &loss : nullptr);
        keep(i, status, x, loss);
    }

    int64_t size_of_sums() const { return int64_t(side.stride) * (side.stride + 1); }

    // In how many parts the row is summed; 1: it is not split.
    int parts_of(int64_t i) const {
        const int64_t n = rows.count(i);
        if (n < kSplit || !kernels.is_factored(side, n, method)) return 1;
        const int64_t most = std::max<int64_t>(2, (int64_t(1) << 23) / size_of_sums());
        return int(std::clamp<int64_t>(n / kPart, 2, most));
    }

    // Whoever adds the last part solves the row.
    void solve_part(SplitRow& split, int part, RowReader& read, void* workspace, float* x) {
        const int64_t parts = int64_t(split.sums.size()), n = rows.count(split.i);
        const int64_t begin = n * part / parts, end = n * (part + 1) / parts;
        split.sums[part].assign(size_of_sums(), 0.0);
        kernels.add_normal_equations(side, read(split.i, begin, end), workspace,
                                     split.sums[part].data());
        if (--split.missing > 0) return;
        std::vector<double>& sums = split.sums.front();
        for (int64_t p = 1; p < parts; ++p)
            std::transform(sums.begin(), sums.end(), split.sums[p].begin(), sums.begin(),
                           std::plus<>());
        previous(split.i, x);
        const Row row = read(split.i);
        RowLoss loss{};
        const Status status = kernels.solve_normal_equations(
            side, row, method, sums.data(), workspace, x, losses ? &loss : nullptr);
        keep(split.i, status, x, loss);
        split.sums.clear();
        split.sums.shrink_to_fit();
    }
};

int64_t longest_row(const Observations& rows) {
    return rows.n_rows ? rows.count(rows.order[0]) : 0;
}

}  // namespace

ExpectedSteps expected_steps(const KernelTable& kernels, const FixedSide& side,
                             const Observations& rows, const float* factors, int64_t factor_stride,
                             int n_threads) {
    constexpr int64_t enough_rows = 256;
    constexpr int limit = 64, tried = 2;
    ExpectedSteps expected;
    if (rows.n_rows < enough_rows) return expected;
    expected.count = ExpectedSteps::kLengths;
    const int64_t shortest = std::max(side.n_factors / 4, 1);
    std::array<int, tried * ExpectedSteps::kLengths> steps{};
    const auto make = [&] {
        return [&, workspace = row_workspace(kernels, side, longest_row(rows)),
                x = zeros(side.stride), read = RowReader(rows)](int64_t block) mutable {
            const int64_t trial = int64_t(steps.size()) - 1 - block;  // long rows first
            const auto longer = [&](int64_t i, int64_t n) { return rows.count(i) > n; };
            const int64_t *end = rows.order + rows.n_rows, length = shortest << trial / tried;
            const int64_t at = std::lower_bound(rows.order, end, length, longer) - rows.order;
            if (at + trial % tried >= rows.n_rows) return;
            const int64_t i = rows.order[at + trial % tried];
            if (rows.count(i) == 0) return;
            std::copy_n(factors + i * factor_stride, side.n_factors, x.get());
            steps[trial] = kernels.count_cg_steps(side, read(i), limit, workspace.get(), x.get());
        };
    };
    for_each_block(n_threads, int64_t(steps.size()), make);
    for (int k = 0; k < expected.count; ++k) {
        const int needed = std::max(steps[tried * k], steps[tried * k + 1]);
        expected.length[k] = shortest << k;
        expected.needed[k] = needed <= limit ? needed : ExpectedSteps::kNever;
    }
    return expected;
}

Outcome solve_rows(const KernelTable& kernels, const FixedSide& side, const Observations& rows,
                   const Method& method, float* factors, int64_t factor_stride, double* losses,
                   int n_threads, const std::function<bool()>& interrupted) {
    HalfStep step{kernels, side, rows, method, factors, factor_stride, losses};
    std::deque<SplitRow> split;
    std::vector<std::pair<SplitRow*, int>> parts;
    int64_t first = 0;  // whether rows are split is a matter of their length: the longest are
    for (; first < rows.n_rows; ++first) {
        const int64_t i = rows.order[first];
        const int n_parts = step.parts_of(i);
        if (n_parts == 1) break;
        split.emplace_back(i, n_parts);
        for (int part = 0; part < n_parts; ++part) parts.emplace_back(&split.back(), part);
    }
    const auto bounds = equal_blocks(rows, side.n_factors, first);
    const int64_t n_parts = int64_t(parts.size());
    const auto make = [&] {
        return [&, workspace = row_workspace(kernels, side, longest_row(rows)),
                x = zeros(side.stride), read = RowReader(rows)](int64_t block) mutable {
            if (block < n_parts) {
                const auto [row, part] = parts[block];
                return step.solve_part(*row, part, read, workspace.get(), x.get());
            }
            const int64_t begin = bounds[block - n_parts], end = bounds[block - n_parts + 1];
            for (int64_t at = begin; at < end; ++at)
                step.solve(at, end, read, workspace.get(), x.get());
        };
    };
    const bool finished = for_each_block(n_threads, n_parts + int64_t(bounds.size()) - 1, make,
                                         [&] { return !interrupted(); });
    const int64_t singular = step.singular;
    return {!finished, singular < rows.n_rows ? singular : -1};
}

}  // namespace cinefold
