// Python bindings of the core: cinefold.als._core. Whatever comes from Python is checked here or in
// problem.h, so that nothing is read or written out of bounds.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "bindings/problem.h"
#include "drive/fixed_side.h"
#include "drive/half_step.h"
#include "drive/threads.h"
#include "drive/top_k.h"
#include "kernels/dispatch.h"

using namespace nanobind::literals;

namespace cinefold::bindings {
namespace {

auto gram(Rows<const float> v, std::optional<In<float, 1>> scale, int n_threads) {
    const int d = n_columns_of(v.shape(1));
    require(!scale || scale->shape(0) == v.shape(0), "scale must have one entry per row");
    const int64_t stride = stride_of(v);
    auto out = array<double>(v.shape(1), v.shape(1));
    {
        nb::gil_scoped_release release;
        cinefold::gram(cinefold::select_kernels(), v.data(), scale ? scale->data() : nullptr,
                       int64_t(v.shape(0)), d, stride, out.data(), n_threads);
    }
    return out;
}

auto rotate(Rows<const float> v, In<float, 2> columns, InOut<float, 2> out, int n_threads) {
    const int d = n_columns_of(v.shape(1));
    const auto width = std::size_t(cinefold::padded(d));
    const int64_t stride = stride_of(v);
    require(columns.shape(0) == std::size_t(d) && columns.shape(1) == std::size_t(d),
            "columns must have shape (n_factors, n_factors)");
    require(out.shape(0) == v.shape(0) && out.shape(1) == width,
            "out must have the rows of v and padded(n_factors) columns");
    auto norms = array<float>(v.shape(0));
    float largest;
    {
        nb::gil_scoped_release release;
        largest = cinefold::rotate(cinefold::select_kernels(), v.data(), int64_t(v.shape(0)), d,
                                   stride, columns.data(), out.data(), norms.data(), n_threads);
    }
    return std::make_pair(norms, largest);
}

auto row_norms(In<float, 2> rows, int n_threads) {
    require(rows.shape(1) % cinefold::kAlign == 0, "rows must have padded(n_factors) columns");
    auto norms = array<float>(rows.shape(0));
    float largest;
    {
        nb::gil_scoped_release release;
        largest =
            cinefold::row_norms(cinefold::select_kernels(), rows.data(), int64_t(rows.shape(0)),
                                int(rows.shape(1)), norms.data(), n_threads);
    }
    return std::make_pair(norms, largest);
}

// Asks ten times a second whether a signal handler raised (Ctrl-C; the Python error is then set).
// Python handles signals on its main thread alone; others never ask, since taking the GIL while the
// interpreter exits would end the process.
std::function<bool()> signal_check() {
    const nb::object threading = nb::module_::import_("threading");
    const nb::object current = threading.attr("current_thread")();
    if (!current.is(threading.attr("main_thread")())) return [] { return false; };
    using Clock = std::chrono::steady_clock;
    return [asked = Clock::now()]() mutable {
        if (Clock::now() - asked < std::chrono::milliseconds(100)) return false;
        asked = Clock::now();
        nb::gil_scoped_acquire acquire;
        return PyErr_CheckSignals() != 0;
    };
}

using Change = std::optional<In<float, 2>>;

Steps expected_steps(const Observations& observations, const FixedSide& fixed,
                     Rows<const float> previous, const Change& change, int n_threads) {
    const HalfStep step(observations, fixed, previous);
    const auto from = step.previous(previous, change);
    nb::gil_scoped_release release;
    const auto found =
        cinefold::expected_steps(cinefold::select_kernels(), step.side, step.rows, from, n_threads);
    Steps steps;
    for (int i = 0; i < found.count; ++i) steps.emplace_back(found.length[i], found.needed[i]);
    return steps;
}

void solve_rows(const Observations& observations, const FixedSide& fixed, const Method& method,
                Rows<const float> previous, const Change& change, Rows<float> factors,
                std::optional<InOut<double, 2>> losses, std::optional<InOut<double, 2>> gram,
                int n_threads) {
    const HalfStep step(observations, fixed, factors);
    const auto from = step.previous(previous, change);
    require(!losses || (losses->shape(0) == factors.shape(0) && losses->shape(1) == 2),
            "losses must have one entry of two per row");
    const std::size_t d = factors.shape(1);
    require(!gram || (gram->shape(0) == d && gram->shape(1) == d),
            "gram must have shape (n_factors, n_factors)");
    const auto interrupted = signal_check();
    cinefold::Outcome outcome;
    {
        nb::gil_scoped_release release;
        outcome = cinefold::solve_rows(cinefold::select_kernels(), step.side, step.rows,
                                       method.method, from, factors.data(), step.stride,
                                       losses ? losses->data() : nullptr,
                                       gram ? gram->data() : nullptr, n_threads, interrupted);
    }
    if (outcome.interrupted) throw nb::python_error();
    if (outcome.singular_row >= 0) {
        PyErr_SetObject(PyExc_ArithmeticError, nb::int_(outcome.singular_row).ptr());
        throw nb::python_error();
    }
}

auto top_k(In<float, 2> queries, Rows<const float> items, int k,
           std::optional<In<int64_t, 1>> offsets, std::optional<In<int32_t, 1>> excluded,
           std::optional<In<uint8_t, 1>> allowed, int n_threads) {
    const std::size_t n = queries.shape(0);
    const int d = n_columns_of(queries.shape(1));
    require(k > 0, "k must be positive");
    require(items.shape(1) == std::size_t(d), "queries and items must have the same columns");
    require(items.shape(0) <= std::size_t(INT32_MAX), "there are too many items");
    require(offsets.has_value() == excluded.has_value() && (!offsets || offsets->shape(0) == n + 1),
            "there must be one offset of excluded items more than queries");
    require(!allowed || allowed->shape(0) == items.shape(0),
            "allowed must have one entry per item");
    const cinefold::TopKProblem problem{queries.data(),
                                        int64_t(n),
                                        items.data(),
                                        int64_t(items.shape(0)),
                                        stride_of(items),
                                        d,
                                        offsets ? offsets->data() : nullptr,
                                        excluded ? excluded->data() : nullptr,
                                        allowed ? allowed->data() : nullptr};
    if (offsets)
        cinefold::check_rows(offsets->data(), int64_t(n), excluded->data(),
                             int64_t(excluded->shape(0)), problem.n_items, true);
    auto found = array<int32_t>(n, std::size_t(k));
    auto scores = array<float>(n, std::size_t(k));
    const auto interrupted = signal_check();
    bool finished;
    {
        nb::gil_scoped_release release;
        finished = cinefold::top_k(cinefold::select_kernels(), problem, k, found.data(),
                                   scores.data(), n_threads, interrupted);
    }
    if (!finished) throw nb::python_error();
    return std::make_pair(found, scores);
}

std::vector<std::string> simd_levels() {
    std::vector<std::string> names;
    for (const auto* level : cinefold::available_kernels()) names.emplace_back(level->name);
    return names;
}

}  // namespace
}  // namespace cinefold::bindings

