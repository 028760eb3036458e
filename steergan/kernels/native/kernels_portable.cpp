/* The kernels in plain C++, for any processor. */
#include "instantiate.hpp"

const SteerganKernels& steergan_kernels_portable() { return TABLE; }
