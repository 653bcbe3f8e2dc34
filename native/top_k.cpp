#include "top_k.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "parallel.h"

namespace cinefold {
namespace {

struct Candidate {
    float score;
    int32_t column;
};

// Higher scores first, then lower columns: as a heap's order it keeps the worst on top.
inline bool better(const Candidate& a, const Candidate& b) {
    return a.score > b.score || (a.score == b.score && a.column < b.column);
}

void select(const float* scores, int64_t n, int k, std::vector<Candidate>& heap, int32_t* columns,
            float* best) {
    constexpr float nothing = -std::numeric_limits<float>::infinity();
    heap.clear();
    float bar = nothing;  // later columns must exceed it
    for (int64_t j = 0; j < n; ++j) {
        if (!(scores[j] > bar)) continue;
        if (int(heap.size()) == k) {
            std::pop_heap(heap.begin(), heap.end(), better);
            heap.back() = {scores[j], int32_t(j)};
        } else {
            heap.push_back({scores[j], int32_t(j)});
        }
        std::push_heap(heap.begin(), heap.end(), better);
        if (int(heap.size()) == k) bar = heap.front().score;
    }
    std::sort_heap(heap.begin(), heap.end(), better);
    for (int i = 0; i < k; ++i) {
        const bool found = i < int(heap.size());
        columns[i] = found ? heap[i].column : -1;
        best[i] = found ? heap[i].score : nothing;
    }
}

}  // namespace

void top_k(const float* scores, int64_t n_rows, int64_t n_columns, int k, int32_t* columns,
           float* best, int n_threads) {
    std::atomic<int64_t> next{0};
    run_parallel(int(std::min<int64_t>(n_threads, std::max<int64_t>(n_rows, 1))), [&](int) {
        std::vector<Candidate> heap;
        heap.reserve(k);
        for (int64_t i; (i = next++) < n_rows;)
            select(scores + i * n_columns, n_columns, k, heap, columns + i * k, best + i * k);
    });
}

}  // namespace cinefold
