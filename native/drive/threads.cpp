#include "drive/threads.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace cinefold {
namespace {

constexpr auto kIdle = std::chrono::milliseconds(500);

using Work = std::function<void(int, Stop&)>;

// One call of run_parallel, on the stack of its caller.
struct Job {
    explicit Job(const Work& given) : work(given) {}

    const Work& work;
    Stop stop{false};
    std::atomic<int> present{1};  // threads that have not left it, the caller among them
    std::mutex mutex;
    std::condition_variable all_left;
    bool done = false;
    std::exception_ptr error;

    void run(int thread) noexcept {
        try {
            work(thread, stop);
        } catch (...) {
            stop = true;
            const std::lock_guard lock(mutex);
            if (!error) error = std::current_exception();
        }
    }

    // Nothing of the job is touched afterwards, but by the caller.
    void leave() {
        if (--present > 0) return;
        const std::lock_guard lock(mutex);
        done = true;
        all_left.notify_one();
    }
};

// Sixteen that are woken together would wait in line for a mutex of the pool: each has its own.
struct Worker {
    std::mutex mutex;
    std::condition_variable wake;
    Job* job = nullptr;
    int thread = 0;

    void give(Job* given, int number) {
        const std::lock_guard lock(mutex);
        job = given;
        thread = number;
        wake.notify_one();
    }

    // The job that it has not begun.
    Job* take_back() {
        const std::lock_guard lock(mutex);
        return std::exchange(job, nullptr);
    }
};

class ThreadPool {
  public:
    void run(int n_threads, const Work& work) {
        Job job(work);
        std::vector<Worker*> hired;
        if (n_threads > 1) hire(job, n_threads - 1, hired);
        job.run(0);
        for (Worker* worker : hired)
            if (worker->take_back()) --job.present;
        job.leave();
        {
            std::unique_lock lock(job.mutex);
            job.all_left.wait(lock, [&] { return job.done; });
        }
        if (!hired.empty()) {
            const std::lock_guard lock(mutex_);
            idle_.insert(idle_.end(), hired.begin(), hired.end());
        }
        if (job.error) std::rethrow_exception(job.error);
    }

  private:
    // Fewer where there are no more threads, or there is no memory.
    void hire(Job& job, int n, std::vector<Worker*>& hired) {
        hired.reserve(n);
        {
            const std::lock_guard lock(mutex_);
            const auto first = idle_.end() - std::min<std::ptrdiff_t>(n, idle_.size());
            hired.assign(first, idle_.end());
            idle_.erase(first, idle_.end());
        }
        job.present += int(hired.size());
        int thread = 0;
        for (Worker* worker : hired) worker->give(&job, ++thread);
        while (thread++ < n && start(job, thread, hired)) {
        }
    }

    bool start(Job& job, int thread, std::vector<Worker*>& hired) {
        try {
            auto worker = std::make_unique<Worker>();
            worker->job = &job;
            worker->thread = thread;
            const std::lock_guard lock(mutex_);
            idle_.reserve(n_workers_ + 1);  // nothing is allocated when it is idle
            ++job.present;
            try {
                std::thread([this, w = worker.get()] { serve(w); }).detach();
            } catch (...) {
                --job.present;
                throw;
            }
            ++n_workers_;
            hired.push_back(worker.release());
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    void serve(Worker* self) {
        for (;;) {
            std::unique_lock lock(self->mutex);
            self->wake.wait_for(lock, kIdle, [&] { return self->job != nullptr; });
            Job* job = std::exchange(self->job, nullptr);
            const int thread = self->thread;
            lock.unlock();
            if (job) {
                job->run(thread);
                job->leave();
            } else if (retire(self)) {
                return;
            }
        }
    }

    // Unless it has been hired meanwhile, or its last caller has not let it go.
    bool retire(Worker* self) {
        const std::lock_guard lock(mutex_);
        const auto at = std::find(idle_.begin(), idle_.end(), self);
        if (at == idle_.end()) return false;
        idle_.erase(at);
        --n_workers_;
        delete self;
        return true;
    }

    std::mutex mutex_;
    std::vector<Worker*> idle_;
    std::size_t n_workers_ = 0;
};

// Never deleted: its threads may outlive any static object. A child forgets its parent's, whose
// threads it has not got and whose mutex may be locked.
std::atomic<ThreadPool*> current{nullptr};
[[maybe_unused]] const int forgets = pthread_atfork(nullptr, nullptr, [] { current = nullptr; });

ThreadPool& pool() {
    ThreadPool* found = current.load();
    if (found) return *found;
    auto fresh = std::make_unique<ThreadPool>();
    if (current.compare_exchange_strong(found, fresh.get())) return *fresh.release();
    return *found;
}

std::vector<CallTimes> calls;
std::atomic<bool> recording{false};

}  // namespace

std::vector<CallTimes> record(bool on) {
    recording = on;
    return std::exchange(calls, {});
}

std::vector<CallTimes>* recorded_calls() { return recording ? &calls : nullptr; }

void run_parallel(int n_threads, const Work& work) { pool().run(n_threads, work); }

}  // namespace cinefold
