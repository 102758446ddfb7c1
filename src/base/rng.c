/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64. */
#include "maple/base.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

maple_rng maple_rng_seed(uint64_t seed) {
    maple_rng rng;
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        rng.state[i] = z ^ (z >> 31);
    }
    return rng;
}

uint64_t maple_rng_next(maple_rng *rng) {
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t maple_rng_below(maple_rng *rng, uint64_t bound) {
    /* Values below 2^64 mod bound would be drawn once too often. */
    uint64_t unfair = (0 - bound) % bound;
    uint64_t x;
    do {
        x = maple_rng_next(rng);
    } while (x < unfair);
    return x % bound;
}

double maple_rng_uniform(maple_rng *rng) {
    return (double)(maple_rng_next(rng) >> 11) * 0x1.0p-53;
}

double maple_rng_normal(maple_rng *rng) {
    /* Box-Muller; the second value is dropped so that the state alone says what comes next. */
    double u = 1.0 - maple_rng_uniform(rng);
    double v = maple_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void maple_rng_shuffle(maple_rng *rng, size_t n, size_t *items) {
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)maple_rng_below(rng, i);
        size_t t = items[i - 1];
        items[i - 1] = items[j];
        items[j] = t;
    }
}

uint64_t maple_hash(const void *data, size_t bytes) {
    const unsigned char *p = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}
