/* Group algebras in their Fourier bases, as butterflies on vectors of pixels.

   For functions x, f on a group, y[a] = sum_u f[u] x[a u] is computed as

       y = back( sum over products of  filter(f)[product.filter] * signal(x)[product.into] ),

   with elements r^i, then r^i m. `signal` and `back` start and end with the butterfly T and its transpose T' of
   steergan/kernels/fourier_basis.py; T T' is diagonal, and its inverse is in `filter`. Everything is linear, so the
   gradients need transposes: `back_transposed` takes gradients of y to those of the coefficients, `filter_transposed`
   gradients of the filter's coefficients to those of f. All act in place.

   The products are Schur's lemma: one for each irrep of dimension 1, eight for D4's 2 x 2 irrep, and for C4's complex
   irrep three instead of four, by Karatsuba: (a c + b d, a d - b c) = (p + q, p + r) with p = a (c + d), q = (b - a) d,
   r = -(a + b) c. */
#ifndef STEERGAN_BUTTERFLY_HPP
#define STEERGAN_BUTTERFLY_HPP

namespace {

struct Product {
  int out, into, filter;
};

/* x0 + x1, x0 - x1 */
template <class V>
inline void sum_and_difference(V& x0, V& x1) {
  const V sum = x0 + x1;
  x1 = x0 - x1;
  x0 = sum;
}

/* Every irrep is a sign: C2 and D1 (two elements), D2 (four). T is its own transpose. */
template <int N>
struct Signs {
  static_assert(N == 2 || N == 4, "as many products as are listed");
  static constexpr int ORDER = N, SIGNALS = N, FILTERS = N, OUTPUTS = N, PRODUCTS = N;
  static constexpr Product products[4] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}};
  static constexpr int inverse(int u) { return u; }

  template <class V>
  static inline void signal(V* x) {
    sum_and_difference(x[0], x[1]);
    if constexpr (N == 4) {
      sum_and_difference(x[2], x[3]);
      sum_and_difference(x[0], x[2]);
      sum_and_difference(x[1], x[3]);
    }
  }
  template <class V>
  static inline void back(V* y) {
    signal(y);
  }
  template <class V>
  static inline void back_transposed(V* y) {
    signal(y);
  }
  template <class V>
  static inline void filter(V* f) {
    signal(f);
    for (int i = 0; i < N; ++i) f[i] *= 1.f / N;
  }
  template <class V>
  static inline void filter_transposed(V* f) {
    filter(f);
  }
};

/* C4: two signs and a complex number. */
struct Cyclic4 {
  static constexpr int ORDER = 4, SIGNALS = 5, FILTERS = 5, OUTPUTS = 5, PRODUCTS = 5;
  static constexpr Product products[PRODUCTS] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}};
  static constexpr int inverse(int u) { return (4 - u) & 3; }

  template <class V>
  static inline void transform(V* x) {
    const V p = x[0] + x[2], q = x[1] + x[3], c = x[0] - x[2], d = x[1] - x[3];
    x[0] = p + q, x[1] = p - q, x[2] = c, x[3] = d;
  }
  template <class V>
  static inline void transform_transposed(V* y) {
    const V a = y[0] + y[1], b = y[0] - y[1], c = y[2], d = y[3];
    y[0] = a + c, y[2] = a - c, y[1] = b + d, y[3] = b - d;
  }
  /* c + d, d, c */
  template <class V>
  static inline void signal(V* x) {
    transform(x);
    const V c = x[2], d = x[3];
    x[2] = c + d, x[4] = c;
  }
  /* p + q, p + r */
  template <class V>
  static inline void back(V* y) {
    const V p = y[2];
    y[2] = p + y[3], y[3] = p + y[4];
    transform_transposed(y);
  }
  template <class V>
  static inline void back_transposed(V* y) {
    transform(y);
    const V a = y[2], b = y[3];
    y[2] = a + b, y[3] = a, y[4] = b;
  }
  /* a, b - a, -(a + b) */
  template <class V>
  static inline void filter(V* f) {
    transform(f);
    for (int i = 0; i < 4; ++i) f[i] *= i < 2 ? 0.25f : 0.5f;
    const V a = f[2], b = f[3];
    f[3] = b - a, f[4] = -a - b;
  }
  template <class V>
  static inline void filter_transposed(V* f) {
    const V p = f[2], q = f[3], r = f[4];
    f[2] = p - q - r, f[3] = q - r;
    for (int i = 0; i < 4; ++i) f[i] *= i < 2 ? 0.25f : 0.5f;
    transform_transposed(f);
  }
};

/* D4: four signs and a 2 x 2 matrix, whose entries are coefficients 4 to 7, column by column. */
struct Dihedral4 {
  static constexpr int ORDER = 8, SIGNALS = 8, FILTERS = 8, OUTPUTS = 8, PRODUCTS = 12;
  static constexpr Product products[PRODUCTS] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {4, 4, 4}, {6, 4, 5},
                                                 {4, 6, 6}, {6, 6, 7}, {5, 5, 4}, {7, 5, 5}, {5, 7, 6}, {7, 7, 7}};
  static constexpr int inverse(int u) { return u < 4 ? (4 - u) & 3 : u; }

  template <class V>
  static inline void signal(V* x) {
    for (int m = 0; m < 8; m += 4) {
      sum_and_difference(x[m], x[m + 2]);
      sum_and_difference(x[m + 1], x[m + 3]);
      sum_and_difference(x[m], x[m + 1]);
    }
    const V sum[2] = {x[0], x[4]}, alternating[2] = {x[1], x[5]}, c[2] = {x[2], x[6]}, d[2] = {x[3], x[7]};
    x[0] = sum[0] + sum[1], x[2] = sum[0] - sum[1];
    x[1] = alternating[0] + alternating[1], x[3] = alternating[0] - alternating[1];
    x[4] = c[0] + c[1], x[7] = c[0] - c[1];
    x[5] = d[0] + d[1], x[6] = d[1] - d[0];
  }
  template <class V>
  static inline void back(V* y) {
    const V sum[2] = {y[0] + y[2], y[0] - y[2]}, alternating[2] = {y[1] + y[3], y[1] - y[3]};
    const V c[2] = {y[4] + y[7], y[4] - y[7]}, d[2] = {y[5] - y[6], y[5] + y[6]};
    for (int m = 0; m < 2; ++m) {
      const V a = sum[m] + alternating[m], b = sum[m] - alternating[m];
      y[4 * m] = a + c[m], y[4 * m + 2] = a - c[m];
      y[4 * m + 1] = b + d[m], y[4 * m + 3] = b - d[m];
    }
  }
  template <class V>
  static inline void back_transposed(V* y) {
    signal(y);
  }
  template <class V>
  static inline void filter(V* f) {
    signal(f);
    for (int i = 0; i < 8; ++i) f[i] *= i < 4 ? 0.125f : 0.25f;
  }
  template <class V>
  static inline void filter_transposed(V* f) {
    for (int i = 0; i < 8; ++i) f[i] *= i < 4 ? 0.125f : 0.25f;
    back(f);
  }
};

}  // namespace

#endif
