/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of a pickle (Python's Lib/pickletools.py documents them) that plain data needs. */
#include "pool/pickle.h"

#include <string.h>

enum {
    PROTO = 0x80,
    EMPTY_LIST = ']',
    EMPTY_DICT = '}',
    MARK = '(',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    BINFLOAT = 'G',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    BINUNICODE = 'X',
    APPEND = 'a',
    APPENDS = 'e',
    SETITEM = 's',
    SETITEMS = 'u',
    STOP = '.',
};

/* What is read is bounded by what the files hold that there are (fbnet's architectures: 115,001 values in
 * 5,001 lists, one in another), so that a file of a few MB cannot take hundreds. */
enum { MOST_VALUES = 1 << 18, MOST_CONTAINERS = 1 << 14, MOST_MARKS = 64 };

typedef struct machine {
    const char *path;
    const unsigned char *data;
    size_t bytes, offset, at; /* at: of the instruction that is being read */
    size_t next;              /* of what follows it */
    maple_pickle_value *stack;
    size_t depth, capacity;
    size_t *marks; /* depths */
    size_t n_marks, mark_capacity;
    size_t n_values, n_containers; /* that were made */
    maple_pickle_items *all;
} machine;

const char *maple_pickle_kind_name(maple_pickle_kind kind) {
    static const char *const names[] = {"an integer", "a number", "a text", "a list", "a dict"};
    return names[kind];
}

static maple_status fail(const machine *m, maple_error *error, const char *message) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: byte %zu: %s", m->path, m->offset + m->at, message);
}

/* --- Values --- */

/* Room for one more of `size` bytes in an array that doubles. */
static bool reserve(void **array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return true;
    size_t more = *capacity ? *capacity * 2 : 16;
    void *larger = maple_resize(*array, more, size);
    if (!larger)
        return false;
    *array = larger;
    *capacity = more;
    return true;
}

static maple_status refuse_more(const machine *m, size_t most, const char *of_what, maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT,
                           "%s: byte %zu: more than %zu %s: none of HELP's files has so many", m->path,
                           m->offset + m->at, most, of_what);
}

static maple_status push(machine *m, maple_pickle_value value, maple_error *error) {
    if (m->n_values++ == MOST_VALUES)
        return refuse_more(m, MOST_VALUES, "values", error);
    void *stack = m->stack;
    bool room = reserve(&stack, m->depth, &m->capacity, sizeof *m->stack);
    m->stack = stack;
    if (!room)
        return maple_error_memory(error);
    value.at = m->offset + m->at;
    m->stack[m->depth++] = value;
    return MAPLE_OK;
}

static maple_status push_container(machine *m, maple_pickle_kind kind, maple_error *error) {
    if (m->n_containers++ == MOST_CONTAINERS)
        return refuse_more(m, MOST_CONTAINERS, "lists and dicts", error);
    maple_pickle_items *items = maple_alloc(1, sizeof *items);
    if (!items)
        return maple_error_memory(error);
    items->next = m->all;
    m->all = items;
    return push(m, (maple_pickle_value){.kind = kind, .items = items}, error);
}

static maple_status push_mark(machine *m, maple_error *error) {
    if (m->n_marks == MOST_MARKS)
        return refuse_more(m, MOST_MARKS, "open marks", error);
    void *marks = m->marks;
    bool room = reserve(&marks, m->n_marks, &m->mark_capacity, sizeof *m->marks);
    m->marks = marks;
    if (!room)
        return maple_error_memory(error);
    m->marks[m->n_marks++] = m->depth;
    return MAPLE_OK;
}

/* Moves the values from depth `first` on into the container below them. */
static maple_status collect(machine *m, maple_pickle_kind kind, size_t first, maple_error *error) {
    size_t below = m->n_marks ? m->marks[m->n_marks - 1] : 0;
    if (first <= below || m->stack[first - 1].kind != kind)
        return fail(m, error, kind == MAPLE_PICKLE_LIST ? "no list to append to" : "no dict to fill");
    maple_pickle_items *items = m->stack[first - 1].items;
    size_t n = m->depth - first;
    if (kind == MAPLE_PICKLE_DICT && n % 2 != 0)
        return fail(m, error, "a key without a value");
    for (size_t i = 0; i < n; i++) {
        void *values = items->values;
        bool room = reserve(&values, items->n, &items->capacity, sizeof *items->values);
        items->values = values;
        if (!room)
            return maple_error_memory(error);
        items->values[items->n++] = m->stack[first + i];
    }
    m->depth = first;
    return MAPLE_OK;
}

static maple_status collect_marked(machine *m, maple_pickle_kind kind, maple_error *error) {
    if (m->n_marks == 0)
        return fail(m, error, "no mark where the items would begin");
    return collect(m, kind, m->marks[--m->n_marks], error);
}

static maple_status collect_last(machine *m, maple_pickle_kind kind, size_t n, maple_error *error) {
    if (m->depth < n)
        return fail(m, error, "fewer values than the instruction takes");
    return collect(m, kind, m->depth - n, error);
}

/* --- Instructions --- */

