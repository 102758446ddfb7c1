/* SPDX-License-Identifier: Apache-2.0 */
/* gnuplot as a program: started with an argument vector, never through a shell. */
#include "report/draw.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What it says on stderr, as far as there is room; until it has closed it. */
static void read_words(int descriptor, char *words, size_t size) {
    size_t used = 0;
    char rest[256];
    for (;;) {
        bool room = used + 1 < size;
        ssize_t got = read(descriptor, room ? words + used : rest, room ? size - 1 - used : sizeof rest);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += room ? (size_t)got : 0;
    }
    words[used] = '\0';
    for (char *c = words; *c; c++)
        *c = *c == '\n' ? ' ' : *c;
}

static int spawn_it(const char *program, const char *folder, const char *script, int words, pid_t *pid) {
    char path[300];
    snprintf(path, sizeof path, "./%s", script); /* a name may begin with '-' */
    /* -d: not the user's own gnuplot settings. */
    char *const argv[] = {(char *)(program ? program : "gnuplot"), (char *)"-d", path, NULL};
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (!failed)
        failed = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

maple_status figure_run_gnuplot(const char *program, const char *folder, const char *script,
                                maple_error *error) {
    int pipes[2], outcome = 0;
    pid_t pid;
    char words[600];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "gnuplot: no pipe: %s; raise ulimit -n",
                               strerror(errno));
    int failed = spawn_it(program, folder, script, pipes[1], &pid);
    close(pipes[1]);
    if (!failed)
        read_words(pipes[0], words, sizeof words);
    close(pipes[0]);
    if (failed)
        return maple_error_set(error, failed == ENOENT ? MAPLE_UNSUPPORTED : MAPLE_DEVICE_ERROR,
                               "gnuplot cannot be started: %s", strerror(failed));
    while (waitpid(pid, &outcome, 0) < 0) {
        if (errno != EINTR)
            return maple_error_set(error, MAPLE_DEVICE_ERROR, "gnuplot: %s", strerror(errno));
    }
    if (!WIFEXITED(outcome) || WEXITSTATUS(outcome) != 0)
        return maple_error_set(error, MAPLE_DEVICE_ERROR, "gnuplot failed on %s/%s: %s", folder, script,
                               words);
    return MAPLE_OK;
}
