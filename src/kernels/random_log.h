/* random_log.h - the logarithm of the random numbers, the same bits with any libm. */
#ifndef TG_KERNELS_RANDOM_LOG_H
#define TG_KERNELS_RANDOM_LOG_H

#include <stdint.h>
#include <string.h>

/* ln u for normal u > 0. With u = m 2^e and m in [sqrt(1/2), sqrt(2)]: ln u = e ln 2 + 2 atanh(s),
 * s = (m - 1) / (m + 1), |s| < 0.172; the power series to s^21 is good to 1e-17. */
static inline double random_log(double u) {
    uint64_t bits;
    memcpy(&bits, &u, sizeof(bits));
    const uint64_t e_bits = (bits >> 52) | 0x4330000000000000U; /* the double 2^52 + exponent */
    const uint64_t m_bits = (bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U;
    double e, m;
    memcpy(&e, &e_bits, sizeof(e));
    memcpy(&m, &m_bits, sizeof(m));
    const double large = m > 1.4142135623730951 ? 1.0 : 0.0;
    e = e - (4503599627370496.0 + 1023.0) + large;
    m = m - large * (0.5 * m);
    const double s = (m - 1) / (m + 1), z = s * s;
    double q = 1.0 / 21;
    q = q * z + 1.0 / 19;
    q = q * z + 1.0 / 17;
    q = q * z + 1.0 / 15;
    q = q * z + 1.0 / 13;
    q = q * z + 1.0 / 11;
    q = q * z + 1.0 / 9;
    q = q * z + 1.0 / 7;
    q = q * z + 1.0 / 5;
    q = q * z + 1.0 / 3;
    return e * 0.6931471805599453 + (2 * s + 2 * s * (z * q));
}

#endif
