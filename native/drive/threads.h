// Work on several threads, the calling one included.
//
// Threads are kept for the calls that follow, asleep, and end when there is none for half a second:
// a fit, which calls every few milliseconds, starts them once. Calls from several threads at a time
// get threads of their own. A forked child has none of its parent's and starts its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>

namespace cinefold {

// Set by a call's own work to end it early, or when an exception left one of its threads.
using Stop = std::atomic<bool>;

// Calls work(thread, stop) on up to n_threads threads, thread 0 being the calling one, and waits
// for them: fewer where the system grants no more, or where all is done before a thread wakes up.
// The first exception that leaves one of them is thrown here.
void run_parallel(int n_threads, const std::function<void(int thread, Stop&)>& work);

// Hands the blocks [0, n_blocks) to threads, one at a time: make(), called once on each thread,
// returns what is called with each block. Where proceed(), asked by the calling thread after each
// of its blocks, returns false, the rest is left undone. Returns whether all was done.
template <class Make, class Proceed>
bool for_each_block(int n_threads, int64_t n_blocks, const Make& make, const Proceed& proceed) {
    std::atomic<int64_t> next{0};
    std::atomic<bool> complete{true};
    run_parallel(int(std::clamp<int64_t>(n_blocks, 1, std::max(n_threads, 1))),
                 [&](int thread, Stop& stop) {
                     auto task = make();
                     for (int64_t block; !stop && (block = next++) < n_blocks;) {
                         task(block);
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
