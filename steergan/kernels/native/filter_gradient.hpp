/* The gradient of <y, convolution(x, w)> by w: for every product of the algebra, coefficients of y times those of x,
   summed over the pixels.

   Of x and y, the one with fewer fields is gathered at every tap; the other, "plain", is transformed once and laid out
   with its fields side by side. Gathering y gives the gradient of the adjoint filter, which is the filter's in another
   order. Work is cut by chunks of gathered fields, groups of plain ones and slices of the pixels, in a way that depends
   on the shapes only; every slice's sum is kept and the slices are added in order at the end, so that the result is the
   same to the last bit for any number of threads. */
#ifndef STEERGAN_FILTER_GRADIENT_HPP
#define STEERGAN_FILTER_GRADIENT_HPP

#include "problem.hpp"

namespace {

/* Bytes of numbers of one block of pixels and of one group of plain fields; taps of one chunk of gathered fields, all
   together; tasks to aim at. A task's arrays then fit a second-level cache of a megabyte. */
constexpr int PIXEL_BYTES = 256;
constexpr int64_t GROUP_BYTES = 384;
constexpr int64_t CHUNK_TAPS = 216;
constexpr int64_t TASKS = 16;

template <class T>
constexpr int PIXELS = PIXEL_BYTES / static_cast<int>(sizeof(T));

template <class Algebra, class T>
class FilterGradient {
  static constexpr int VECTORS = PIXELS<T> / LANES<T>; /* of pixels, in a block */
  static constexpr int64_t GROUP = GROUP_BYTES / static_cast<int64_t>(sizeof(T));

 public:
  FilterGradient(const SteerganConvolution& p, const T* x, const T* y)
      : p_(p),
        maps_(p),
        adjoint_(p.out_fields < p.in_fields),
        gathered_(adjoint_ ? y : x),
        plain_(adjoint_ ? x : y),
        gathered_fields_(adjoint_ ? p.out_fields : p.in_fields),
        plain_fields_(adjoint_ ? p.in_fields : p.out_fields),
        chunks_(divide_up(gathered_fields_ * maps_.taps, CHUNK_TAPS)),
        chunk_(divide_up(gathered_fields_, chunks_)),
        groups_(divide_up(plain_fields_, GROUP)),
        group_(divide_up(divide_up(plain_fields_, groups_), LANES<T>) * LANES<T>),
        vectors_(divide_up(maps_.pixels(), LANES<T>)),
        blocks_(divide_up(vectors_, VECTORS)),
        slices_(smaller(blocks_, divide_up(TASKS, chunks_ * groups_))),
        rows_(tile_rows(smaller(chunk_, gathered_fields_) * maps_.taps)),
        depth_(divide_up(smaller(chunk_, gathered_fields_) * maps_.taps, rows_) * rows_),
        sums_(chunks_ * groups_ * slices_ * task_size()) {}

  int32_t run(T* w) const {
    int failed = sums_.get() == nullptr;
#pragma omp parallel num_threads(p_.threads) if (!failed)
    {
      const Array<T> plain(failed ? 0 : Algebra::OUTPUTS * group_ * PIXELS<T>);
      const Array<T> staged(failed ? 0 : Algebra::OUTPUTS * LANES<T> * LANES<T>);
      const Array<T> gathered(failed ? 0 : Algebra::SIGNALS * depth_ * PIXELS<T>);
      Places<Algebra, T> places(maps_, VECTORS);
      if (plain.get() == nullptr || staged.get() == nullptr || gathered.get() == nullptr || !places.allocated())
#pragma omp atomic write
        failed = 1;
#pragma omp barrier
      if (!failed) {
        for (int64_t i = 0; i < Algebra::SIGNALS * depth_ * PIXELS<T>; ++i) gathered.get()[i] = T(0);
#pragma omp for schedule(dynamic, 1)
        for (int64_t task = 0; task < chunks_ * groups_ * slices_; ++task)
          add_up(task, places, plain.get(), staged.get(), gathered.get());
#pragma omp for schedule(static) collapse(2)
        for (int64_t field = 0; field < gathered_fields_; ++field)
          for (int64_t vector = 0; vector < divide_up(plain_fields_, LANES<T>); ++vector)
            write_filters(field, vector, w);
      }
    }
    return failed ? STEERGAN_OUT_OF_MEMORY : STEERGAN_DONE;
  }

 private:
  int64_t task_size() const { return Algebra::FILTERS * depth_ * group_; }

  /* Sums of one task and coefficient: (panels of up to two vectors of plain fields, depth, fields of the panel). */
  T* sums(int64_t task, int coefficient) const {
    return sums_.get() + task * task_size() + coefficient * depth_ * group_;
  }

