/* Memory of one call or of one thread of it: no state outlives a call, so calls may run side by side. */
#ifndef STEERGAN_WORKSPACE_HPP
#define STEERGAN_WORKSPACE_HPP

#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* For functions that are called rarely enough: copies in every caller take longer to compile and run no faster. */
#define STEERGAN_ONCE __attribute__((noinline))

namespace {

/* Ask for huge pages under a large array that is about to be written. Fresh memory is otherwise made page by page of 4
   kB, which takes longer than the convolution of a few fields. */
inline void prefer_huge_pages(void* array, int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t PAGE = uintptr_t(1) << 21;
  const uintptr_t from = (reinterpret_cast<uintptr_t>(array) + PAGE - 1) / PAGE * PAGE;
  const uintptr_t to = (reinterpret_cast<uintptr_t>(array) + static_cast<uintptr_t>(bytes)) / PAGE * PAGE;
  if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#else
  (void)array, (void)bytes;
#endif
}

/* An array on a cache line's boundary, or a null pointer where memory has run out. */
template <class T>
class Array {
 public:
  explicit Array(int64_t count) : data_(nullptr) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    data_ = static_cast<T*>(aligned_alloc(64, bytes == 0 ? 64 : bytes));
    prefer_huge_pages(data_, static_cast<int64_t>(bytes));
  }
  ~Array() { free(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  T* get() const { return data_; }

 private:
  T* data_;
};

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

#endif
