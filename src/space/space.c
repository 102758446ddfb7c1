/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of search spaces, and what all of them share. */
#include "space/space_vtable.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static const maple_space *const REGISTRY[] = {
    &maple_nas_bench_201,
    &maple_fbnet,
};

enum { REGISTERED = sizeof REGISTRY / sizeof *REGISTRY };

size_t maple_space_count(void) {
    return REGISTERED;
}

const maple_space *maple_space_at(size_t i) {
    return i < REGISTERED ? REGISTRY[i] : NULL;
}

maple_status maple_space_find(const char *name, const maple_space **out, maple_error *error) {
    for (size_t i = 0; i < REGISTERED; i++) {
        if (strcmp(REGISTRY[i]->name, name) == 0) {
            *out = REGISTRY[i];
            return MAPLE_OK;
        }
    }
    maple_text known = {0};
    for (size_t i = 0; i < REGISTERED; i++)
        maple_text_addf(&known, "%s%s", i ? ", " : "", REGISTRY[i]->name);
    maple_error_set(error, MAPLE_NOT_FOUND, "unknown search space '%s': there is %s", name,
                    known.data ? known.data : "none");
    maple_text_free(&known);
    return MAPLE_NOT_FOUND;
}

const char *maple_space_name(const maple_space *space) {
    return space->name;
}

const char *maple_space_description(const maple_space *space) {
    return space->description;
}

int maple_space_positions(const maple_space *space) {
    return space->positions;
}

int maple_space_ops(const maple_space *space) {
    return space->ops;
}

const char *maple_space_op_name(const maple_space *space, int op) {
    return op >= 0 && op < space->ops ? space->op_names[op] : NULL;
}

double maple_space_size(const maple_space *space) {
    return pow(space->ops, space->positions);
}

size_t maple_space_enumerable(const maple_space *space) {
    return space->enumerable ? (size_t)maple_space_size(space) : 0;
}

/* Mixed radix with the first position as the most significant digit. */
maple_arch maple_space_nth(const maple_space *space, size_t ordinal) {
    maple_arch arch = {{0}};
    for (int i = space->positions - 1; i >= 0; i--) {
        arch.op[i] = (uint8_t)(ordinal % (size_t)space->ops);
        ordinal /= (size_t)space->ops;
    }
    return arch;
}

size_t maple_space_ordinal(const maple_space *space, const maple_arch *arch) {
    size_t ordinal = 0;
    for (int i = 0; i < space->positions; i++)
        ordinal = ordinal * (size_t)space->ops + arch->op[i];
    return ordinal;
}

maple_status maple_space_parse(const maple_space *space, const char *text, maple_arch *out,
                               maple_error *error) {
    return space->parse(space, text, out, error);
}

void maple_space_format(const maple_space *space, const maple_arch *arch, char text[MAPLE_MAX_ARCH_TEXT]) {
    space->format(space, arch, text);
}

bool maple_arch_equal(const maple_arch *a, const maple_arch *b) {
    return memcmp(a->op, b->op, sizeof a->op) == 0;
}

maple_arch maple_space_canonical(const maple_space *space, maple_graph_form form, const maple_arch *arch) {
    return form == MAPLE_GRAPH_PRUNED ? space->canonical_pruned(space, arch) : *arch;
}

bool maple_space_degenerate(const maple_space *space, const maple_arch *arch) {
    return space->degenerate(space, arch);
}

static bool sampleable(const maple_space *space, maple_graph_form form, const maple_arch *arch) {
    return form == MAPLE_GRAPH_AS_WRITTEN || !space->degenerate(space, arch);
}

