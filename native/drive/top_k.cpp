#include "drive/top_k.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "drive/threads.h"

namespace cinefold {
namespace {

constexpr int64_t kQueries = 64;  // scored at a time by one thread,
constexpr int64_t kItems = 512;   // against so many items: scores and panels stay in L2
constexpr float kNothing = -std::numeric_limits<float>::infinity();

struct Candidate {
    float score;
    int32_t item;
};

// Higher scores first, then lower items: as a heap's order it keeps the worst on top.
inline bool better(const Candidate& a, const Candidate& b) {
    return a.score > b.score || (a.score == b.score && a.item < b.item);
}

// The best candidates so far of one query. Items come in rising order, so that an equal score
// never displaces an earlier item.
class Best {
  public:
    void reset(int k) {
        k_ = k;
        heap_.clear();
        heap_.reserve(k);
        bar_ = kNothing;
    }

    void offer(const KernelTable& kernels, const float* scores, int64_t n, int64_t first) {
        for (int64_t j = 0; (j = kernels.next_above(scores, j, n, bar_)) < n; ++j) {
            if (int(heap_.size()) == k_) {
                std::pop_heap(heap_.begin(), heap_.end(), better);
                heap_.back() = {scores[j], int32_t(first + j)};
            } else {
                heap_.push_back({scores[j], int32_t(first + j)});
            }
            std::push_heap(heap_.begin(), heap_.end(), better);
            if (int(heap_.size()) == k_) bar_ = heap_.front().score;
        }
    }

    void write(int32_t* items, float* scores) {
        std::sort_heap(heap_.begin(), heap_.end(), better);
        for (int i = 0; i < k_; ++i) {
            const bool found = i < int(heap_.size());
            items[i] = found ? heap_[i].item : -1;
            scores[i] = found ? heap_[i].score : kNothing;
        }
    }

  private:
    int k_ = 0;
    std::vector<Candidate> heap_;
    float bar_ = kNothing;
};

// One thread's buffers, and the ranking of one block of queries.
class BlockRanker {
  public:
    BlockRanker(const KernelTable& kernels, const TopKProblem& problem, int k)
        : kernels_(kernels),
          problem_(problem),
          k_(k),
          queries_(kQueries * problem.n_factors),
          panels_(kItems * padded(problem.n_factors)),
          scores_(kQueries * kItems),
          best_(kQueries) {}

    void rank(int64_t first, int64_t n, int32_t* items, float* scores) {
        const int d = problem_.n_factors;
        const int rows =
            int((n + kernels_.tile_rows - 1) / kernels_.tile_rows * kernels_.tile_rows);
        std::copy_n(problem_.queries + first * d, n * d, queries_.begin());
        std::fill(queries_.begin() + n * d, queries_.begin() + int64_t(rows) * d, 0.0f);
        std::vector<int64_t> seen(n, 0);
        for (int64_t i = 0; i < n; ++i) {
            best_[i].reset(k_);
            if (problem_.offsets) seen[i] = problem_.offsets[first + i];
        }
        for (int64_t begin = 0; begin < problem_.n_items; begin += kItems) {
            const int64_t count = std::min(kItems, problem_.n_items - begin);
            kernels_.pack_items(problem_.items + begin * problem_.item_stride, count, d,
                                problem_.item_stride, panels_.data());
            kernels_.score(queries_.data(), rows, d, panels_.data(), int(count), d, scores_.data(),
                           padded(int(count)));
            for (int64_t i = 0; i < n; ++i) {
                float* row = scores_.data() + i * padded(int(count));
                hide(row, begin, count, first + i, seen[i]);
                best_[i].offer(kernels_, row, count, begin);
            }
        }
        for (int64_t i = 0; i < n; ++i) best_[i].write(items + i * k_, scores + i * k_);
    }

  private:
    void hide(float* scores, int64_t begin, int64_t count, int64_t query, int64_t& seen) const {
        if (problem_.offsets)
            for (; seen < problem_.offsets[query + 1] && problem_.excluded[seen] < begin + count;
                 ++seen)
                scores[problem_.excluded[seen] - begin] = kNothing;
        if (problem_.allowed)
            for (int64_t j = 0; j < count; ++j)
                if (!problem_.allowed[begin + j]) scores[j] = kNothing;
    }

    const KernelTable& kernels_;
    const TopKProblem& problem_;
    const int k_;
    std::vector<float> queries_, panels_, scores_;
    std::vector<Best> best_;
};

}  // namespace

bool top_k(const KernelTable& kernels, const TopKProblem& problem, int k, int32_t* items,
           float* scores, int n_threads, const std::function<bool()>& interrupted) {
    const int64_t blocks = (problem.n_queries + kQueries - 1) / kQueries;
    const auto make = [&] {
        return [&, ranker = BlockRanker(kernels, problem, k)](int64_t block) mutable {
            const int64_t first = block * kQueries;
            const int64_t n = std::min(kQueries, problem.n_queries - first);
            ranker.rank(first, n, items + first * k, scores + first * k);
        };
    };
    return for_each_block(n_threads, blocks, make, [&] { return !interrupted(); });
}

}  // namespace cinefold
