/* y = convolution(x, w), and with the adjoint filter the gradient of its input.

   For each block of pixels and each chunk of input fields: gather and transform x (gather.hpp), one matrix product for
   each product of the algebra (micro_kernel.hpp) with coefficients of y piling up, and after the last chunk the way
   back (butterfly.hpp). The block of coefficients stays in the second-level cache; no map is padded, copied or unfolded in
   memory. An output is summed in an order that depends on the filter only: not on threads, batch or vector length. */
#ifndef STEERGAN_CONVOLVE_HPP
#define STEERGAN_CONVOLVE_HPP

#include "problem.hpp"

namespace {

/* Bytes of one channel of a block of pixels, and most output fields in one task. */
constexpr int BLOCK_BYTES = 256;
constexpr int64_t TASK_FIELDS = 192;

template <class T>
constexpr int BLOCK = BLOCK_BYTES / VECTOR_BYTES; /* vectors of a block */

/* The transformed filter: for each chunk, coefficient and tile of output fields, rows of DEPTH numbers. */
template <class Algebra, class T>
struct Filters {
  const int64_t chunk, chunks, tiles;
  const int rows;
  Array<T> data;

  Filters(int taps, int64_t in_fields, int64_t out_fields)
      : chunk(chunk_fields(taps)),
        chunks(divide_up(in_fields, chunk)),
        tiles(divide_up(out_fields, tile_rows(out_fields))),
        rows(tile_rows(out_fields)),
        data(chunks * Algebra::FILTERS * tiles * rows * DEPTH) {}

  T* tile(int64_t chunk_number, int coefficient, int64_t tile_number) const {
    return data.get() + ((chunk_number * Algebra::FILTERS + coefficient) * tiles + tile_number) * rows * DEPTH;
  }

