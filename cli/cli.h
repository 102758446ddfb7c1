/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands share: options, help, output, progress, and where pools and platforms come from. */
#ifndef MAPLE_CLI_H
#define MAPLE_CLI_H

#include "maple/base.h"
#include "maple/evaluate.h"
#include "maple/measure.h"
#include "maple/pool.h"
#include "maple/predictor.h"
#include "maple/search.h"

#include <cjson/cJSON.h>

/* --- Commands (main.c) --- */

struct cli_options;

typedef struct cli_command {
    const char *name;      /* "pool list": with its group */
    const char *arguments; /* after the options, for the usage line */
    const char *summary;   /* one line for the list of commands */
    const char *details;   /* paragraphs for --help */
    const char *examples;  /* lines, each starting with "  maple " */
    maple_status (*run)(const struct cli_command *self, int argc, char **argv, maple_error *error);
    const struct cli_command *const *formats; /* commands below this one, ended by NULL; or NULL */
    /* Who gets the command and its options instead of --help being printed; NULL: nobody. */
    void (*describe)(void *context, const struct cli_command *self, const struct cli_options *options);
    void *context;
} cli_command;

extern const cli_command cli_documentation; /* not listed, as the worker */
/* Those of maple --help, in its order; NULL beyond the end. */
const cli_command *cli_command_at(int i);

/* What each exit code means: [0] "ok" ... */
enum { CLI_EXIT_CODES = 7 };
extern const char *const cli_exit_meanings[CLI_EXIT_CODES];
/* What a platform and a pool are. */
extern const char cli_terms[];

extern const cli_command cli_doctor, cli_spaces, cli_engines, cli_predictors, cli_profile, cli_measure,
    cli_pool_list, cli_pool_show, cli_pool_distances, cli_pool_export, cli_pool_import, cli_pool_merge,
    cli_pool_remove, cli_fit, cli_predict, cli_suggest, cli_search, cli_pareto, cli_candidates, cli_evaluate,
    cli_quickstart, cli_worker, cli_figure_distances, cli_figure_predictions, cli_figure_fronts,
    cli_figure_curve, cli_report;

/* --- Options (options.c) --- */

typedef enum cli_type { CLI_FLAG, CLI_INT, CLI_SEED, CLI_STRING, CLI_LIST } cli_type;

typedef struct cli_option {
    const char *name, *argument, *help;
    const char *choices; /* cli_choices, or NULL */
    cli_type type;
    void *value;  /* bool, int, uint64_t, const char *, maple_text */
    int min, max; /* CLI_INT */
    int fallback; /* CLI_INT: without a number; min - 1: it needs one */
    bool given;   /* cli_parse has found it */
} cli_option;

enum { CLI_MAX_OPTIONS = 32 };

typedef struct cli_options {
    cli_option items[CLI_MAX_OPTIONS];
    int n;
    int n_arguments; /* what is left after the options */
    char **arguments;
    bool help; /* --help was given and answered; the command returns MAPLE_OK at once */
} cli_options;

void cli_flag(cli_options *options, const char *name, bool *value, const char *help);
void cli_int(cli_options *options, const char *name, int *value, int min, int max, const char *argument,
             const char *help);
/* --NAME alone is `fallback`; another number is --NAME N or --NAME=N. */
void cli_optional_int(cli_options *options, const char *name, int *value, int min, int max, int fallback,
                      const char *argument, const char *help);
void cli_seed(cli_options *options, uint64_t *value);
void cli_string(cli_options *options, const char *name, const char **value, const char *argument,
                const char *help);

/* May be given several times: the values, with commas between them. The caller frees them. */
void cli_list(cli_options *options, const char *name, maple_text *values, const char *argument,
              const char *help);

/* Reads argv; answers --help on stdout. Between `min` and `max` arguments are left (-1: any number). */
maple_status cli_parse(const cli_command *command, cli_options *options, int argc, char **argv, int min,
                       int max, maple_error *error);

/* What the option added last takes, separated by spaces: for completion; the command itself checks. */
void cli_choices(cli_options *options, const char *choices);

/* Whether the option was on the command line (after cli_parse). */
bool cli_given(const cli_options *options, const char *name);

