// The Python classes: what a half-step solves and how. Indices are checked when an object is made
// of them; the objects hold references to their arrays.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.h"
#include "drive/checks.h"
#include "drive/fixed_side.h"
#include "drive/half_step.h"
#include "kernels/dispatch.h"

namespace cinefold::bindings {

// The fixed side: padded rows in a basis where their Gram matrix is the diagonal `spectrum`.
struct FixedSide {
    In<float, 2> rows;
    In<double, 1> spectrum;
    In<float, 1> norms;
    float largest_norm;

    FixedSide(In<float, 2> given_rows, In<double, 1> given_spectrum, In<float, 1> given_norms,
              float given_largest)
        : rows(std::move(given_rows)),
          spectrum(std::move(given_spectrum)),
          norms(std::move(given_norms)),
          largest_norm(given_largest) {
        const int d = n_columns_of(spectrum.shape(0));
        require(rows.shape(1) == std::size_t(cinefold::padded(d)),
                "rows must have padded(n_factors) columns");
        require(rows.shape(0) <= std::size_t(INT32_MAX), "there are too many rows");
        require(norms.shape(0) == rows.shape(0), "norms must have one entry per row");
        require(std::isfinite(largest_norm),
                "the factors are not finite, or too large for float32");
    }
};

inline cinefold::Target target_named(const std::string& name) {
    if (name == "sqrt") return cinefold::Target::sqrt;
    if (name == "binary") return cinefold::Target::binary;
    require(name == "rating", "target must be rating, sqrt or binary");
    return cinefold::Target::rating;
}

// The observations of all rows of one side, and what is fitted to them.
struct Observations {
    In<int64_t, 1> offsets;
    In<int32_t, 1> columns;
    In<float, 1> ratings;
    std::optional<In<float, 1>> weights;
    In<double, 1> regularization;
    std::size_t n_columns;
    float unobserved_weight;
    cinefold::Target target;
    float alpha;
    std::shared_ptr<const std::vector<int64_t>> order;
    std::optional<In<float, 1>> baseline{};

    Observations(In<int64_t, 1> given_offsets, In<int32_t, 1> given_columns,
                 In<float, 1> given_ratings, std::optional<In<float, 1>> given_weights,
                 In<double, 1> given_regularization, std::size_t given_n_columns,
                 float given_unobserved_weight, const std::string& given_target, float given_alpha)
        : offsets(std::move(given_offsets)),
          columns(std::move(given_columns)),
          ratings(std::move(given_ratings)),
          weights(std::move(given_weights)),
          regularization(std::move(given_regularization)),
          n_columns(given_n_columns),
          unobserved_weight(given_unobserved_weight),
          target(target_named(given_target)),
          alpha(given_alpha) {
        require(offsets.shape(0) == n_rows() + 1, "there must be one offset more than rows");
        require(columns.shape(0) == ratings.shape(0) &&
                    (!weights || weights->shape(0) == columns.shape(0)),
                "columns, ratings and weights must have one entry per observation");
        nb::gil_scoped_release release;
        cinefold::check_rows(offsets.data(), int64_t(n_rows()), columns.data(),
                             int64_t(columns.shape(0)), int64_t(n_columns), false);
        order = std::make_shared<const std::vector<int64_t>>(
            cinefold::longest_first(offsets.data(), int64_t(n_rows())));
    }

    std::size_t n_rows() const { return regularization.shape(0); }

    Observations with_baseline(std::optional<In<float, 1>> given) const {
        require(!given || given->shape(0) == n_columns, "baseline must have one entry per column");
        Observations copy = *this;
        copy.baseline = std::move(given);
        return copy;
    }

    cinefold::Observations view() const {
        return {offsets.data(),
                columns.data(),
                ratings.data(),
                weights ? weights->data() : nullptr,
                regularization.data(),
                order->data(),
                int64_t(n_rows()),
                target,
                alpha,
                baseline ? baseline->data() : nullptr};
    }
};

// One half-step's arguments, checked against each other, as the core takes them.
struct HalfStep {
    std::vector<double> base;
    cinefold::FixedSide side;
    cinefold::Observations rows;
    int64_t stride;

    template <class T>
    HalfStep(const Observations& observations, const FixedSide& fixed, const Rows<T>& factors)
        : base(fixed.rows.shape(1)), rows(observations.view()), stride(stride_of(factors)) {
        const std::size_t d = fixed.spectrum.shape(0);
        require(observations.n_columns == fixed.rows.shape(0),
                "the observations must have one column per row of the fixed side");
        require(factors.shape(0) == observations.n_rows() && factors.shape(1) == d,
                "factors must have shape (n_rows, n_factors)");
        const float w0 = observations.unobserved_weight;
        for (std::size_t i = 0; i < d; ++i) base[i] = double(w0) * fixed.spectrum.data()[i];
        side = cinefold::fixed_side(fixed.rows.data(), fixed.norms.data(), fixed.largest_norm,
                                    base.data(), int(d), w0);
    }

    template <class T>
    cinefold::Previous previous(const Rows<T>& given,
                                const std::optional<In<float, 2>>& change) const {
        require(given.shape(0) == std::size_t(rows.n_rows) &&
                    given.shape(1) == std::size_t(side.n_factors),
                "previous rows must have shape (n_rows, n_factors)");
        require(!change || (change->shape(0) == std::size_t(side.n_factors) &&
                            change->shape(1) == std::size_t(side.n_factors)),
                "change must have shape (n_factors, n_factors)");
        return {given.data(), stride_of(given), change ? change->data() : nullptr};
    }
};

using Steps = std::vector<std::pair<int64_t, int>>;  // (number of observations, steps)

inline cinefold::Solver solver_named(const std::string& name) {
    if (name == "primal") return cinefold::Solver::primal;
    if (name == "dual") return cinefold::Solver::dual;
    if (name == "cg") return cinefold::Solver::cg;
    require(name == "automatic", "solver must be automatic, primal, dual or cg");
    return cinefold::Solver::automatic;
}

struct Method {
    cinefold::Method method;

    Method(int max_steps, float tolerance, float relaxation, const std::string& solver,
           const Steps& expected)
        : method{max_steps, tolerance, relaxation, solver_named(solver), {}} {
        require(max_steps >= 0, "max_steps must not be negative");
        require(expected.size() <= cinefold::ExpectedSteps::kLengths,
                "steps are expected for too many lengths");
        for (const auto& [length, steps] : expected) {
            require(0 <= steps && steps <= cinefold::ExpectedSteps::kNever,
                    "expected steps must be 0 to 1,048,576");
            method.expected.length[method.expected.count] = length;
            method.expected.needed[method.expected.count++] = steps;
        }
    }
};

}  // namespace cinefold::bindings
