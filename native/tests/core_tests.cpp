// The core without Python, against a dense solution in double precision: every way of solving a row
// on every instruction set this machine runs. Built with address and undefined-behaviour checks by
// `make sanitize`.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "drive/fixed_side.h"
#include "drive/half_step.h"
#include "drive/threads.h"
#include "drive/top_k.h"
#include "kernels/dispatch.h"

namespace {

using cinefold::KernelTable;
using cinefold::padded;
using cinefold::Solver;

int failures = 0;

void expect(bool condition, const std::string& what) {
    if (condition) return;
    std::fprintf(stderr, "FAILED: %s\n", what.c_str());
    ++failures;
}

struct Problem {
    int n_columns, d;
    float w0;
    std::vector<float> fixed{};  // (n_columns, d), orthogonal columns
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> columns{};
    std::vector<float> targets{}, weights{};
    std::vector<double> regularization{};

    int64_t n_rows() const { return int64_t(offsets.size()) - 1; }
};

// Columns of falling length, made orthogonal one by one: the Gram matrix is diagonal.
std::vector<float> orthogonal_columns(int n, int d, std::mt19937& random) {
    std::normal_distribution<double> normal;
    std::vector<std::vector<double>> columns(d, std::vector<double>(n));
    for (int k = 0; k < d; ++k) {
        for (auto& value : columns[k]) value = normal(random);
        for (int twice = 0; twice < 2; ++twice)
            for (int l = 0; l < k; ++l) {
                double dot = 0, square = 0;
                for (int i = 0; i < n; ++i) {
                    dot += columns[k][i] * columns[l][i];
                    square += columns[l][i] * columns[l][i];
                }
                for (int i = 0; i < n; ++i) columns[k][i] -= dot / square * columns[l][i];
            }
    }
    std::vector<float> rows(std::size_t(n) * d);
    for (int i = 0; i < n; ++i)
        for (int k = 0; k < d; ++k)
            rows[std::size_t(i) * d + k] = float(columns[k][i] * (1 - 0.5 * k / d));
    return rows;
}

// Rows of so many observations, each `copies` times over.
Problem random_problem(int n_columns, int d, float w0, const std::vector<int>& counts,
                       int copies = 1) {
    std::mt19937 random(unsigned(n_columns * 31 + d));
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform(0.05f, 2.0f);
    Problem p{n_columns, d, w0};
    p.fixed = orthogonal_columns(n_columns, d, random);
    std::vector<int32_t> all(n_columns);
    for (int i = 0; i < n_columns; ++i) all[i] = i;
    for (int count : counts) {
        std::shuffle(all.begin(), all.end(), random);
        std::sort(all.begin(), all.begin() + count);
        std::vector<float> targets(count), weights(count);
        for (auto& value : targets) value = normal(random);
        for (auto& value : weights) value = uniform(random);
        const double regularization = 1 + uniform(random);
        for (int copy = 0; copy < copies; ++copy) {
            p.columns.insert(p.columns.end(), all.begin(), all.begin() + count);
            p.targets.insert(p.targets.end(), targets.begin(), targets.end());
            p.weights.insert(p.weights.end(), weights.begin(), weights.end());
            p.offsets.push_back(int64_t(p.columns.size()));
            p.regularization.push_back(regularization);
        }
    }
    return p;
}

// By Gaussian elimination, without pivoting: the matrix is positive definite.
std::vector<double> solve(std::vector<double> a, std::vector<double> b) {
    const int n = int(b.size());
    for (int k = 0; k < n; ++k)
        for (int i = k + 1; i < n; ++i) {
            const double factor = a[i * n + k] / a[k * n + k];
            for (int j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
            b[i] -= factor * b[k];
        }
    for (int k = n - 1; k >= 0; --k) {
        for (int j = k + 1; j < n; ++j) b[k] -= a[k * n + j] * b[j];
        b[k] /= a[k * n + k];
    }
    return b;
}

// a += weight v v'
void add_outer(std::vector<double>& a, const float* v, int d, double weight) {
    for (int i = 0; i < d; ++i)
        for (int k = 0; k < d; ++k) a[std::size_t(i) * d + k] += weight * v[i] * v[k];
}

std::vector<std::vector<double>> dense_rows(const Problem& p, bool weighted, int copies) {
    const int d = p.d;
    std::vector<double> unobserved(std::size_t(d) * d, 0.0);
    for (int i = 0; i < p.n_columns; ++i)
        add_outer(unobserved, &p.fixed[std::size_t(i) * d], d, p.w0);
    std::vector<std::vector<double>> rows;
    for (int64_t row = 0; row < p.n_rows(); row += copies) {
        auto a = unobserved;
        std::vector<double> b(d, 0.0);
        for (int64_t j = p.offsets[row]; j < p.offsets[row + 1]; ++j) {
            const double c = weighted ? p.weights[j] : 1.0;
            const float* v = &p.fixed[std::size_t(p.columns[j]) * d];
            add_outer(a, v, d, c - p.w0);
            for (int i = 0; i < d; ++i) b[i] += c * p.targets[j] * v[i];
        }
        for (int i = 0; i < d; ++i) a[std::size_t(i) * d + i] += p.regularization[row];
        rows.push_back(solve(a, b));
    }
    return rows;
}

// A problem brought into the form that the core takes.
struct Prepared {
    std::vector<float> rows, norms;
    std::vector<double> base;
    std::vector<int64_t> order;
    cinefold::FixedSide side;
    cinefold::Observations observations;

    Prepared(const KernelTable& kernels, const Problem& p, bool weighted, int n_threads)
        : rows(std::size_t(p.n_columns) * padded(p.d)),
          norms(p.n_columns),
          base(padded(p.d)),
          order(p.n_rows()) {
        const int d = p.d;
        std::vector<double> gram(std::size_t(d) * d);
        cinefold::gram(kernels, p.fixed.data(), nullptr, p.n_columns, d, d, gram.data(), n_threads);
        for (int i = 0; i < d; ++i) base[i] = p.w0 * gram[std::size_t(i) * d + i];
        std::vector<float> identity(std::size_t(d) * d, 0.0f);
        for (int i = 0; i < d; ++i) identity[std::size_t(i) * d + i] = 1;
        cinefold::rotate(kernels, p.fixed.data(), p.n_columns, d, d, identity.data(), rows.data(),
                         norms.data(), n_threads);
        for (int64_t i = 0; i < p.n_rows(); ++i) order[i] = i;
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
            return p.offsets[a + 1] - p.offsets[a] > p.offsets[b + 1] - p.offsets[b];
        });
        side = cinefold::fixed_side(rows.data(), norms.data(),
                                    *std::max_element(norms.begin(), norms.end()), base.data(), d,
                                    p.w0);
        observations = {p.offsets.data(),
                        p.columns.data(),
                        p.targets.data(),
                        weighted ? p.weights.data() : nullptr,
                        p.regularization.data(),
                        order.data(),
                        p.n_rows()};
    }
};

