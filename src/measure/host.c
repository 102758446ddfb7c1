/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this the machine that a platform was measured on? Its environment says: a host is told by its CPU model,
 * architecture, vector instructions, caches and hypervisor (docs/measurement.md). What either side does not
 * know tells nothing; kernel, system and what changes by the hour are no part of it.
 */
#include "maple/measure.h"

#include <cJSON.h>
#include <string.h>

maple_status maple_environment_same_host(const char *environment, const maple_environment *now,
                                         maple_error *error) {
    const struct {
        const char *key, *what, *now;
    } parts[] = {
        {"architecture", "architecture", now->architecture},
        {"cpu", "CPU", now->cpu},
        {"isa", "vector instructions", now->isa},
        {"caches", "caches", now->caches},
        {"hypervisor", "hypervisor", now->hypervisor},
    };
    maple_text differences = {0};
    cJSON *object = cJSON_Parse(environment);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *then = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, parts[i].key));
        if (then && then[0] && parts[i].now[0] && strcmp(then, parts[i].now) != 0)
            maple_text_addf(&differences, "%s%s: %s, here %s", differences.length ? "; " : "", parts[i].what,
                            then, parts[i].now);
    }
    cJSON_Delete(object);
    maple_status status = MAPLE_OK;
    if (differences.failed)
        status = maple_error_memory(error);
    else if (differences.length > 0)
        status =
            maple_error_set(error, MAPLE_BAD_INPUT, "it was measured on another host (%s)", differences.data);
    maple_text_free(&differences);
    return status;
}
