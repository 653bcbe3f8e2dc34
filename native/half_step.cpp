#include "half_step.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel.h"

namespace cinefold {
namespace {

struct AlignedDelete {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t(64)); }
};
using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

AlignedFloats unset_floats(std::size_t n) {
    return AlignedFloats(
        static_cast<float*>(::operator new[](n * sizeof(float), std::align_val_t(64))));
}

AlignedFloats aligned_floats(std::size_t n) {
    auto floats = unset_floats(n);
    std::fill_n(floats.get(), n, 0.0f);
    return floats;
}

// Not filled: one user's fold-in touches a small part of it.
AlignedFloats workspace_for(const KernelTable& kernels, int n_factors, int64_t longest) {
    const std::size_t n = kernels.workspace_floats(n_factors, longest);
    auto floats = unset_floats(n);
#if defined CINEFOLD_SANITIZE
    std::fill_n(floats.get(), n, NAN);  // what is read before it is written shows
#endif
    std::memcpy(floats.get(), &kNoScale, sizeof kNoScale);
    return floats;
}

// A row of so many observations is summed by all threads together, in parts: alone, one thread
// would keep the others waiting for it at the end.
constexpr int64_t kSplit = 1 << 16;
constexpr int64_t kPart = 1 << 14;

// Hands out ranges of the ordered rows of about equal cost: heavy rows one by one, first.
class RowQueue {
  public:
    RowQueue(const Observations& rows, int n_factors, int64_t first)
        : rows_(rows), budget_(std::max<int64_t>(4096, 16 * n_factors)), next_(first) {}

    bool take(int64_t& begin, int64_t& end) {
        const std::lock_guard lock(mutex_);
        begin = next_;
        for (int64_t cost = 0; next_ < rows_.n_rows && cost < budget_; ++next_) {
            const int64_t i = rows_.order[next_];
            cost += 8 + rows_.count(i);
        }
        end = next_;
        return begin < end;
    }

  private:
    const Observations& rows_;
    const int64_t budget_;
    int64_t next_;
    std::mutex mutex_;
};

// Rows between asking for memory and needing it: light rows take less time than memory does.
int64_t rows_ahead(int64_t n) { return std::clamp<int64_t>(32 / std::max<int64_t>(n, 1), 1, 16); }

void fetch_observations(const Observations& rows, int64_t at, int64_t end) {
    if (at >= end) return;
    const int64_t begin = rows.offsets[rows.order[at]];
    __builtin_prefetch(rows.columns + begin);
    __builtin_prefetch(rows.ratings + begin);
}

// Rows with the targets and weights that their ratings stand for; a row is valid until the next.
class RowReader {
  public:
    explicit RowReader(const Observations& rows) : rows_(rows) {}

    Row operator()(int64_t i) {
        const int64_t begin = rows_.offsets[i], n = rows_.count(i);
        const int32_t* columns = rows_.columns + begin;
        const float* ratings = rows_.ratings + begin;
        const float* weights = rows_.weights ? rows_.weights + begin : nullptr;
        return {columns, targets(ratings, columns, n), confidence(ratings, weights, n),
                n,       rows_.regularization[i],      nullptr,
                0};
    }

  private:
    const float* targets(const float* ratings, const int32_t* columns, int64_t n) {
        const auto [target, alpha, baseline] = rows_.meaning;
        if (target == Target::rating && !baseline) return ratings;
        float* out = room(targets_, n);
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
        const float alpha = rows_.meaning.alpha;
        if (alpha == 0) return weights;
        float* out = room(weights_, n);
        for (int64_t j = 0; j < n; ++j)
            out[j] = (1 + alpha * ratings[j]) * (weights ? weights[j] : 1.0f);
        return out;
    }

    static float* room(std::vector<float>& values, int64_t n) {
        if (int64_t(values.size()) < n) values.resize(n);
        return values.data();
    }

    const Observations& rows_;
    std::vector<float> targets_, weights_;
};

// A partition that depends on the problem alone keeps sums independent of the number of threads.
int64_t gram_blocks(int64_t n, int d) {
    const int64_t by_memory = std::max<int64_t>(8, (int64_t(1) << 19) / (int64_t(d) * d));
    return std::clamp<int64_t>(n / 512, 1, std::min<int64_t>(64, by_memory));
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
    std::vector<const KernelTable*> levels;
#if defined CINEFOLD_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        levels.push_back(&avx512::table);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        levels.push_back(&avx2::table);
#endif
#if defined CINEFOLD_ARM64
    levels.push_back(&neon::table);  // every 64-bit ARM processor has it
#else
    levels.push_back(&baseline::table);
#endif
    return levels;
}