// Relative to the exact row, with some leave for rows of length 0.
double distance(const float* found, const std::vector<double>& exact) {
    double error = 0, length = 1e-3;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        error += std::pow(found[i] - exact[i], 2);
        length += exact[i] * exact[i];
    }
    return std::sqrt(error / length);
}

void check_rows(const KernelTable& kernels, const Problem& p, bool weighted, Solver solver,
                bool expect_steps, const std::vector<std::vector<double>>& exact, int copies,
                const std::string& name) {
    constexpr int n_threads = 3;
    const int d = p.d;
    const Prepared prepared(kernels, p, weighted, n_threads);
    std::vector<float> factors(std::size_t(p.n_rows()) * d);
    std::vector<double> losses(std::size_t(p.n_rows()) * 2);
    cinefold::Method method{0, 0, 1, solver};
    if (expect_steps) {
        method.expected = cinefold::expected_steps(kernels, prepared.side, prepared.observations,
                                                   {factors.data(), d}, n_threads);
        expect(method.expected.count > 0, name + ": steps are expected");
    }
    const auto outcome = cinefold::solve_rows(kernels, prepared.side, prepared.observations, method,
                                              {factors.data(), d}, factors.data(), d, losses.data(),
                                              nullptr, n_threads, [] { return false; });
    expect(!outcome.interrupted && outcome.singular_row == -1, name + ": outcome");
    for (int64_t row = 0; row < p.n_rows(); ++row)
        expect(distance(&factors[row * d], exact[row / copies]) < 1e-4,
               name + ": row " + std::to_string(row));
}

