/* SPDX-License-Identifier: Apache-2.0 */
/* Orders by radix sort; Spearman's and Kendall's coefficients and the errors of pairs that are in order. */
#include "evaluate/ranks.h"

#include <math.h>
#include <string.h>

maple_status maple_rank_room_create(size_t capacity, maple_rank_room *out, maple_error *error) {
    if (capacity > UINT32_MAX)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%zu pairs: more than %u cannot be scored at once",
                               capacity, UINT32_MAX);
    uint32_t **const numbers[] = {&out->by_measured,     &out->by_predicted, &out->group_measured,
                                  &out->group_predicted, &out->sequence,     &out->buffer};
    double **const values[] = {&out->rank_measured, &out->rank_predicted, &out->measured, &out->predicted,
                               &out->errors};
    *out = (maple_rank_room){.capacity = capacity, .keys = maple_alloc(capacity, 2 * sizeof *out->keys)};
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

void maple_rank_room_free(maple_rank_room *room) {
    void *const parts[] = {room->keys,           room->by_measured,     room->by_predicted,
                           room->group_measured, room->group_predicted, room->sequence,
                           room->buffer,         room->rank_measured,   room->rank_predicted,
                           room->measured,       room->predicted,       room->errors};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        maple_free(parts[i]);
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

size_t maple_rank_pairs(maple_rank_room *room, const double *measured, const double *predicted, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(measured[i]) || !isfinite(predicted[i]))
            continue;
        room->measured[kept] = measured[i];
        room->predicted[kept] = predicted[i];
        kept++;
    }
    return kept;
}

/* --- Ranks --- */

/* ranks: twice the mid-rank, centred: 2 rank - (n + 1). These are whole numbers, so that sums of their
 * products are exact up to about 300,000 values and equal ranks give a correlation of exactly 1. Returns the
 * number of pairs that are tied. */
static uint64_t rank_values(const double *values, const uint32_t *order, size_t n, double *ranks,
                            uint32_t *groups) {
    uint64_t tied = 0;
    uint32_t group = 0;
    for (size_t first = 0; first < n; group++) {
        float value = (float)values[order[first]];
        size_t end = first + 1;
        while (end < n && (float)values[order[end]] == value)
            end++;
        double twice_rank = (double)(first + 1 + end) - (double)(n + 1);
        for (size_t i = first; i < end; i++) {
            ranks[order[i]] = twice_rank;
            groups[order[i]] = group;
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
        bool equal =
            room->sequence[i] == room->sequence[i - 1] &&
            room->group_measured[room->by_measured[i]] == room->group_measured[room->by_measured[i - 1]];
        run = equal ? run + 1 : 1;
        joint += run - 1;
    }
    return joint;
}

/* Kendall's tau-b (Knight, 1966): (concordant - discordant) over the geometric mean of the pairs that are not
 * tied on each side. */
static double kendall_of_groups(maple_rank_room *room, size_t n, uint64_t tied_measured,
                                uint64_t tied_predicted) {
    uint64_t pairs = (uint64_t)n * (n > 0 ? n - 1 : 0) / 2;
    if (tied_measured == pairs || tied_predicted == pairs)
        return NAN;
    /* The predicted groups in order of (measured, predicted): within its measured group each pair comes when
     * the order by prediction reaches it. room->buffer holds the next free place of each measured group. */
    for (size_t i = n; i-- > 0;)
        room->buffer[room->group_measured[room->by_measured[i]]] = (uint32_t)i;
    for (size_t i = 0; i < n; i++) {
        uint32_t pair = room->by_predicted[i];
        room->sequence[room->buffer[room->group_measured[pair]]++] = room->group_predicted[pair];
    }
    uint64_t joint = count_joint_ties(room, n);
    uint64_t discordant = count_inversions(room->sequence, room->buffer, n);
    uint64_t concordant = pairs - tied_measured - tied_predicted + joint - discordant;
    double difference = (double)concordant - (double)discordant;
    return difference / sqrt((double)(pairs - tied_measured) * (double)(pairs - tied_predicted));
}

/* --- Errors --- */

/* The k-th smallest (from 0) comes to values[k], smaller or equal ones before it, larger or equal ones after
 * it (Hoare's selection). */
static void select_nth(double *values, size_t n, size_t k) {
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, wanted = (ptrdiff_t)k;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j)
                break;
            double t = values[i];
            values[i++] = values[j];
            values[j--] = t;
        }
        if (j < wanted)
            low = i;
        if (wanted < i)
            high = j;
    }
}

static double median(double *values, size_t n) {
    size_t upper = n / 2;
    select_nth(values, n, upper);
    if (n % 2 == 1)
        return values[upper];
    double lower = values[0];
    for (size_t i = 1; i < upper; i++)
        lower = fmax(lower, values[i]);
    return lower + 0.5 * (values[upper] - lower);
}

static void measure_errors(maple_rank_room *room, size_t n, maple_metrics *out) {
    size_t within[3] = {0};
    double squares = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        /* The bound is inclusive: the difference is compared, not the rounded quotient, so that 110 against
         * 100 is within 10 %. */
        double off = fabs(room->predicted[i] - room->measured[i]), scale = fabs(room->measured[i]);
        within[0] += off * 100 <= scale;
        within[1] += off * 20 <= scale;
        within[2] += off * 10 <= scale;
        room->errors[i] = off > 0 ? off / scale : 0;
        sum += room->errors[i];
        squares += off * off;
    }
    double count = (double)n;
    out->acc1 = (double)within[0] / count;
    out->acc5 = (double)within[1] / count;
    out->acc10 = (double)within[2] / count;
    out->mape = sum / count;
    out->medape = median(room->errors, n);
    out->rmse_ms = sqrt(squares / count);
}

void maple_rank_metrics(maple_rank_room *room, size_t n, maple_metrics *out) {
    *out = (maple_metrics){.n = n,
                           .acc1 = NAN,
                           .acc5 = NAN,
                           .acc10 = NAN,
                           .spearman = NAN,
                           .kendall = NAN,
                           .mape = NAN,
                           .medape = NAN,
                           .rmse_ms = NAN};
    if (n == 0)
        return;
    uint64_t tied_measured =
        rank_values(room->measured, room->by_measured, n, room->rank_measured, room->group_measured);
    uint64_t tied_predicted =
        rank_values(room->predicted, room->by_predicted, n, room->rank_predicted, room->group_predicted);
    out->spearman = correlation_of_centred(room->rank_measured, room->rank_predicted, n);
    out->kendall = kendall_of_groups(room, n, tied_measured, tied_predicted);
    measure_errors(room, n, out);
}
