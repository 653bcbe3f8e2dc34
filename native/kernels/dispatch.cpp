#include "kernels/dispatch.h"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

namespace cinefold {

#if defined CINEFOLD_X86
// The same kernels for processors that multiply 512 bits in two halves: what costs least is other.
static const KernelTable avx512_halves = [] {
    KernelTable table = avx512::table;
    table.name = "avx512_halves";
    table.lanes /= 2;
    return table;
}();
#endif

std::vector<const KernelTable*> available_kernels() {
    std::vector<const KernelTable*> levels;
#if defined CINEFOLD_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        levels = {&avx512::table, &avx512_halves};
        if (__builtin_cpu_is("amdfam19h")) std::swap(levels[0], levels[1]);  // Zen 4
    }
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
