#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t asked_to_leave;

static void on_signal(int number)
{
    if (number != SIGCHLD)
        asked_to_leave = 1;
}

void must(hb_result_t result, const char *what)
{
    if (result != HB_RESULT_OK) {
        fprintf(stderr, "%s: %s\n", what, hb_result_text(result));
        exit(1);
    }
}

uint64_t node_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The content of a file, for as long as the program runs. */
static hb_text_t read_file(const char *directory, const char *name, bool optional)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        if (optional && errno == ENOENT)
            return (hb_text_t){0};
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    size_t room = 65536, len = 0, more;
    char *text = malloc(room);
    while (text != NULL && (more = fread(text + len, 1, room - len, file)) > 0) {
        len += more;
        if (len == room)
            text = realloc(text, room *= 2);
    }
    fclose(file);
    if (text == NULL)
        exit(1);
    return (hb_text_t){.data = text, .len = len};
}

/* Prints all problems of the files, warnings included. */
static void print_problems(const hb_files_t *files)
{
    static const char *const names[] = {"ha.cf", "authkeys", "haresources", "hbcore.cf"};
    static const char *const words[] = {"error", "warning", "info"};
    hb_problem_t problem;
    for (size_t i = 0; hb_files_problem(files, i, &problem, sizeof problem) == HB_RESULT_OK; i++) {
        if (problem.severity == HB_SEVERITY_INFO)
            continue;
        fprintf(stderr, "%s:%u:%u: %s: %s\n  help: %s\n", names[problem.file], problem.line, problem.column, words[problem.severity],
                problem.message, problem.help);
    }
}

/* Signals arrive only while the node waits, so that they interrupt nothing else. */
static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t all;
    sigemptyset(&all);
    const int numbers[] = {SIGTERM, SIGINT, SIGCHLD};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&all, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &all, NULL);
}

void node_start(struct node *node, const char *directory, const char *name, const char *command)
{
    *node = (struct node){.command = command};
    setvbuf(stdout, NULL, _IOLBF, 0);
    take_signals();
    node->files = (hb_files_t){
        .size = sizeof node->files,
        .manage_resources = 1,
        .local_name = name,
        .ha_cf = read_file(directory, "ha.cf", false),
        .authkeys = read_file(directory, "authkeys", false),
        .haresources = read_file(directory, "haresources", true),
        .hbcore_cf = read_file(directory, "hbcore.cf", true),
        .generation = (uint64_t)time(NULL), /* grows from start to start, unless two starts happen in one second */
        .seed = node_now(),
    };
    /* A daemon keeps a random identity on disk. This example derives it from the name. */
    for (size_t i = 0; i < sizeof node->files.uuid && name[0] != 0; i++)
        node->files.uuid[i] = (uint8_t)(name[i % strlen(name)] + (int)i);

    print_problems(&node->files);
    must(hb_cluster_init_from_files(&node->storage, sizeof node->storage, &node->files, node_now(), (uint64_t)time(NULL), &node->cluster),
         "hb_cluster_init_from_files");
}

void node_wait(struct node *node, struct pollfd *fds, nfds_t count)
{
    uint64_t deadline, now = node_now();
    must(hb_cluster_next_deadline(node->cluster, &deadline), "hb_cluster_next_deadline");
    uint64_t pause = deadline > now ? deadline - now : 0;
    struct timespec limit = {.tv_sec = (time_t)(pause / 1000000), .tv_nsec = (long)(pause % 1000000 * 1000)};
    sigset_t none;
    sigemptyset(&none);
    if (ppoll(fds, count, deadline == HB_NEVER ? NULL : &limit, &none) < 0) {
        for (nfds_t i = 0; i < count; i++)
            fds[i].revents = 0; /* a signal */
    }
}

/* Runs COMMAND start|stop|escalate NUMBER FIRST-RESOURCE. Its exit code tells whether it succeeded. */
static pid_t run_command(const struct node *node, const char *verb, uint32_t group)
{
    char number[16], word[256] = "";
    hb_text_t resource;
    snprintf(number, sizeof number, "%u", group);
    if (hb_files_resource(&node->files, group, 0, &resource) == HB_RESULT_OK)
        snprintf(word, sizeof word, "%.*s", (int)resource.len, resource.data);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execl(node->command, node->command, verb, number, word, (char *)NULL);
        perror(node->command);
        _exit(127);
    }
    return pid;
}

static void complete(struct node *node, uint32_t ticket, bool success)
{
    hb_result_t result =
        hb_cluster_complete(node->cluster, node_now(), ticket, success ? HB_OUTCOME_DONE : HB_OUTCOME_FAILED);
    if (result != HB_RESULT_STALE_TICKET) /* stale: the engine did not wait any longer */
        must(result, "hb_cluster_complete");
}

static void carry_out(struct node *node, const hb_effect_t *effect)
{
    static const char *const verbs[] = {"start", "stop", "announce", "escalate"};
    if (effect->kind == HB_EFFECT_ANNOUNCE || effect->kind >= sizeof verbs / sizeof *verbs)
        return; /* nothing to do; and HB_EFFECT_FENCE comes only with hb_files_t.fencing */
    if (node->command == NULL) {
        /* There is no command to run, so that nothing can fail. */
        complete(node, effect->ticket, true);
        return;
    }
    struct job *job = &node->jobs[effect->group];
    if (job->pid > 0) {
        /* The engine's limit has passed, and it has decided something else. Only one command may run for a group at
         * a time. */
        kill(job->pid, SIGKILL);
        waitpid(job->pid, NULL, 0);
    }
    pid_t pid = run_command(node, verbs[effect->kind], effect->group);
    *job = (struct job){.pid = pid, .ticket = effect->ticket};
    if (pid < 0)
        complete(node, effect->ticket, false);
}

static void collect_jobs(struct node *node)
{
    int status;
    for (size_t i = 0; i < HB_GROUPS; i++) {
        struct job *job = &node->jobs[i];
        if (job->pid > 0 && waitpid(job->pid, &status, WNOHANG) == job->pid) {
            job->pid = 0;
            complete(node, job->ticket, WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    }
}

static void tell(struct node *node, const hb_event_t *event)
{
    char line[160];
    struct timespec now;
    struct tm local;
    hb_cluster_describe(node->cluster, event, line, sizeof line);
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    printf("%02d:%02d:%02d.%03ld %s\n", local.tm_hour, local.tm_min, local.tm_sec, now.tv_nsec / 1000000, line);
    if (event->kind == HB_EVENT_LEFT)
        node->left = true;
}

void node_turn(struct node *node, node_send send, void *media)
{
    static unsigned char buffer[HB_DATAGRAM];
    hb_transmit_t transmit;
    hb_effect_t effect;
    hb_event_t event;

    if (asked_to_leave && !node->leaving) {
        node->leaving = true;
        must(hb_cluster_leave(node->cluster, node_now()), "hb_cluster_leave");
    }
    collect_jobs(node);
    must(hb_cluster_advance(node->cluster, node_now()), "hb_cluster_advance");
    while (hb_cluster_poll_effect(node->cluster, &effect) == HB_RESULT_OK)
        carry_out(node, &effect);
    while (hb_cluster_poll_transmit(node->cluster, buffer, sizeof buffer, &transmit) == HB_RESULT_OK) {
        for (unsigned link = 0; link < HB_LINKS; link++) {
            if (transmit.links >> link & 1)
                send(media, link, buffer, transmit.len);
        }
    }
    while (hb_cluster_poll_event(node->cluster, &event) == HB_RESULT_OK)
        tell(node, &event);
}
