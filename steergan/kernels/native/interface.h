/* The C interface of the kernels: what a program that loads the shared library may call.

   It knows neither Python nor torch, so that one binary serves all their versions. Tensors are dense, row by row:
   fields (batch, fields, |G|, height, width), filters (out_fields, in_fields, |G|, kernel, kernel). */
#ifndef STEERGAN_INTERFACE_H
#define STEERGAN_INTERFACE_H

#include <stdint.h>

/* Raised with every change of this file or of what the functions compute. */
#define STEERGAN_INTERFACE_VERSION 2

#if defined(__GNUC__)
#define STEERGAN_API __attribute__((visibility("default")))
#else
#define STEERGAN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The abstract group algebra, with elements r^i, then r^i m. */
enum SteerganGroup {
  STEERGAN_CYCLIC_2 = 0,   /* C2, D1 */
  STEERGAN_CYCLIC_4 = 1,   /* C4 */
  STEERGAN_KLEIN_4 = 2,    /* D2 */
  STEERGAN_DIHEDRAL_4 = 3  /* D4 */
};

/* What the kernels may use of the processor. The results of the two vector sets are equal to the last bit. */
enum SteerganInstructions { STEERGAN_BEST = 0, STEERGAN_PORTABLE = 1, STEERGAN_AVX2 = 2, STEERGAN_AVX512 = 3 };

enum SteerganType { STEERGAN_FLOAT32 = 0, STEERGAN_FLOAT64 = 1 };

/* One convolution, y = convolution(x, w): x has in_fields fields, y has out_fields, both maps of one size. */
struct SteerganConvolution {
  int64_t batch, in_fields, out_fields, height, width;
  int32_t group;  /* a SteerganGroup */
  int32_t type;   /* a SteerganType */
  int32_t kernel; /* taps along one side; odd */
  int32_t threads;
  int32_t instructions; /* a SteerganInstructions; STEERGAN_BEST is the best that this machine has */
  const int32_t* image;  /* (|G|, kernel^2): the tap g t of element g and tap t */
  const int32_t* filter; /* (|G|, kernel^2): the place, in a filter, of f_t[u] = w[u](u t) */
};

/* What the samples of a Fourier field meet. */
enum SteerganFunction { STEERGAN_ELU = 0, STEERGAN_LEAKY_RELU = 1 };

/* One function of sampled fields, y = P f(S x) at every pixel: x (fields, in_size, pixels), y (fields, out_size,
   pixels), with the fields of a whole batch one after the other. No size is beyond STEERGAN_MOST_SAMPLES. */
#define STEERGAN_MOST_SAMPLES 144
struct SteerganSamples {
  int64_t fields, pixels;
  int32_t in_size, out_size, samples;
  int32_t type;     /* a SteerganType */
  int32_t function; /* a SteerganFunction */
  int32_t threads;
  int32_t instructions; /* a SteerganInstructions */
  double slope;         /* of the leaky one below zero */
  const void* sampling;   /* S (samples, in_size) */
  const void* projection; /* P (out_size, samples) */
};

/* What the functions below return. */
enum SteerganStatus { STEERGAN_DONE = 0, STEERGAN_NOT_SUPPORTED = 1, STEERGAN_OUT_OF_MEMORY = 2 };

STEERGAN_API int32_t steergan_interface_version(void);

/* The instruction set that this machine runs the kernels with: "avx512", "avx2" or "portable". */
STEERGAN_API const char* steergan_instructions(void);

/* The three partial gradients of the trilinear form <y, convolution(x, w)>: by y, by x, by w. */
STEERGAN_API int32_t steergan_convolve(const struct SteerganConvolution* problem, const void* x, const void* w,
                                       void* y);
STEERGAN_API int32_t steergan_convolve_adjoint(const struct SteerganConvolution* problem, const void* y, const void* w,
                                               void* x);
STEERGAN_API int32_t steergan_filter_gradient(const struct SteerganConvolution* problem, const void* x, const void* y,
                                              void* w);

/* y = P f(S x); the gradient of <g, y> by x; and the gradients of <v, that one> by g and by x. */
STEERGAN_API int32_t steergan_samples(const struct SteerganSamples* problem, const void* x, void* y);
STEERGAN_API int32_t steergan_samples_gradient(const struct SteerganSamples* problem, const void* x, const void* g,
                                               void* by_x);
STEERGAN_API int32_t steergan_samples_second(const struct SteerganSamples* problem, const void* x, const void* g,
                                             const void* v, void* by_g, void* by_x);

/* The algebra that a group's kernels compute with, read out of their own code: coefficients of the signals (signal,
   |G|), of the filters (filters, |G|, in units of 1 / |G|), the way back (|G|, outputs), and products as triples (out,
   into, filter). `sizes` receives signal, filters, outputs, products; arrays may be null to ask for sizes only. */
STEERGAN_API int32_t steergan_algebra(int32_t group, int32_t* sizes, double* signal, double* filters, double* back,
                                      int32_t* products);

#ifdef __cplusplus
}
#endif

#endif
