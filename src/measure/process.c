/* SPDX-License-Identifier: Apache-2.0 */
/* A child process that answers one line to one line. */
#include "measure/process.h"

#include "measure/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { POLL_S = 1, GRACE_S = 3, STOP_S = 5, LAST_WORDS = 300 };

struct maple_process {
    pid_t pid;
    bool gone; /* ended and waited for */
    int state; /* of waitpid, where gone */
    int words; /* what it wrote to stderr: a file in memory, so that nobody has to empty a pipe while it
                  measures */
    maple_channel channel;
    char program[256];
    char end[128]; /* how it ended */
    bool killed;   /* by a SIGKILL that was not ours */
};

/* --- Starting --- */

typedef struct child_ends {
    int socket, words, report;
    pid_t parent;
} child_ends;

/* In the child: only async-signal-safe calls until exec. What failed is told as an errno through `report`. */
static _Noreturn void become_program(const maple_process_options *options, const child_ends *ends) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t i = 0; i < options->n_cpus; i++)
        CPU_SET((size_t)options->cpus[i], &set);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    sigaction(SIGINT, &ignore, NULL); /* the parent decides what an interrupt means */
    sigaction(SIGPIPE, &usual, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Nothing of a killed parent stays on the core that its successor measures on. */
    bool fine = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
    if (fine && getppid() != ends->parent)
        _exit(127);
    fine = fine && setpgid(0, 0) == 0 && dup2(ends->socket, STDIN_FILENO) >= 0 &&
           dup2(ends->socket, STDOUT_FILENO) >= 0 && dup2(ends->words, STDERR_FILENO) >= 0 &&
           (options->n_cpus == 0 || sched_setaffinity(0, sizeof set, &set) == 0);
    if (fine)
        execvpe(options->argv[0], options->argv, options->environment);
    int why = errno;
    if (write(ends->report, &why, sizeof why) < 0)
        _exit(126);
    _exit(127);
}

static void close_if_open(int descriptor) {
    if (descriptor >= 0)
        close(descriptor);
}

/* Waits until the program runs (the report pipe closes on exec) or has told why not. */
static maple_status await_exec(const maple_process_options *options, pid_t pid, int report,
                               maple_error *error) {
    int why = 0;
    ssize_t got;
    do {
        got = read(report, &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return MAPLE_OK;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "worker '%s' cannot be started: %s; check its path",
                           options->argv[0], got == sizeof why ? strerror(why) : "no reason known");
}

static maple_status spawn(const maple_process_options *options, maple_process *process, maple_error *error) {
    int sockets[2] = {-1, -1}, report[2] = {-1, -1};
    maple_status status = MAPLE_OK;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0 || pipe2(report, O_CLOEXEC) != 0 ||
        (process->words = memfd_create("maple-worker-stderr", MFD_CLOEXEC)) < 0) {
        status = maple_error_set(error, MAPLE_IO_ERROR, "worker: no descriptors: %s; raise ulimit -n",
                                 strerror(errno));
        goto done;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_program(options, &(child_ends){sockets[1], process->words, report[1], parent});
    if (pid < 0) {
        status = maple_error_set(error, MAPLE_IO_ERROR, "worker: cannot fork: %s", strerror(errno));
        goto done;
    }
    close(report[1]);
    report[1] = -1;
    status = await_exec(options, pid, report[0], error);
    if (status == MAPLE_OK) {
        process->pid = pid;
        process->gone = false;
        process->channel.input = process->channel.output = sockets[0];
        sockets[0] = -1;
    }
done:
    close_if_open(sockets[0]);
    close_if_open(sockets[1]);
    close_if_open(report[0]);
    close_if_open(report[1]);
    return status;
}

maple_status maple_process_start(const maple_process_options *options, maple_process **out,
                                 maple_error *error) {
    maple_process *process = maple_alloc(1, sizeof *process);
    if (!process)
        return maple_error_memory(error);
    *process = (maple_process){.gone = true, .words = -1, .channel = {.input = -1, .output = -1}};
    snprintf(process->program, sizeof process->program, "%s", options->argv[0]);
    maple_status status = spawn(options, process, error);
    if (status == MAPLE_OK)
        *out = process;
    else
        maple_process_stop(process);
    return status;
}

/* --- Ending --- */

static void nap(void) {
    struct timespec time = {.tv_nsec = 2000000};
    nanosleep(&time, NULL);
}

/* Waits for the child to end; after `patience_s` it is killed, with all of its group. */
static void reap(maple_process *process, double patience_s) {
    if (process->gone)
        return;
    int64_t deadline = maple_clock_ns() + (int64_t)(patience_s * 1e9);
    pid_t ended;
    while ((ended = waitpid(process->pid, &process->state, WNOHANG)) == 0 && maple_clock_ns() < deadline)
        nap();
    if (ended == 0) {
        kill(-process->pid, SIGKILL);
        while (waitpid(process->pid, &process->state, 0) < 0 && errno == EINTR) {
        }
    }
    process->gone = true;
}

void maple_process_stop(maple_process *process) {
    if (!process)
        return;
    close_if_open(process->channel.input); /* the child sees the end of its input and leaves */
    reap(process, STOP_S);
    close_if_open(process->words);
    maple_channel_release(&process->channel);
    maple_free(process);
}

bool maple_process_gone(const maple_process *process) {
    return process->gone;
}

const char *maple_process_end(const maple_process *process) {
    return process->end;
}

bool maple_process_killed(const maple_process *process) {
    return process->killed;
}

long maple_process_id(const maple_process *process) {
    return (long)process->pid;
}

/* The last line that it wrote to stderr, without trailing blank lines. */
static void last_words(const maple_process *process, char out[LAST_WORDS]) {
    char tail[LAST_WORDS];
    out[0] = '\0';
    off_t end = lseek(process->words, 0, SEEK_END);
    off_t start = end > LAST_WORDS - 1 ? end - (LAST_WORDS - 1) : 0;
    ssize_t got = end > 0 ? pread(process->words, tail, (size_t)(end - start), start) : 0;
    while (got > 0 && (tail[got - 1] == '\n' || tail[got - 1] == ' '))
        got--;
    if (got <= 0)
        return;
    tail[got] = '\0';
    const char *line = strrchr(tail, '\n');
    snprintf(out, LAST_WORDS, "%s", line ? line + 1 : tail);
}

static maple_status tell_end(maple_process *process, const char *what, maple_error *error) {
    char words[LAST_WORDS], *how = process->end;
    size_t size = sizeof process->end;
    bool was_gone = process->gone;
    reap(process, 1);
    last_words(process, words);
    bool by_signal = !was_gone && WIFSIGNALED(process->state);
    process->killed = !what && by_signal && WTERMSIG(process->state) == SIGKILL;
    if (what)
        snprintf(how, size, "%s", what);
    else if (by_signal)
        snprintf(how, size, "was killed by signal %d (%s)%s", WTERMSIG(process->state),
                 strsignal(WTERMSIG(process->state)), process->killed ? ", probably for lack of memory" : "");
    else
        snprintf(how, size, "ended with exit code %d", WEXITSTATUS(process->state));
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "worker process %ld (%s) %s%s%s", (long)process->pid,
                           process->program, how, words[0] ? "; its last words: " : "", words);
}

