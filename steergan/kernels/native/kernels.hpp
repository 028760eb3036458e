/* The table of one instruction set's kernels; kernels_*.cpp fill one each. */
#ifndef STEERGAN_KERNELS_HPP
#define STEERGAN_KERNELS_HPP

#include "interface.h"

struct SteerganKernels {
  int32_t (*convolve)(const SteerganConvolution&, const void* x, const void* w, void* y, bool adjoint);
  int32_t (*filter_gradient)(const SteerganConvolution&, const void* x, const void* y, void* w);
  int32_t (*samples)(const SteerganSamples&, const void* x, const void* g, const void* v, void* by_g, void* by_x);
};

const SteerganKernels& steergan_kernels_portable();
const SteerganKernels& steergan_kernels_avx2();
const SteerganKernels& steergan_kernels_avx512();

#endif
