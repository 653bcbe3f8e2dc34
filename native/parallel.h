// Work on several threads, the calling one included.
#pragma once

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace cinefold {

// Runs work(thread) on each of n_threads threads; rethrows what one of them threw.
template <class Work>
void run_parallel(int n_threads, const Work& work) {
    std::exception_ptr error;
    std::mutex mutex;
    auto guarded = [&](int thread) {
        try {
            work(thread);
        } catch (...) {
            const std::lock_guard lock(mutex);
            error = std::current_exception();
        }
    };
    std::vector<std::thread> threads;
    try {
        for (int t = 1; t < n_threads; ++t) threads.emplace_back(guarded, t);
    } catch (const std::system_error&) {  // the system grants no more threads: do with fewer
    }
    guarded(0);
    for (auto& thread : threads) thread.join();
    if (error) std::rethrow_exception(error);
}

}  // namespace cinefold