void check_problem(const Problem& p, bool weighted, int copies) {
    const auto exact = dense_rows(p, weighted, copies);
    const std::pair<Solver, const char*> solvers[] = {{Solver::automatic, "automatic"},
                                                      {Solver::primal, "primal"},
                                                      {Solver::dual, "dual"},
                                                      {Solver::cg, "cg"}};
    for (const auto* kernels : cinefold::available_kernels())
        for (const auto& [solver, name] : solvers) {
            if (copies > 1 && solver != Solver::automatic) continue;
            check_rows(*kernels, p, weighted, solver, copies > 1, exact, copies,
                       std::string(kernels->name) + ", " + name + ", " + std::to_string(p.d) +
                           " factors, w0 " + std::to_string(p.w0) + (weighted ? ", weighted" : "") +
                           (copies > 1 ? ", many rows" : ""));
        }
}

void check_solvers() {
    const std::vector<int> counts{0, 1, 2, 3, 4, 5, 15, 16, 17, 40, 127, 128, 129, 200};
    for (bool weighted : {false, true}) {
        for (int d : {1, 3, 16, 17, 33, 64, 100, 150})
            check_problem(random_problem(200, d, 0.1f, counts), weighted, 1);
        for (int d : {17, 100})
            for (float w0 : {0.0f, 1.0f, 1.5f})
                check_problem(random_problem(200, d, w0, counts), weighted, 1);
    }
    // Enough rows for some of them to be tried by conjugate gradients; observations beyond a block.
    for (bool weighted : {false, true})
        for (int d : {17, 64, 150})
            check_problem(random_problem(300, d, 0.1f, {300, 200, 129, 60, 17, 1}, 50), weighted,
                          50);
}

// Few relaxed steps of conjugate gradients, again and again, end at the exact rows.
void check_few_steps(const KernelTable& kernels) {
    const Problem p = random_problem(200, 100, 0.1f, {200, 150, 120, 60});
    const auto exact = dense_rows(p, true, 1);
    const Prepared prepared(kernels, p, true, 2);
    std::vector<float> factors(exact.size() * p.d);
    for (int round = 0; round < 40; ++round)
        cinefold::solve_rows(kernels, prepared.side, prepared.observations, {3, 0.1f, 1.6f},
                             {factors.data(), p.d}, factors.data(), p.d, nullptr, nullptr, 2,
                             [] { return false; });
    for (std::size_t row = 0; row < exact.size(); ++row)
        expect(distance(&factors[row * p.d], exact[row]) < 1e-3, "few steps");
}

// A row that all threads sum together.
void check_long_row(const KernelTable& kernels) {
    Problem p = random_problem(300, 17, 0.1f, {300, 4});
    const Problem once = p;
    for (int copy = 1; copy < 250; ++copy) {
        p.columns.insert(p.columns.begin(), once.columns.begin(), once.columns.begin() + 300);
        p.targets.insert(p.targets.begin(), once.targets.begin(), once.targets.begin() + 300);
        p.weights.insert(p.weights.begin(), once.weights.begin(), once.weights.begin() + 300);
    }
    p.offsets = {0, 300 * 250, 300 * 250 + 4};
    for (bool weighted : {false, true}) {
        const auto exact = dense_rows(p, weighted, 1);
        const Prepared prepared(kernels, p, weighted, 3);
        std::vector<float> factors(2 * p.d);
        cinefold::solve_rows(kernels, prepared.side, prepared.observations, {0, 0, 1},
                             {factors.data(), p.d}, factors.data(), p.d, nullptr, nullptr, 3,
                             [] { return false; });
        for (std::size_t row = 0; row < 2; ++row)
            expect(distance(&factors[row * p.d], exact[row]) < 1e-4, "a long row");
    }
}

void check_singular(const KernelTable& kernels) {
    Problem p = random_problem(20, 4, 0.0f, {5, 1, 2});
    std::fill(p.regularization.begin(), p.regularization.end(), 0.0);
    const Prepared prepared(kernels, p, false, 1);
    std::vector<float> factors(12);
    const auto outcome = cinefold::solve_rows(kernels, prepared.side, prepared.observations,
                                              {0, 0, 1}, {factors.data(), 4}, factors.data(), 4,
                                              nullptr, nullptr, 2, [] { return false; });
    expect(outcome.singular_row == 1, "singular equations are reported");
}

