#include "drive/half_step.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "drive/fixed_side.h"
#include "drive/gram_sum.h"
#include "drive/memory.h"
#include "drive/row_reader.h"
#include "drive/threads.h"

namespace cinefold {
namespace {

// A row of so many observations that is to be factored is summed in parts, by several threads:
// alone, one would keep the others waiting for it at the end.
constexpr int64_t kSplit = 1 << 14;
constexpr int64_t kPart = 1 << 13;
// Rows of so many observations are solved before all others, the longest first, each a block.
constexpr int64_t kLong = 1 << 10;

// Whether a solver goes on from the row's previous solution.
bool takes_steps(Solver solver) { return solver == Solver::cg || solver == Solver::few_steps; }

// Blocks of about equal cost of all rows but the long ones, as they lie in memory. Whoever is
// handed one looks up its rows: for all of them it would keep the other threads waiting.
class Blocks {
  public:
    Blocks(const Observations& rows, int n_factors)
        : rows_(rows), cost_(std::max<int64_t>(4096, 16 * n_factors)) {}

    int64_t count() const { return (cost_before(rows_.n_rows) + cost_ - 1) / cost_; }

    // The first row of the block or of those after it.
    int64_t begin(int64_t block) const {
        int64_t low = 0, high = rows_.n_rows;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (cost_before(middle) < block * cost_)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

  private:
    int64_t cost_before(int64_t i) const { return 8 * i + rows_.offsets[i]; }

    const Observations& rows_;
    const int64_t cost_;
};

// A row in parts, each summed into memory of its own: the partition and the order in which the sums
// are added depend on the row alone, not on the threads.
struct SplitRow {
    int64_t i;
    std::vector<std::vector<double>> sums;
    std::atomic<int> missing;

    SplitRow(int64_t row, int n_parts) : i(row), sums(n_parts), missing(n_parts) {}
};

// Where rows start from, in the basis of the fixed side: of those that need it, a tile at a time.
class Starts {
  public:
    Starts(const KernelTable& kernels, const FixedSide& side, const Observations& rows,
           const Method& method, const Previous& previous, const float* change)
        : kernels_(kernels),
          side_(side),
          rows_(rows),
          method_(method),
          previous_(previous),
          change_(change),
          given_(zeros(int64_t(kernels.tile_rows) * side.stride)),
          changed_(zeros(int64_t(kernels.tile_rows + 1) * side.stride)) {}

    // That of row i[0], (stride,), to be overwritten; i[1..n) are those that will be asked for
    // next.
    float* of(const int64_t* i, int64_t n) {
        if (!is_needed(*i)) return changed_.get() + int64_t(kernels_.tile_rows) * side_.stride;
        if (taken_ == found_) look_up(i, n);
        return changed_.get() + int64_t(taken_++) * side_.stride;
    }

  private:
    bool is_needed(int64_t i) const {
        const int64_t n = rows_.count(i);
        return n > 0 && (method_.relaxation != 1 ||
                         takes_steps(kernels_.cheapest_solver(side_, n, method_)));
    }

    void look_up(const int64_t* i, int64_t n) {
        float* to = change_ ? given_.get() : changed_.get();
        taken_ = found_ = 0;
        for (int64_t k = 0; k < n && found_ < kernels_.tile_rows; ++k)
            if (is_needed(i[k]))
                std::copy_n(previous_.rows + i[k] * previous_.stride, side_.n_factors,
                            to + int64_t(found_++) * side_.stride);
        if (change_)
            kernels_.score(to, kernels_.tile_rows, side_.stride, change_, side_.n_factors,
                           side_.n_factors, changed_.get(), side_.stride);
    }

    const KernelTable& kernels_;
    const FixedSide& side_;
    const Observations& rows_;
    const Method& method_;
    const Previous& previous_;
    const float* const change_;  // packed, or null
    AlignedFloats given_, changed_;
    int taken_ = 0, found_ = 0;
};

int64_t longest_row(const Observations& rows) {
    return rows.n_rows ? rows.count(rows.order[0]) : 0;
}

// What the threads of a half-step share.
struct HalfStep {
    const KernelTable& kernels;
    const FixedSide& side;
    const Observations& rows;
    const Method& method;
    const Previous& previous;
    const AlignedFloats change;
    float* factors;
    int64_t factor_stride;
    double* losses;
    GramSum* gram;
    std::atomic<int64_t> singular{rows.n_rows};  // the first row that is; n_rows if none

