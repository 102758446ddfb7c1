/* SPDX-License-Identifier: Apache-2.0 */
/* Whole lines over a pair of descriptors. */
#include "measure/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_LINE_BYTES = 64 << 20 };

static maple_channel_result wait_for(int descriptor, short events, int64_t deadline_ns) {
    for (;;) {
        int timeout_ms = -1;
        int64_t left = deadline_ns > 0 ? deadline_ns - maple_clock_ns() : 1;
        /* Past the deadline one look is still taken: a process that was stopped meanwhile (Ctrl-Z) finds what
         * has come. */
        if (deadline_ns > 0)
            timeout_ms = left <= 0 ? 0 : (int)(left / 1000000 < 1000000 ? left / 1000000 + 1 : 1000000);
        struct pollfd wanted = {.fd = descriptor, .events = events};
        int ready = poll(&wanted, 1, timeout_ms);
        if (ready > 0)
            return MAPLE_CHANNEL_OK;
        if (ready == 0 && left <= 0)
            return MAPLE_CHANNEL_TIMEOUT;
        if (ready < 0 && errno != EINTR)
            return MAPLE_CHANNEL_FAILED;
    }
}

/* Room for one more piece: what was handed out goes first. */
static bool make_room(maple_channel *channel) {
    enum { PIECE = 65536 };
    if (channel->data)
        memmove(channel->data, channel->data + channel->start, channel->used - channel->start);
    channel->used -= channel->start;
    channel->start = 0;
    if (channel->capacity - channel->used >= PIECE)
        return true;
    size_t capacity = 2 * channel->capacity + PIECE;
    if (capacity > MAX_LINE_BYTES) {
        errno = EMSGSIZE;
        return false;
    }
    char *data = maple_resize(channel->data, capacity, 1);
    if (!data) {
        errno = ENOMEM;
        return false;
    }
    channel->data = data;
    channel->capacity = capacity;
    return true;
}

maple_channel_result maple_channel_read(maple_channel *channel, int64_t deadline_ns, char **line) {
    size_t searched = channel->start;
    for (;;) {
        char *end = channel->used > searched
                        ? memchr(channel->data + searched, '\n', channel->used - searched)
                        : NULL;
        if (end) {
            *end = '\0';
            *line = channel->data + channel->start;
            channel->start = (size_t)(end - channel->data) + 1;
            return MAPLE_CHANNEL_OK;
        }
        size_t pending = channel->used - channel->start;
        maple_channel_result result = wait_for(channel->input, POLLIN, deadline_ns);
        if (result != MAPLE_CHANNEL_OK)
            return result;
        if (!make_room(channel))
            return MAPLE_CHANNEL_FAILED;
        searched = pending;
        ssize_t got = read(channel->input, channel->data + channel->used, channel->capacity - channel->used);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return MAPLE_CHANNEL_END;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return MAPLE_CHANNEL_FAILED;
        channel->used += got > 0 ? (size_t)got : 0;
    }
}

maple_channel_result maple_channel_write(maple_channel *channel, const char *text, size_t bytes,
                                         int64_t deadline_ns) {
    while (bytes > 0) {
        maple_channel_result result = wait_for(channel->output, POLLOUT, deadline_ns);
        if (result != MAPLE_CHANNEL_OK)
            return result;
        /* A peer that died must be an error here, not a signal to a program that uses the library. */
        ssize_t sent = send(channel->output, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == ENOTSOCK)
            sent = write(channel->output, text, bytes);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return MAPLE_CHANNEL_END;
        if (sent < 0 && errno != EINTR && errno != EAGAIN)
            return MAPLE_CHANNEL_FAILED;
        if (sent > 0) {
            text += sent;
            bytes -= (size_t)sent;
        }
    }
    return MAPLE_CHANNEL_OK;
}

void maple_channel_release(maple_channel *channel) {
    maple_free(channel->data);
    channel->data = NULL;
    channel->start = channel->used = channel->capacity = 0;
}

char *maple_next_field(char **rest) {
    char *field = *rest;
    if (!field)
        return NULL;
    char *tab = strchr(field, '\t');
    *rest = tab ? tab + 1 : NULL;
    if (tab)
        *tab = '\0';
    return field;
}
