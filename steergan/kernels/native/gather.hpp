/* Reading maps so that the group acts freely: x_t[s](p) = x[s](p + s t), for vectors of pixels p.

   Pixels are counted through the whole batch, map after map, and taken LANES at a time. A vector may so cover the end
   of one map and the start of the next, in other words two segments (more where maps are smaller than a vector); lanes
   whose tap p + s t lies outside of the map are not loaded and count as zero, which is the padding. */
#ifndef STEERGAN_GATHER_HPP
#define STEERGAN_GATHER_HPP

#include "interface.h"
#include "vector.hpp"
#include "workspace.hpp"

namespace {

constexpr int MAX_KERNEL = 11, MAX_TAPS = MAX_KERNEL * MAX_KERNEL;

/* The maps of a problem, and where each group element finds its taps in them. */
template <class Algebra>
struct Maps {
  static constexpr int ORDER = Algebra::ORDER;

  int64_t batch, height, width;
  int kernel, taps;
  uint8_t tap[MAX_TAPS * ORDER];    /* s t, for tap t and element s: [t][s] */
  int64_t offset[MAX_TAPS * ORDER]; /* from a pixel of element 0 to p + s t of element s */

  Maps(const SteerganConvolution& p)
      : batch(p.batch), height(p.height), width(p.width), kernel(p.kernel), taps(p.kernel * p.kernel) {
    const int radius = kernel / 2;
    for (int t = 0; t < taps; ++t)
      for (int s = 0; s < ORDER; ++s) {
        const int image = p.image[s * taps + t];
        tap[t * ORDER + s] = static_cast<uint8_t>(image);
        offset[t * ORDER + s] = s * size() + (image / kernel - radius) * width + (image % kernel - radius);
      }
  }
  int64_t size() const { return height * width; }
  int64_t pixels() const { return batch * size(); }
};

/* Where the vectors of one block of pixels lie. */
template <class Algebra, class T>
class Places {
  static constexpr int ORDER = Algebra::ORDER;

 public:
  Places(const Maps<Algebra>& maps, int vectors)
      : maps_(maps),
        segments_((LANES<T> - 2 + maps.size()) / maps.size() + 1),
        masks_(vectors * segments_ * (maps.taps * ORDER + 1)),
        at_(vectors) {}

  bool allocated() const { return masks_.get() != nullptr && at_.get() != nullptr; }

  /* Work out the masks of `count` vectors from `vector` on. */
  STEERGAN_ONCE void move_to(int64_t vector, int count) {
    for (int v = 0; v < count; ++v) place(v, vector + v);
  }

  int segments(int v) const { return at_.get()[v].segments; }

  /* Distance from the first map of `channels` channels to where lane 0 of vector v would lie in it. */
  int64_t start(int v, int64_t channels) const {
    const At& at = at_.get()[v];
    return at.map * (channels - 1) * maps_.size() + at.pixel;
  }

  /* The lanes of vector v and a segment whose tap s t lies in their map: [t][s]. */
  const LaneMask* masks(int v, int segment) const {
    return masks_.get() + (v * segments_ + segment) * (maps_.taps * ORDER + 1);
  }

  /* All lanes of the segment. */
  LaneMask lanes(int v, int segment) const { return masks(v, segment)[maps_.taps * ORDER]; }

 private:
  struct At {
    int64_t map, pixel; /* map of lane 0, and its pixel counted through the batch */
    int segments;
  };

  void place(int v, int64_t vector) {
    const int64_t first = vector * LANES<T>, size = maps_.size();
    const int64_t end = smaller(first + LANES<T>, maps_.pixels());
    At& at = at_.get()[v];
    at.map = first / size, at.pixel = first, at.segments = 0;
    for (int64_t from = first; from < end;) {
      const int64_t to = smaller(end, (from / size + 1) * size);
      fill(masks_.get() + (v * segments_ + at.segments) * (maps_.taps * ORDER + 1), static_cast<int>(from - first),
           static_cast<int>(to - first), from % size);
      ++at.segments;
      from = to;
    }
  }

  /* The masks of a segment: lanes [from, to), of which the first is `pixel` of its map. */
  void fill(LaneMask* masks, int from, int to, int64_t pixel) const {
    const int kernel = maps_.kernel, radius = kernel / 2;
    LaneMask in_rows[MAX_KERNEL] = {}, in_columns[MAX_KERNEL] = {}, inside[MAX_TAPS];
    int64_t y = pixel / maps_.width, x = pixel % maps_.width;
    for (int lane = from; lane < to; ++lane) {
      for (int i = 0; i < kernel; ++i) {
        in_rows[i] |= static_cast<LaneMask>(static_cast<uint64_t>(y + i - radius) < static_cast<uint64_t>(maps_.height))
                      << lane;
        in_columns[i] |=
            static_cast<LaneMask>(static_cast<uint64_t>(x + i - radius) < static_cast<uint64_t>(maps_.width)) << lane;
      }
      if (++x == maps_.width) x = 0, ++y;
    }
    for (int t = 0; t < maps_.taps; ++t) inside[t] = in_rows[t / kernel] & in_columns[t % kernel];
    for (int i = 0; i < maps_.taps * ORDER; ++i) masks[i] = inside[maps_.tap[i]];
    masks[maps_.taps * ORDER] = in_rows[radius] & in_columns[radius];
  }

  const Maps<Algebra>& maps_;
  const int64_t segments_; /* at most */
  Array<LaneMask> masks_;
  Array<At> at_;
};

/* Ask for the cache lines that gather_signal will read, of a field and a vector some hundred cycles ahead: maps of
   powers of two make their channels compete for the same places in the caches. */
template <class Algebra, class T>
inline void prefetch_field(const Maps<Algebra>& maps, const T* field) {
  const int radius = maps.kernel / 2;
  for (int s = 0; s < Algebra::ORDER; ++s)
    for (int row = -radius; row <= radius; ++row) __builtin_prefetch(field + s * maps.size() + row * maps.width);
}

/* The Fourier coefficients of x_t[s] for one field, one vector of pixels and all taps.

   Coefficient i of tap t is stored at to + i * to_coefficient + t * to_tap. `field` points at the field in the first
   map, displaced by Places::start; from one segment to the next it is `jump` numbers. */
template <class Algebra, class T>
inline void gather_signal(const Maps<Algebra>& maps, const Places<Algebra, T>& places, int v, const T* field,
                          int64_t jump, T* to, int64_t to_coefficient, int64_t to_tap) {
  constexpr int ORDER = Algebra::ORDER;
  const int segments = places.segments(v);
  const LaneMask* mask = places.masks(v, 0);
  const int64_t* offset = maps.offset;
  for (int t = 0; t < maps.taps; ++t, mask += ORDER, offset += ORDER, to += to_tap) {
    Vector<T> x[Algebra::SIGNALS];
#pragma GCC unroll 8
    for (int s = 0; s < ORDER; ++s) x[s] = load_lanes(field + offset[s], mask[s]);
    for (int segment = 1; segment < segments; ++segment) {
      const LaneMask* more = places.masks(v, segment) + t * ORDER;
#pragma GCC unroll 8
      for (int s = 0; s < ORDER; ++s) x[s] += load_lanes(field + segment * jump + offset[s], more[s]);
    }
    Algebra::signal(x);
#pragma GCC unroll 8
    for (int i = 0; i < Algebra::SIGNALS; ++i) store(to + i * to_coefficient, x[i]);
  }
}

}  // namespace

#endif
