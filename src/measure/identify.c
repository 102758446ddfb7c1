/* SPDX-License-Identifier: Apache-2.0 */
/* What platform a configuration is: asked of the worker that would measure it. */
#include "measure/worker_client.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Words of CPU model names that tell nothing. */
static const char *const noise_words[] = {"intel", "amd",  "cpu",    "processor", "r",
                                          "tm",    "with", "radeon", "graphics"};

static bool is_noise(const char *word) {
    for (size_t i = 0; i < sizeof noise_words / sizeof noise_words[0]; i++) {
        if (strcmp(word, noise_words[i]) == 0)
            return true;
    }
    return false;
}

/* "Intel(R) Xeon(R) Processor @ 2.50GHz" -> "xeon-2.50ghz" */
static void shorten_cpu(const char *cpu, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    while (*cpu) {
        char word[64];
        size_t length = 0;
        for (; *cpu && (isalnum((unsigned char)*cpu) || *cpu == '.' || *cpu == '-' || *cpu == '_'); cpu++) {
            if (length + 1 < sizeof word)
                word[length++] = (char)tolower((unsigned char)*cpu);
        }
        cpu += *cpu != '\0';
        word[length] = '\0';
        if (length > 0 && !is_noise(word) && used < size) {
            int written = snprintf(out + used, size - used, "%s%s", used ? "-" : "", word);
            used += written > 0 ? (size_t)written : 0;
        }
    }
    if (!out[0])
        snprintf(out, size, "cpu");
}

maple_status maple_measure_identify(const maple_measure_config *config, const maple_environment *environment,
                                    maple_platform *out, maple_error *error) {
    maple_worker *worker = NULL;
    maple_status status = maple_worker_start(config, NULL, NULL, &worker, error);
    if (status != MAPLE_OK)
        return status;
    const maple_engine_description *engine = maple_worker_engine(worker);
    maple_platform platform = {.threads = engine->threads, .batch = engine->batch, .graph = config->graph};
    const char *cpu = environment->cpu[0] ? environment->cpu : "unknown CPU";
    char slug[64];
    snprintf(platform.cpu, sizeof platform.cpu, "%s", cpu);
    snprintf(platform.device, sizeof platform.device, "%s", cpu);
    snprintf(platform.engine, sizeof platform.engine, "%s", engine->name);
    snprintf(platform.engine_version, sizeof platform.engine_version, "%s", engine->version);
    snprintf(platform.isa, sizeof platform.isa, "%s", engine->isa);
    snprintf(platform.counters, sizeof platform.counters, "none");
    const char *dtype = maple_engine_dtype_name(engine->dtype);
    snprintf(platform.dtype, sizeof platform.dtype, "%s", dtype);
    maple_platform_family(platform.cpu, platform.engine, platform.isa, platform.dtype, platform.family);
    shorten_cpu(cpu, slug, sizeof slug);
    snprintf(platform.name, sizeof platform.name, "%s-%s-%s%s%s-%dt-b%d-%s", slug, platform.engine,
             platform.isa, engine->dtype != MAPLE_DTYPE_F32 ? "-" : "",
             engine->dtype != MAPLE_DTYPE_F32 ? dtype : "", platform.threads, platform.batch,
             maple_graph_form_name(platform.graph));
    maple_worker_stop(worker);
    *out = platform;
    return MAPLE_OK;
}