static maple_status sample_enumerated(const maple_space *space, maple_graph_form form, maple_rng *rng,
                                      size_t n, maple_arch *out, maple_error *error) {
    size_t size = maple_space_enumerable(space), found = 0;
    size_t *order = maple_alloc(size, sizeof *order);
    bool *taken = maple_alloc(size, sizeof *taken);
    if (!order || !taken) {
        maple_free(order);
        maple_free(taken);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < size; i++)
        order[i] = i;
    maple_rng_shuffle(rng, size, order);
    for (size_t i = 0; i < size && found < n; i++) {
        maple_arch arch = maple_space_nth(space, order[i]);
        if (!sampleable(space, form, &arch))
            continue;
        maple_arch canonical = maple_space_canonical(space, form, &arch);
        size_t key = maple_space_ordinal(space, &canonical);
        if (!taken[key])
            out[found++] = arch;
        taken[key] = true;
    }
    maple_free(order);
    maple_free(taken);
    if (found < n)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "%zu architectures asked for, but %s has only %zu different ones in %s form",
                               n, space->name, found, maple_graph_form_name(form));
    return MAPLE_OK;
}

/* A set of architectures: places[capacity], 0 for an empty one, i + 1 for canonical[i]. */
static bool insert(size_t *places, size_t capacity, const maple_arch *canonical, size_t i) {
    size_t at = (size_t)maple_hash(canonical[i].op, sizeof canonical[i].op) & (capacity - 1);
    for (; places[at]; at = (at + 1) & (capacity - 1))
        if (maple_arch_equal(&canonical[places[at] - 1], &canonical[i]))
            return false;
    places[at] = i + 1;
    return true;
}

/* Draws until there are enough: a space that cannot be enumerated is large. */
static maple_status sample_drawn(const maple_space *space, maple_graph_form form, maple_rng *rng, size_t n,
                                 maple_arch *out, maple_error *error) {
    size_t capacity = 16, found = 0;
    while (capacity < 2 * n)
        capacity *= 2;
    size_t *places = maple_alloc(capacity, sizeof *places);
    maple_arch *canonical = maple_alloc(n, sizeof *canonical);
    if (!places || !canonical) {
        maple_free(places);
        maple_free(canonical);
        return maple_error_memory(error);
    }
    while (found < n) {
        maple_arch arch = {{0}};
        for (int i = 0; i < space->positions; i++)
            arch.op[i] = (uint8_t)maple_rng_below(rng, (uint64_t)space->ops);
        canonical[found] = maple_space_canonical(space, form, &arch);
        if (sampleable(space, form, &arch) && insert(places, capacity, canonical, found))
            out[found++] = arch;
    }
    maple_free(places);
    maple_free(canonical);
    return MAPLE_OK;
}

maple_status maple_space_sample(const maple_space *space, maple_graph_form form, maple_rng *rng, size_t n,
                                maple_arch *out, maple_error *error) {
    return space->enumerable ? sample_enumerated(space, form, rng, n, out, error)
                             : sample_drawn(space, form, rng, n, out, error);
}

void maple_space_one_hot(const maple_space *space, const maple_arch *arch, float *out) {
    memset(out, 0, (size_t)space->positions * (size_t)space->ops * sizeof *out);
    for (int i = 0; i < space->positions; i++)
        out[i * space->ops + arch->op[i]] = 1.0f;
}

size_t maple_space_operators(const maple_space *space) {
    return space->n_operators;
}

size_t maple_space_descriptor_operators(const maple_space *space) {
    return space->n_descriptor;
}

bool maple_space_operator_counted(const maple_space *space, size_t i) {
    return i < space->n_descriptor && (!space->counted || space->counted(i));
}

const maple_operator *maple_space_operator(const maple_space *space, size_t i) {
    return i < space->n_operators ? &space->operators[i] : NULL;
}

void maple_space_operator_counts(const maple_space *space, maple_graph_form form, const maple_arch *arch,
                                 double *counts) {
    space->operator_counts(space, form, arch, counts);
}

static maple_status built(maple_graph *graph, int last, maple_error *error) {
    if (last >= 0) {
        graph->output = last;
        return MAPLE_OK;
    }
    maple_graph_release(graph);
    return maple_error_memory(error);
}

maple_status maple_space_network(const maple_space *space, const maple_arch *arch, maple_graph *out,
                                 maple_error *error) {
    maple_graph_init(out);
    return built(out, space->network(space, arch, out), error);
}