/* The command as it was given, for a shell; before cli_parse, which moves arguments. Freed by maple_free. */
maple_status cli_keep_command(const cli_command *command, int argc, char **argv, char **out,
                              maple_error *error);

/* Copies an option's value into a text of fixed size; what would have to be cut is refused. */
maple_status cli_copy(char *to, size_t size, const char *from, const char *option, maple_error *error);

/* --- Output (output.c) --- */

/* Prints a JSON value on stdout, with a newline, and deletes it. A NULL value is lack of memory. */
maple_status cli_print_json(cJSON *value, maple_error *error);
/* The same on one line. */
maple_status cli_print_json_line(cJSON *value, maple_error *error);
/* A number, or null where it is not finite. */
cJSON *cli_number(double value);
/* Flushes stdout; says so where it could not be written (disk full, closed pipe). */
maple_status cli_flush(maple_error *error);
/* Talk: one line on stderr. */
void cli_say(const char *format, ...) MAPLE_PRINTF(1, 2);
/* Hooks with a progress bar (on a terminal only), warnings on stderr, and Ctrl-C as cancellation. */
const maple_hooks *cli_hooks(void);
/* Ends a progress line, if one is shown. */
void cli_end_progress(void);

/* --- Where things are (common.c) --- */

typedef struct cli_setup {
    const char *space_name, *engine, *isa, *dtype, *graph, *pool;
    int threads, batch, cpu;
    maple_measure_config config; /* filled by cli_setup_resolve */
    char worker[4096];
    int64_t fastest_probe_ns; /* what one measurement of this command learned for the next */
} cli_setup;

/* Defaults, and the options --space --engine --isa --dtype --threads --batch --graph --cpu --pool. */
void cli_setup_options(cli_setup *setup, cli_options *options);
maple_status cli_setup_resolve(cli_setup *setup, maple_error *error);

/* Opens the pool to write into, and makes it where there is none, after it is clear that this machine can run
 * the configuration and knows the counters (NULL: none are asked for), so that a wrong option makes no pool.
 */
maple_status cli_open_to_measure(const cli_setup *setup, const char *name, const char *provider,
                                 maple_pool **out, maple_error *error);

/* Identifies the configuration (as `name`, NULL: the default name) and adds it to the pool; takes what the
 * pool knows about this CPU's undisturbed probe. MAPLE_BAD_INPUT where the platform is there and was measured
 * on another host. */
maple_status cli_register_platform(cli_setup *setup, const char *name, maple_pool *pool,
                                   maple_platform *platform, maple_error *error);
/* After maple_measure_networks: where it was refused because the machine is not as fast as it was, the
 * message says under which name it can be measured, or how to go on. */
void cli_explain_drift(maple_pool *pool, const maple_platform *platform, const maple_measure_report *report,
                       maple_status status, maple_error *error);
/* Keeps with the platform what was learned about the undisturbed probe. */
maple_status cli_remember_probe(const cli_setup *setup, maple_pool *pool, const maple_platform *platform,
                                maple_error *error);

/* Registers the platform and measures its
 * descriptor: operator latencies and counters by `provider` ("auto"; says on stderr which one and why). What
 * the pool already has is kept unless `again`. */
maple_status cli_profile_platform(cli_setup *setup, const char *name, const char *provider, bool again,
                                  maple_pool *pool, maple_platform *platform, maple_error *error);

/* The file of the user's pool: `path`, whose folder must be there, or the default one, whose folder is made
 * when it is opened for writing. Freed by maple_free. */
maple_status cli_pool_path(const char *path, char **out, maple_error *error);
/* The user's pool: `path`, or the default one. */
maple_status cli_open_pool(const char *path, maple_pool_mode mode, maple_pool **out, maple_error *error);
/* For reading: `path`, the default one, or NULL where there is no default one yet. */
maple_status cli_open_user_pool(const char *path, maple_pool **out, maple_error *error);
/* The bundled pool's path (data/pool.db beside the build, or where make install puts it, or
 * $MAPLE_BUNDLED_POOL, which may also be "none"); MAPLE_NOT_FOUND where there is none. */
maple_status cli_bundled_path(char path[4096], maple_error *error);

