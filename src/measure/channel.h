/* SPDX-License-Identifier: Apache-2.0 */
/* channel.h: whole lines over a pair of descriptors, with a time limit. Both ends of a worker use it. */
#ifndef MAPLE_MEASURE_CHANNEL_H
#define MAPLE_MEASURE_CHANNEL_H

#include "maple/base.h"

typedef struct maple_channel {
    int input, output;
    char *data;
    size_t start, used, capacity;
} maple_channel;

typedef enum maple_channel_result {
    MAPLE_CHANNEL_OK,
    MAPLE_CHANNEL_END,     /* the other side has closed */
    MAPLE_CHANNEL_TIMEOUT, /* `deadline_ns` has passed, or the caller cancelled; what came so far is kept */
    MAPLE_CHANNEL_FAILED,  /* errno tells; a line beyond the limit is EMSGSIZE */
} maple_channel_result;

/* `deadline_ns` is on maple_clock_ns; 0 waits for ever. *line is without its newline and lives until the next
 * read. */
maple_channel_result maple_channel_read(maple_channel *channel, int64_t deadline_ns, char **line);
maple_channel_result maple_channel_write(maple_channel *channel, const char *text, size_t bytes,
                                         int64_t deadline_ns);
/* Frees the buffer; the descriptors stay with the caller. */
void maple_channel_release(maple_channel *channel);

/* Cuts the next tab-separated field off *rest; NULL at the end. */
char *maple_next_field(char **rest);

#endif
