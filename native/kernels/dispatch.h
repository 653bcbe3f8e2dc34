// Which of the compiled instruction sets this machine runs, and which of them is used.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace cinefold {

// The levels this machine runs, best first.
std::vector<const KernelTable*> available_kernels();

// The best of them, or the one CINEFOLD_SIMD names.
// Throws std::invalid_argument for a name that is unknown or that this machine cannot run.
const KernelTable& select_kernels();

}  // namespace cinefold
