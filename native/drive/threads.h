// Work on several threads, the calling one included.
//
// Threads are kept for the calls that follow, asleep, and end when there is none for half a second:
// a fit, which calls every few milliseconds, starts them once. Calls from several threads at a time
// get threads of their own. A forked child has none of its parent's and starts its own.
#pragma once

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace cinefold {

// Set by a call's own work to end it early, or when an exception left one of its threads.
using Stop = std::atomic<bool>;

// Calls work(thread, stop) on up to n_threads threads, thread 0 being the calling one, and waits
// for them: fewer where the system grants no more, or where all is done before a thread wakes up.
// The first exception that leaves one of them is thrown here.
void run_parallel(int n_threads, const std::function<void(int thread, Stop&)>& work);

// Of a call of for_each_block its seconds, and of each block the thread, the seconds from the
// call's beginning at which it began and ended, and those of the processor.
using CallTimes = std::pair<double, std::vector<std::array<double, 4>>>;

// For benchmarks: what was recorded since the last time; from now on calls are, or are not. They
// must come one at a time while they are.
std::vector<CallTimes> record(bool on);

std::vector<CallTimes>* recorded_calls();  // null unless calls are recorded

class Recorder {
  public:
    explicit Recorder(int64_t n_blocks) : to_(recorded_calls()) {
        if (!to_) return;
        times_.second.resize(n_blocks);
        start_ = now(CLOCK_MONOTONIC);
        times_.first = -now(CLOCK_THREAD_CPUTIME_ID);
    }
    ~Recorder() {
        if (!to_) return;
        times_.first += now(CLOCK_THREAD_CPUTIME_ID);
        to_->push_back(std::move(times_));
    }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    template <class Work>
    void run(int thread, int64_t block, Work& work) {
        if (!to_) return work(block);
        const double begin = now(CLOCK_MONOTONIC), before = now(CLOCK_THREAD_CPUTIME_ID);
        work(block);
        const double cpu = now(CLOCK_THREAD_CPUTIME_ID) - before;
        times_.second[block] = {double(thread), begin - start_, now(CLOCK_MONOTONIC) - start_, cpu};
    }

  private:
    static double now(clockid_t clock) {
        timespec time{};
        clock_gettime(clock, &time);
        return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
    }

    std::vector<CallTimes>* const to_;
    double start_ = 0;
    CallTimes times_;
};

// Hands the blocks [0, n_blocks) to threads, one at a time: make(), called once on each thread,
// returns what is called with each block. Where proceed(), asked by the calling thread after each
// of its blocks, returns false, the rest is left undone. Returns whether all was done.
template <class Make, class Proceed>
bool for_each_block(int n_threads, int64_t n_blocks, const Make& make, const Proceed& proceed) {
    std::atomic<int64_t> next{0};
    std::atomic<bool> complete{true};
    Recorder recorder(n_blocks);
    run_parallel(int(std::clamp<int64_t>(n_blocks, 1, std::max(n_threads, 1))),
                 [&](int thread, Stop& stop) {
                     auto task = make();
                     for (int64_t block; !stop && (block = next++) < n_blocks;) {
                         recorder.run(thread, block, task);
                         if (thread == 0 && !proceed()) {
                             complete = false;
                             stop = true;
                         }
                     }
                 });
    return complete;
}

template <class Make>
void for_each_block(int n_threads, int64_t n_blocks, const Make& make) {
    for_each_block(n_threads, n_blocks, make, [] { return true; });
}

}  // namespace cinefold
