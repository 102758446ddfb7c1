/* SPDX-License-Identifier: Apache-2.0 */
/* Where work that was done is kept, so that it is not done again. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

maple_status cli_cache_folder(const char *text, char **out, maple_error *error) {
    *out = NULL;
    if (text && strcmp(text, "none") == 0)
        return MAPLE_OK;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    maple_text path = {0};
    if (text)
        maple_text_add(&path, text);
    else if (cache && *cache == '/') /* a relative one is to be ignored, says the specification */
        maple_text_addf(&path, "%s/maple", cache);
    else if (home && *home)
        maple_text_addf(&path, "%s/.cache/maple", home);
    if (path.failed)
        return maple_error_memory(error);
    *out = path.data;
    return MAPLE_OK;
}

void cli_cache_option(cli_cache *cache, cli_options *options) {
    cli_string(options, "cache", &cache->name, "DIR",
               "where what is learned of the sources is kept (default $XDG_CACHE_HOME/maple,\n"
               "                         else ~/.cache/maple; see maple evaluate), or none");
}

/* Its folder, opened; what prevents that is said, and then nothing is kept. */
static void open_cache(cli_cache *cache) {
    maple_error error;
    char *folder = NULL;
    maple_status status = cli_cache_folder(cache->name, &folder, &error);
    if (status == MAPLE_OK && folder)
        status = maple_model_cache_open(folder, cli_hooks(), &cache->models, &error);
    if (status != MAPLE_OK)
        cli_say("warning: what is learned is not kept: %s", error.message);
    maple_free(folder);
}

maple_model_cache *cli_cache_models(cli_cache *cache, const char *predictor) {
    const maple_predictor_info *info;
    if (maple_predictor_find(predictor, &info, NULL) != MAPLE_OK || !info->pretrains)
        return NULL;
    if (!cache->tried)
        open_cache(cache);
    cache->tried = true;
    return cache->models;
}

void cli_cache_close(cli_cache *cache) {
    maple_model_cache_close(cache->models);
    *cache = (cli_cache){.name = cache->name};
}