/* The user's pool and the bundled one (where there is one) as one dataset. Either may be missing: `user` only
 * when it was not named by the caller. `flagged`: noisy labels, too. */
maple_status cli_load_dataset(maple_pool *user, const maple_space *space, bool flagged, maple_dataset **out,
                              maple_error *error);
/* --flagged of those that learn from labels. */
void cli_flagged_option(cli_options *options, bool *flagged);
/* A line on stderr where labels of the platforms of `own` (the user's pool, or NULL) or of `target` (a name,
 * or NULL) were left out. */
void cli_say_flagged(const maple_dataset *dataset, maple_pool *own, const char *target);
/* The same for all platforms of a pool that cannot be measured anew: the bundled one. */
void cli_say_all_flagged(const maple_dataset *dataset);

/* For a command line that is printed for the user to run: what else than its name, CPU and engine tells a
 * platform, each where it is not the default: --pool, --space, --graph, --dtype, --threads, --batch.
 * usual_dtype: the default of --dtype there. pool: NULL for the usual. */
void cli_add_settings(maple_text *line, const maple_platform *platform, const char *usual_dtype,
                      const maple_space *space, const char *pool);
/* --engine, --isa and those settings: as `platform` was measured, for maple measure and maple profile. */
void cli_add_measuring(maple_text *line, const maple_platform *platform, const maple_space *space,
                       const char *pool);

/* "s", or nothing of one. */
const char *cli_plural(size_t n);

/* What a measurement took, as members of a JSON object. */
void cli_add_report(cJSON *object, const maple_measure_report *report);
/* The same in words: what it took, and what else ran meanwhile where that matters. */
void cli_print_report(const maple_measure_report *report);

/* {"date", "n", "rounds", "median", "p90", "p95", "max"} */
cJSON *cli_repeatability_json(const maple_repeatability *row);

/* maple measure --repeatability (repeatability.c). */
typedef struct cli_repeating {
    const char *name; /* of the platform; NULL: the default name */
    int n;            /* random architectures */
    bool json, one_line;
} cli_repeating;

/* Measures n random architectures twice on a platform that the pool has, by the rules of a plan (rounds,
 * seed, memory, spread; not its architectures); keeps the figure in the pool and prints it. */
maple_status cli_measure_repeatability(cli_setup *setup, const cli_repeating *what,
                                       const maple_measure_plan *rules, maple_error *error);

/* What is predicted of architectures, each array [n]. */
typedef struct cli_predictions {
    const maple_space *space;
    const maple_arch *archs; /* the caller's */
    size_t n;
    int *index;                               /* -1: not known */
    double *latency_ms, *lower_ms, *upper_ms; /* NaN: no latency, no interval */
} cli_predictions;

/* Predicts, with intervals; no index is known then. *out is freed by cli_predictions_free in any case. */
maple_status cli_predict_archs(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                               cli_predictions *out, maple_error *error);
void cli_predictions_free(cli_predictions *predictions);
/* CSV: arch,index,latency_ms,lower_ms,upper_ms; what is not there is an empty field. */
void cli_format_predictions(const cli_predictions *predictions, maple_text *out);

/* --leave-out: "none" or "platform", "family", "cpu". */
maple_status cli_leave_out_parse(const char *text, maple_leave_out *out, maple_error *error);

/* Rows of the dataset to learn from for `target`: all but itself and what is left out. Freed by maple_free.
 */
maple_status cli_sources(const maple_dataset *dataset, const maple_platform *target,
                         maple_leave_out leave_out, size_t **rows, size_t *n, maple_error *error);

/* --- What is kept (cache.c): --cache of fit, predict, suggest, profile, quickstart --- */

typedef struct cli_cache {
    const char *name; /* as given */
    maple_model_cache *models;
    bool tried;
} cli_cache;

/* `text`, "none" (NULL), or where text is NULL $XDG_CACHE_HOME/maple, else ~/.cache/maple, else none. Freed
 * by maple_free. */
maple_status cli_cache_folder(const char *text, char **out, maple_error *error);
void cli_cache_option(cli_cache *cache, cli_options *options);
/* For this predictor; opened when one that pre-trains is first asked for. NULL: nothing is kept, either
 * because there is nothing to keep, or it was not wanted, or could not be (said on stderr). */
