/* SPDX-License-Identifier: Apache-2.0 */
/* Orders by radix sort; Spearman's and Kendall's coefficients of pairs that are in order. */
#include "base/ranks.h"

#include <math.h>
#include <string.h>

maple_status maple_rank_room_create(size_t capacity, maple_rank_room *out, maple_error *error) {
    if (capacity > UINT32_MAX)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%zu pairs: more than %u cannot be ranked at once",
                               capacity, UINT32_MAX);
    uint32_t **const numbers[] = {&out->x.order, &out->x.group,  &out->y.order,
                                  &out->y.group, &out->sequence, &out->buffer};
    double **const values[] = {&out->x.value, &out->x.rank, &out->y.value, &out->y.rank, &out->scratch};
    *out = (maple_rank_room){.keys = maple_alloc(capacity, 2 * sizeof *out->keys)};
    bool fine = out->keys != NULL;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        fine = (*numbers[i] = maple_alloc(capacity, sizeof **numbers[i])) && fine;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        fine = (*values[i] = maple_alloc(capacity, sizeof **values[i])) && fine;
    if (fine)
        return MAPLE_OK;
    maple_rank_room_free(out);
    return maple_error_memory(error);
}

static void free_side(maple_rank_side *side) {
    maple_free(side->value);
    maple_free(side->order);
    maple_free(side->group);
    maple_free(side->rank);
}

void maple_rank_room_free(maple_rank_room *room) {
    free_side(&room->x);
    free_side(&room->y);
    maple_free(room->keys);
    maple_free(room->sequence);
    maple_free(room->buffer);
    maple_free(room->scratch);
    *room = (maple_rank_room){0};
}

/* --- Orders --- */

/* A number that orders as the float32 does; -0 equals 0. */
static uint32_t float_key(double value) {
    float f = (float)value + 0.0f;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

void maple_rank_order(const double *values, size_t n, uint32_t *order, uint64_t *keys) {
    enum { BITS = 11, BINS = 1 << BITS, PASSES = 3 };
    uint32_t counts[PASSES][BINS] = {{0}};
    uint64_t *from = keys, *to = keys + n;
    for (size_t i = 0; i < n; i++) {
        uint32_t key = float_key(values[i]);
        from[i] = (uint64_t)key << 32 | (uint32_t)i;
        for (int p = 0; p < PASSES; p++)
            counts[p][key >> (BITS * p) & (BINS - 1)]++;
    }
    for (int p = 0; p < PASSES; p++) {
        uint32_t start = 0;
        for (int b = 0; b < BINS; b++) {
            uint32_t count = counts[p][b];
            counts[p][b] = start;
            start += count;
        }
        for (size_t i = 0; i < n; i++)
            to[counts[p][from[i] >> (32 + BITS * p) & (BINS - 1)]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)from[i];
}

size_t maple_rank_pairs(maple_rank_room *room, const double *x, const double *y, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            continue;
        room->x.value[kept] = x[i];
        room->y.value[kept] = y[i];
        kept++;
    }
    maple_rank_order(room->x.value, kept, room->x.order, room->keys);
    maple_rank_order(room->y.value, kept, room->y.order, room->keys);
    return kept;
}

/* --- Ranks --- */

/* Fills rank (2 rank - (n + 1), whole numbers, so that sums of their products are exact up to about 300,000
 * values and equal ranks give a correlation of exactly 1) and group. Returns the number of pairs that are
 * tied. */
static uint64_t rank_values(maple_rank_side *side, size_t n) {
    const double *values = side->value;
    const uint32_t *order = side->order;
    uint64_t tied = 0;
    uint32_t group = 0;
    for (size_t first = 0; first < n; group++) {
        float value = (float)values[order[first]];
        size_t end = first + 1;
        while (end < n && (float)values[order[end]] == value)
            end++;
        double twice_rank = (double)(first + 1 + end) - (double)(n + 1);
        for (size_t i = first; i < end; i++) {
            side->rank[order[i]] = twice_rank;
            side->group[order[i]] = group;
        }
        uint64_t members = end - first;
        tied += members * (members - 1) / 2;
        first = end;
    }
    return tied;
}

static double correlation_of_centred(const double *a, const double *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

/* Sorts values[n] and counts the pairs that stood in descending order. */
static uint64_t count_inversions(uint32_t *values, uint32_t *buffer, size_t n) {
    enum { RUN = 8 };
    uint64_t inversions = 0;
    for (size_t start = 0; start < n; start += RUN) {
        size_t end = start + RUN < n ? start + RUN : n;
        for (size_t i = start + 1; i < end; i++) {
            uint32_t value = values[i];
            size_t at = i;
            for (; at > start && values[at - 1] > value; at--)
                values[at] = values[at - 1];
            values[at] = value;
            inversions += i - at;
        }
    }
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t start = 0; start + width < n; start += 2 * width) {
            size_t middle = start + width, end = middle + width < n ? middle + width : n;
            memcpy(buffer, values + start, width * sizeof *values);
            size_t left = 0, right = middle, out = start;
            while (left < width && right < end) {
                /* Without a branch: half of them would be guessed wrong. */
                uint32_t a = buffer[left], b = values[right];
                size_t descends = a > b;
                inversions += descends * (width - left);
                values[out++] = a < b ? a : b;
                right += descends;
                left += 1 - descends;
            }
            memcpy(values + out, buffer + left, (width - left) * sizeof *values);
        }
    }
    return inversions;
}

