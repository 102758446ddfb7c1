/* SPDX-License-Identifier: Apache-2.0 */
/* Status names and error text. */
#include "maple/base.h"

#include <stdio.h>
#include <string.h>

const char *maple_status_name(maple_status status) {
    switch (status) {
    case MAPLE_OK:
        return "ok";
    case MAPLE_CHECK_FAILED:
        return "check failed";
    case MAPLE_BAD_ARGUMENT:
        return "bad argument";
    case MAPLE_BAD_INPUT:
        return "bad input";
    case MAPLE_NOT_FOUND:
        return "not found";
    case MAPLE_IO_ERROR:
        return "input/output error";
    case MAPLE_DEVICE_ERROR:
        return "device error";
    case MAPLE_UNSUPPORTED:
        return "unsupported";
    case MAPLE_OUT_OF_MEMORY:
        return "out of memory";
    case MAPLE_INTERRUPTED:
        return "interrupted";
    }
    return "unknown status";
}

maple_status maple_error_set(maple_error *error, maple_status status, const char *format, ...) {
    if (error) {
        /* The arguments may point into error->message, so the new text is built beside it. */
        char message[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        error->status = status;
        memcpy(error->message, message, sizeof message);
    }
    return status;
}

maple_status maple_error_prefix(maple_error *error, maple_status status, const char *format, ...) {
    if (error) {
        char prefix[sizeof error->message / 2];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(prefix, sizeof prefix, format, arguments);
        va_end(arguments);
        char message[sizeof error->message];
        size_t used = strlen(prefix);
        memcpy(message, prefix, used);
        snprintf(message + used, sizeof message - used, ": %.*s", (int)(sizeof message / 2), error->message);
        error->status = status;
        memcpy(error->message, message, sizeof message);
    }
    return status;
}

maple_status maple_error_memory(maple_error *error) {
    return maple_error_set(error, MAPLE_OUT_OF_MEMORY, "out of memory: free some, or ask for less at a time");
}