NB_MODULE(_core, m) {
    using namespace cinefold::bindings;
    nb::set_leak_warnings(false);  // models may live until the interpreter ends
    m.doc() = "The compiled core of cinefold: exact row solves of weighted ALS.";
    m.def("gram", &gram, "v"_a, "scale"_a.none(), "n_threads"_a,
          "V'V (d, d) in double precision, of V or of V with each row times its scale.");
    m.def("aligned", &aligned_matrix, "rows"_a, "columns"_a,
          "An uninitialized float32 matrix, aligned as solve_rows reads its fixed side fastest.");
    m.def(
        "rotate", &rotate, "v"_a, "columns"_a, "out"_a.noconvert(), "n_threads"_a,
        "V columns' into out, its rows padded with zeros to padded_length(d); out may be v itself. "
        "Returns the |row|^2 (n,) of out, and the largest of them.");
    m.def("row_norms", &row_norms, "rows"_a, "n_threads"_a, "The same of padded rows.");
    nb::class_<FixedSide>(m, "FixedSide",
                          "Padded rows (n, padded_length(d)) whose Gram matrix is the diagonal "
                          "spectrum (d,).")
        .def(nb::init<In<float, 2>, In<double, 1>, In<float, 1>, float>(), "rows"_a, "spectrum"_a,
             "norms"_a, "largest_norm"_a);
    nb::class_<Observations>(m, "Observations",
                             "The observations of all rows (compressed sparse rows), checked.")
        .def(nb::init<In<int64_t, 1>, In<int32_t, 1>, In<float, 1>, std::optional<In<float, 1>>,
                      In<double, 1>, std::size_t, float, const std::string&, float>(),
             "offsets"_a, "columns"_a, "ratings"_a, "weights"_a.none(), "regularization"_a,
             "n_columns"_a, "unobserved_weight"_a, "target"_a, "alpha"_a)
        .def("with_baseline", &Observations::with_baseline, "baseline"_a.none(),
             "The same, with targets measured from the baseline (n_columns,) of their columns.");
    nb::class_<Method>(m, "Method", "How rows are solved, and the steps expected of them.")
        .def(nb::init<int, float, float, const std::string&, const Steps&>(), "max_steps"_a,
             "tolerance"_a, "relaxation"_a, "solver"_a, "expected_steps"_a);
    m.def("expected_steps", &expected_steps, "observations"_a, "fixed"_a, "previous"_a,
          "change"_a.none(), "n_threads"_a,
          "(number of observations, steps) that exact solutions by conjugate gradients take.");
    m.def("solve_rows", &solve_rows, "observations"_a, "fixed"_a, "method"_a, "previous"_a,
          "change"_a.none(), "factors"_a.noconvert(), "losses"_a.none().noconvert(),
          "gram"_a.none().noconvert(), "n_threads"_a,
          "Solves every row into factors, from previous rows times change'; losses (n_rows, 2) are "
          "the weighted and squared ones, gram (d, d) is that of the factors. Raises "
          "ArithmeticError(row) for a row that is not positive definite.");
    m.def("top_k", &top_k, "queries"_a, "items"_a, "k"_a, "offsets"_a.none(), "excluded"_a.none(),
          "allowed"_a.none(), "n_threads"_a,
          "Items (-1: none) and scores of the k best of each query; ties by rising item.");
    m.def(
        "record", &cinefold::record, "on"_a,
        "For benchmarks: start or end to record calls, one at a time. Returns, of those recorded "
        "since, the CPU time of the caller and the thread, begin, end and CPU time of each block.");
    m.def("padded_length", &cinefold::padded, "n_factors"_a);
    m.def(
        "simd_level", [] { return std::string(cinefold::select_kernels().name); },
        "The level of simd_levels() in use: the first, or the one CINEFOLD_SIMD names.");
    m.def("simd_levels", &simd_levels,
          "The instruction sets this machine runs, best first: of avx512, avx512_halves, avx2 and "
          "baseline on x86-64, neon on 64-bit ARM, baseline elsewhere.");
}