const KernelTable& select_kernels() {
    const auto levels = available_kernels();
    const char* wanted = std::getenv("CINEFOLD_SIMD");
    if (!wanted || !*wanted) return *levels.front();
    std::string names;
    for (const auto* level : levels) {
        if (std::string(wanted) == level->name) return *level;
        names += (names.empty() ? "" : ", ") + std::string(level->name);
    }
    throw std::invalid_argument("CINEFOLD_SIMD is '" + std::string(wanted) +
                                "'; this machine runs: " + names);
}

namespace {

// What the threads of a half-step share.
struct HalfStep {
    const KernelTable& kernels;
    const FixedSide& side;
    const Observations& rows;
    Method method;
    float* factors;
    int64_t factor_stride;
    double* losses;
    std::atomic<int64_t> singular;  // the first row that is; n_rows if none

    AlignedFloats workspace() const {
        return workspace_for(kernels, side.n_factors,
                             rows.n_rows ? rows.count(rows.order[0]) : int64_t(0));
    }

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

    void solve(int64_t at, int64_t end, RowReader& read, float* workspace, float* x) {
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

    // Of rows of the lengths for which the ways to solve them cost about the same. The rows depend
    // on the problem alone, not on the threads; few rows are not worth the trial.
    ExpectedSteps expected_steps() const {
        constexpr int64_t enough_rows = 256, tried = 2;
        constexpr int most = 64;
        ExpectedSteps expected;
        if (rows.n_rows < enough_rows) return expected;
        const auto memory = workspace();
        const auto x = aligned_floats(side.stride);
        RowReader read(rows);
        for (int64_t length = std::max(side.n_factors / 4, 1);
             expected.count < ExpectedSteps::kLengths; length *= 2) {
            const auto longer = [&](int64_t i, int64_t n) { return rows.count(i) > n; };
            const int64_t* at =
                std::lower_bound(rows.order, rows.order + rows.n_rows, length, longer);
            int needed = 0;
            for (int k = 0; k < tried; ++k, ++at) {
                if (at == rows.order + rows.n_rows || rows.count(*at) == 0) break;
                previous(*at, x.get());
                const int steps =
                    kernels.steps_needed(side, read(*at), most, memory.get(), x.get());
                needed = std::max(needed, steps <= most ? steps : ExpectedSteps::kNever);
            }
            expected.length[expected.count] = length;
            expected.needed[expected.count++] = needed;
        }
        return expected;
    }

    // The partition and the order of the sums depend on the row alone, not on the threads.
    void solve_split(int64_t i, int n_threads) {
        RowReader read(rows);
        const Row row = read(i);
        const int64_t size = int64_t(side.stride) * (side.stride + 1);
        const int64_t parts =
            std::clamp<int64_t>(row.n / kPart, 2, std::max<int64_t>(2, (int64_t(1) << 23) / size));
        std::vector<double> sums(parts * size, 0.0);
        std::atomic<int64_t> next{0};
        run_parallel(int(std::min<int64_t>(n_threads, parts)), [&](int) {
            const auto memory = workspace();
            for (int64_t p; (p = next++) < parts;) {
                const int64_t begin = row.n * p / parts, end = row.n * (p + 1) / parts;
                const Row part{row.columns + begin,
                               row.targets + begin,
                               row.weights ? row.weights + begin : nullptr,
                               end - begin,
                               row.regularization,
                               nullptr,
                               0};
                kernels.add_products(side, part, memory.get(), sums.data() + p * size);
            }
        });
        for (int64_t p = 1; p < parts; ++p)
            for (int64_t k = 0; k < size; ++k) sums[k] += sums[p * size + k];
        const auto memory = workspace();
        const auto x = aligned_floats(side.stride);
        previous(i, x.get());
        RowLoss loss{};
        const Status status = kernels.solve_sums(side, row, method, sums.data(), memory.get(),
                                                 x.get(), losses ? &loss : nullptr);
        keep(i, status, x.get(), loss);
    }
};

}  // namespace

Outcome solve_rows(const KernelTable& kernels, const FixedSide& side, const Observations& rows,
                   const Method& method, float* factors, int64_t factor_stride, double* losses,
                   int n_threads, const std::function<bool()>& interrupted) {
    HalfStep step{kernels, side, rows, method, factors, factor_stride, losses, {rows.n_rows}};
    int64_t first = 0;
    if (method.max_steps == 0)
        for (; first < rows.n_rows && rows.count(rows.order[first]) >= kSplit; ++first) {
            if (interrupted()) return {true, -1};
            step.solve_split(rows.order[first], n_threads);
        }
    step.method.expected = step.expected_steps();
    RowQueue queue(rows, side.n_factors, first);
    std::atomic<bool> stop{false};
    const int64_t rest = std::max<int64_t>(rows.n_rows - first, 1);
    run_parallel(int(std::min<int64_t>(n_threads, rest)), [&](int thread) {
        using Clock = std::chrono::steady_clock;
        auto asked = Clock::now();
        const auto workspace = step.workspace();
        const auto x = aligned_floats(side.stride);
        RowReader read(rows);
        for (int64_t begin, end; !stop.load(std::memory_order_relaxed) && queue.take(begin, end);) {
            for (int64_t at = begin; at < end; ++at)
                step.solve(at, end, read, workspace.get(), x.get());
            if (thread == 0 && Clock::now() - asked > std::chrono::milliseconds(100)) {
                asked = Clock::now();
                if (interrupted()) stop = true;
            }
        }
    });
    const int64_t singular = step.singular;
    return {stop, singular < rows.n_rows ? singular : -1};
}

void gram(const KernelTable& kernels, const float* v, const float* scale, int64_t n, int d,
          int64_t stride, double* out, int n_threads) {
    const int64_t blocks = gram_blocks(n, d), side = padded(d), size = side * side;
    std::vector<double> partial(blocks * size, 0.0);
    std::atomic<int64_t> next{0};
    run_parallel(n_threads, [&](int) {
        const auto workspace = workspace_for(kernels, d, 0);
        for (int64_t b; (b = next++) < blocks;) {
            const int64_t begin = n * b / blocks, end = n * (b + 1) / blocks;
            kernels.add_gram(v + begin * stride, scale ? scale + begin : nullptr, end - begin, d,
                             stride, workspace.get(), partial.data() + b * size);
        }
    });
    for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j) {
            double sum = 0;
            for (int64_t b = 0; b < blocks; ++b) sum += partial[b * size + i * side + j];
            out[int64_t(i) * d + j] = out[int64_t(j) * d + i] = sum;
        }
}

