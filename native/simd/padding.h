// How rows are padded, the same for every instruction set.
#pragma once

namespace cinefold {

constexpr int kAlign = 16;  // floats; every padded row length is a multiple of it

static inline int padded(int n) { return (n + kAlign - 1) / kAlign * kAlign; }

}  // namespace cinefold
