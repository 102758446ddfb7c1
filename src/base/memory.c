/* SPDX-License-Identifier: Apache-2.0 */
/* All allocations of the library. */
#include "maple/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *maple_alloc(size_t count, size_t size) {
    return calloc(count ? count : 1, size ? size : 1);
}

void *maple_resize(void *pointer, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return realloc(pointer, bytes ? bytes : 1);
}

void *maple_alloc_aligned(size_t count, size_t size) {
    enum { ALIGNMENT = 64 };
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    void *pointer = aligned_alloc(ALIGNMENT, bytes);
    if (pointer)
        memset(pointer, 0, bytes);
    return pointer;
}

char *maple_strdup(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = maple_alloc(bytes, 1);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void maple_free(void *pointer) {
    free(pointer);
}

static bool text_reserve(maple_text *text, size_t more) {
    if (text->failed)
        return false;
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    char *data = maple_resize(text->data, capacity, 1);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void maple_text_add(maple_text *text, const char *string) {
    size_t length = strlen(string);
    if (!text_reserve(text, length))
        return;
    memcpy(text->data + text->length, string, length + 1);
    text->length += length;
}

void maple_text_addf(maple_text *text, const char *format, ...) {
    enum { USUAL = 64 }; /* room for most, which are then formatted once */
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char *end = text_reserve(text, USUAL) ? text->data + text->length : NULL;
    size_t room = end ? text->capacity - text->length : 0;
    int length = vsnprintf(end, room, format, arguments);
    va_end(arguments);
    if (end && length >= 0 && (size_t)length >= room) {
        *end = '\0'; /* whatever comes of it, what was there stays */
        if (text_reserve(text, (size_t)length))
            vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    }
    if (length >= 0 && !text->failed)
        text->length += (size_t)length;
    va_end(again);
}

void maple_text_add_word(maple_text *text, const char *word) {
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:@%+";
    if (*word && word[strspn(word, PLAIN)] == '\0') {
        maple_text_add(text, word);
        return;
    }
    maple_text_add(text, "'");
    for (; *word; word++)
        maple_text_addf(text, *word == '\'' ? "'\\''" : "%c", *word);
    maple_text_add(text, "'");
}

void maple_text_add_option(maple_text *text, const char *name, const char *value) {
    maple_text_addf(text, " --%s ", name);
    maple_text_add_word(text, value);
}

void maple_text_free(maple_text *text) {
    maple_free(text->data);
    *text = (maple_text){0};
}
