// The core without Python, against a dense solution in double precision, on every instruction set
// this machine runs. Built with address and undefined-behaviour checks by `make sanitize`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "half_step.h"
#include "top_k.h"

namespace {

using cinefold::padded;

int failures = 0;

void expect(bool condition, const std::string& what) {
    if (condition) return;
    std::fprintf(stderr, "FAILED: %s\n", what.c_str());
    ++failures;
}

// Gaussian elimination without pivoting, for a positive definite matrix.
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

struct Problem {
    int n_columns, d;
    float w0;
    std::vector<float> fixed;  // (n_columns, d), orthogonal columns
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> columns;
    std::vector<float> targets, weights;
    std::vector<double> regularization;

    int64_t n_rows() const { return int64_t(offsets.size()) - 1; }
};

Problem random_problem(int n_columns, int d, float w0, const std::vector<int>& counts) {
    std::mt19937 random(unsigned(n_columns * 31 + d));
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform(0.05f, 2.0f);
    Problem p{n_columns, d, w0, {}, {0}, {}, {}, {}, {}};
    // One entry in each row: columns of any number are orthogonal, and the Gram matrix is diagonal.
    p.fixed.assign(std::size_t(n_columns) * d, 0.0f);
    for (int i = 0; i < n_columns; ++i) p.fixed[std::size_t(i) * d + i % d] = normal(random);
    std::vector<int32_t> all(n_columns);
    for (int i = 0; i < n_columns; ++i) all[i] = i;
    for (int count : counts) {
        std::shuffle(all.begin(), all.end(), random);
        p.columns.insert(p.columns.end(), all.begin(), all.begin() + count);
        std::sort(p.columns.end() - count, p.columns.end());
        p.offsets.push_back(int64_t(p.columns.size()));
        p.regularization.push_back(uniform(random));
    }
    for (std::size_t i = 0; i < p.columns.size(); ++i) {
        p.targets.push_back(normal(random));
        p.weights.push_back(uniform(random));
    }
    return p;
}

std::vector<double> dense_row(const Problem& p, int64_t row, bool weighted) {
    const int d = p.d;
    std::vector<double> a(std::size_t(d) * d, 0.0), b(d, 0.0), weight(p.n_columns, p.w0),
        target(p.n_columns, 0.0);
    for (int64_t j = p.offsets[row]; j < p.offsets[row + 1]; ++j) {
        weight[p.columns[j]] = weighted ? p.weights[j] : 1.0;
        target[p.columns[j]] = p.targets[j];
    }
    for (int c = 0; c < p.n_columns; ++c) {
        const float* v = &p.fixed[std::size_t(c) * d];
        for (int i = 0; i < d; ++i) {
            b[i] += weight[c] * target[c] * v[i];
            for (int k = 0; k < d; ++k) a[i * d + k] += weight[c] * double(v[i]) * v[k];
        }
    }
    for (int i = 0; i < d; ++i) a[i * d + i] += p.regularization[row];
    return solve(a, b);
}

void check_rows(const Problem& p, bool weighted, int n_threads, const std::string& name) {
    const auto& kernels = cinefold::select_kernels();
    const int d = p.d, stride = padded(d);
    std::vector<double> gram(std::size_t(d) * d), base(padded(d));
    cinefold::gram(kernels, p.fixed.data(), nullptr, p.n_columns, d, d, gram.data(), n_threads);
    for (int i = 0; i < d; ++i) base[i] = p.w0 * gram[std::size_t(i) * d + i];
    std::vector<float> identity(std::size_t(d) * stride, 0.0f),
        rows(std::size_t(p.n_columns) * stride);
    for (int i = 0; i < d; ++i) identity[std::size_t(i) * stride + i] = 1;
    cinefold::rotate(kernels, p.fixed.data(), p.n_columns, d, d, identity.data(), rows.data(),
                     n_threads);
    std::vector<int64_t> order(p.n_rows());
    for (int64_t i = 0; i < p.n_rows(); ++i) order[i] = i;

    std::vector<float> norms(p.n_columns);
    std::vector<float> largest(stride);
    cinefold::measure(kernels, rows.data(), p.n_columns, stride, norms.data(), largest.data(),
                      n_threads);
    const auto side =
        cinefold::fixed_side(rows.data(), norms.data(),
                             *std::max_element(norms.begin(), norms.end()), base.data(), d, p.w0);
    const cinefold::Observations observations{p.offsets.data(),
                                              p.columns.data(),
                                              p.targets.data(),
                                              weighted ? p.weights.data() : nullptr,
                                              p.regularization.data(),
                                              order.data(),
                                              p.n_rows(),
                                              {}};
    std::vector<float> factors(std::size_t(p.n_rows()) * d);
    std::vector<double> losses(std::size_t(p.n_rows()) * 2);
    const auto outcome =
        cinefold::solve_rows(kernels, side, observations, {0, 0, 1}, factors.data(), d,
                             losses.data(), n_threads, [] { return false; });
    expect(!outcome.interrupted && outcome.singular_row == -1, name + ": outcome");
    for (int64_t row = 0; row < p.n_rows(); ++row) {
        const auto exact = dense_row(p, row, weighted);
        double error = 0, length = 1e-3;
        for (int i = 0; i < d; ++i) {
            error += std::pow(factors[row * d + i] - exact[i], 2);
            length += exact[i] * exact[i];
        }
        expect(std::sqrt(error / length) < 1e-4, name + ": row " + std::to_string(row));
    }
}

void check_solver() {
    const std::vector<int> counts{0, 1, 2, 15, 16, 17, 40, 127, 128, 129, 200, 300};
    for (int d : {1, 3, 16, 17, 33, 64, 100, 150})
        for (float w0 : {0.0f, 0.1f, 1.0f, 1.5f})
            for (bool weighted : {false, true})
                check_rows(random_problem(300, d, w0, counts), weighted, 3,
                           std::string(cinefold::select_kernels().name) + ", " + std::to_string(d) +
                               " factors, w0 " + std::to_string(w0) +
                               (weighted ? ", weighted" : ""));
}

// Enough rows for some of them to be tried, and solved, by conjugate gradients.
void check_many_rows() {
    std::vector<int> counts;
    for (int count : {300, 200, 129, 60, 17, 1})
        for (int copy = 0; copy < 50; ++copy) counts.push_back(count);
    for (int d : {17, 64, 150})
        for (bool weighted : {false, true})
            check_rows(random_problem(300, d, 0.1f, counts), weighted, 3,
                       std::string(cinefold::select_kernels().name) + ", " + std::to_string(d) +
                           " factors, many rows" + (weighted ? ", weighted" : ""));
}

void check_singular() {
    Problem p = random_problem(20, 4, 0.0f, {5, 1, 2});
    std::fill(p.regularization.begin(), p.regularization.end(), 0.0);
    const int stride = padded(4);
    std::vector<float> rows(20 * stride, 0.0f), factors(12);
    for (int i = 0; i < 20; ++i) std::copy_n(&p.fixed[i * 4], 4, &rows[i * stride]);
    const std::vector<double> base(padded(4), 0.0);
    const std::vector<int64_t> order{0, 1, 2};
    std::vector<double> losses(6);
    const std::vector<float> norms(20, 1.0f);
    const auto side = cinefold::fixed_side(rows.data(), norms.data(), 1.0f, base.data(), 4, 0.0f);
    const cinefold::Observations observations{p.offsets.data(),
                                              p.columns.data(),
                                              p.targets.data(),
                                              nullptr,
                                              p.regularization.data(),
                                              order.data(),
                                              3,
                                              {}};
    const auto outcome =
        cinefold::solve_rows(cinefold::select_kernels(), side, observations, {0, 0, 1},
                             factors.data(), 4, losses.data(), 2, [] { return false; });
    expect(outcome.singular_row >= 0, "singular equations are reported");
}

void check_top_k() {
    const float none = -std::numeric_limits<float>::infinity();
    constexpr int n_items = 1200, n_queries = 70, d = 5, k = 12;
    std::mt19937 random(3);
    std::uniform_int_distribution<int> digits(-4, 4);  // many equal scores
    std::vector<float> queries(n_queries * d), items(n_items * padded(d), 0.0f);
    for (auto& value : queries) value = float(digits(random));
    for (int i = 0; i < n_items; ++i)
        for (int f = 0; f < d; ++f) items[i * padded(d) + f] = float(digits(random));
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
    const cinefold::TopKProblem problem{queries.data(), n_queries,       items.data(),  n_items, d,
                                        offsets.data(), excluded.data(), allowed.data()};
    expect(cinefold::top_k(cinefold::select_kernels(), problem, k, found.data(), scores.data(), 3,
                           [] { return false; }),
           "top k: finished");
    for (int q = 0; q < n_queries; ++q) {
        std::vector<std::pair<float, int>> all;
        for (int i = 0; i < n_items; ++i) {
            float sum = 0;
            for (int f = 0; f < d; ++f) sum += queries[q * d + f] * items[i * padded(d) + f];
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
    cinefold::top_k(cinefold::select_kernels(), problem, k, found.data(), scores.data(), 1,
                    [] { return false; });
    expect(found[k] == 3 && found[k + 1] == -1 && scores[k + 1] == none, "top k: few left");
}

}  // namespace

int main() {
    for (const auto* level : cinefold::available_kernels()) {
        setenv("CINEFOLD_SIMD", level->name, 1);
        check_solver();
        check_many_rows();
        check_singular();
        check_top_k();
        std::printf("%s: checked\n", level->name);
    }
    std::printf(failures ? "%d failures\n" : "the core is sound\n", failures);
    return failures != 0;
}