    int64_t size_of_sums() const { return int64_t(side.stride) * (side.stride + 1); }

    // In how many parts the row is summed; 1: it is not split.
    int parts_of(int64_t i) const {
        const int64_t n = rows.count(i);
        if (n < kSplit || takes_steps(kernels.cheapest_solver(side, n, method))) return 1;
        const int64_t most = std::max<int64_t>(2, (int64_t(1) << 23) / size_of_sums());
        return int(std::clamp<int64_t>(n / kPart, 2, most));
    }
};

// One thread of a half-step.
class Worker {
  public:
    explicit Worker(HalfStep& step)
        : step_(step),
          workspace_(row_workspace(step.kernels, step.side, longest_row(step.rows))),
          read_(step.rows),
          starts_(step.kernels, step.side, step.rows, step.method, step.previous,
                  step.change.get()) {
        if (step.gram) gram_ = step.gram->scratch();
    }

    // Rows i[0..n), rising.
    void solve(const int64_t* i, int64_t n) {
        for (int64_t k = 0; k < n; ++k) {
            Row row = read_(i[k]);
            if (const int64_t ahead = k + rows_ahead(row.n); ahead < n) {
                row.next_columns = step_.rows.columns + step_.rows.offsets[i[ahead]];
                row.n_next = step_.rows.count(i[ahead]);
            }
            solve_one(i + k, n - k, [&](float* x, RowLoss* loss) {
                return step_.kernels.solve_row(step_.side, row, step_.method, workspace_.get(), x,
                                               loss);
            });
        }
        add_to_gram(i, n);
    }

    // Those of [begin, end) that are not long.
    void solve_block(int64_t begin, int64_t end) {
        block_.clear();
        for (int64_t i = begin; i < end; ++i)
            if (step_.rows.count(i) < kLong) block_.push_back(i);
        solve(block_.data(), int64_t(block_.size()));
    }

    // Whoever adds the last part solves the row.
    void solve_part(SplitRow& split, int part) {
        const int64_t parts = int64_t(split.sums.size()), n = step_.rows.count(split.i);
        const int64_t begin = n * part / parts, end = n * (part + 1) / parts;
        split.sums[part].assign(step_.size_of_sums(), 0.0);
        step_.kernels.add_normal_equations(step_.side, read_(split.i, begin, end), workspace_.get(),
                                           split.sums[part].data());
        if (--split.missing > 0) return;
        std::vector<double>& sums = split.sums.front();
        for (int64_t p = 1; p < parts; ++p)
            std::transform(sums.begin(), sums.end(), split.sums[p].begin(), sums.begin(),
                           std::plus<>());
        const Row row = read_(split.i);
        solve_one(&split.i, 1, [&](float* x, RowLoss* loss) {
            return step_.kernels.solve_normal_equations(step_.side, row, step_.method, sums.data(),
                                                        workspace_.get(), x, loss);
        });
        split.sums.clear();
        split.sums.shrink_to_fit();
        add_to_gram(&split.i, 1);
    }

  private:
    // Row i[0], by solve(x, loss) -> Status; i[1..n) are next.
    template <class Solve>
    void solve_one(const int64_t* i, int64_t n, Solve&& solve) {
        float* x = starts_.of(i, n);
        RowLoss loss{};
        if (solve(x, step_.losses ? &loss : nullptr) != Status::ok) {
            int64_t first = step_.singular.load();
            while (*i < first && !step_.singular.compare_exchange_weak(first, *i)) {
            }
        }
        std::copy_n(x, step_.side.n_factors, step_.factors + *i * step_.factor_stride);
        if (step_.losses) {
            step_.losses[2 * *i] = loss.weighted;
            step_.losses[2 * *i + 1] = loss.squared;
        }
    }

