/* SPDX-License-Identifier: Apache-2.0 */
/* Where the pools, the worker, the sources and the architectures of a command come from. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of this program, without a slash at the end; false where the system does not tell. */
static bool program_path(char path[4096]) {
    ssize_t length = readlink("/proc/self/exe", path, 4095);
    if (length <= 0)
        return false;
    path[length] = '\0';
    return true;
}

void cli_setup_options(cli_setup *setup, cli_options *options) {
    *setup = (cli_setup){.space_name = "nas-bench-201",
                         .dtype = "f32",
                         .graph = "pruned",
                         .threads = 1,
                         .batch = 1,
                         .cpu = -1};
    cli_string(options, "engine", &setup->engine, "NAME",
               "inference engine (see maple engines; default: the first)");
    cli_string(options, "isa", &setup->isa, "NAME",
               "cap of the instruction set (default: the best of this CPU)");
    cli_string(options, "dtype", &setup->dtype, "NAME",
               "numbers that are computed with: f32 (default), int8, bf16 (see maple engines)");
    cli_int(options, "threads", &setup->threads, 1, 1024, "N", "threads of the engine (default 1)");
    cli_int(options, "batch", &setup->batch, 1, 4096, "N", "images in one run (default 1)");
    cli_string(options, "graph", &setup->graph, "FORM", "pruned (as deployed, default) or as-written");
    cli_int(options, "cpu", &setup->cpu, 0, 4095, "N", "CPU to pin to (default: the last one allowed)");
    cli_string(options, "space", &setup->space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(options, "pool", &setup->pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
}

/* The first engine that is built in and is not the slow reference. */
static const char *default_engine(void) {
    for (size_t i = 0; i < maple_engine_count(); i++) {
        const maple_engine_info *info = maple_engine_at(i);
        if (info->available && strcmp(info->name, "reference") != 0)
            return info->name;
    }
    return "reference";
}

maple_status cli_setup_resolve(cli_setup *setup, maple_error *error) {
    maple_measure_config *config = &setup->config;
    const maple_engine_info *engine;
    if (!setup->engine)
        setup->engine = default_engine();
    maple_engine_dtype dtype = MAPLE_DTYPE_F32;
    maple_status status = maple_space_find(setup->space_name, &config->space, error);
    if (status == MAPLE_OK)
        status = maple_engine_dtype_parse(setup->dtype, &dtype, error);
    if (status == MAPLE_OK)
        status = maple_graph_form_parse(setup->graph, &config->graph, error);
    if (status == MAPLE_OK)
        status = maple_engine_find(setup->engine, &engine, error);
    if (status != MAPLE_OK)
        return status;
    if (!engine->available)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine %s: %s", engine->name, engine->unavailable);
    if (!program_path(setup->worker))
        return maple_error_set(error, MAPLE_IO_ERROR, "/proc/self/exe cannot be read: %s", strerror(errno));
    config->engine = setup->engine;
    config->options = (maple_engine_options){.isa = setup->isa,
                                             .threads = setup->threads,
                                             .batch = setup->batch,
                                             .weight_seed = 1,
                                             .dtype = dtype};
    config->worker_path = setup->worker;
    config->cpu = setup->cpu;
    config->fastest_probe_ns = &setup->fastest_probe_ns;
    config->hooks = cli_hooks();
    return MAPLE_OK;
}

/* The folder of a pool that was named: one that was mistyped is not made. */
static maple_status check_folder(const char *path, maple_error *error) {
    const char *slash = strrchr(path, '/');
    struct stat info;
    if (!slash || slash == path)
        return MAPLE_OK;
    char *folder = maple_strdup(path);
    if (!folder)
        return maple_error_memory(error);
    folder[slash - path] = '\0';
    maple_status status = MAPLE_OK;
    if (stat(folder, &info) != 0 && errno == ENOENT)
        status = maple_error_set(error, MAPLE_IO_ERROR,
                                 "%s: there is no folder %s: make it, or name another pool", path, folder);
    maple_free(folder);
    return status;
}

maple_status cli_pool_path(const char *path, char **out, maple_error *error) {
    if (!path)
        return maple_pool_default_path(out, error);
    maple_status status = check_folder(path, error);
    if (status != MAPLE_OK)
        return status;
    *out = maple_strdup(path);
    return *out ? MAPLE_OK : maple_error_memory(error);
}

/* One that the user has named: where it is not there, what makes it. */
static maple_status open_named(const char *path, maple_pool_mode mode, maple_pool **out, maple_error *error) {
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: there is no such pool: maple profile, maple measure and maple pool import make "
            "it; without --pool it is the usual one",
            path);
    return maple_pool_open(path, mode, out, error);
}

maple_status cli_open_pool(const char *path, maple_pool_mode mode, maple_pool **out, maple_error *error) {
    if (path && mode != MAPLE_POOL_WRITE)
        return open_named(path, mode, out, error);
    char *file;
    maple_status status = cli_pool_path(path, &file, error);
    if (status != MAPLE_OK)
        return status;
    if (mode == MAPLE_POOL_READ && access(file, F_OK) != 0 && errno == ENOENT)
        status =
            maple_error_set(error, MAPLE_IO_ERROR,
                            "%s: you have no pool yet: maple profile and maple pool import make it; --pool "
                            "FILE names another; maple pool list --bundled lists what came with maple",
                            file);
    else
        status = maple_pool_open(file, mode, out, error);
    maple_free(file);
    return status;
}

/* Reading without a pool of one's own is fine: then there is the bundled one. */
maple_status cli_open_user_pool(const char *path, maple_pool **out, maple_error *error) {
    *out = NULL;
    if (path)
        return open_named(path, MAPLE_POOL_READ, out, error);
    char *standard;
    maple_status status = maple_pool_default_path(&standard, error);
    if (status == MAPLE_BAD_ARGUMENT)
        return MAPLE_OK; /* no HOME: no pool of one's own */
    if (status != MAPLE_OK)
        return status;
    if (access(standard, F_OK) == 0)
        status = maple_pool_open(standard, MAPLE_POOL_READ, out, error);
    maple_free(standard);
    return status;
}

maple_status cli_bundled_path(char path[4096], maple_error *error) {
    const char *named = getenv("MAPLE_BUNDLED_POOL");
    if (named && strcmp(named, "none") == 0)
        return maple_error_set(error, MAPLE_NOT_FOUND,
                               "MAPLE_BUNDLED_POOL=none: the bundled pool is switched off");
    if (named && *named) {
        snprintf(path, 4096, "%s", named);
        return MAPLE_OK;
    }
    char program[4096];
    if (program_path(program)) {
        *strrchr(program, '/') = '\0';
        static const char *const PLACES[] = {"/../data/pool.db", MAPLE_POOL_FROM_PROGRAM};
        for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
            snprintf(path, 4096, "%.4000s%s", program, PLACES[i]);
            if (access(path, R_OK) == 0)
                return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_NOT_FOUND,
                           "the bundled pool (data/pool.db) was not found; name it with MAPLE_BUNDLED_POOL");
}

void cli_flagged_option(cli_options *options, bool *flagged) {
    *flagged = false;
    cli_flag(options, "flagged", flagged, "use labels that are flagged as noisy, too");
}

/* "2 labels of board, 1 label of phone" */
static void add_flagged(maple_text *text, const maple_dataset_platform *platform) {
    maple_text_addf(text, "%s%zu label%s of %s", text->length > 0 ? ", " : "", platform->n_flagged,
                    cli_plural(platform->n_flagged), platform->platform.name);
}

static void say_flagged(maple_text *text, bool own) {
    if (text->length > 0 && !text->failed)
        cli_say("left out as noisy (flagged): %s; --flagged takes them%s", text->data,
                own ? ", maple measure --retry-flagged measures them anew" : "");
    maple_text_free(text);
}

void cli_say_flagged(const maple_dataset *dataset, maple_pool *own, const char *target) {
    maple_text theirs = {0}, others = {0};
    maple_platform known;
    for (size_t i = 0; i < dataset->n_platforms; i++) {
        const maple_dataset_platform *p = &dataset->platforms[i];
        if (p->n_flagged == 0)
            continue;
        if (own && maple_pool_find_platform(own, p->platform.name, &known, NULL) == MAPLE_OK)
            add_flagged(&theirs, p);
        else if (target && strcmp(p->platform.name, target) == 0)
            add_flagged(&others, p);
    }
    say_flagged(&theirs, true);
    say_flagged(&others, false);
}

void cli_say_all_flagged(const maple_dataset *dataset) {
    maple_text text = {0};
    for (size_t i = 0; i < dataset->n_platforms; i++)
        if (dataset->platforms[i].n_flagged > 0)
            add_flagged(&text, &dataset->platforms[i]);
    say_flagged(&text, false);
}

maple_status cli_load_dataset(maple_pool *user, const maple_space *space, bool flagged, maple_dataset **out,
                              maple_error *error) {
    char path[4096];
    maple_pool *bundled = NULL, *pools[2];
    size_t n = 0;
    if (cli_bundled_path(path, NULL) == MAPLE_OK) {
        maple_status status = maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &bundled, error);
        if (status != MAPLE_OK)
            return status;
    }
    if (user)
        pools[n++] = user;
    if (bundled)
        pools[n++] = bundled;
    maple_status status = maple_dataset_load_flagged(pools, n, space, flagged, out, error);
    maple_pool_close(bundled);
    return status;
}