maple_status maple_space_operator_network(const maple_space *space, size_t operator_index,
                                          maple_graph_form form, maple_graph *out, maple_error *error) {
    if (operator_index >= space->n_operators)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "operator %zu: %s has %zu", operator_index,
                               space->name, space->n_operators);
    maple_graph_init(out);
    return built(out, space->operator_network(space, &space->operators[operator_index], form, out), error);
}

static void add_cost(maple_cost *sum, const maple_cost *part) {
    sum->flops += part->flops;
    sum->relu_outputs += part->relu_outputs;
    sum->params += part->params;
    sum->activation_bytes += part->activation_bytes;
    sum->depth += part->depth;
}

/* Constants of the spaces, computed rather than written down: costs are asked for by the million. */
typedef struct cost_table {
    maple_cost skeleton, position[MAPLE_MAX_POSITIONS][MAPLE_MAX_OPS];
} cost_table;

static cost_table cost_tables[REGISTERED];
static pthread_once_t costs_computed = PTHREAD_ONCE_INIT;

static void compute_costs(void) {
    for (size_t s = 0; s < REGISTERED; s++) {
        const maple_space *space = REGISTRY[s];
        space->skeleton_cost(&cost_tables[s].skeleton);
        for (int p = 0; p < space->positions; p++)
            for (int op = 0; op < space->ops; op++)
                space->position_cost(p, op, &cost_tables[s].position[p][op]);
    }
}

static const cost_table *costs_of(const maple_space *space) {
    size_t s = 0;
    pthread_once(&costs_computed, compute_costs);
    while (REGISTRY[s] != space)
        s++;
    return &cost_tables[s];
}

maple_status maple_space_cost(const maple_space *space, const maple_arch *arch, maple_cost *out,
                              maple_error *error) {
    (void)error; /* nothing can fail since costs are in closed form */
    const cost_table *table = costs_of(space);
    *out = table->skeleton;
    for (int i = 0; i < space->positions; i++)
        add_cost(out, &table->position[i][arch->op[i]]);
    if (space->depth)
        out->depth = space->depth(arch);
    return MAPLE_OK;
}

void maple_space_position_cost(const maple_space *space, int position, int op, maple_cost *out) {
    *out = costs_of(space)->position[position][op];
}

size_t maple_space_features(const maple_space *space) {
    return space->n_features;
}

const maple_feature *maple_space_feature(const maple_space *space, size_t i) {
    return i < space->n_features ? &space->features()[i] : NULL;
}

void maple_space_feature_values(const maple_space *space, const maple_arch *arch, double *values) {
    space->feature_values(arch, values);
}

void maple_space_op_graph(const maple_space *space, const maple_arch *arch, maple_op_graph *out) {
    space->op_graph(arch, out);
}

bool maple_space_op_graph_connects(const maple_space *space) {
    return space->op_graph_connects;
}

static maple_arch parse_constant(const maple_space *space, const char *const *texts, size_t n, size_t i) {
    maple_arch arch = {{0}};
    if (i < n)
        space->parse(space, texts[i], &arch, NULL);
    return arch;
}

size_t maple_space_references(const maple_space *space) {
    return space->n_references;
}

maple_arch maple_space_reference(const maple_space *space, size_t i) {
    return parse_constant(space, space->references, space->n_references, i);
}

int maple_space_test_pool(const maple_space *space) {
    return space->test_pool;
}

size_t maple_space_sentinels(const maple_space *space) {
    return space->n_sentinels;
}

maple_arch maple_space_sentinel(const maple_space *space, size_t i) {
    return parse_constant(space, space->sentinels, space->n_sentinels, i);
}

size_t maple_space_bit_count(const maple_space *space) {
    return space->bits ? space->n_bits : (size_t)(space->positions * space->ops);
}

size_t maple_space_bits(const maple_space *space, const maple_arch *arch,
                        uint32_t places[MAPLE_MAX_ARCH_BITS]) {
    if (space->bits)
        return space->bits(arch, places);
    for (int i = 0; i < space->positions; i++)
        places[i] = (uint32_t)(i * space->ops) + arch->op[i];
    return (size_t)space->positions;
}
