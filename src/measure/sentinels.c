/* SPDX-License-Identifier: Apache-2.0 */
/* What a platform's environment in the pool says of its sentinels: {"sentinels": {SPACE: {ARCH: {FIELD:
 * x}}}}. */
#include "measure/session.h"

#include <cJSON.h>
#include <math.h>

static void text_of(const maple_session *self, size_t i, char text[MAPLE_MAX_ARCH_TEXT]) {
    maple_space_format(self->campaign.config->space, &self->sentinels[i].arch, text);
}

maple_status maple_sentinels_recall(const maple_session *self, const char *field, double *values,
                                    maple_error *error) {
    char *text;
    maple_status status = maple_pool_environment(self->campaign.pool, self->campaign.platform, &text, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *environment = cJSON_Parse(text);
    const cJSON *space =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(environment, "sentinels"),
                                         maple_space_name(self->campaign.config->space));
    for (size_t i = 0; i < self->n_sentinels; i++) {
        char arch[MAPLE_MAX_ARCH_TEXT];
        text_of(self, i, arch);
        const cJSON *one = cJSON_GetObjectItemCaseSensitive(space, arch);
        double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(one, field));
        values[i] = value > 0 ? value : NAN;
    }
    cJSON_Delete(environment);
    maple_free(text);
    return MAPLE_OK;
}

/* False where memory was short. */
static bool add_values(const maple_session *self, const maple_sentinel_values *fields, size_t n_fields,
                       cJSON *space) {
    bool added = space != NULL;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        char arch[MAPLE_MAX_ARCH_TEXT];
        text_of(self, i, arch);
        for (size_t k = 0; k < n_fields && added; k++) {
            double value = fields[k].values[i];
            cJSON *one = cJSON_GetObjectItemCaseSensitive(space, arch);
            if (isnan(value))
                continue;
            if (!one)
                one = cJSON_AddObjectToObject(space, arch);
            added = cJSON_AddNumberToObject(one, fields[k].field, value) != NULL;
        }
    }
    return added;
}

maple_status maple_sentinels_remember(const maple_session *self, const maple_sentinel_values *fields,
                                      size_t n_fields, maple_error *error) {
    cJSON *patch = cJSON_CreateObject();
    cJSON *space = cJSON_AddObjectToObject(cJSON_AddObjectToObject(patch, "sentinels"),
                                           maple_space_name(self->campaign.config->space));
    bool added = add_values(self, fields, n_fields, space);
    char *text = added ? cJSON_PrintUnformatted(patch) : NULL;
    maple_status status = MAPLE_OK;
    if (!text)
        status = maple_error_memory(error);
    else if (cJSON_GetArraySize(space) > 0)
        status = maple_pool_patch_environment(self->campaign.pool, self->campaign.platform, text, error);
    cJSON_free(text);
    cJSON_Delete(patch);
    return status;
}

maple_status maple_sentinels_shift(const maple_session *self, const double *now_ms, const double *then_ms,
                                   double *shift, maple_error *error) {
    double shifts[MAPLE_MAX_SENTINELS];
    size_t n = 0;
    maple_summary summary;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        if (isfinite(now_ms[i] / then_ms[i]))
            shifts[n++] = now_ms[i] / then_ms[i] - 1;
    }
    maple_status status = maple_summarise(shifts, n, &summary, error);
    if (status == MAPLE_OK)
        *shift = summary.median;
    return status;
}
