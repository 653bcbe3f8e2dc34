#include "half_step.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
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

AlignedFloats aligned_floats(std::size_t n) {
    auto* p = static_cast<float*>(::operator new[](n * sizeof(float), std::align_val_t(64)));
    std::fill_n(p, n, 0.0f);
    return AlignedFloats(p);
}

// Hands out ranges of the ordered rows of about equal cost: heavy rows one by one, first.
class RowQueue {
  public:
    RowQueue(const Observations& rows, int n_factors)
        : rows_(rows), budget_(std::max<int64_t>(4096, 16 * n_factors)) {}

    bool take(int64_t& begin, int64_t& end) {
        const std::lock_guard lock(mutex_);
        begin = next_;
        for (int64_t cost = 0; next_ < rows_.n_rows && cost < budget_; ++next_) {
            const int64_t i = rows_.order[next_];
            cost += 8 + rows_.offsets[i + 1] - rows_.offsets[i];
        }
        end = next_;
        return begin < end;
    }

  private:
    const Observations& rows_;
    const int64_t budget_;
    int64_t next_ = 0;
    std::mutex mutex_;
};

// Rows between asking for memory and needing it: light rows take less time than memory does.
int64_t rows_ahead(int64_t n) { return std::clamp<int64_t>(32 / std::max<int64_t>(n, 1), 1, 16); }

void fetch_observations(const Observations& rows, int64_t at, int64_t end) {
    if (at >= end) return;
    const int64_t begin = rows.offsets[rows.order[at]];
    __builtin_prefetch(rows.columns + begin);
    __builtin_prefetch(rows.targets + begin);
}

// A partition that depends on the problem alone keeps sums independent of the number of threads.
int64_t gram_blocks(int64_t n, int d) {
    const int64_t by_memory = std::max<int64_t>(1, (int64_t(32) << 20) / (int64_t(d) * d));
    return std::clamp<int64_t>(n / 512, 1, std::min<int64_t>(64, by_memory));
}

}  // namespace

const KernelTable& select_kernels() {
    std::vector<const KernelTable*> levels;
#ifdef CINEFOLD_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        levels.push_back(&avx512::table);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        levels.push_back(&avx2::table);
#endif
    levels.push_back(&baseline::table);
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

Outcome solve_rows(const KernelTable& kernels, const FixedSide& side, const Observations& rows,
                   const Iterative& method, float* factors, double* losses, int n_threads,
                   const std::function<bool()>& interrupted) {
    RowQueue queue(rows, side.n_factors);
    std::atomic<bool> stop{false};
    std::atomic<int64_t> singular{rows.n_rows};
    const int64_t longest = rows.n_rows ? rows.row(rows.order[0]).n : 0;
    run_parallel(n_threads, [&](int thread) {
        using Clock = std::chrono::steady_clock;
        auto asked = Clock::now();
        const auto workspace = aligned_floats(kernels.workspace_floats(side.n_factors, longest));
        const auto x = aligned_floats(side.stride);
        for (int64_t begin, end; !stop.load(std::memory_order_relaxed) && queue.take(begin, end);) {
            for (int64_t at = begin; at < end; ++at) {
                const int64_t i = rows.order[at];
                RowLoss loss{};
                Row row = rows.row(i);
                if (const int64_t ahead = at + rows_ahead(row.n); ahead < end) {
                    const Row next = rows.row(rows.order[ahead]);
                    row.next_columns = next.columns;
                    row.n_next = next.n;
                    fetch_observations(rows, at + 2 * (ahead - at), end);
                }
                std::copy_n(factors + i * side.n_factors, side.n_factors, x.get());
                if (kernels.solve_row(side, row, method, workspace.get(), x.get(), &loss) !=
                    Status::ok) {
                    int64_t first = singular.load();
                    while (i < first && !singular.compare_exchange_weak(first, i)) {
                    }
                }
                std::copy_n(x.get(), side.n_factors, factors + i * side.n_factors);
                losses[2 * i] = loss.weighted;
                losses[2 * i + 1] = loss.squared;
            }
            if (thread == 0 && Clock::now() - asked > std::chrono::milliseconds(100)) {
                asked = Clock::now();
                if (interrupted()) stop = true;
            }
        }
    });
    return {stop, singular < rows.n_rows ? singular.load() : -1};
}

void gram(const KernelTable& kernels, const float* v, int64_t n, int d, double* out,
          int n_threads) {
    const int64_t blocks = gram_blocks(n, d), stride = padded(d), size = stride * stride;
    std::vector<double> partial(blocks * size, 0.0);
    std::atomic<int64_t> next{0};
    run_parallel(n_threads, [&](int) {
        const auto workspace = aligned_floats(kernels.workspace_floats(d, 0));
        for (int64_t b; (b = next++) < blocks;) {
            const int64_t begin = n * b / blocks, end = n * (b + 1) / blocks;
            kernels.add_gram(v + begin * d, end - begin, d, d, workspace.get(),
                             partial.data() + b * size);
        }
    });
    for (int i = 0; i < d; ++i)
        for (int j = i; j < d; ++j) {
            double sum = 0;
            for (int64_t b = 0; b < blocks; ++b) sum += partial[b * size + i * stride + j];
            out[int64_t(i) * d + j] = out[int64_t(j) * d + i] = sum;
        }
}

void rotate(const KernelTable& kernels, const float* a, int64_t n, int d, const float* q,
            float* out, int n_threads) {
    constexpr int64_t block = 256;
    std::atomic<int64_t> next{0};
    run_parallel(n_threads, [&](int) {
        for (int64_t begin; (begin = block * next++) < n;)
            kernels.multiply(a + begin * d, std::min(block, n - begin), d, d, q, d,
                             out + begin * padded(d));
    });
}

void squared_norms(const KernelTable& kernels, const float* rows, int64_t n, int stride, float* out,
                   int n_threads) {
    constexpr int64_t block = 1024;
    std::atomic<int64_t> next{0};
    run_parallel(n_threads, [&](int) {
        for (int64_t begin; (begin = block * next++) < n;)
            kernels.squared_norms(rows + begin * stride, std::min(block, n - begin), stride,
                                  out + begin);
    });
}

FixedSide fixed_side(const float* rows, const float* norms, int64_t n_rows, const double* base,
                     int n_factors, float unobserved_weight) {
    const auto [smallest, largest] = std::minmax_element(base, base + n_factors);
    const float* largest_norm = std::max_element(norms, norms + n_rows);
    return {rows,
            norms,
            base,
            n_factors,
            padded(n_factors),
            unobserved_weight,
            *smallest,
            *largest,
            n_rows ? *largest_norm : 0.0f};
}

}  // namespace cinefold
