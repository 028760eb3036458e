/* Functions of Fourier fields: y = P f(S x) for every field and pixel, with one function f of every sample.

   A field has in_size coefficients; S (samples, in_size) takes them to samples, P (out_size, samples) the results to
   coefficients. Samples live in registers and the first-level cache, for two vectors of pixels at a time: as tensors
   they would be several times as large as the maps. The gradient by x, and what is needed of its own gradients:

     gradient         S^T (f'(S x) . P^T g)
     by g, along v    P (f'(S x) . S v)
     by x, along v    S^T (f''(S x) . P^T g . S v)                                                             */
#ifndef STEERGAN_SAMPLES_HPP
#define STEERGAN_SAMPLES_HPP

#include "interface.h"
#include "micro_kernel.hpp"
#include "problem.hpp"

namespace {

template <class T>
struct Bits;

template <>
struct Bits<float> {
  typedef int32_t Vector __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int MANTISSA = 23, BIAS = 127, TERMS = 7;
  static constexpr float LEAST = -87.f, ROUNDER = 12582912.f, LN2_HIGH = 0.693145751953125f,
                         LN2_LOW = 1.42860677e-6f;
};

template <>
struct Bits<double> {
  typedef int64_t Vector __attribute__((vector_size(VECTOR_BYTES)));
  static constexpr int MANTISSA = 52, BIAS = 1023, TERMS = 13;
  static constexpr double LEAST = -700., ROUNDER = 6755399441055744., LN2_HIGH = 0.693147180369123816490,
                          LN2_LOW = 1.90821492927058770002e-10;
};

template <class T>
using BitVector = typename Bits<T>::Vector;

static_assert(STEERGAN_MOST_SAMPLES <= DEPTH, "a matrix has one row of tiles");

/* a where the mask is set, else b. */
template <class T>
inline Vector<T> select(BitVector<T> mask, Vector<T> a, Vector<T> b) {
  return (Vector<T>)((mask & (BitVector<T>)a) | (~mask & (BitVector<T>)b));
}

/* e^a - 1 for a <= 0 (not a number for such), with small errors near zero too: 2^k (e^r - 1) + (2^k - 1). */
template <class T>
inline Vector<T> expm1_of_negative(Vector<T> a) {
  typedef Bits<T> B;
  const BitVector<T> below = (BitVector<T>)(a < broadcast(B::LEAST));
  a = select<T>(below, broadcast(B::LEAST), a);
  const Vector<T> shifted = a * T(1.44269504088896340736) + B::ROUNDER, k = shifted - B::ROUNDER;
  const Vector<T> r = (a - k * B::LN2_HIGH) - k * B::LN2_LOW;
  Vector<T> sum{};
  T factorial[B::TERMS + 1] = {1};
  for (int i = 1; i <= B::TERMS; ++i) factorial[i] = factorial[i - 1] * T(i);
#pragma GCC unroll 16
  for (int i = B::TERMS; i >= 2; --i) sum = sum * r + T(1) / factorial[i];
  sum = r + r * r * sum;
  const BitVector<T> exponent = (BitVector<T>)shifted - (BitVector<T>)broadcast(B::ROUNDER) + B::BIAS;
  const Vector<T> power = (Vector<T>)(exponent << B::MANTISSA);
  return power * sum + (power - T(1));
}

/* A function and its first two derivatives. Where it has a kink at zero they are torch's. */
template <class T>
struct Elu {
  explicit Elu(T) {}
  Vector<T> value(Vector<T> a) const {
    return select<T>((BitVector<T>)(a > Vector<T>{}), a, expm1_of_negative<T>(a));
  }
  void derivatives(Vector<T> a, Vector<T>& first, Vector<T>& second) const {
    const BitVector<T> above = (BitVector<T>)(a > Vector<T>{});
    const Vector<T> grown = expm1_of_negative<T>(a) + T(1);
    first = select<T>(above, broadcast(T(1)), grown), second = select<T>(above, Vector<T>{}, grown);
  }
};

template <class T>
struct Leaky {
  const T slope;
  explicit Leaky(T s) : slope(s) {}
  Vector<T> value(Vector<T> a) const {
    Vector<T> first, second;
    derivatives(a, first, second);
    return a * first;
  }
  void derivatives(Vector<T> a, Vector<T>& first, Vector<T>& second) const {
    first = select<T>((BitVector<T>)(a > Vector<T>{}), broadcast(T(1)), broadcast(slope)), second = Vector<T>{};
  }
};

/* A matrix as the micro-kernel takes it: tiles of rows, DEPTH numbers apart. */
template <class T>
class Rows {
 public:
  Rows(const T* matrix, int count, int depth, int64_t row_step, int64_t column_step)
      : depth_(depth),
        tiles_(static_cast<int>(divide_up(count, tile_rows(count)))),
        rows_(tile_rows(count)),
        kernel_(micro_kernel<T, PANEL, DEPTH>(rows_)),
        data_(static_cast<int64_t>(tiles_) * rows_ * DEPTH) {
    if (data_.get() == nullptr) return;
    for (int r = 0; r < tiles_ * rows_; ++r)
      for (int c = 0; c < depth; ++c)
        data_.get()[r * DEPTH + c] = r < count ? matrix[r * row_step + c * column_step] : T(0);
  }
  bool allocated() const { return data_.get() != nullptr; }
  /* Numbers of a block of results, those of rows beyond the last included. */
  int64_t size() const { return static_cast<int64_t>(tiles_) * rows_ * PANEL * LANES<T>; }
  void times(const T* block, T* result) const {
    for (int tile = 0; tile < tiles_; ++tile)
      kernel_(data_.get() + tile * rows_ * DEPTH, block, result + tile * rows_ * PANEL * LANES<T>, depth_, true);
  }