maple_model_cache *cli_cache_models(cli_cache *cache, const char *predictor);
void cli_cache_close(cli_cache *cache);

/* --- Fitting (fitting.c): what `fit` and `predict` share --- */

typedef struct cli_fitting {
    const char *platform, *predictor, *leave_out, *space_name, *pool, *predictor_options;
    bool flagged; /* learns from noisy labels, too */
    int samples;  /* -1: all that the platform has */
    uint64_t seed;
    cli_cache cache;
} cli_fitting;

/* The defaults and the options of it, with and without --platform; with it, 10 samples being the default. */
void cli_fitting_options(cli_fitting *fitting, cli_options *options);
void cli_fitting_ten_options(cli_fitting *fitting, cli_options *options);
void cli_fitting_how_options(cli_fitting *fitting, cli_options *options);
/* Whether there is such a predictor with such options, and such a thing to leave out: for a command that may
 * find that nothing has to be fitted. */
maple_status cli_fitting_check(const cli_fitting *fitting, const maple_space *space, maple_error *error);
/* fitting->platform in a dataset, with latencies or a descriptor; the message says what to do where it is
 * not there. */
maple_status cli_find_platform(const cli_fitting *fitting, maple_pool *user, const maple_dataset *dataset,
                               const maple_dataset_platform **out, maple_error *error);
/* Fits for a platform of a dataset that is loaded; the cache stays open. */
maple_status cli_fit_in(cli_fitting *fitting, const maple_dataset *dataset,
                        const maple_dataset_platform *platform, maple_predictor **out, maple_error *error);
/* Fits on the platform's measured architectures in the pool, or on its descriptor alone; a predictor that
 * needs more refuses. */
maple_status cli_fit_platform(cli_fitting *fitting, maple_pool *user, maple_predictor **out,
                              maple_error *error);

/* A predictor for a platform of the dataset, from samples and the descriptor of it, and from the others. */
typedef struct cli_fit_job {
    const char *predictor, *options;
    const maple_dataset *dataset;
    const maple_dataset_platform *platform;
    maple_leave_out leave_out;
    const size_t *sources; /* [n_sources] rows to learn from; NULL: what leave_out leaves */
    size_t n_sources;
    const maple_arch *archs; /* [n_samples] */
    const double *latency_ms;
    size_t n_samples;
    uint64_t seed;
    cli_cache *cache;
    /* NULL: pre-trained for this job alone; else maple_model_cache_fit_again */
    maple_pretrained **pretrained;
    maple_fit_times *times;
} cli_fit_job;

maple_status cli_run_fit(const cli_fit_job *job, maple_predictor **out, maple_error *error);

/* --- Deciding: what `search` and `pareto` share (scoring.c, verify.c) --- */

typedef struct cli_scoring {
    const char *score, *file, *command; /* --score, --scores, --score-command */
    int timeout_s;
} cli_scoring;

void cli_scoring_options(cli_scoring *scoring, cli_options *options);
/* Scores of `user` (NULL: there is none) or the bundled pool, of a file, of a command. */
maple_status cli_scoring_judge(const cli_scoring *scoring, const maple_space *space, maple_pool *user,
                               maple_judge **out, maple_error *error);
/* What the scores are, without where they come from: the score of a pool or the column of a file (true); else
 * the additive table's file without its folders, or the command (false). After cli_scoring_judge. */
bool cli_scoring_name(const cli_scoring *scoring, const maple_judge *judge, char *name, size_t size);
/* Of --confidence: at least 0.5 and below 1. */
maple_status cli_confidence_parse(const char *text, double *out, maple_error *error);
/* "5ms", "5", "500us", "0.005s": milliseconds, above 0. */
maple_status cli_latency_parse(const char *text, const char *option, double *out, maple_error *error);
/* A finite number. */
maple_status cli_real_parse(const char *text, const char *option, double *out, maple_error *error);
/* Canonical indices as far as the user's pool (NULL: none) knows them: index[n], -1 elsewhere. */
maple_status cli_indices(maple_pool *user, const maple_space *space, const maple_arch *archs, size_t n,
                         int *index, maple_error *error);