maple_status maple_process_distrust(maple_process *process, const char *answer, maple_error *error) {
    char what[96];
    snprintf(what, sizeof what, "answered '%.40s', which is not its protocol", answer);
    for (char *c = what; *c; c++) { /* it becomes part of messages, and of a pool's texts */
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    if (!process->gone)
        kill(-process->pid, SIGKILL);
    return tell_end(process, what, error);
}

/* --- Talking --- */

maple_status maple_process_ask(maple_process *process, const char *request, double timeout_s,
                               const maple_hooks *hooks, char **answer, maple_error *error) {
    if (process->gone)
        return maple_error_set(error, MAPLE_DEVICE_ERROR, "worker process %ld (%s) has ended",
                               (long)process->pid, process->program);
    int64_t deadline = maple_clock_ns() + (int64_t)(timeout_s * 1e9);
    bool cancelled = false;
    maple_channel_result result = maple_channel_write(&process->channel, request, strlen(request), deadline);
    /* What a child said before it left tells more than that it left. */
    if (result == MAPLE_CHANNEL_END &&
        maple_channel_read(&process->channel, deadline, answer) == MAPLE_CHANNEL_OK)
        return MAPLE_OK;
    while (result == MAPLE_CHANNEL_OK) {
        int64_t slice = maple_clock_ns() + (int64_t)POLL_S * 1000000000;
        result = maple_channel_read(&process->channel, slice < deadline ? slice : deadline, answer);
        if (result == MAPLE_CHANNEL_OK)
            return MAPLE_OK;
        if (result != MAPLE_CHANNEL_TIMEOUT || maple_clock_ns() >= deadline)
            break;
        result = MAPLE_CHANNEL_OK;
        if (!cancelled && maple_is_cancelled(hooks)) {
            cancelled = true;
            int64_t grace = maple_clock_ns() + (int64_t)GRACE_S * 1000000000;
            deadline = grace < deadline ? grace : deadline;
        }
    }
    char what[96];
    if (result == MAPLE_CHANNEL_FAILED)
        snprintf(what, sizeof what, "cannot be talked to: %s", strerror(errno));
    else
        snprintf(what, sizeof what, "did not answer within %.3g s", timeout_s);
    if (result != MAPLE_CHANNEL_END)
        kill(-process->pid, SIGKILL);
    maple_status status = tell_end(process, result == MAPLE_CHANNEL_END ? NULL : what, error);
    if (cancelled)
        return maple_error_set(error, MAPLE_INTERRUPTED,
                               "interrupted while the worker was busy; the same command continues");
    return status;
}
