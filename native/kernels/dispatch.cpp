#include "kernels/dispatch.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace cinefold {

std::vector<const KernelTable*> available_kernels() {
    std::vector<const KernelTable*> levels;
#if defined CINEFOLD_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        levels.push_back(&avx512::table);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        levels.push_back(&avx2::table);
#endif
#if defined CINEFOLD_ARM64
    levels.push_back(&neon::table);  // every 64-bit ARM processor has it
#else
    levels.push_back(&baseline::table);
#endif
    return levels;
}

const KernelTable& select_kernels() {
    const auto levels = available_kernels();
    const char* wanted = std::getenv("CINEFOLD_SIMD");
    if (!wanted || !*wanted) return *levels.front();
    std::string names;
    for (const auto* level : levels) {
        if (std::string(wanted) == level->name) return *level;
        names += (names.empty() ? "" : ", ") + std::string(level->name);
    }
    throw std::invalid_argument("CINEFOLD_SIMD is '" + std::string(wanted) +
                                "'; this machine runs: " + names);
}

}  // namespace cinefold