  /* The products of one chunk and one group over one slice of the pixels. */
  void add_up(int64_t task, Places<Algebra, T>& places, T* plain, T* staged, T* gathered) const {
    const int64_t slice = task % slices_, group = task / slices_ % groups_, chunk = task / slices_ / groups_;
    const int64_t fields = smaller(chunk_, gathered_fields_ - chunk * chunk_);
    const int64_t tiles = divide_up(fields * maps_.taps, rows_);
    const int64_t from = blocks_ * slice / slices_, to = blocks_ * (slice + 1) / slices_;
    const MicroKernel<T> pair = micro_kernel<T, 2, PIXELS<T>>(rows_), single = micro_kernel<T, 1, PIXELS<T>>(rows_);
    for (int64_t block = from; block < to; ++block) {
      const int vectors = static_cast<int>(smaller(VECTORS, vectors_ - block * VECTORS));
      places.move_to(block * VECTORS, vectors);
      transform_plain(places, vectors, group * group_, staged, plain);
      transform_gathered(places, vectors, chunk * chunk_, fields, gathered);
      bool seen[Algebra::FILTERS] = {};
      for (int number = 0; number < Algebra::PRODUCTS; ++number) {
        const Product& product = Algebra::products[number];
        const bool is_first = block == from && !seen[product.filter];
        seen[product.filter] = true;
        for (int64_t lane = 0; lane < group_; lane += 2 * LANES<T>) {
          const bool two = lane + LANES<T> < group_;
          const int width = two ? 2 * LANES<T> : LANES<T>;
          for (int64_t tile = 0; tile < tiles; ++tile)
            (two ? pair : single)(gathered + (product.into * depth_ + tile * rows_) * PIXELS<T>,
                                  plain + (product.out * group_ + lane) * PIXELS<T>,
                                  sums(task, product.filter) + lane * depth_ + tile * rows_ * width,
                                  vectors * LANES<T>, is_first);
        }
      }
    }
  }

  /* gathered[coefficient][field and tap][PIXELS] */
  void transform_gathered(const Places<Algebra, T>& places, int vectors, int64_t first, int64_t fields,
                          T* gathered) const {
    const int64_t size = maps_.size(), channels = gathered_fields_ * Algebra::ORDER;
    for (int64_t c = 0; c < fields; ++c)
      for (int v = 0; v < vectors; ++v) {
        const T* field = gathered_ + places.start(v, channels) + (first + c) * Algebra::ORDER * size;
        prefetch_field(maps_, field + Algebra::ORDER * size);
        gather_signal(maps_, places, v, field, (channels - 1) * size,
                      gathered + c * maps_.taps * PIXELS<T> + v * LANES<T>, depth_ * PIXELS<T>, PIXELS<T>);
      }
  }

  /* plain[coefficient][panel][pixel][fields of the panel]; zero for fields beyond the last. */
  void transform_plain(const Places<Algebra, T>& places, int vectors, int64_t first, T* staged, T* plain) const {
    for (int64_t lane = 0; lane < group_; lane += LANES<T>) {
      const int64_t pair = lane / (2 * LANES<T>) * (2 * LANES<T>);
      const int64_t width = pair + LANES<T> < group_ ? 2 * LANES<T> : LANES<T>;
      for (int v = 0; v < vectors; ++v) {
        for (int l = 0; l < LANES<T>; ++l) stage_field(places, v, first + lane + l, staged + l * LANES<T>);
        for (int i = 0; i < Algebra::OUTPUTS; ++i)
          transpose_square(staged + i * LANES<T> * LANES<T>,
                           plain + (i * group_ + pair) * PIXELS<T> + v * LANES<T> * width + (lane - pair), width);
      }
    }
  }

  /* The coefficients of one plain field, a square of numbers apart. */
  void stage_field(const Places<Algebra, T>& places, int v, int64_t field, T* staged) const {
    const int64_t size = maps_.size(), channels = plain_fields_ * Algebra::ORDER;
    Vector<T> z[Algebra::OUTPUTS] = {};
    if (field < plain_fields_) {
      const T* from = plain_ + places.start(v, channels) + field * Algebra::ORDER * size;
      for (int segment = 0; segment < places.segments(v); ++segment) {
        const LaneMask lanes = places.lanes(v, segment);
        for (int s = 0; s < Algebra::ORDER; ++s)
          z[s] += load_lanes(from + segment * (channels - 1) * size + s * size, lanes);
      }
      Algebra::back_transposed(z);
    }
    for (int i = 0; i < Algebra::OUTPUTS; ++i) store(staged + i * LANES<T> * LANES<T>, z[i]);
  }

  /* Add the slices of one gathered field and vector of plain ones, in order, and take them back to filters. */
  STEERGAN_ONCE void write_filters(int64_t field, int64_t vector, T* w) const {
    const int taps = maps_.taps;
    const int64_t first = vector * LANES<T>, group = first / group_, lane = first % group_;
    const int64_t panel = lane / (2 * LANES<T>) * (2 * LANES<T>);
    const int64_t width = panel + LANES<T> < group_ ? 2 * LANES<T> : LANES<T>;
    const int64_t task = (field / chunk_ * groups_ + group) * slices_;
    const int64_t lanes = smaller(LANES<T>, plain_fields_ - first);
    for (int t = 0; t < taps; ++t) {
      const int64_t place = panel * depth_ + (field % chunk_ * taps + t) * width + lane - panel;
      Vector<T> f[Algebra::FILTERS] = {};
      for (int64_t slice = 0; slice < slices_; ++slice)
        for (int i = 0; i < Algebra::FILTERS; ++i) f[i] += load(sums(task + slice, i) + place);
      Algebra::filter_transposed(f);
      for (int u = 0; u < Algebra::ORDER; ++u) {
        const int64_t tap = adjoint_ ? Algebra::inverse(u) * taps + taps - 1 - t : p_.filter[u * taps + t];
        for (int64_t l = 0; l < lanes; ++l) {
          const int64_t pair = adjoint_ ? field * p_.in_fields + first + l : (first + l) * p_.in_fields + field;
          w[pair * Algebra::ORDER * taps + tap] = f[u][l];
        }
      }
    }
  }

  const SteerganConvolution& p_;
  const Maps<Algebra> maps_;
  const bool adjoint_;
  const T* gathered_;
  const T* plain_;
  const int64_t gathered_fields_, plain_fields_, chunks_, chunk_, groups_, group_, vectors_, blocks_, slices_;
  const int rows_;
  const int64_t depth_;
  const Array<T> sums_;
};

}  // namespace

#endif
