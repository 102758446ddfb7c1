/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages, in the man macros that groff and mandoc share. */
#include "documentation.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char FILES[] =
    ".SH FILES\n"
    ".TP\n\\fI$XDG_DATA_HOME/maple/pool.db\\fP\n"
    "Your pool, where \\fB\\-\\-pool\\fP names no other; without that variable\n"
    "\\fI\\(ti/.local/share/maple/pool.db\\fP.\n"
    ".TP\n\\fIPREFIX/share/maple/pool.db\\fP\n"
    "The pool that came with maple, read only. PREFIX is where maple was installed.\n"
    ".TP\n\\fI$XDG_CACHE_HOME/maple/maple\\-evaluate.db\\fP\n"
    "What was learned of source platforms, and finished runs of maple evaluate;\n"
    "without that variable in \\fI\\(ti/.cache/maple\\fP. It may be removed at any time.\n";

static const char ENVIRONMENT[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B XDG_DATA_HOME, XDG_CACHE_HOME, HOME\nWhere your pool and the cache are (see FILES).\n"
    ".TP\n.B MAPLE_BUNDLED_POOL\n"
    "Another file as the pool that came with maple, or \\fBnone\\fP: go without.\n"
    ".TP\n.B TMPDIR\nWhere short\\-lived files go (else \\fI/tmp\\fP).\n";

/* --- Text --- */

static size_t utf8_length(unsigned char first) {
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* One character as roff; returns how many bytes it has. */
static size_t add_character(maple_text *out, const char *text) {
    static const struct {
        char character;
        const char *escape;
    } ESCAPES[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"},
                   {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    for (size_t i = 0; i < sizeof ESCAPES / sizeof *ESCAPES; i++) {
        if (*text == ESCAPES[i].character) {
            maple_text_add(out, ESCAPES[i].escape);
            return 1;
        }
    }
    unsigned char first = (unsigned char)*text;
    size_t length = utf8_length(first);
    if (length == 1) {
        maple_text_addf(out, "%c", *text);
        return 1;
    }
    unsigned code = first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length && text[i]; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    maple_text_addf(out, "\\[u%04X]", code);
    return length;
}

/* Length of "--name", 0 where the text does not begin with an option. */
static size_t option_length(const char *text) {
    if (strncmp(text, "--", 2) != 0 || !islower((unsigned char)text[2]))
        return 0;
    size_t length = 2;
    while (islower((unsigned char)text[length]) || isdigit((unsigned char)text[length]) ||
           (text[length] == '-' && islower((unsigned char)text[length + 1])))
        length++;
    return length;
}

/* n bytes of a line; options in bold where `bold`. A line that began with "." would be a macro. */
static void add_line(maple_text *out, const char *text, size_t n, bool bold) {
    const char *end = text + n;
    char before = ' ';
    if (n > 0 && *text == '.')
        maple_text_add(out, "\\&");
    while (text < end) {
        size_t option = bold && strchr(" ([", before) ? option_length(text) : 0;
        before = *text;
        if (option == 0) {
            text += add_character(out, text);
            continue;
        }
        maple_text_add(out, "\\fB");
        for (const char *stop = text + option; text < stop;)
            text += add_character(out, text);
        maple_text_add(out, "\\fP");
    }
    maple_text_add(out, "\n");
}

/* Paragraphs are filled; lines that begin with a space stay as they are. */
static void add_paragraphs(maple_text *out, const char *text) {
    bool as_is = false, gap = false;
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool indented = *text == ' ';
        if (as_is && !indented)
            maple_text_add(out, ".fi\n");
        if (length == 0)
            gap = true;
        else {
            if (gap || indented != as_is)
                maple_text_add(out, ".PP\n");
            if (indented && (!as_is || gap))
                maple_text_add(out, ".nf\n");
            add_line(out, text, length, !indented);
            gap = false;
        }
        as_is = indented;
        text += length + (text[length] == '\n');
    }
    if (as_is)
        maple_text_add(out, ".fi\n");
}

/* A text of any shape as one line. */
static void add_one_line(maple_text *out, const char *text, bool bold) {
    maple_text line = {0};
    cli_add_collapsed(&line, text);
    if (line.data)
        add_line(out, line.data, line.length, bold);
    out->failed |= line.failed;
    maple_text_free(&line);
}

static void add_escaped(maple_text *out, const char *text) {
    while (*text)
        text += add_character(out, text);
}

/* --- Sections --- */

void cli_man_name(const char *command, char name[64]) {
    snprintf(name, 64, "maple-%s", command);
    for (char *c = name; *c; c++)
        if (*c == ' ')
            *c = '-';
}

static void add_head(maple_text *out, const char *name, const char *summary) {
    char upper[64];
    size_t length = 0;
    for (; name[length] && length < sizeof upper - 1; length++)
        upper[length] = (char)toupper((unsigned char)name[length]);
    upper[length] = '\0';
    maple_text_add(out, ".\\\" Made by maple documentation from the text of --help; not to be edited.\n.TH ");
    add_escaped(out, upper);
    maple_text_add(out, " 1 \"\" \"maple " MAPLE_VERSION "\" \"User Commands\"\n.nh\n.ad l\n.SH NAME\n");
    add_escaped(out, name);
    maple_text_add(out, " \\- ");
    add_one_line(out, summary, false);
}

static void add_option(maple_text *out, const cli_option *option) {
    maple_text_add(out, ".TP\n\\fB\\-\\-");
    add_escaped(out, option->name);
    maple_text_add(out, "\\fP");
    if (option->argument) {
        bool optional = cli_option_is_optional(option);
        maple_text_addf(out, " %s\\fI", optional ? "[" : "");
        add_escaped(out, option->argument);
        maple_text_addf(out, "\\fP%s", optional ? "]" : "");
    }
    maple_text_add(out, "\n");
    add_one_line(out, option->help, true);
}

static void add_exit_status(maple_text *out) {
    maple_text_add(out, ".SH EXIT STATUS\n");
    for (int i = 0; i < CLI_EXIT_CODES; i++)
        maple_text_addf(out, ".TP\n.B %d\n%s\n", i, cli_exit_meanings[i]);
}

/* Whether the text speaks of the command: "maple pool list", not only the "maple pool list" of a longer name.
 */
static bool speaks_of(const char *text, const char *command) {
    char name[64];
    int length = snprintf(name, sizeof name, "maple %s", command);
    for (const char *at = text; (at = strstr(at, name)); at += length)
        if (!isalnum((unsigned char)at[length]) && at[length] != '-')
            return true;
    return false;
}

static void add_see_also(const cli_manual *manual, const cli_page *page, maple_text *out) {
    maple_text text = {0};
    cli_add_collapsed(&text, page->command.details);
    for (int i = 0; i < page->options.n; i++) {
        maple_text_add(&text, " ");
        cli_add_collapsed(&text, page->options.items[i].help);
    }
    maple_text_add(out, ".SH SEE ALSO\n.BR maple (1)");
    for (size_t i = 0; i < manual->n; i++) {
        const char *other = manual->pages[i].command.name;
        bool format = strncmp(other, page->command.name, strlen(page->command.name)) == 0;
        char name[64];
        if (&manual->pages[i] == page || !(format || speaks_of(text.data ? text.data : "", other)))
            continue;
        cli_man_name(other, name);
        maple_text_add(out, ",\n.BR ");
        add_escaped(out, name);
        maple_text_add(out, " (1)");
    }
    maple_text_add(out, "\n");
    out->failed |= text.failed;
    maple_text_free(&text);
}

void cli_man_command(const cli_manual *manual, const cli_page *page, maple_text *out) {
    const cli_command *command = &page->command;
    char name[64];
    cli_man_name(command->name, name);
    add_head(out, name, command->summary);
    maple_text_add(out, ".SH SYNOPSIS\n.B maple ");
    add_line(out, command->name, strlen(command->name), false);
    maple_text_add(out, "[\\fIoptions\\fP]\n");
    if (*command->arguments) {
        maple_text_add(out, "\\fI");
        add_escaped(out, command->arguments);
        maple_text_add(out, "\\fP\n");
    }
    maple_text_add(out, ".SH DESCRIPTION\n");
    add_paragraphs(out, command->details);
    maple_text_add(out, ".SH OPTIONS\n");
    for (int i = 0; i < page->options.n; i++)
        add_option(out, &page->options.items[i]);
    maple_text_add(out, ".TP\n\\fB\\-\\-help\\fP\nThis text, shorter.\n.SH EXAMPLES\n.nf\n");
    for (const char *line = command->examples; *line;) {
        size_t length = strcspn(line, "\n"), indent = strspn(line, " ");
        add_line(out, line + indent, length - indent, false);
        line += length + (line[length] == '\n');
    }
    maple_text_add(out, ".fi\n");
    add_exit_status(out);
    maple_text_add(out, FILES);
    maple_text_add(out, ENVIRONMENT);
    add_see_also(manual, page, out);
}

void cli_man_overview(const cli_manual *manual, maple_text *out) {
    add_head(out, "maple", "few-shot latency prediction for neural architecture search");
    maple_text_add(out, ".SH SYNOPSIS\n.B maple\n\\fICOMMAND\\fP [\\fIoptions\\fP]\n.SH DESCRIPTION\n"
                        "Predicts how long every network of a search space takes on a device, from a few "
                        "networks measured there.\n.PP\n");
    add_paragraphs(out, cli_terms);
    maple_text_add(out,
                   ".PP\nData goes to standard output, talk to standard error.\n"
                   "Start with \\fBmaple quickstart\\fP; \\fBmaple\\fP \\fICOMMAND\\fP \\fB\\-\\-help\\fP "
                   "explains one command.\n.SH COMMANDS\n");
    for (size_t i = 0; i < manual->n; i++) {
        char name[64];
        cli_man_name(manual->pages[i].command.name, name);
        maple_text_add(out, ".TP\n.BR ");
        add_escaped(out, name);
        maple_text_add(out, " (1)\n");
        add_one_line(out, manual->pages[i].command.summary, false);
    }
    maple_text_add(out,
                   ".SH OPTIONS\n.TP\n\\fB\\-\\-help\\fP\nThe commands.\n.TP\n\\fB\\-\\-version\\fP\n"
                   "The version.\n.SH EXAMPLES\n.nf\nmaple quickstart\nmaple pool list \\-\\-bundled\n.fi\n");
    add_exit_status(out);
    maple_text_add(out, FILES);
    maple_text_add(out, ENVIRONMENT);
    maple_text_add(out, ".SH SEE ALSO\n");
    for (size_t i = 0; i < manual->n; i++) {
        char name[64];
        cli_man_name(manual->pages[i].command.name, name);
        maple_text_add(out, ".BR ");
        add_escaped(out, name);
        maple_text_add(out, i + 1 < manual->n ? " (1),\n" : " (1)\n");
    }
}
