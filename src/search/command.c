/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that scores. Both pipes are served at once, so that neither side waits for the other with full
 * hands, whatever the size of a batch.
 */
#include "search/command.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 200, STOP_S = 2, ROOM = 1 << 16 };

struct search_command {
    char *text;
    double timeout_s;
    const maple_hooks *hooks;
    pid_t pid;         /* 0: ended */
    int input, output; /* its stdin, its stdout; -1: closed */
    size_t answered;   /* numbers it has given so far */
    char line[256];    /* the answer that is being read */
    size_t length;
    locale_t locale; /* "C", so that a decimal point is one */
};

/* --- Starting and ending --- */

static void close_pipe(int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* In the child: only async-signal-safe calls until exec. A group of its own, so that what the shell started
 * can be ended with it, and Ctrl-C is decided on by the parent. */
static _Noreturn void become_command(const char *text, int input, int output) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    sigaction(SIGPIPE, &usual, NULL);
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGTERM, &usual, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setpgid(0, 0) == 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    _exit(127);
}

maple_status search_command_start(const char *text, double timeout_s, const maple_hooks *hooks,
                                  search_command **out, maple_error *error) {
    int in[2] = {-1, -1}, from[2] = {-1, -1};
    maple_status status = MAPLE_OK;
    search_command *command = maple_alloc(1, sizeof *command);
    if (!command)
        return maple_error_memory(error);
    *command = (search_command){
        .text = maple_strdup(text), .timeout_s = timeout_s, .hooks = hooks, .input = -1, .output = -1};
    command->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!command->text || !command->locale) {
        status = maple_error_memory(error);
        goto done;
    }
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
        status = maple_error_set(error, MAPLE_IO_ERROR, "score command: no pipe: %s; raise ulimit -n",
                                 strerror(errno));
        goto done;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_command(text, in[0], from[1]);
    if (pid < 0) {
        status = maple_error_set(error, MAPLE_IO_ERROR, "score command: cannot fork: %s", strerror(errno));
        goto done;
    }
    setpgid(pid, pid); /* whoever comes first */
    command->pid = pid;
    command->input = in[1];
    command->output = from[0];
    in[1] = from[0] = -1;
    fcntl(command->input, F_SETFL, O_NONBLOCK);
    fcntl(command->output, F_SETFL, O_NONBLOCK);
done:
    close_pipe(&in[0]);
    close_pipe(&in[1]);
    close_pipe(&from[0]);
    close_pipe(&from[1]);
    if (status == MAPLE_OK)
        *out = command;
    else
        search_command_stop(command);
    return status;
}

/* Closes the pipes and waits: at first for its own end, then for that of a SIGKILL. The state of waitpid. */
static int end_command(search_command *command, double patience_s) {
    int state = 0;
    close_pipe(&command->input);
    close_pipe(&command->output);
    if (command->pid == 0)
        return 0;
    int64_t start = maple_clock_ns();
    pid_t got;
    while ((got = waitpid(command->pid, &state, WNOHANG)) == 0 &&
           (double)(maple_clock_ns() - start) * 1e-9 < patience_s)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    kill(-command->pid, SIGKILL); /* what it left running, too */
    if (got == 0) {
        while ((got = waitpid(command->pid, &state, 0)) < 0 && errno == EINTR) {
        }
    }
    command->pid = 0;
    return got < 0 ? 0 : state;
}

void search_command_stop(search_command *command) {
    if (!command)
        return;
    end_command(command, STOP_S);
    if (command->locale)
        freelocale(command->locale);
    maple_free(command->text);
    maple_free(command);
}

/* Its answers ended before they were complete. */
static maple_status died(search_command *command, size_t got, size_t n, maple_error *error) {
    char how[96];
    int state = end_command(command, STOP_S);
    if (WIFSIGNALED(state))
        snprintf(how, sizeof how, "ended by signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
    else
        snprintf(how, sizeof how, "ended with exit status %d", WEXITSTATUS(state));
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "score command '%.200s' %s after %zu scores, when %zu of %zu were still to come; it "
        "has to answer each line with one, until its standard input ends",
        command->text, how, command->answered, n - got, n);
}

/* --- Asking --- */

/* Writes without a SIGPIPE, whatever the program does about them. */
static ssize_t write_quietly(int descriptor, const char *data, size_t bytes) {
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t written = write(descriptor, data, bytes);
    int why = errno;
    if (written < 0 && why == EPIPE && !was_pending)
        sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return written;
}

static maple_status take_line(search_command *command, double *value, maple_error *error) {
    char *text = command->line, *end;
    while (command->length > 0 && strchr(" \t\r", text[command->length - 1]))
        command->length--;
    text[command->length] = '\0';
    command->answered++;
    *value = strtod_l(text, &end, command->locale);
    if (end != text && *end == '\0' && !isinf(*value)) {
        command->length = 0;
        return MAPLE_OK;
    }
    char answer[64];
    snprintf(answer, sizeof answer, "%.60s", text);
    end_command(command, 0);
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "score command '%.200s', answer %zu: '%s' is not a number; it has to print one score "
        "a line, and nothing else, on its standard output",
        command->text, command->answered, answer);
}