 private:
  const int depth_, tiles_, rows_;
  const MicroKernel<T> kernel_;
  const Array<T> data_;
};

template <class T, class Function>
class Samples {
  static constexpr int64_t WIDTH = PANEL * LANES<T>;

 public:
  explicit Samples(const SteerganSamples& p)
      : p_(p),
        blocks_(divide_up(p.pixels, WIDTH)),
        function_(static_cast<T>(p.slope)),
        sample_(matrix(p.sampling), p.samples, p.in_size, p.in_size, 1),
        back_(matrix(p.projection), p.out_size, p.samples, p.samples, 1),
        sample_transposed_(matrix(p.sampling), p.in_size, p.samples, 1, p.in_size),
        back_transposed_(matrix(p.projection), p.samples, p.out_size, 1, p.samples) {}

  /* P f(S x) in dg, and no more, if g is null; the gradient in dx if v is; or both derivatives of the gradient. */
  int32_t run(const T* x, const T* g, const T* v, T* dg, T* dx) const {
    int failed = !(sample_.allocated() && back_.allocated() && sample_transposed_.allocated() &&
                   back_transposed_.allocated());
    const int64_t bytes = p_.fields * p_.pixels * static_cast<int64_t>(sizeof(T));
    if (dg != nullptr) prefer_huge_pages(dg, bytes * p_.out_size);
    if (dx != nullptr) prefer_huge_pages(dx, bytes * p_.in_size);
#pragma omp parallel num_threads(p_.threads) if (!failed)
    {
      const int64_t room = sample_.size() + back_.size() + sample_transposed_.size() + back_transposed_.size();
      const Array<T> map(failed ? 0 : room), a(failed ? 0 : room), b(failed ? 0 : room), c(failed ? 0 : room);
      if (map.get() == nullptr || a.get() == nullptr || b.get() == nullptr || c.get() == nullptr)
#pragma omp atomic write
        failed = 1;
#pragma omp barrier
      if (!failed) {
#pragma omp for schedule(static)
        for (int64_t block = 0; block < p_.fields * blocks_; ++block)
          one(block / blocks_, block % blocks_ * WIDTH, x, g, v, dg, dx, map.get(), a.get(), b.get(), c.get());
      }
    }
    return failed ? STEERGAN_OUT_OF_MEMORY : STEERGAN_DONE;
  }

 private:
  static const T* matrix(const void* numbers) { return static_cast<const T*>(numbers); }

  void one(int64_t field, int64_t pixel, const T* x, const T* g, const T* v, T* dg, T* dx, T* map, T* a, T* b,
           T* c) const {
    const int64_t count = static_cast<int64_t>(p_.samples) * WIDTH;
    Vector<T> first, second;
    read(x, p_.in_size, field, pixel, map);
    sample_.times(map, a);
    if (g == nullptr) {
      for (int64_t i = 0; i < count; i += LANES<T>) store(a + i, function_.value(load(a + i)));
      back_.times(a, map);
      write(map, p_.out_size, field, pixel, dg);
      return;
    }
    read(g, p_.out_size, field, pixel, map);
    back_transposed_.times(map, b);
    if (v == nullptr) {
      for (int64_t i = 0; i < count; i += LANES<T>) {
        function_.derivatives(load(a + i), first, second);
        store(b + i, first * load(b + i));
      }
      sample_transposed_.times(b, map);
      write(map, p_.in_size, field, pixel, dx);
      return;
    }
    read(v, p_.in_size, field, pixel, map);
    sample_.times(map, c);
    for (int64_t i = 0; i < count; i += LANES<T>) {
      const Vector<T> along = load(c + i);
      function_.derivatives(load(a + i), first, second);
      store(c + i, first * along);
      store(b + i, second * load(b + i) * along);
    }
    back_.times(c, map);
    write(map, p_.out_size, field, pixel, dg);
    sample_transposed_.times(b, map);
    write(map, p_.in_size, field, pixel, dx);
  }

  LaneMask lanes(int64_t pixel) const {
    const int64_t left = p_.pixels - pixel;
    return left >= LANES<T> ? ALL_LANES<T> : left <= 0 ? 0 : (LaneMask(1) << left) - 1;
  }

  void read(const T* from, int size, int64_t field, int64_t pixel, T* block) const {
    const LaneMask one = lanes(pixel), two = lanes(pixel + LANES<T>);
    from += field * size * p_.pixels + pixel;
    for (int i = 0; i < size; ++i, from += p_.pixels) {
      store(block + i * WIDTH, load_lanes(from, one));
      store(block + i * WIDTH + LANES<T>, two == 0 ? Vector<T>{} : load_lanes(from + LANES<T>, two));
    }
  }

  void write(const T* block, int size, int64_t field, int64_t pixel, T* to) const {
    const LaneMask one = lanes(pixel), two = lanes(pixel + LANES<T>);
    to += field * size * p_.pixels + pixel;
    for (int i = 0; i < size; ++i, to += p_.pixels) {
      store_lanes(to, one, load(block + i * WIDTH));
      if (two != 0) store_lanes(to + LANES<T>, two, load(block + i * WIDTH + LANES<T>));
    }
  }

  const SteerganSamples& p_;
  const int64_t blocks_;
  const Function function_;
  const Rows<T> sample_, back_, sample_transposed_, back_transposed_;
};

}  // namespace

#endif
