// Memory as the kernels read it fastest.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/kernels.h"

namespace cinefold {

struct AlignedDelete {
    void operator()(void* p) const { ::operator delete(p, std::align_val_t(64)); }
};
using WorkspaceMemory = std::unique_ptr<void, AlignedDelete>;
using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

// Not filled: one user's fold-in touches a small part of it.
inline WorkspaceMemory make_workspace(std::size_t bytes) {
    WorkspaceMemory memory(::operator new(bytes, std::align_val_t(64)));
#if defined CINEFOLD_SANITIZE
    std::memset(memory.get(), 0xff, bytes);  // NaN: what is read before it is written shows
#endif
    return memory;
}

inline AlignedFloats zeros(std::size_t n) {
    auto* floats = static_cast<float*>(::operator new(n * sizeof(float), std::align_val_t(64)));
    return AlignedFloats(std::uninitialized_fill_n(floats, n, 0.0f) - n);
}

}  // namespace cinefold
