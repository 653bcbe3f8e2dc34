// Python bindings of the core: cinefold._core. Arguments are checked here for shape; their values
// (indices in range, finite numbers) are the Python side's to check, once per fit.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drive/fixed_side.h"
#include "drive/half_step.h"
#include "drive/top_k.h"
#include "simd/dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using InOut = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T>
using Rows = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;  // each contiguous, perhaps apart
using Matrix = nb::ndarray<nb::numpy, float, nb::ndim<2>, nb::c_contig>;

void require(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

// How far apart the rows are.
template <class T>
int64_t stride_of(const Rows<T>& rows) {
    require(rows.shape(1) < 2 || rows.stride(1) == 1, "rows must be contiguous");
    return rows.shape(0) < 2 ? int64_t(rows.shape(1)) : rows.stride(0);
}

// Rows are gathered at random: 64-byte alignment saves split loads, huge pages save TLB misses.
Matrix aligned_matrix(std::size_t rows, std::size_t columns) {
    constexpr std::size_t huge = std::size_t(2) << 20;
    const std::size_t bytes = std::max<std::size_t>(64, rows * columns * sizeof(float));
    const std::size_t alignment = bytes >= huge ? huge : 64;
    void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (!memory) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (alignment == huge) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    nb::capsule owner(memory, [](void* p) noexcept { std::free(p); });
    return Matrix(memory, {rows, columns}, owner);
}

template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<2>> matrix(std::size_t rows, std::size_t columns) {
    auto* memory = new T[rows * columns];
    nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return {memory, {rows, columns}, owner};
}

nb::ndarray<nb::numpy, float, nb::ndim<1>> vector(std::size_t n) {
    auto* memory = new float[n];
    nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    return {memory, {n}, owner};
}

auto gram(Rows<const float> v, std::optional<In<float, 1>> scale, int n_threads) {
    const std::size_t d = v.shape(1);
    require(!scale || scale->shape(0) == v.shape(0), "scale must have one entry per row");
    const int64_t stride = stride_of(v);
    auto out = matrix<double>(d, d);
    {
        nb::gil_scoped_release release;
        cinefold::gram(cinefold::select_kernels(), v.data(), scale ? scale->data() : nullptr,
                       int64_t(v.shape(0)), int(d), stride, out.data(), n_threads);
    }
    return out;
}

void rotate(Rows<const float> v, In<float, 2> q, InOut<float, 2> out, int n_threads) {
    const int d = int(v.shape(1));
    const auto width = std::size_t(cinefold::padded(d));
    const int64_t stride = stride_of(v);
    require(q.shape(0) == std::size_t(d) && q.shape(1) == width,
            "rotation must have shape (n_factors, padded(n_factors))");
    require(out.shape(0) == v.shape(0) && out.shape(1) == width,
            "out must have the rows of v and padded(n_factors) columns");
    nb::gil_scoped_release release;
    cinefold::rotate(cinefold::select_kernels(), v.data(), int64_t(v.shape(0)), d, stride, q.data(),
                     out.data(), n_threads);
}

// Asks whether a signal handler raised (Ctrl-C; the Python error is then set). Python handles
// signals on its main thread alone; others never ask, since taking the GIL while the interpreter
// exits would end the process.
std::function<bool()> signal_check() {
    const nb::object threading = nb::module_::import_("threading");
    const nb::object current = threading.attr("current_thread")();
    if (!current.is(threading.attr("main_thread")())) return [] { return false; };
    return [] {
        nb::gil_scoped_acquire acquire;
        return PyErr_CheckSignals() != 0;
    };
}

auto measure(In<float, 2> rows, int n_threads) {
    const std::size_t n = rows.shape(0), stride = rows.shape(1);
    auto norms = vector(n), largest = vector(stride);  // TEMP
    {
        nb::gil_scoped_release release;
        cinefold::row_norms(cinefold::select_kernels(), rows.data(), int64_t(n), int(stride),
                            norms.data(), n_threads);
    }
    return std::make_pair(norms, largest);
}

cinefold::Target target_named(const std::string& name) {
    if (name == "sqrt") return cinefold::Target::sqrt;
    if (name == "binary") return cinefold::Target::binary;
    require(name == "rating", "target must be rating, sqrt or binary");
    return cinefold::Target::rating;
}

void solve_rows(In<float, 2> fixed, In<float, 1> norms, float largest_norm,
                In<float, 1> largest_entries, In<double, 1> base, float unobserved_weight,
                In<int64_t, 1> offsets, In<int32_t, 1> columns, In<float, 1> ratings,
                std::optional<In<float, 1>> weights, const std::string& target, float alpha,
                std::optional<In<float, 1>> baseline, In<double, 1> regularization,
                In<int64_t, 1> order, int max_steps, float tolerance, float relaxation,
                Rows<float> factors, std::optional<InOut<double, 2>> losses, int n_threads) {
    const std::size_t n_rows = regularization.shape(0), d = factors.shape(1);
    require(d > 0 && fixed.shape(1) == std::size_t(cinefold::padded(int(d))),
            "fixed must have padded(n_factors) columns");
    require(base.shape(0) == fixed.shape(1) && largest_entries.shape(0) == fixed.shape(1),
            "base and largest_entries must have one entry per column of fixed");
    require(norms.shape(0) == fixed.shape(0), "norms must have one entry per row of fixed");
    require(
        offsets.shape(0) == n_rows + 1 && order.shape(0) == n_rows && factors.shape(0) == n_rows,
        "offsets, order and factors must have one entry per row");
    require(!losses || (losses->shape(0) == n_rows && losses->shape(1) == 2),
            "losses must have one entry of two per row");
    require(columns.shape(0) == ratings.shape(0) &&
                columns.shape(0) == std::size_t(offsets.data()[n_rows]) &&
                (!weights || weights->shape(0) == columns.shape(0)),
            "columns, ratings and weights must have one entry per observation");
    require(!baseline || baseline->shape(0) == fixed.shape(0),
            "baseline must have one entry per row of fixed");

    const auto side = cinefold::fixed_side(fixed.data(), norms.data(), largest_norm, base.data(),
                                           int(d), unobserved_weight);
    const cinefold::Observations rows{offsets.data(),
                                      columns.data(),
                                      ratings.data(),
                                      weights ? weights->data() : nullptr,
                                      regularization.data(),
                                      order.data(),
                                      int64_t(n_rows),
                                      target_named(target),
                                      alpha,
                                      baseline ? baseline->data() : nullptr};
    const int64_t stride = stride_of(factors);
    const auto interrupted = signal_check();
    cinefold::Outcome outcome;
    {
        nb::gil_scoped_release release;
        cinefold::Method method{max_steps, tolerance, relaxation};
        method.expected = cinefold::expected_steps(cinefold::select_kernels(), side, rows,
                                                   factors.data(), stride);
        outcome =
            cinefold::solve_rows(cinefold::select_kernels(), side, rows, method, factors.data(),
                                 stride, losses ? losses->data() : nullptr, n_threads, interrupted);
    }
    if (outcome.interrupted) throw nb::python_error();
    if (outcome.singular_row >= 0) {
        PyErr_SetObject(PyExc_ArithmeticError, nb::int_(outcome.singular_row).ptr());
        throw nb::python_error();
    }
}

auto top_k(In<float, 2> queries, In<float, 2> items, int k, std::optional<In<int64_t, 1>> offsets,
           std::optional<In<int32_t, 1>> excluded, std::optional<In<bool, 1>> allowed,
           int n_threads) {
    const std::size_t n = queries.shape(0), d = queries.shape(1);
    require(k > 0, "k must be positive");
    require(items.shape(1) == std::size_t(cinefold::padded(int(d))),
            "items must have padded(n_factors) columns");
    require(!offsets || (excluded && offsets->shape(0) == n + 1 &&
                         excluded->shape(0) == std::size_t(offsets->data()[n])),
            "offsets must have one entry per query and end with the number of excluded items");
    require(!allowed || allowed->shape(0) == items.shape(0),
            "allowed must have one entry per item");
    auto found = matrix<int32_t>(n, std::size_t(k));
    auto scores = matrix<float>(n, std::size_t(k));
    const cinefold::TopKProblem problem{
        queries.data(),
        int64_t(n),
        items.data(),
        int64_t(items.shape(0)),
        int64_t(items.shape(1)),
        int(d),
        offsets ? offsets->data() : nullptr,
        excluded ? excluded->data() : nullptr,
        allowed ? reinterpret_cast<const uint8_t*>(allowed->data()) : nullptr};
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

NB_MODULE(_core, m) {
    m.doc() = "The compiled core of cinefold: exact row solves of weighted ALS.";
    m.def("gram", &gram, "v"_a, "scale"_a.none(), "n_threads"_a,
          "V'V (d, d) in double precision, of V or of V with each row times its scale.");
    m.def("aligned", &aligned_matrix, "rows"_a, "columns"_a,
          "An uninitialized float32 matrix, aligned as solve_rows reads its fixed side fastest.");
    m.def("rotate", &rotate, "v"_a, "q"_a, "out"_a, "n_threads"_a,
          "V Q into out, its rows padded with zeros to padded_length(d); out may be v itself.");
    m.def("measure", &measure, "rows"_a, "n_threads"_a,
          "|row|^2 of padded rows, and the largest magnitude in each column.");
    m.def("solve_rows", &solve_rows, "fixed"_a, "norms"_a, "largest_norm"_a, "largest_entries"_a,
          "base"_a, "unobserved_weight"_a, "offsets"_a, "columns"_a, "ratings"_a,
          "weights"_a.none(), "target"_a, "alpha"_a, "baseline"_a.none(), "regularization"_a,
          "order"_a, "max_steps"_a, "tolerance"_a, "relaxation"_a, "factors"_a, "losses"_a.none(),
          "n_threads"_a,
          "Solves every row into factors; losses (n_rows, 2) are the weighted and squared ones, or "
          "None. "
          "Raises ArithmeticError(row) for a row that is not positive definite.");
    m.def("top_k", &top_k, "queries"_a, "items"_a, "k"_a, "offsets"_a.none(), "excluded"_a.none(),
          "allowed"_a.none(), "n_threads"_a,
          "Items (-1: none) and scores of the k best of each query; ties by rising item.");
    m.def("padded_length", &cinefold::padded, "n_factors"_a);
    m.def(
        "simd_level", [] { return std::string(cinefold::select_kernels().name); },
        "The level of simd_levels() in use: the first, or the one CINEFOLD_SIMD names.");
    m.def("simd_levels", &simd_levels,
          "The instruction sets this machine runs, best first: of avx512, avx2 and baseline on "
          "x86-64, neon on 64-bit ARM, baseline elsewhere.");
}
