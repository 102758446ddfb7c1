/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for bash: a script with all tables in it, so that only names of platforms need the program. */
#include "documentation.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "# Completion of maple for bash. Made by maple documentation from the tables of --help; not to be "
    "edited.\n"
    "\n"
    "# $1: the program; $2: one, where the command reads one pool, else both: yours and the one that came "
    "with "
    "it.\n"
    "_maple_platforms() {\n"
    "    local i own=() bundled=''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --bundled) bundled=1 ;;\n"
    "        --pool)\n"
    "            [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))\n"
    "            own=(--pool \"${COMP_WORDS[i + 1]/#\\~\\//$HOME/}\")\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    {\n"
    "        [[ $bundled ]] || \"$1\" pool list --json \"${own[@]}\"\n"
    "        [[ $2 == one && ! $bundled ]] || \"$1\" pool list --json --bundled\n"
    "    } 2>/dev/null </dev/null | sed -n 's/^[[:space:]]*\"name\":[[:space:]]*\"\\(.*\\)\",$/\\1/p' | sort "
    "-u\n"
    "}\n"
    "\n"
    "# Those of the lines on stdin that begin with $1, each after $2, quoted for the command line.\n"
    "_maple_offer() {\n"
    "    local line quoted\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line && $line == \"$1\"* ]]; then\n"
    "            printf -v quoted %q \"$line\"\n"
    "            COMPREPLY+=(\"$2$quoted\")\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_maple() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} at=1 command='' next\n"
    "    local below='' options='' kind='' words='' list='' argument=any argument_words='' pools=one "
    "before=''\n";

static const char WALK[] = "    if [[ $current == '=' ]]; then # --option=\n"
                           "        current=''\n"
                           "    elif [[ $option == '=' ]]; then # --option=value\n"
                           "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
                           "    fi\n"
                           "    while ((at < COMP_CWORD)); do\n"
                           "        next=${command:+$command }${COMP_WORDS[at]}\n"
                           "        [[ $known == *\"|$next|\"* ]] || break\n"
                           "        command=$next\n"
                           "        ((at++))\n"
                           "    done\n";

static const char TAIL[] =
    "    if ((at == COMP_CWORD)) && [[ $below && $current != -* ]]; then\n"
    "        kind=words words=$below\n"
    "    elif [[ ! $kind && $current != -* && $argument != any ]]; then\n"
    "        kind=$argument words=$argument_words\n"
    "    elif [[ ! $kind && ($command || $current == -*) ]]; then\n"
    "        kind=words words=$options\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    if [[ $list ]]; then # the items before the last one stay\n"
    "        [[ $current == *,* ]] && before=${current%,*},\n"
    "        current=${current##*,}\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "    case $kind in\n"
    "    words) _maple_offer \"$current\" \"$before\" <<<\"${words// /$'\\n'}\" ;;\n"
    "    platform) _maple_offer \"$current\" \"$before\" < <(_maple_platforms \"$1\" \"$pools\") ;;\n"
    "    file)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$before\" -f -- \"$current\")\n"
    "        ;;\n"
    "    folder)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
    "        ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "complete -F _maple maple\n";

static const char *kind_name(cli_value value) {
    static const char *const NAMES[] = {"any", "file", "folder", "platform", "words"};
    return NAMES[value];
}

/* The words below a group: "list show ..." */
static void add_below(const cli_manual *manual, const char *group, maple_text *out) {
    const char *word;
    size_t length;
    bool first = true;
    maple_text_add(out, "below='");
    for (size_t i = 0; i < manual->n; i++) {
        if (!cli_word_below(manual, i, group, &word, &length))
            continue;
        maple_text_addf(out, "%s%.*s", first ? "" : " ", (int)length, word);
        first = false;
    }
    maple_text_add(out, "'");
}

/* "|pool|pool list|...": what a command line may begin with; and a branch for each group that is no command.
 */
static void add_groups(const cli_manual *manual, maple_text *known, maple_text *branches) {
    maple_text_add(known, "|");
    for (size_t i = 0; i < manual->n; i++) {
        const char *name = manual->pages[i].command.name, *word;
        const char *space = strchr(name, ' ');
        size_t length;
        char group[64];
        if (space && cli_word_below(manual, i, "", &word, &length)) {
            snprintf(group, sizeof group, "%.*s", (int)(space - name), name);
            maple_text_addf(known, "%s|", group);
            maple_text_addf(branches, "    %s) ", group);
            add_below(manual, group, branches);
            maple_text_add(branches, " ;;\n");
        }
        maple_text_addf(known, "%s|", name);
    }
}

static void add_option(const cli_option *option, maple_text *words, maple_text *out) {
    if (option->type == CLI_FLAG || cli_option_is_optional(option))
        return;
    cli_value value = cli_option_value(option, words);
    maple_text_addf(out, "        --%s) kind=%s", option->name, kind_name(value));
    if (value == CLI_VALUE_WORDS)
        maple_text_addf(out, " words='%s'", words->data);
    maple_text_addf(out, "%s ;;\n", cli_option_is_list(option) ? " list=1" : "");
}

static void add_command(const cli_manual *manual, const cli_page *page, maple_text *out) {
    const cli_options *options = &page->options;
    maple_text words = {0};
    maple_text_addf(out, "    '%s')\n        options='", page->command.name);
    for (int i = 0; i < options->n; i++)
        maple_text_addf(out, "--%s ", options->items[i].name);
    maple_text_addf(out, "--help' pools=%s\n", cli_reads_one_pool(page) ? "one" : "both");
    if (page->command.formats) {
        maple_text_add(out, "        ");
        add_below(manual, page->command.name, out);
        maple_text_add(out, "\n");
    }
    cli_value value = cli_argument_value(&page->command, &words);
    if (value != CLI_VALUE_ANY)
        maple_text_addf(out, "        argument=%s argument_words='%s'\n", kind_name(value),
                        value == CLI_VALUE_WORDS ? words.data : "");
    maple_text_add(out, "        case $option in\n");
    for (int i = 0; i < options->n; i++)
        add_option(&options->items[i], &words, out);
    maple_text_add(out, "        esac\n        ;;\n");
    out->failed |= words.failed;
    maple_text_free(&words);
}

void cli_completion_bash(const cli_manual *manual, maple_text *out) {
    maple_text known = {0}, branches = {0};
    add_groups(manual, &known, &branches);
    maple_text_add(out, HEAD);
    maple_text_addf(out, "    local known='%s'\n", known.data ? known.data : "");
    maple_text_add(out, WALK);
    maple_text_add(out, "    case $command in\n    '') options='--help --version' ");
    add_below(manual, "", out);
    maple_text_addf(out, " ;;\n%s", branches.data ? branches.data : "");
    for (size_t i = 0; i < manual->n; i++)
        add_command(manual, &manual->pages[i], out);
    maple_text_add(out, "    esac\n");
    maple_text_add(out, TAIL);
    out->failed |= known.failed || branches.failed;
    maple_text_free(&known);
    maple_text_free(&branches);
}
