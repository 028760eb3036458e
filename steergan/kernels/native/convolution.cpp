/* The C interface: checks, and the choice of the instruction set. */
#include "interface.h"

#include "butterfly.hpp"
#include "kernels.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#define STEERGAN_X86 1
#endif

namespace {

constexpr int MAX_KERNEL = 11;

bool has(int32_t instructions) {
#if defined(STEERGAN_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (instructions == STEERGAN_AVX2) return avx2;
  if (instructions == STEERGAN_AVX512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return instructions == STEERGAN_PORTABLE;
}

int32_t best() {
  return has(STEERGAN_AVX512) ? STEERGAN_AVX512 : has(STEERGAN_AVX2) ? STEERGAN_AVX2 : STEERGAN_PORTABLE;
}

const SteerganKernels* kernels(int32_t instructions) {
  if (instructions == STEERGAN_BEST) instructions = best();
  if (!has(instructions)) return nullptr;
#if defined(STEERGAN_X86)
  if (instructions == STEERGAN_AVX512) return &steergan_kernels_avx512();
  if (instructions == STEERGAN_AVX2) return &steergan_kernels_avx2();
#endif
  return &steergan_kernels_portable();
}

const SteerganKernels* kernels_for(const SteerganConvolution* p) {
  const bool good = p->batch > 0 && p->in_fields > 0 && p->out_fields > 0 && p->height > 0 && p->width > 0 &&
                    p->kernel > 0 && p->kernel % 2 == 1 && p->kernel <= MAX_KERNEL && p->threads > 0;
  return good ? kernels(p->instructions) : nullptr;
}

bool fits(int32_t size) { return size > 0 && size <= STEERGAN_MOST_SAMPLES; }

int32_t samples(const SteerganSamples* p, const void* x, const void* g, const void* v, void* by_g, void* by_x) {
  const bool good = p->fields > 0 && p->pixels > 0 && p->threads > 0 && fits(p->in_size) && fits(p->out_size) &&
                    fits(p->samples);
  const SteerganKernels* found = good ? kernels(p->instructions) : nullptr;
  return found == nullptr ? STEERGAN_NOT_SUPPORTED : found->samples(*p, x, g, v, by_g, by_x);
}

template <class Algebra>
int32_t describe(int32_t* sizes, double* signal, double* filters, double* back, int32_t* products) {
  const int order = Algebra::ORDER;
  const int32_t counts[4] = {Algebra::SIGNALS, Algebra::FILTERS, Algebra::OUTPUTS, Algebra::PRODUCTS};
  for (int i = 0; i < 4; ++i) sizes[i] = counts[i];
  if (signal == nullptr) return STEERGAN_DONE;
  for (int u = 0; u < order; ++u) {
    double x[Algebra::SIGNALS] = {}, f[Algebra::FILTERS] = {};
    x[u] = f[u] = 1;
    Algebra::signal(x);
    Algebra::filter(f);
    for (int i = 0; i < Algebra::SIGNALS; ++i) signal[i * order + u] = x[i];
    for (int i = 0; i < Algebra::FILTERS; ++i) filters[i * order + u] = f[i] * order;
  }
  for (int i = 0; i < Algebra::OUTPUTS; ++i) {
    double y[Algebra::OUTPUTS] = {};
    y[i] = 1;
    Algebra::back(y);
    for (int a = 0; a < order; ++a) back[a * Algebra::OUTPUTS + i] = y[a];
  }
  for (int i = 0; i < Algebra::PRODUCTS; ++i) {
    const Product& product = Algebra::products[i];
    products[3 * i] = product.out, products[3 * i + 1] = product.into, products[3 * i + 2] = product.filter;
  }
  return STEERGAN_DONE;
}

}  // namespace

extern "C" {

int32_t steergan_interface_version(void) { return STEERGAN_INTERFACE_VERSION; }

const char* steergan_instructions(void) {
  const int32_t found = best();
  return found == STEERGAN_AVX512 ? "avx512" : found == STEERGAN_AVX2 ? "avx2" : "portable";
}

int32_t steergan_convolve(const SteerganConvolution* problem, const void* x, const void* w, void* y) {
  const SteerganKernels* found = kernels_for(problem);
  return found == nullptr ? STEERGAN_NOT_SUPPORTED : found->convolve(*problem, x, w, y, false);
}

int32_t steergan_convolve_adjoint(const SteerganConvolution* problem, const void* y, const void* w, void* x) {
  const SteerganKernels* found = kernels_for(problem);
  return found == nullptr ? STEERGAN_NOT_SUPPORTED : found->convolve(*problem, y, w, x, true);
}

int32_t steergan_filter_gradient(const SteerganConvolution* problem, const void* x, const void* y, void* w) {
  const SteerganKernels* found = kernels_for(problem);
  return found == nullptr ? STEERGAN_NOT_SUPPORTED : found->filter_gradient(*problem, x, y, w);
}

int32_t steergan_samples(const SteerganSamples* problem, const void* x, void* y) {
  return samples(problem, x, nullptr, nullptr, y, nullptr);
}

int32_t steergan_samples_gradient(const SteerganSamples* problem, const void* x, const void* g, void* by_x) {
  return samples(problem, x, g, nullptr, nullptr, by_x);
}

int32_t steergan_samples_second(const SteerganSamples* problem, const void* x, const void* g, const void* v,
                                void* by_g, void* by_x) {
  return samples(problem, x, g, v, by_g, by_x);
}

int32_t steergan_algebra(int32_t group, int32_t* sizes, double* signal, double* filters, double* back,
                         int32_t* products) {
  switch (group) {
    case STEERGAN_CYCLIC_2: return describe<Signs<2>>(sizes, signal, filters, back, products);
    case STEERGAN_CYCLIC_4: return describe<Cyclic4>(sizes, signal, filters, back, products);
    case STEERGAN_KLEIN_4: return describe<Signs<4>>(sizes, signal, filters, back, products);
    case STEERGAN_DIHEDRAL_4: return describe<Dihedral4>(sizes, signal, filters, back, products);
    default: return STEERGAN_NOT_SUPPORTED;
  }
}
}