    // Leaves are summed as their last row is solved, while they are in the cache.
    void add_to_gram(const int64_t* i, int64_t n) {
        for (int64_t k = 0, first = 0; step_.gram && k < n; first = k) {
            const int64_t leaf = i[k] / GramSum::kRows;
            while (k < n && i[k] / GramSum::kRows == leaf) ++k;
            step_.gram->add(leaf, k - first, gram_);
        }
    }

    HalfStep& step_;
    WorkspaceMemory workspace_;
    RowReader read_;
    Starts starts_;
    GramSum::Scratch gram_;
    std::vector<int64_t> block_;
};

}  // namespace

ExpectedSteps expected_steps(const KernelTable& kernels, const FixedSide& side,
                             const Observations& rows, const Previous& previous, int n_threads) {
    constexpr int64_t enough_rows = 256;
    constexpr int limit = 64, tried = 2;
    ExpectedSteps expected;
    if (rows.n_rows < enough_rows) return expected;
    expected.count = ExpectedSteps::kLengths;
    const int64_t shortest = std::max(side.n_factors / 4, 1);
    const Method by_steps{0, 0, 1, Solver::cg};
    const auto change = packed_change(kernels, previous.change, side.n_factors);
    std::array<int, tried * ExpectedSteps::kLengths> steps{};
    const auto make = [&] {
        return [&, workspace = row_workspace(kernels, side, longest_row(rows)),
                starts = Starts(kernels, side, rows, by_steps, previous, change.get()),
                read = RowReader(rows)](int64_t block) mutable {
            const int64_t trial = int64_t(steps.size()) - 1 - block;  // long rows first
            const auto longer = [&](int64_t i, int64_t n) { return rows.count(i) > n; };
            const int64_t *end = rows.order + rows.n_rows, length = shortest << trial / tried;
            const int64_t at = std::lower_bound(rows.order, end, length, longer) - rows.order;
            if (at + trial % tried >= rows.n_rows) return;
            const int64_t i = rows.order[at + trial % tried];
            if (rows.count(i) == 0) return;
            steps[trial] =
                kernels.count_cg_steps(side, read(i), limit, workspace.get(), starts.of(&i, 1));
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
                   Method method, const Previous& previous, float* factors, int64_t factor_stride,
                   double* losses, double* gram, int n_threads,
                   const std::function<bool()>& interrupted) {
    method.lanes = kernels.lanes;
    std::optional<GramSum> sum;
    if (gram) sum.emplace(kernels, factors, nullptr, rows.n_rows, side.n_factors, factor_stride);
    HalfStep step{kernels,  side,
                  rows,     method,
                  previous, packed_change(kernels, previous.change, side.n_factors),
                  factors,  factor_stride,
                  losses,   gram ? &*sum : nullptr};
    std::deque<SplitRow> split;
    std::vector<std::pair<SplitRow*, int>> parts;
    int64_t n_split = 0;  // whether rows are split is a matter of their length: the longest are
    for (; n_split < rows.n_rows; ++n_split) {
        const int64_t i = rows.order[n_split];
        const int n_parts = step.parts_of(i);
        if (n_parts == 1) break;
        split.emplace_back(i, n_parts);
        for (int part = 0; part < n_parts; ++part) parts.emplace_back(&split.back(), part);
    }
    const auto is_long = [&](int64_t i) { return rows.count(i) >= kLong; };
    const int64_t n_long =
        std::partition_point(rows.order, rows.order + rows.n_rows, is_long) - rows.order;
    const Blocks blocks(rows, side.n_factors);
    const int64_t n_parts = int64_t(parts.size()), n_heavy = n_parts + n_long - n_split;
    const auto make = [&] {
        return [&, worker = Worker(step)](int64_t block) mutable {
            if (block < n_parts)
                worker.solve_part(*parts[block].first, parts[block].second);
            else if (block < n_heavy)
                worker.solve(rows.order + n_split + block - n_parts, 1);
            else
                worker.solve_block(blocks.begin(block - n_heavy),
                                   blocks.begin(block - n_heavy + 1));
        };
    };
    const bool finished =
        for_each_block(n_threads, n_heavy + blocks.count(), make, [&] { return !interrupted(); });
    if (gram && finished) sum->write(gram);
    const int64_t singular = step.singular;
    return {!finished, singular < rows.n_rows ? singular : -1};
}

}  // namespace cinefold
