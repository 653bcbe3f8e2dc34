// Arrays of Python as the bindings take and make them, and the errors of wrong ones.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace cinefold::bindings {

namespace nb = nanobind;

template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using InOut = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T>
using Rows = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;  // each contiguous, perhaps apart
using Matrix = nb::ndarray<nb::numpy, float, nb::ndim<2>, nb::c_contig>;

inline void require(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

// How far apart the rows are.
template <class T>
int64_t stride_of(const Rows<T>& rows) {
    require(rows.shape(1) < 2 || rows.stride(1) == 1, "rows must be contiguous");
    return rows.shape(0) < 2 ? int64_t(rows.shape(1)) : rows.stride(0);
}

// Rows are gathered at random: 64-byte alignment saves split loads, huge pages save TLB misses.
inline Matrix aligned_matrix(std::size_t rows, std::size_t columns) {
    constexpr std::size_t huge = std::size_t(2) << 20;
    require(rows < SIZE_MAX / 16 / std::max<std::size_t>(columns, 1), "the matrix is too large");
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

template <class T, class... Shape>
nb::ndarray<nb::numpy, T, nb::ndim<sizeof...(Shape)>> array(Shape... shape) {
    auto* memory = new T[(shape * ...)];
    nb::capsule owner(memory, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return {memory, {shape...}, owner};
}

inline int n_columns_of(std::size_t columns) {
    require(0 < columns && columns < (1 << 20), "there must be 1 to 1,048,575 factors");
    return int(columns);
}

}  // namespace cinefold::bindings