void check_threads() {
    for (int round = 0; round < 300; ++round) {  // threads are taken up again, or new
        std::atomic<int64_t> sum{0};
        cinefold::for_each_block(1 + round % 5, 100,
                                 [&] { return [&](int64_t block) { sum += block; }; });
        expect(sum == 4950, "threads: every block once");
    }
    for (int thrower : {0, 1, 40}) {
        std::string caught;
        std::atomic<int> begun{0};
        try {
            cinefold::for_each_block(4, 1 << 20, [&] {
                return [&](int64_t block) {
                    ++begun;
                    if (block >= thrower) throw std::runtime_error("from a block");
                };
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        expect(caught == "from a block" && begun < 1000, "threads: an exception stops the others");
    }
    std::vector<std::thread> callers;
    std::atomic<int64_t> sum{0};
    for (int caller = 0; caller < 4; ++caller)
        callers.emplace_back([&] {
            for (int round = 0; round < 100; ++round)
                cinefold::for_each_block(3, 10, [&] { return [&](int64_t) { ++sum; }; });
        });
    for (auto& caller : callers) caller.join();
    expect(sum == 4000, "threads: calls at the same time");
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);  // ends a child that hangs
        std::atomic<int64_t> count{0};
        cinefold::for_each_block(4, 100, [&] { return [&](int64_t) { ++count; }; });
        _exit(count == 100 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "threads: a forked child has its own");
}

void check_top_k(const KernelTable& kernels) {
    const float none = -std::numeric_limits<float>::infinity();
    constexpr int n_items = 1200, n_queries = 70, d = 5, k = 12;
    std::mt19937 random(3);
    std::uniform_int_distribution<int> digits(-4, 4);  // many equal scores
    std::vector<float> queries(n_queries * d), items(n_items * d);
    for (auto& value : queries) value = float(digits(random));
    for (int i = 0; i < n_items; ++i)
        for (int f = 0; f < d; ++f) items[i * d + f] = float(digits(random));
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> excluded;
    std::vector<uint8_t> allowed(n_items);
    for (auto& value : allowed) value = digits(random) > -3;
    for (int q = 0; q < n_queries; ++q) {
        for (int i = q; i < n_items; i += 7 + q) excluded.push_back(i);
        offsets.push_back(int64_t(excluded.size()));
    }
    std::vector<int32_t> found(n_queries * k);
    std::vector<float> scores(n_queries * k);
    const cinefold::TopKProblem problem{
        queries.data(), n_queries,       items.data(),  n_items, d, d,
        offsets.data(), excluded.data(), allowed.data()};
    expect(
        cinefold::top_k(kernels, problem, k, found.data(), scores.data(), 3, [] { return false; }),
        "top k: finished");
    for (int q = 0; q < n_queries; ++q) {
        std::vector<std::pair<float, int>> all;
        for (int i = 0; i < n_items; ++i) {
            float sum = 0;
            for (int f = 0; f < d; ++f) sum += queries[q * d + f] * items[i * d + f];
            const bool hidden = !allowed[i] || (i >= q && (i - q) % (7 + q) == 0);
            all.emplace_back(hidden ? -none : -sum, i);  // rising: best first, then lower items
        }
        std::sort(all.begin(), all.end());
        for (int j = 0; j < k; ++j)
            expect(found[q * k + j] == all[j].second && scores[q * k + j] == -all[j].first,
                   "top k: query " + std::to_string(q));
    }
    std::fill(allowed.begin(), allowed.end(), uint8_t(0));
    allowed[3] = 1;
    cinefold::top_k(kernels, problem, k, found.data(), scores.data(), 1, [] { return false; });
    expect(found[k] == 3 && found[k + 1] == -1 && scores[k + 1] == none, "top k: few left");
}

}  // namespace

int main() {
    check_threads();
    check_solvers();
    for (const auto* kernels : cinefold::available_kernels()) {
        check_few_steps(*kernels);
        check_long_row(*kernels);
        check_singular(*kernels);
        check_top_k(*kernels);
        std::printf("%s: checked\n", kernels->name);
    }
    std::printf(failures ? "%d failures\n" : "the core is sound\n", failures);
    return failures != 0;
}
