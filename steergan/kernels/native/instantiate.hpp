/* All groups and number types, for whatever instruction set the including file is compiled for. */
#ifndef STEERGAN_INSTANTIATE_HPP
#define STEERGAN_INSTANTIATE_HPP

#include "convolve.hpp"
#include "filter_gradient.hpp"
#include "kernels.hpp"
#include "samples.hpp"

namespace {

struct Convolve {
  const SteerganConvolution& p;
  const void *x, *w;
  void* y;
  bool adjoint;

  template <class Algebra, class T>
  int32_t run() const {
    return convolve<Algebra, T>(p, x, w, y, adjoint);
  }
};

struct Gradient {
  const SteerganConvolution& p;
  const void *x, *y;
  void* w;

  template <class Algebra, class T>
  int32_t run() const {
    return FilterGradient<Algebra, T>(p, static_cast<const T*>(x), static_cast<const T*>(y)).run(static_cast<T*>(w));
  }
};

template <class Algebra, class Call>
int32_t with_type(const Call& call) {
  switch (call.p.type) {
    case STEERGAN_FLOAT32: return call.template run<Algebra, float>();
    case STEERGAN_FLOAT64: return call.template run<Algebra, double>();
    default: return STEERGAN_NOT_SUPPORTED;
  }
}

template <class Call>
int32_t with_group(const Call& call) {
  switch (call.p.group) {
    case STEERGAN_CYCLIC_2: return with_type<Signs<2>>(call);
    case STEERGAN_CYCLIC_4: return with_type<Cyclic4>(call);
    case STEERGAN_KLEIN_4: return with_type<Signs<4>>(call);
    case STEERGAN_DIHEDRAL_4: return with_type<Dihedral4>(call);
    default: return STEERGAN_NOT_SUPPORTED;
  }
}

template <class T, class Function>
int32_t sampled(const SteerganSamples& p, const void* x, const void* g, const void* v, void* by_g, void* by_x) {
  return Samples<T, Function>(p).run(static_cast<const T*>(x), static_cast<const T*>(g), static_cast<const T*>(v),
                                     static_cast<T*>(by_g), static_cast<T*>(by_x));
}

template <class T>
int32_t with_function(const SteerganSamples& p, const void* x, const void* g, const void* v, void* by_g, void* by_x) {
  switch (p.function) {
    case STEERGAN_ELU: return sampled<T, Elu<T>>(p, x, g, v, by_g, by_x);
    case STEERGAN_LEAKY_RELU: return sampled<T, Leaky<T>>(p, x, g, v, by_g, by_x);
    default: return STEERGAN_NOT_SUPPORTED;
  }
}

const SteerganKernels TABLE = {
    [](const SteerganConvolution& p, const void* x, const void* w, void* y, bool adjoint) {
      return with_group(Convolve{p, x, w, y, adjoint});
    },
    [](const SteerganConvolution& p, const void* x, const void* y, void* w) {
      return with_group(Gradient{p, x, y, w});
    },
    [](const SteerganSamples& p, const void* x, const void* g, const void* v, void* by_g, void* by_x) -> int32_t {
      switch (p.type) {
        case STEERGAN_FLOAT32: return with_function<float>(p, x, g, v, by_g, by_x);
        case STEERGAN_FLOAT64: return with_function<double>(p, x, g, v, by_g, by_x);
        default: return STEERGAN_NOT_SUPPORTED;
      }
    }};

}  // namespace

#endif