/* Pairs equal on both sides, in a sequence ordered by both. */
static uint64_t count_joint_ties(const maple_rank_room *room, size_t n) {
    uint64_t joint = 0, run = 1;
    for (size_t i = 1; i < n; i++) {
        bool equal = room->sequence[i] == room->sequence[i - 1] &&
                     room->x.group[room->x.order[i]] == room->x.group[room->x.order[i - 1]];
        run = equal ? run + 1 : 1;
        joint += run - 1;
    }
    return joint;
}

/* Kendall's tau-b (Knight, 1966): (concordant - discordant) over the geometric mean of the pairs that are not
 * tied on each side. */
static double kendall_of_groups(maple_rank_room *room, size_t n, uint64_t tied_x, uint64_t tied_y) {
    uint64_t pairs = (uint64_t)n * (n > 0 ? n - 1 : 0) / 2;
    if (tied_x == pairs || tied_y == pairs)
        return NAN;
    /* The groups of y in order of (x, y): within its group of x each pair comes when the order by y reaches
     * it. room->buffer holds the next free place of each group of x. */
    for (size_t i = n; i-- > 0;)
        room->buffer[room->x.group[room->x.order[i]]] = (uint32_t)i;
    for (size_t i = 0; i < n; i++) {
        uint32_t pair = room->y.order[i];
        room->sequence[room->buffer[room->x.group[pair]]++] = room->y.group[pair];
    }
    uint64_t joint = count_joint_ties(room, n);
    uint64_t discordant = count_inversions(room->sequence, room->buffer, n);
    uint64_t concordant = pairs - tied_x - tied_y + joint - discordant;
    double difference = (double)concordant - (double)discordant;
    return difference / sqrt((double)(pairs - tied_x) * (double)(pairs - tied_y));
}

void maple_rank_correlations(maple_rank_room *room, size_t n, double *spearman, double *kendall) {
    uint64_t tied_x = rank_values(&room->x, n), tied_y = rank_values(&room->y, n);
    *spearman = correlation_of_centred(room->x.rank, room->y.rank, n);
    *kendall = kendall_of_groups(room, n, tied_x, tied_y);
}

/* --- Of arrays --- */

static maple_status correlate(const double *x, const double *y, size_t n, double *spearman, double *kendall,
                              maple_error *error) {
    maple_rank_room room;
    maple_status status = maple_rank_room_create(n, &room, error);
    if (status != MAPLE_OK)
        return status;
    maple_rank_correlations(&room, maple_rank_pairs(&room, x, y, n), spearman, kendall);
    maple_rank_room_free(&room);
    return MAPLE_OK;
}

maple_status maple_spearman(const double *x, const double *y, size_t n, double *out, maple_error *error) {
    double kendall;
    return correlate(x, y, n, out, &kendall, error);
}

maple_status maple_kendall(const double *x, const double *y, size_t n, double *out, maple_error *error) {
    double spearman;
    return correlate(x, y, n, &spearman, out, error);
}