maple_status cli_leave_out_parse(const char *text, maple_leave_out *out, maple_error *error) {
    static const struct {
        const char *name;
        maple_leave_out what;
    } NAMES[] = {{"none", MAPLE_LEAVE_OUT_PLATFORM},
                 {"platform", MAPLE_LEAVE_OUT_PLATFORM},
                 {"family", MAPLE_LEAVE_OUT_FAMILY},
                 {"cpu", MAPLE_LEAVE_OUT_CPU}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(text, NAMES[i].name) == 0) {
            *out = NAMES[i].what;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--leave-out %s: use platform (none), family or cpu",
                           text);
}

maple_status cli_sources(const maple_dataset *dataset, const maple_platform *target,
                         maple_leave_out leave_out, size_t **rows, size_t *n, maple_error *error) {
    size_t *found = maple_alloc(dataset->n_platforms, sizeof *found);
    if (!found)
        return maple_error_memory(error);
    size_t count = 0;
    for (size_t i = 0; i < dataset->n_platforms; i++) {
        const maple_platform *platform = &dataset->platforms[i].platform;
        if (!maple_is_left_out(target, platform, leave_out))
            found[count++] = i;
    }
    *rows = found;
    *n = count;
    return MAPLE_OK;
}

static maple_status append_arch(const maple_space *space, const char *text, maple_arch **archs, size_t *n,
                                maple_error *error) {
    maple_arch arch;
    maple_status status = maple_space_parse(space, text, &arch, error);
    if (status != MAPLE_OK)
        return status;
    if ((*n & (*n + 1)) == 0 || !*archs) { /* room runs out at powers of two */
        maple_arch *larger = maple_resize(*archs, (*n + 1) * 2, sizeof *larger);
        if (!larger)
            return maple_error_memory(error);
        *archs = larger;
    }
    (*archs)[(*n)++] = arch;
    return MAPLE_OK;
}