static maple_status surplus(search_command *command, maple_error *error) {
    end_command(command, 0);
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "score command '%.200s' prints more lines than it got architectures (%zu so far): it "
        "has to answer each with one score, and print nothing else",
        command->text, command->answered);
}

/* Takes the numbers out of what was read. */
static maple_status take_numbers(search_command *command, const char *data, size_t bytes, size_t n,
                                 double *values, size_t *got, maple_error *error) {
    for (size_t i = 0; i < bytes; i++) {
        if (*got == n)
            return surplus(command, error);
        if (data[i] != '\n') {
            if (command->length + 1 < sizeof command->line)
                command->line[command->length++] = data[i];
            continue;
        }
        maple_status status = take_line(command, &values[*got], error);
        if (status != MAPLE_OK)
            return status;
        (*got)++;
    }
    return MAPLE_OK;
}

/* Sends what there is room for. A command that does not read any more may still answer what it has read. */
static void feed(search_command *command, const char *lines, size_t bytes, size_t *sent) {
    ssize_t written = write_quietly(command->input, lines + *sent, bytes - *sent);
    if (written > 0)
        *sent += (size_t)written;
    else if (written < 0 && errno != EAGAIN && errno != EINTR)
        close_pipe(&command->input);
}

/* Refuses what it printed unasked. *ended: there will be no more. */
static maple_status check_silent(search_command *command, bool *ended, maple_error *error) {
    char bytes[64];
    ssize_t got = read(command->output, bytes, sizeof bytes);
    *ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    return got > 0 ? surplus(command, error) : MAPLE_OK;
}

maple_status search_command_finish(search_command *command, maple_error *error) {
    int64_t start = maple_clock_ns();
    double waited_s = 0;
    bool ended = command->pid == 0;
    maple_status status = MAPLE_OK;
    close_pipe(&command->input);
    while (status == MAPLE_OK && !ended && waited_s < STOP_S) {
        struct pollfd end = {.fd = command->output, .events = POLLIN};
        if (poll(&end, 1, POLL_MS) > 0)
            status = check_silent(command, &ended, error);
        waited_s = (double)(maple_clock_ns() - start) * 1e-9;
    }
    end_command(command, STOP_S - waited_s);
    return status;
}

static maple_status timed_out(search_command *command, size_t got, size_t n, maple_error *error) {
    end_command(command, 0);
    return maple_error_set(
        error, MAPLE_IO_ERROR,
        "score command '%.200s' did not answer within %g s (%zu of %zu scores came): has it to "
        "flush its standard output, or does it wait for more lines than it got? (awk -W "
        "interactive, python -u; --score-timeout)",
        command->text, command->timeout_s, got, n);
}

maple_status search_command_ask(search_command *command, const char *lines, size_t bytes, size_t n,
                                double *values, maple_error *error) {
    size_t sent = 0, got = 0;
    int64_t heard = maple_clock_ns();
    bool ended;
    if (command->pid == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "score command '%.200s' has ended already",
                               command->text);
    maple_status status = check_silent(command, &ended, error); /* what came since the last answer */
    if (status != MAPLE_OK)
        return status;
    char *buffer = maple_alloc(ROOM, 1);
    if (!buffer)
        return maple_error_memory(error);
    while (status == MAPLE_OK && got < n) {
        struct pollfd ends[2] = {{.fd = command->output, .events = POLLIN},
                                 {.fd = sent < bytes ? command->input : -1, .events = POLLOUT}};
        int ready = poll(ends, 2, POLL_MS);
        if (maple_is_cancelled(command->hooks)) {
            end_command(command, 0);
            status = maple_error_set(error, MAPLE_INTERRUPTED, "interrupted while the score command worked");
            break;
        }
        if (ready > 0 && ends[1].revents) {
            feed(command, lines, bytes, &sent);
            heard = maple_clock_ns();
        }
        if (ready > 0 && ends[0].revents) {
            ssize_t read_bytes = read(command->output, buffer, ROOM);
            if (read_bytes > 0) {
                heard = maple_clock_ns();
                status = take_numbers(command, buffer, (size_t)read_bytes, n, values, &got, error);
                if (status == MAPLE_OK && got == n && sent < bytes) /* to lines that it has not got */
                    status = surplus(command, error);
            } else if (read_bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
                status = died(command, got, n, error);
            }
        }
        if (status == MAPLE_OK && got < n && (double)(maple_clock_ns() - heard) * 1e-9 > command->timeout_s)
            status = timed_out(command, got, n, error);
    }
    maple_free(buffer);
    return status;
}