  /* Fill one tile of one chunk, all coefficients; w is (out, in) or, for the adjoint, (in, out) fields. */
  void fill(const T* w, const SteerganConvolution& p, bool adjoint, int taps, int64_t in_fields, int64_t out_fields,
            int64_t chunk_number, int64_t tile_number) const {
    alignas(64) T f[Algebra::FILTERS * TAPS_STRIDE<T>] = {};
    const int64_t filter = static_cast<int64_t>(Algebra::ORDER) * taps;
    const int64_t first = chunk_number * chunk, fields = smaller(chunk, in_fields - first);
    for (int m = 0; m < rows; ++m) {
      const int64_t o = tile_number * rows + m;
      for (int64_t c = 0; c < fields; ++c) {
        if (o < out_fields) {
          const int64_t pair = adjoint ? (first + c) * out_fields + o : o * in_fields + first + c;
          filter_coefficients<Algebra, T>(w + pair * filter, p.filter, taps, adjoint, f, TAPS_STRIDE<T>);
        }
        for (int i = 0; i < Algebra::FILTERS; ++i) {
          T* to = tile(chunk_number, i, tile_number) + m * DEPTH + c * taps;
          for (int t = 0; t < taps; ++t) to[t] = o < out_fields ? f[i * TAPS_STRIDE<T> + t] : T(0);
        }
      }
    }
  }
};

/* One task: `vectors` vectors of pixels, tiles [from, to) of the output fields. */
template <class Algebra, class T>
void convolve_block(const Maps<Algebra>& maps, const Places<Algebra, T>& places, int vectors,
                    const Filters<Algebra, T>& filters, const T* x, int64_t in_fields, T* y, int64_t out_fields,
                    int64_t from, int64_t to, T* signals, T* outputs) {
  constexpr int WIDTH = PANEL * LANES<T>;
  const int64_t size = maps.size(), tiles = to - from;
  const int panels = (vectors + PANEL - 1) / PANEL;
  const MicroKernel<T> multiply = micro_kernel<T, PANEL, DEPTH>(filters.rows);
  const int64_t in_channels = in_fields * Algebra::ORDER, in_jump = (in_channels - 1) * size;
  for (int64_t chunk = 0; chunk < filters.chunks; ++chunk) {
    const int64_t first = chunk * filters.chunk, fields = smaller(filters.chunk, in_fields - first);
    const int64_t depth = fields * maps.taps, signal = panels * depth * WIDTH;
    for (int64_t c = 0; c < fields; ++c)
      for (int v = 0; v < vectors; ++v) {
        const T* field = x + places.start(v, in_channels) + (first + c) * Algebra::ORDER * size;
        prefetch_field(maps, field + Algebra::ORDER * size);
        gather_signal(maps, places, v, field, in_jump,
                      signals + ((v / PANEL) * depth + c * maps.taps) * WIDTH + v % PANEL * LANES<T>, signal, WIDTH);
      }
    bool seen[Algebra::OUTPUTS] = {};
    for (int number = 0; number < Algebra::PRODUCTS; ++number) {
      const Product& product = Algebra::products[number];
      const bool is_first = chunk == 0 && !seen[product.out];
      seen[product.out] = true;
      for (int panel = 0; panel < panels; ++panel)
        for (int64_t tile = 0; tile < tiles; ++tile)
          multiply(filters.tile(chunk, product.filter, from + tile),
                   signals + product.into * signal + panel * depth * WIDTH,
                   outputs + ((product.out * panels + panel) * tiles + tile) * filters.rows * WIDTH, depth, is_first);
    }
  }
  const int64_t out_channels = out_fields * Algebra::ORDER, out_jump = (out_channels - 1) * size;
  const int64_t output = panels * tiles * filters.rows * WIDTH;
  for (int64_t o = from * filters.rows; o < smaller(to * filters.rows, out_fields); ++o)
    for (int v = 0; v < vectors; ++v) {
      const T* coefficients = outputs + ((v / PANEL) * tiles * filters.rows + o - from * filters.rows) * WIDTH +
                              v % PANEL * LANES<T>;
      Vector<T> z[Algebra::OUTPUTS];
      for (int i = 0; i < Algebra::OUTPUTS; ++i) z[i] = load(coefficients + i * output);
      Algebra::back(z);
      T* field = y + places.start(v, out_channels) + o * Algebra::ORDER * size;
      for (int segment = 0; segment < places.segments(v); ++segment) {
        const LaneMask lanes = places.lanes(v, segment);
        for (int s = 0; s < Algebra::ORDER; ++s) store_lanes(field + segment * out_jump + s * size, lanes, z[s]);
      }
    }
}

template <class Algebra, class T>
int32_t convolve(const SteerganConvolution& p, const void* x_, const void* w_, void* y_, bool adjoint) {
  const T* x = static_cast<const T*>(x_);
  const T* w = static_cast<const T*>(w_);
  T* y = static_cast<T*>(y_);
  const int64_t in_fields = adjoint ? p.out_fields : p.in_fields, out_fields = adjoint ? p.in_fields : p.out_fields;
  const Maps<Algebra> maps(p);
  const Filters<Algebra, T> filters(maps.taps, in_fields, out_fields);
  const int64_t vectors = divide_up(maps.pixels(), LANES<T>), blocks = divide_up(vectors, BLOCK<T>);
  /* Fewer blocks than threads: split the output fields too. */
  const int64_t wanted = smaller(filters.tiles, divide_up(p.threads, blocks));
  const int64_t splits = larger(divide_up(out_fields, TASK_FIELDS), wanted);
  const int64_t task_tiles = divide_up(filters.tiles, splits), tasks_per_block = divide_up(filters.tiles, task_tiles);
  const int64_t depth = filters.chunk * maps.taps;
  prefer_huge_pages(y, maps.pixels() * out_fields * Algebra::ORDER * static_cast<int64_t>(sizeof(T)));
  int failed = filters.data.get() == nullptr;
#pragma omp parallel num_threads(p.threads) if (!failed)
  {
    constexpr int64_t LENGTH = BLOCK<T> * LANES<T>;
    const Array<T> signals(failed ? 0 : Algebra::SIGNALS * depth * LENGTH);
    const Array<T> outputs(failed ? 0 : Algebra::OUTPUTS * task_tiles * filters.rows * LENGTH);
    Places<Algebra, T> places(maps, BLOCK<T>);
    if (signals.get() == nullptr || outputs.get() == nullptr || !places.allocated())
#pragma omp atomic write
      failed = 1;
#pragma omp barrier
    if (!failed) {
#pragma omp for schedule(static) collapse(2)
      for (int64_t chunk = 0; chunk < filters.chunks; ++chunk)
        for (int64_t tile = 0; tile < filters.tiles; ++tile)
          filters.fill(w, p, adjoint, maps.taps, in_fields, out_fields, chunk, tile);
#pragma omp for schedule(dynamic, 1)
      for (int64_t task = 0; task < blocks * tasks_per_block; ++task) {
        const int64_t vector = task / tasks_per_block * BLOCK<T>, from = task % tasks_per_block * task_tiles;
        const int count = static_cast<int>(smaller(BLOCK<T>, vectors - vector));
        places.move_to(vector, count);
        convolve_block<Algebra, T>(maps, places, count, filters, x, in_fields, y, out_fields, from,
                                   smaller(from + task_tiles, filters.tiles), signals.get(), outputs.get());
      }
    }
  }
  return failed ? STEERGAN_OUT_OF_MEMORY : STEERGAN_DONE;
}

}  // namespace

#endif