static maple_status read_lines(const maple_space *space, FILE *file, const char *name, maple_arch **archs,
                               size_t *n, maple_error *error) {
    char *line = NULL;
    size_t capacity = 0;
    int number = 0;
    maple_status status = MAPLE_OK;
    while (status == MAPLE_OK && getline(&line, &capacity, file) >= 0) {
        number++;
        maple_arch whole;
        line[strcspn(line, "\r\n")] = '\0';
        if (maple_space_parse(space, line, &whole, NULL) != MAPLE_OK) /* its commas are not its own: CSV */
            line[strcspn(line, ",")] = '\0';
        if (!*line || (number == 1 && strcmp(line, "arch") == 0))
            continue;
        status = append_arch(space, line, archs, n, error);
        if (status == MAPLE_BAD_INPUT)
            maple_error_prefix(error, status, "%s:%d", name, number);
    }
    if (status == MAPLE_OK && ferror(file))
        status = maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be read: %s", name, strerror(errno));
    free(line);
    return status;
}

maple_status cli_read_archs(const maple_space *space, int n_arguments, char **arguments,
                            const char *file_name, maple_arch **archs, size_t *n, maple_error *error) {
    for (int i = 0; i < n_arguments; i++) {
        maple_status status = append_arch(space, arguments[i], archs, n, error);
        if (status != MAPLE_OK)
            return status;
    }
    if (!file_name)
        return MAPLE_OK;
    if (strcmp(file_name, "-") == 0)
        return read_lines(space, stdin, "standard input", archs, n, error);
    FILE *file = fopen(file_name, "re");
    if (!file)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", file_name, strerror(errno));
    maple_status status = read_lines(space, file, file_name, archs, n, error);
    fclose(file);
    return status;
}

maple_status cli_all_archs(const maple_space *space, maple_arch **archs, size_t *n, maple_error *error) {
    size_t size = maple_space_enumerable(space);
    if (size == 0)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "%s has %.3g architectures: too many for --all; give some, with --file FILE (- is "
            "stdin) or --random N",
            maple_space_name(space), maple_space_size(space));
    *archs = maple_alloc(size, sizeof **archs);
    if (!*archs)
        return maple_error_memory(error);
    for (size_t i = 0; i < size; i++)
        (*archs)[i] = maple_space_nth(space, i);
    *n = size;
    return MAPLE_OK;
}
