/* What the loops of all kernels have in common. */
#ifndef STEERGAN_PROBLEM_HPP
#define STEERGAN_PROBLEM_HPP

#include "butterfly.hpp"
#include "gather.hpp"
#include "micro_kernel.hpp"

namespace {

/* Input fields are taken in chunks of so many taps in all: the depth of one matrix product. */
constexpr int DEPTH = 144;
static_assert(MAX_TAPS <= DEPTH, "a chunk holds at least one field");

/* Input fields per chunk. */
inline int64_t chunk_fields(int taps) { return DEPTH / taps; }

/* Copy f_t[u] = w[u](u t) of one pair of fields, or of the adjoint filter w'[u](t) = w[u^-1](-u^-1 t), into
   coefficients[u * stride + t], and transform them in place, vector by vector of taps. */
template <class Algebra, class T>
STEERGAN_ONCE void filter_coefficients(const T* w, const int32_t* place, int taps, bool adjoint, T* coefficients,
                                       int64_t stride) {
  for (int u = 0; u < Algebra::ORDER; ++u) {
    T* to = coefficients + u * stride;
    if (adjoint) {
      const T* from = w + Algebra::inverse(u) * taps + taps - 1;
      for (int t = 0; t < taps; ++t) to[t] = from[-t];
    } else {
      for (int t = 0; t < taps; ++t) to[t] = w[place[u * taps + t]];
    }
  }
  for (int t = 0; t < taps; t += LANES<T>) {
    Vector<T> f[Algebra::FILTERS];
    for (int u = 0; u < Algebra::ORDER; ++u) f[u] = load(coefficients + u * stride + t);
    Algebra::filter(f);
    for (int i = 0; i < Algebra::FILTERS; ++i) store(coefficients + i * stride + t, f[i]);
  }
}

/* Room for filter_coefficients, whose vectors may reach beyond the taps. */
template <class T>
constexpr int TAPS_STRIDE = (MAX_TAPS + LANES<T> - 1) / LANES<T> * LANES<T>;

}  // namespace

#endif