/* Whether networks can be measured on a platform: the user's pool has it, it is this host and was not
 * imported, and this build and CPU still have what it was measured with. */
maple_status cli_verify_check(maple_pool *user, const char *platform, const maple_space *space,
                              maple_error *error);
/* Measures n networks anew on such a platform: rows[n] of archs, with the reason where one could not be
 * measured. The labels that the pool has stay as they are. */
maple_status cli_verify(maple_pool *user, const char *platform, const maple_space *space,
                        const maple_arch *archs, size_t n, uint64_t seed, maple_latency *rows,
                        maple_error *error);

/* Architectures from stdin, one a line, as they come; arch,latency_ms,lower_ms,upper_ms to stdout (stream.c).
 */
maple_status cli_stream(const maple_predictor *predictor, maple_error *error);

/* --- Choosing (choosing.c): which networks to measure, for `suggest`, `profile` and `quickstart` --- */

/* All that is known of a platform of the dataset: its descriptor, and every latency as a sample. Freed by
 * cli_device_free; the descriptor stays the dataset's. */
typedef struct cli_device {
    maple_target target;
    maple_arch *archs; /* of target */
    double *latency_ms;
} cli_device;

maple_status cli_device_measured(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                 cli_device *out, maple_error *error);
void cli_device_free(cli_device *device);

typedef struct cli_choosing {
    const char *predictor, *options;
    const maple_dataset *dataset; /* of the space that is meant */
    const size_t *sources;
    size_t n_sources;
    const maple_target *target;
    size_t candidates; /* choose among so many random architectures; 0: all of the space, where that cannot be
                          enumerated those of the dataset, where it has none 5,000 random ones */
    size_t n;          /* at most */
    double width;      /* 0, or where to stop: see maple_pretrained_suggest */
    uint64_t seed;
    cli_cache *cache;
} cli_choosing;

typedef struct cli_choice {
    maple_arch *archs; /* [n] in order */
    double *widths;    /* [n] expected median width of intervals after each, over the prediction */
    size_t n;          /* 0: the intervals are narrow enough already */
    size_t n_candidates;
} cli_choice;

/* MAPLE_BAD_INPUT where no candidate is left. *out is freed by cli_choice_free in any case. */
maple_status cli_choose(const cli_choosing *choosing, cli_choice *out, maple_error *error);
void cli_choice_free(cli_choice *choice);
/* MAPLE_BAD_ARGUMENT, with those that do, where the predictor does not suggest. */
maple_status cli_check_suggests(const char *predictor, maple_error *error);

/* How the first networks of a device are chosen: --sampler. */
typedef struct cli_sampling {
    const char *predictor, *sampler;
    maple_leave_out leave_out; /* of what the predictor learns from */
    bool given, suggests;      /* --sampler was; set by cli_sampling_check */
    cli_cache *cache;
} cli_sampling;

/* --sampler and --cache. */
void cli_sampling_options(cli_sampling *sampling, cli_cache *cache, cli_options *options);
/* After parsing, and with sampling->predictor set: --sampler suggest needs one that suggests. */
maple_status cli_sampling_check(cli_sampling *sampling, const cli_options *options, maple_error *error);
/* archs[n] for a platform, by the descriptor that the dataset has of it and the dataset's other platforms;
 * the platform's own latencies are not looked at, so that the same command again chooses the same. Where
 * there is nothing to learn from, and for more than 100, random ones, unless --sampler was given
 * (MAPLE_BAD_INPUT); says so. */
maple_status cli_sample(const cli_sampling *sampling, const maple_platform *platform,
                        const maple_dataset *dataset, size_t n, uint64_t seed, maple_arch *archs,
                        bool *suggested, maple_error *error);

/* Architectures from arguments, a file ("-": stdin; one a line, or a CSV whose first column is `arch`).
 * Appends to *archs. */
maple_status cli_read_archs(const maple_space *space, int n_arguments, char **arguments, const char *file,
                            maple_arch **archs, size_t *n, maple_error *error);
/* All architectures of the space. */
maple_status cli_all_archs(const maple_space *space, maple_arch **archs, size_t *n, maple_error *error);

#endif
