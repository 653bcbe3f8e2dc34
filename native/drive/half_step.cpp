#include "drive/half_step.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "drive/memory.h"
#include "drive/row_reader.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

// A row of so many observations is summed by all threads together, in parts: alone, one thread
// would keep the others waiting for it at the end.
constexpr int64_t kSplit = 1 << 16;
constexpr int64_t kPart = 1 << 14;

// Bounds of blocks of the ordered rows, from `first` on, of about equal cost: heavy rows are alone.
std::vector<int64_t> equal_blocks(const Observations& rows, int n_factors, int64_t first) {
    const int64_t enough = std::max<int64_t>(4096, 16 * n_factors);
    std::vector<int64_t> bounds{first};
    int64_t cost = 0;
    for (int64_t at = first; at < rows.n_rows; ++at) {
        cost += 8 + rows.count(rows.order[at]);
        if (cost < enough && at + 1 < rows.n_rows) continue;
        bounds.push_back(at + 1);
        cost = 0;
    }
    return bounds;
}

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

    // The partition and the order of the sums depend on the row alone, not on the threads.
    void solve_split(int64_t i, int n_threads) {
        RowReader read(rows);
        const Row row = read(i);
        const int64_t size = int64_t(side.stride) * (side.stride + 1);
        const int64_t parts =
            std::clamp<int64_t>(row.n / kPart, 2, std::max<int64_t>(2, (int64_t(1) << 23) / size));
        std::vector<double> sums(parts * size, 0.0);
        for_each_block(n_threads, parts, [&] {
            return [&, workspace = row_workspace(kernels, side, 0)](int64_t part) {
                const int64_t begin = row.n * part / parts, end = row.n * (part + 1) / parts;
                const Row some{row.columns + begin,
                               row.targets + begin,
                               row.weights ? row.weights + begin : nullptr,
                               end - begin,
                               row.regularization,
                               nullptr,
                               0};
                kernels.add_normal_equations(side, some, workspace.get(),
                                             sums.data() + part * size);
            };
        });
        for (int64_t p = 1; p < parts; ++p)
            for (int64_t k = 0; k < size; ++k) sums[k] += sums[p * size + k];
        const auto workspace = row_workspace(kernels, side, 0);
        const auto x = zeros(side.stride);
        previous(i, x.get());
        RowLoss loss{};
        const Status status = kernels.solve_normal_equations(
            side, row, method, sums.data(), workspace.get(), x.get(), losses ? &loss : nullptr);
        keep(i, status, x.get(), loss);
    }
};

int64_t longest_row(const Observations& rows) {
    return rows.n_rows ? rows.count(rows.order[0]) : 0;
}

}  // namespace

ExpectedSteps expected_steps(const KernelTable& kernels, const FixedSide& side,
                             const Observations& rows, const float* factors,
                             int64_t factor_stride) {
    constexpr int64_t enough_rows = 256, tried = 2;
    constexpr int limit = 64;
    ExpectedSteps expected;
    if (rows.n_rows < enough_rows) return expected;
    const auto workspace = row_workspace(kernels, side, longest_row(rows));
    const auto x = zeros(side.stride);
    RowReader read(rows);
    for (int64_t length = std::max(side.n_factors / 4, 1); expected.count < ExpectedSteps::kLengths;
         length *= 2) {
        const auto longer = [&](int64_t i, int64_t n) { return rows.count(i) > n; };
        const int64_t* at = std::lower_bound(rows.order, rows.order + rows.n_rows, length, longer);
        int needed = 0;
        for (int k = 0; k < tried; ++k, ++at) {
            if (at == rows.order + rows.n_rows || rows.count(*at) == 0) break;
            std::copy_n(factors + *at * factor_stride, side.n_factors, x.get());
            const int steps =
                kernels.count_cg_steps(side, read(*at), limit, workspace.get(), x.get());
            needed = std::max(needed, steps <= limit ? steps : ExpectedSteps::kNever);
        }
        expected.length[expected.count] = length;
        expected.needed[expected.count++] = needed;
    }
    return expected;
}

Outcome solve_rows(const KernelTable& kernels, const FixedSide& side, const Observations& rows,
                   const Method& method, float* factors, int64_t factor_stride, double* losses,
                   int n_threads, const std::function<bool()>& interrupted) {
    HalfStep step{kernels, side, rows, method, factors, factor_stride, losses};
    int64_t first = 0;
    if (method.max_steps == 0)
        for (; first < rows.n_rows && rows.count(rows.order[first]) >= kSplit; ++first) {
            if (interrupted()) return {true, -1};
            step.solve_split(rows.order[first], n_threads);
        }
    const auto bounds = equal_blocks(rows, side.n_factors, first);
    const auto make = [&] {
        return [&, workspace = row_workspace(kernels, side, longest_row(rows)),
                x = zeros(side.stride), read = RowReader(rows)](int64_t block) mutable {
            const int64_t end = bounds[block + 1];
            for (int64_t at = bounds[block]; at < end; ++at)
                step.solve(at, end, read, workspace.get(), x.get());
        };
    };
    const bool finished =
        for_each_block(n_threads, int64_t(bounds.size()) - 1, make, [&] { return !interrupted(); });
    const int64_t singular = step.singular;
    return {!finished, singular < rows.n_rows ? singular : -1};
}

}  // namespace cinefold
