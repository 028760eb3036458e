/* The kernels for processors with AVX2 and FMA. */
#if defined(__AVX2__)
#include "instantiate.hpp"

const SteerganKernels& steergan_kernels_avx2() { return TABLE; }
#endif