void rotate(const KernelTable& kernels, const float* a, int64_t n, int d, int64_t stride,
            const float* q, float* out, int n_threads) {
    constexpr int64_t block = 256;
    std::atomic<int64_t> next{0};
    run_parallel(n_threads, [&](int) {
        const auto rotated = aligned_floats(block * padded(d));
        for (int64_t begin; (begin = block * next++) < n;) {
            const int64_t rows = std::min(block, n - begin);
            kernels.multiply(a + begin * stride, rows, d, stride, q, d, rotated.get());
            std::copy_n(rotated.get(), rows * padded(d), out + begin * padded(d));
        }
    });
}

void measure(const KernelTable& kernels, const float* rows, int64_t n, int stride, float* norms,
             float* largest, int n_threads) {
    constexpr int64_t block = 1024;
    std::atomic<int64_t> next{0};
    std::mutex mutex;
    std::fill_n(largest, stride, 0.0f);
    run_parallel(n_threads, [&](int) {
        std::vector<float> mine(stride, 0.0f);
        for (int64_t begin; (begin = block * next++) < n;)
            kernels.measure(rows + begin * stride, std::min(block, n - begin), stride,
                            norms + begin, mine.data());
        const std::lock_guard lock(mutex);
        for (int i = 0; i < stride; ++i) largest[i] = std::max(largest[i], mine[i]);
    });
}

FixedSide fixed_side(const float* rows, const float* norms, float largest_norm, const double* base,
                     int n_factors, float unobserved_weight) {
    const auto [smallest, largest] = std::minmax_element(base, base + n_factors);
    return {rows,      norms,    base,        n_factors, padded(n_factors), unobserved_weight,
            *smallest, *largest, largest_norm};
}

}  // namespace cinefold
