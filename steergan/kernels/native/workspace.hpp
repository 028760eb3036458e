/* Memory of one call or of one thread of it: no state outlives a call, so calls may run side by side. */
#ifndef STEERGAN_WORKSPACE_HPP
#define STEERGAN_WORKSPACE_HPP

#include <stdint.h>
#include <stdlib.h>

namespace {

/* An array on a cache line's boundary, or a null pointer where memory has run out. */
template <class T>
class Array {
 public:
  explicit Array(int64_t count) : data_(nullptr) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    data_ = static_cast<T*>(aligned_alloc(64, bytes == 0 ? 64 : bytes));
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
