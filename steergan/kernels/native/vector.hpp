/* Vectors of the widest registers that a translation unit may use, with loads and stores of some lanes only.

   Everything that depends on the instruction set has internal linkage: the kernels are compiled once for each set, and
   the linker must not take one set's code for another's. */
#ifndef STEERGAN_VECTOR_HPP
#define STEERGAN_VECTOR_HPP

#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, REGISTERS = 32;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int VECTOR_BYTES = 16, REGISTERS = 32;
#else
constexpr int VECTOR_BYTES = 16, REGISTERS = 16;
#endif

template <class T>
struct Simd;

template <>
struct Simd<float> {
  typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));
};

template <>
struct Simd<double> {
  typedef double Vector __attribute__((vector_size(VECTOR_BYTES)));
};

template <class T>
using Vector = typename Simd<T>::Vector;

template <class T>
constexpr int LANES = VECTOR_BYTES / static_cast<int>(sizeof(T));

/* A set of lanes: bit l stands for lane l. */
using LaneMask = uint32_t;

template <class T>
constexpr LaneMask ALL_LANES = (LaneMask(1) << LANES<T>) - 1;

template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
inline void store(T* to, Vector<T> value) {
  __builtin_memcpy(to, &value, sizeof value);
}

template <class T>
inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

#if defined(__AVX512F__)

inline Vector<float> load_lanes(const float* from, LaneMask lanes) {
  return (Vector<float>)_mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes), from);
}

inline Vector<double> load_lanes(const double* from, LaneMask lanes) {
  return (Vector<double>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(lanes), from);
}

inline void store_lanes(float* to, LaneMask lanes, Vector<float> value) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>(lanes), (__m512)value);
}

inline void store_lanes(double* to, LaneMask lanes, Vector<double> value) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>(lanes), (__m512d)value);
}

#elif defined(__AVX2__)

/* Lanes as the sign bits that AVX2's masked moves look at. */
inline __m256i sign_bits(LaneMask lanes, float) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bit), bit);
}

inline __m256i sign_bits(LaneMask lanes, double) {
  const __m256i bit = _mm256_setr_epi64x(1, 2, 4, 8);
  return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(static_cast<long long>(lanes)), bit), bit);
}

inline Vector<float> load_lanes(const float* from, LaneMask lanes) {
  if (lanes == ALL_LANES<float>) return load(from);
  return (Vector<float>)_mm256_maskload_ps(from, sign_bits(lanes, 0.f));
}

inline Vector<double> load_lanes(const double* from, LaneMask lanes) {
  if (lanes == ALL_LANES<double>) return load(from);
  return (Vector<double>)_mm256_maskload_pd(from, sign_bits(lanes, 0.));
}

inline void store_lanes(float* to, LaneMask lanes, Vector<float> value) {
  _mm256_maskstore_ps(to, sign_bits(lanes, 0.f), (__m256)value);
}

inline void store_lanes(double* to, LaneMask lanes, Vector<double> value) {
  _mm256_maskstore_pd(to, sign_bits(lanes, 0.), (__m256d)value);
}

#else

template <class T>
inline Vector<T> load_lanes(const T* from, LaneMask lanes) {
  if (lanes == ALL_LANES<T>) return load(from);
  Vector<T> value{};
  for (int lane = 0; lane < LANES<T>; ++lane)
    if (lanes >> lane & 1) value[lane] = from[lane];
  return value;
}

template <class T>
inline void store_lanes(T* to, LaneMask lanes, Vector<T> value) {
  for (int lane = 0; lane < LANES<T>; ++lane)
    if (lanes >> lane & 1) to[lane] = value[lane];
}

#endif

/* to[l * stride + k] = from[k * LANES + l]: a square of LANES x LANES numbers, transposed. */
template <class T>
inline void transpose_square(const T* from, T* to, int64_t stride) {
  for (int l = 0; l < LANES<T>; ++l)
    for (int k = 0; k < LANES<T>; ++k) to[l * stride + k] = from[k * LANES<T> + l];
}

#if defined(__AVX512F__)

inline void transpose_square(const float* from, float* to, int64_t stride) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(from + i * 16);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int half = 0; half < 2; ++half) {
      const __m512d a = _mm512_castps_pd(t[i + half]), b = _mm512_castps_pd(t[i + 2 + half]);
      r[i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
      r[i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
  for (int i = 0; i < 4; ++i)
    for (int half = 0; half < 2; ++half) {
      const __m512 a = r[8 * half + i], b = r[8 * half + i + 4];
      t[8 * half + i] = _mm512_shuffle_f32x4(a, b, 0x88);
      t[8 * half + i + 4] = _mm512_shuffle_f32x4(a, b, 0xdd);
    }
  for (int i = 0; i < 8; ++i) {
    _mm512_storeu_ps(to + i * stride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88));
    _mm512_storeu_ps(to + (i + 8) * stride, _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd));
  }
}

#elif defined(__AVX2__)

inline void transpose_square(const float* from, float* to, int64_t stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * 8);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int half = 0; half < 2; ++half) {
      r[i + 2 * half] = _mm256_shuffle_ps(t[i + half], t[i + 2 + half], 0x44);
      r[i + 2 * half + 1] = _mm256_shuffle_ps(t[i + half], t[i + 2 + half], 0xee);
    }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(to + i * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(to + (i + 4) * stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

#endif

}  // namespace

#endif
