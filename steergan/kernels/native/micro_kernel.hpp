/* The inner product of everything: a small matrix product whose result stays in registers. */
#ifndef STEERGAN_MICRO_KERNEL_HPP
#define STEERGAN_MICRO_KERNEL_HPP

#include "vector.hpp"

namespace {

/* c[ROWS][COLUMNS * LANES] += a[ROWS][depth] b[depth][COLUMNS * LANES], or = if `first`; a's rows are STRIDE apart.

   Each depth loads COLUMNS vectors and broadcasts ROWS numbers for ROWS * COLUMNS fused multiply-adds. Sums over one
   depth start at zero: what has piled up in c before is added once, so that rounding errors don't grow with it. */
template <class T, int ROWS, int COLUMNS, int STRIDE>
void multiply_add(const T* __restrict a, const T* __restrict b, T* __restrict c, int64_t depth, bool first) {
  Vector<T> sum[ROWS][COLUMNS];
#pragma GCC unroll 32
  for (int i = 0; i < ROWS * COLUMNS; ++i) sum[i / COLUMNS][i % COLUMNS] = Vector<T>{};
  for (int64_t k = 0; k < depth; ++k) {
    Vector<T> row[COLUMNS];
#pragma GCC unroll 4
    for (int j = 0; j < COLUMNS; ++j) row[j] = load(b + j * LANES<T>);
#pragma GCC unroll 16
    for (int m = 0; m < ROWS; ++m) {
      const Vector<T> factor = broadcast(a[m * STRIDE]);
#pragma GCC unroll 4
      for (int j = 0; j < COLUMNS; ++j) sum[m][j] += factor * row[j];
    }
    ++a;
    b += COLUMNS * LANES<T>;
  }
  if (!first)
#pragma GCC unroll 32
    for (int i = 0; i < ROWS * COLUMNS; ++i) sum[i / COLUMNS][i % COLUMNS] += load(c + i * LANES<T>);
#pragma GCC unroll 32
  for (int i = 0; i < ROWS * COLUMNS; ++i) store(c + i * LANES<T>, sum[i / COLUMNS][i % COLUMNS]);
}

template <class T>
using MicroKernel = void (*)(const T*, const T*, T*, int64_t, bool);

/* Most vectors in a row of b, and the tallest tile whose accumulators, one such row and one broadcast fit the
   registers. Narrower rows keep to that height: no caller asks for more, and every height takes its time to compile. */
constexpr int PANEL = 2;
constexpr int MAX_ROWS = (REGISTERS - 1 - PANEL) / PANEL;

template <class T, int COLUMNS, int STRIDE, int ROWS>
struct MicroKernels {
  static MicroKernel<T> of(int rows) {
    return rows == ROWS ? multiply_add<T, ROWS, COLUMNS, STRIDE> : MicroKernels<T, COLUMNS, STRIDE, ROWS - 1>::of(rows);
  }
};

template <class T, int COLUMNS, int STRIDE>
struct MicroKernels<T, COLUMNS, STRIDE, 0> {
  static MicroKernel<T> of(int) { return nullptr; }
};

/* The kernel for tiles of `rows` rows. */
template <class T, int COLUMNS, int STRIDE>
MicroKernel<T> micro_kernel(int rows) {
  return MicroKernels<T, COLUMNS, STRIDE, MAX_ROWS>::of(rows);
}

/* The height of tile that leaves the fewest rows of `count` idle, and of those the tallest; at least half of the
   tallest possible, because each vector of b should serve many rows. */
inline int tile_rows(int64_t count) {
  constexpr int most = MAX_ROWS, least = (most + 1) / 2;
  if (count < least) return static_cast<int>(count);
  int best = most;
  for (int rows = most; rows >= least; --rows)
    if ((count + rows - 1) / rows * rows < (count + best - 1) / best * best) best = rows;
  return best;
}

}  // namespace

#endif
