/* The kernels for processors with AVX-512. */
#if defined(__AVX512F__)
#include "instantiate.hpp"

const SteerganKernels& steergan_kernels_avx512() { return TABLE; }
#endif