/* The `n` bytes after the instruction (or after what was taken of them). */
static const unsigned char *take(machine *m, size_t n) {
    if (n > m->bytes - m->next)
        return NULL;
    m->next += n;
    return m->data + m->next - n;
}

static uint32_t little_endian(const unsigned char *bytes, size_t n) {
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

static maple_status push_integer(machine *m, size_t n, maple_error *error) {
    const unsigned char *bytes = take(m, n);
    if (!bytes)
        return fail(m, error, "the pickle ends within a number");
    uint32_t value = little_endian(bytes, n);
    int64_t signed_value = n == 4 ? (int64_t)(int32_t)value : (int64_t)value;
    return push(m, (maple_pickle_value){.kind = MAPLE_PICKLE_INTEGER, .integer = signed_value}, error);
}

static maple_status push_number(machine *m, maple_error *error) {
    const unsigned char *bytes = take(m, 8);
    if (!bytes)
        return fail(m, error, "the pickle ends within a number");
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) /* big-endian, unlike the integers */
        bits = bits << 8 | bytes[i];
    maple_pickle_value value = {.kind = MAPLE_PICKLE_NUMBER};
    memcpy(&value.number, &bits, sizeof value.number);
    return push(m, value, error);
}

static maple_status push_text(machine *m, maple_error *error) {
    const unsigned char *count = take(m, 4);
    uint32_t length = count ? little_endian(count, 4) : 0;
    const unsigned char *text = count ? take(m, length) : NULL;
    if (!text)
        return fail(m, error, "the pickle ends within a text");
    maple_pickle_value value = {.kind = MAPLE_PICKLE_TEXT, .length = length, .text = (const char *)text};
    return push(m, value, error);
}

static maple_status refuse(const machine *m, int instruction, maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT,
                           "%s: byte %zu: instruction 0x%02x of the pickle builds something else than lists, "
                           "dicts, numbers and texts",
                           m->path, m->offset + m->at, (unsigned)instruction);
}

static maple_status step(machine *m, int instruction, maple_error *error) {
    const unsigned char *bytes;
    switch (instruction) {
    case PROTO:
        bytes = take(m, 1);
        return bytes && *bytes == 2 ? MAPLE_OK : fail(m, error, "not a pickle of protocol 2");
    case EMPTY_LIST:
        return push_container(m, MAPLE_PICKLE_LIST, error);
    case EMPTY_DICT:
        return push_container(m, MAPLE_PICKLE_DICT, error);
    case MARK:
        return push_mark(m, error);
    case BINPUT: /* the memo, which nothing reads */
        return take(m, 1) ? MAPLE_OK : fail(m, error, "the pickle ends within an instruction");
    case LONG_BINPUT:
        return take(m, 4) ? MAPLE_OK : fail(m, error, "the pickle ends within an instruction");
    case BINFLOAT:
        return push_number(m, error);
    case BININT:
        return push_integer(m, 4, error);
    case BININT1:
        return push_integer(m, 1, error);
    case BININT2:
        return push_integer(m, 2, error);
    case BINUNICODE:
        return push_text(m, error);
    case APPEND:
        return collect_last(m, MAPLE_PICKLE_LIST, 1, error);
    case APPENDS:
        return collect_marked(m, MAPLE_PICKLE_LIST, error);
    case SETITEM:
        return collect_last(m, MAPLE_PICKLE_DICT, 2, error);
    case SETITEMS:
        return collect_marked(m, MAPLE_PICKLE_DICT, error);
    default:
        return refuse(m, instruction, error);
    }
}

static maple_status run(machine *m, maple_error *error) {
    for (;;) {
        m->at = m->next;
        const unsigned char *instruction = take(m, 1);
        if (!instruction)
            return fail(m, error, "the pickle ends without its stop instruction");
        if (*instruction == STOP)
            break;
        if (m->at == 0 && *instruction != PROTO)
            return fail(m, error, "not a pickle of protocol 2");
        maple_status status = step(m, *instruction, error);
        if (status != MAPLE_OK)
            return status;
    }
    if (m->depth != 1 || m->n_marks != 0)
        return fail(m, error, "the pickle stops with something else than one value");
    if (m->next != m->bytes)
        return fail(m, error, "something follows the end of the pickle");
    return MAPLE_OK;
}

maple_status maple_pickle_read(const char *path, const char *data, size_t bytes, size_t offset,
                               maple_pickle *out, maple_error *error) {
    machine m = {.path = path, .data = (const unsigned char *)data, .bytes = bytes, .offset = offset};
    maple_status status = run(&m, error);
    *out = (maple_pickle){.all = m.all};
    if (status == MAPLE_OK)
        out->root = m.stack[0];
    else
        maple_pickle_free(out);
    maple_free(m.stack);
    maple_free(m.marks);
    return status;
}

void maple_pickle_free(maple_pickle *pickle) {
    for (maple_pickle_items *items = pickle->all, *next; items; items = next) {
        next = items->next;
        maple_free(items->values);
        maple_free(items);
    }
    *pickle = (maple_pickle){0};
}
