// The solvers of the row equations by name, and what they are told. Which one a row gets is a
// matter of choose_solver.h, how it is called of solve_row.h.
#pragma once

#include <cstdint>

namespace cinefold {

// How many steps of conjugate gradients the exact solution of a row is expected to take, by its
// number of observations.
struct ExpectedSteps {
    static constexpr int kNever = 1 << 20, kLengths = 6;
    int64_t length[kLengths];  // growing
    int needed[kLengths];      // up to that length; beyond the last one as for the last one
    int count = 0;             // of the two; 0: no row is to be solved by conjugate gradients

    int steps(int64_t n) const {
        for (int i = 0; i < count; ++i)
            if (n <= length[i]) return needed[i];
        return count ? needed[count - 1] : kNever;
    }
};

// How rows are solved. `few_steps` improves a row by max_steps of conjugate gradients; the others
// solve it exactly. `automatic` takes what costs least; the dual is only for rows with fewer
// observations than factors.
enum class Solver { automatic, primal, dual, cg, few_steps };

struct Method {
    int max_steps;     // of `few_steps`; 0: every row exactly
    float tolerance;   // they end when the preconditioned residual has shrunk by this factor
    float relaxation;  // the row becomes  previous + relaxation * (solution - previous)
    Solver solver = Solver::automatic;
    ExpectedSteps expected{};
    int lanes = 0;  // floats that the processor multiplies at once: what costs least depends on it
};

enum class Status : int { ok = 0, singular = 1 };

}  // namespace cinefold
