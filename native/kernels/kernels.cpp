// The kernels of one level. This file is compiled once per instruction set (see CMakeLists.txt).
#include "kernels/kernels.h"

#include "blas/gram.h"
#include "blas/scores.h"
#include "rows/solve_row.h"

namespace cinefold::CINEFOLD_LEVEL {

extern const KernelTable table;
const KernelTable table = {CINEFOLD_LEVEL_NAME,
                           W,
                           workspace_bytes,
                           solve_row,
                           cheapest_solver,
                           count_cg_steps,
                           add_normal_equations,
                           solve_normal_equations,
                           gram_workspace_bytes,
                           add_gram,
                           row_norms,
                           MR,
                           NV * W % kAlign ? 2 * NV * W : NV * W,
                           pack_items,
                           score,
                           next_above};

}  // namespace cinefold::CINEFOLD_LEVEL
