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

struct Worker;

// One call of run_parallel, on the stack of its caller. What is not atomic is the pool's to guard.
struct Job {
    explicit Job(const Work& given) : work(given) {}

    const Work& work;
    Stop stop{false};
    std::vector<Worker*> waking;  // told of the job, which they have not begun
    int running = 0;              // workers that have
    std::exception_ptr error;
    std::mutex error_mutex;
    std::condition_variable finished;

    void run(int thread) noexcept {
        try {
            work(thread, stop);
        } catch (...) {
            stop = true;
            const std::lock_guard lock(error_mutex);
            if (!error) error = std::current_exception();
        }
    }
};

struct Worker {
    std::condition_variable wake;
    Job* job = nullptr;
    int thread = 0;
};

class ThreadPool {
  public:
    void run(int n_threads, const Work& work) {
        Job job(work);
        if (n_threads > 1) {
            job.waking.reserve(n_threads - 1);
            const std::lock_guard lock(mutex_);
            for (int t = 1; t < n_threads && hire(job, t); ++t) {
            }
        }
        job.run(0);
        std::unique_lock lock(mutex_);
        for (Worker* worker : job.waking) {
            worker->job = nullptr;
            idle_.push_back(worker);
        }
        job.finished.wait(lock, [&] { return job.running == 0; });
        lock.unlock();
        if (job.error) std::rethrow_exception(job.error);
    }

  private:
    // All with the mutex held. `idle_` has room for every worker: nothing is allocated later.
    bool hire(Job& job, int thread) {
        Worker* worker = nullptr;
        if (idle_.empty()) {
            worker = start(job, thread);
            if (!worker) return false;
        } else {
            worker = idle_.back();
            idle_.pop_back();
            worker->job = &job;
            worker->thread = thread;
            worker->wake.notify_one();
        }
        job.waking.push_back(worker);
        return true;
    }

    Worker* start(Job& job, int thread) {
        try {
            idle_.reserve(n_workers_ + 1);
            auto worker = std::make_unique<Worker>();
            worker->job = &job;
            worker->thread = thread;
            std::thread([this, w = worker.get()] { serve(w); }).detach();
            ++n_workers_;
            return worker.release();
        } catch (const std::exception&) {  // no more threads, or no memory: do with fewer
            return nullptr;
        }
    }

    void serve(Worker* self) {
        std::unique_lock lock(mutex_);
        while (self->wake.wait_for(lock, kIdle, [&] { return self->job != nullptr; })) {
            Job& job = *std::exchange(self->job, nullptr);
            job.waking.erase(std::find(job.waking.begin(), job.waking.end(), self));
            ++job.running;
            lock.unlock();
            job.run(self->thread);
            lock.lock();
            idle_.push_back(self);
            if (--job.running == 0) job.finished.notify_one();
        }
        idle_.erase(std::find(idle_.begin(), idle_.end(), self));
        --n_workers_;
        delete self;
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
