/* Runs the kernels over awkward shapes, for the address and undefined-behaviour sanitizers; exit code 0 if the three
   gradients of the trilinear form agree everywhere. Arguments: a SteerganInstructions; 1 for all cells of the grid, 0 for
   those that hold each two of a group, a kernel and a shape. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <initializer_list>

#include "interface.h"

namespace {

const int ORDERS[4] = {2, 4, 4, 8};

/* Any permutation of the taps that keeps the centre will do: the kernels take the tables as they come. */
void tables(int order, int taps, int32_t* image, int32_t* filter) {
  for (int u = 0; u < order; ++u)
    for (int t = 0; t < taps; ++t) {
      const int tap = u % 2 == 0 ? t : taps - 1 - t;
      image[u * taps + t] = tap, filter[u * taps + t] = u * taps + tap;
    }
}

template <class T>
T* numbers(int64_t count, unsigned seed) {
  T* result = static_cast<T*>(malloc(count * sizeof(T))); /* no room beyond, so that a step too far is noticed */
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    result[i] = static_cast<T>(static_cast<int>(seed >> 24) % 9 - 4);
  }
  return result;
}

template <class T>
double inner(const T* a, const T* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
bool agrees(SteerganConvolution p) {
  const int order = ORDERS[p.group], taps = p.kernel * p.kernel;
  int32_t* image = static_cast<int32_t*>(malloc(order * taps * sizeof(int32_t)));
  int32_t* filter = static_cast<int32_t*>(malloc(order * taps * sizeof(int32_t)));
  tables(order, taps, image, filter);
  p.image = image, p.filter = filter, p.type = sizeof(T) == 4 ? STEERGAN_FLOAT32 : STEERGAN_FLOAT64;
  const int64_t pixels = p.batch * order * p.height * p.width;
  const int64_t sizes[3] = {pixels * p.in_fields, pixels * p.out_fields, p.out_fields * p.in_fields * order * taps};
  T *x = numbers<T>(sizes[0], 1), *y = numbers<T>(sizes[1], 2), *w = numbers<T>(sizes[2], 3);
  T *by_x = numbers<T>(sizes[0], 4), *by_y = numbers<T>(sizes[1], 5), *by_w = numbers<T>(sizes[2], 6);
  const bool done = steergan_convolve(&p, x, w, by_y) == STEERGAN_DONE &&
                    steergan_convolve_adjoint(&p, y, w, by_x) == STEERGAN_DONE &&
                    steergan_filter_gradient(&p, x, y, by_w) == STEERGAN_DONE;
  const double forms[3] = {inner(y, by_y, sizes[1]), inner(x, by_x, sizes[0]), inner(w, by_w, sizes[2])};
  const double allowed = sizeof(T) == 4 ? 1e-4 * sqrt(static_cast<double>(sizes[1]) * sizes[2]) : 0; /* integers */
  for (T* array : {x, y, w, by_x, by_y, by_w}) free(array);
  free(image), free(filter);
  return done && fabs(forms[0] - forms[1]) <= allowed && fabs(forms[0] - forms[2]) <= allowed;
}

/* Whether <v, gradient(x, g)> is what both of its derivatives, linear in g and (for the leaky one) zero by x, make of
   it. */
template <class T>
bool samples_agree(SteerganSamples p) {
  p.type = sizeof(T) == 4 ? STEERGAN_FLOAT32 : STEERGAN_FLOAT64;
  const int64_t before = p.fields * p.in_size * p.pixels, behind = p.fields * p.out_size * p.pixels;
  T *sampling = numbers<T>(int64_t(p.samples) * p.in_size, 1), *projection = numbers<T>(int64_t(p.out_size) * p.samples, 2);
  p.sampling = sampling, p.projection = projection;
  T *x = numbers<T>(before, 3), *g = numbers<T>(behind, 4), *v = numbers<T>(before, 5), *y = numbers<T>(behind, 6);
  T *gradient = numbers<T>(before, 7), *by_g = numbers<T>(behind, 8), *by_x = numbers<T>(before, 9);
  const bool done = steergan_samples(&p, x, y) == STEERGAN_DONE &&
                    steergan_samples_gradient(&p, x, g, gradient) == STEERGAN_DONE &&
                    steergan_samples_second(&p, x, g, v, by_g, by_x) == STEERGAN_DONE;
  const double one = inner(v, gradient, before), other = inner(g, by_g, behind), size = inner(by_g, by_g, behind);
  const bool leaky = p.function == STEERGAN_LEAKY_RELU;
  const bool right = fabs(one - other) <= 1e-3 * (1 + sqrt(size * inner(g, g, behind))) &&
                     (!leaky || inner(by_x, by_x, before) == 0);
  for (T* array : {sampling, projection, x, g, v, y, gradient, by_g, by_x}) free(array);
  return done && right;
}

}  // namespace

int main(int, char** arguments) {
  const int64_t shapes[][5] = {/* batch, in fields, out fields, height, width */
                               {1, 1, 1, 1, 1},  {5, 2, 3, 1, 2},  {3, 17, 2, 5, 7}, {2, 3, 30, 7, 7},
                               {1, 33, 15, 4, 9}, {2, 1, 200, 3, 3}, {1, 20, 1, 16, 16}, {9, 4, 13, 2, 2}};
  int faults = 0;
  for (int32_t group = 0; group < 4; ++group)
    for (int32_t kernel : {1, 3, 5, 11})
      for (int32_t number = 0; number < 8; ++number) {
        if (kernel == 11 ? (number + group) % 4 != 0 /* which takes most of the time: each shape once */
                         : !atoi(arguments[2]) && (number + group + kernel / 2) % 3 != 0)
          continue;
        const auto& shape = shapes[number];
        const int32_t threads = (number + group + kernel / 2) % 2 == 0 ? 1 : 3;
        const SteerganConvolution p = {shape[0], shape[1], shape[2], shape[3], shape[4], group, 0,
                                       kernel,   threads,  atoi(arguments[1]), nullptr, nullptr};
        if (agrees<float>(p) && agrees<double>(p)) continue;
        printf("group %d, kernel %d, threads %d, batch %d, fields %d -> %d, %d x %d\n", group, kernel, threads,
               int(shape[0]), int(shape[1]), int(shape[2]), int(shape[3]), int(shape[4]));
        ++faults;
      }
  const int32_t fields[][4] = {/* pixels, before, behind, samples */
                               {1, 1, 1, 1}, {37, 5, 5, 16}, {16, 7, 3, 20}, {100, 14, 14, 32}, {9, 144, 2, 144}};
  for (int32_t function : {STEERGAN_ELU, STEERGAN_LEAKY_RELU})
    for (const auto& shape : fields) {
      const SteerganSamples p = {3, shape[0], shape[1], shape[2], shape[3], 0,      function, shape[0] % 2 == 0 ? 1 : 3,
                                 atoi(arguments[1]), 0.25, nullptr, nullptr};
      if (samples_agree<float>(p) && samples_agree<double>(p)) continue;
      printf("function %d, %d samples\n", function, shape[3]);
      ++faults;
    }
  return faults == 0 ? 0 : 1;
}
