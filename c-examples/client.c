/*
 * A client of the daemon `heartbeat`, of ours or of 3.0.6: a program beside it that asks it, hears of changes, and
 * talks to its counterparts on the other nodes. It needs the C library and POSIX only; hbcore.h has no part in it.
 *
 *     client                     shows nodes, links and resources as cl_status does, and ends
 *     client -n NAME             stays: sends each line of its input to the clients of this name, and shows what arrives
 *     client -n NAME -w SECONDS  the same, and leaves this long after the end of its input
 *     client -d NODE             sends to this node alone
 *     client -s PATH             another socket than /run/heartbeat/register
 *
 * Exit codes: 0, 1 if the daemon is not there, refuses or ends, 2 for a usage error. A line
 * `apiauth NAME uid=... gid=...` of ha.cf admits a client of this name. The protocol is that of
 * docs/protocol/clients.md; the numbers below are its sections.
 */
#define _POSIX_C_SOURCE 200809L

#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { NODES_MAX = 128, LINE_BYTES = 1000, PATIENCE_MS = 5000 };
/* The type of our messages. The daemon passes on any type that is not its own. */
static const char NOTE[] = "example_note";

struct client {
    char id[32], pid[16];     /* our name, or the pid of a casual client */
    char host[100];           /* the name of this node */
    struct connection daemon;
};

static volatile sig_atomic_t ends;

static void on_signal(int number)
{
    (void)number;
    ends = 1;
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- Messages that arrive unasked (4.2, 5) ---- */

static void show(const struct client *client, const struct message *message)
{
    const char *src = get(message, "src"), *status = get(message, "st");
    if (is(message, "t", NOTE))
        printf("%s says: %s\n", src, get(message, "text"));
    else if (is(message, "t", "status") || is(message, "t", "NS_st"))
        printf("node %s is %s\n", src, status);
    else if (is(message, "t", "ifstat"))
        printf("link %s of %s is %s\n", get(message, "ifname"), get(message, "node"), status);
    else if (is(message, "t", "hbapi-clstat") && is(message, "from_id", client->id) && *src != '\0')
        printf("client %s on %s: %s\n", client->id, src, status);
    /* Anything else is for others: the types of the resources reach every client. */
}

/* ---- Requests (2, 3) ---- */

static void request(const struct client *client, struct frame *frame, const char *what)
{
    begin(frame, "hbapi-req");
    add(frame, "reqtype", what);
    add(frame, "dest", client->host);
    add(frame, "pid", client->pid);
    add(frame, "from_id", client->id);
}

/* Waits for the next reply to what was asked. Replies come in the order of the requests; other messages between them
 * are shown at once. */
static int reply(struct client *client, const char *what, struct message *message)
{
    const int64_t deadline = now_ms() + PATIENCE_MS;
    for (;;) {
        while (take(&client->daemon, message)) {
            if (!is(message, "t", "hbapi-resp"))
                show(client, message);
            else if (is(message, "reqtype", what))
                return is(message, "result", "OK") || is(message, "result", "ok/more");
        }
        struct pollfd ready = {.fd = client->daemon.socket, .events = POLLIN};
        const int64_t left = deadline - now_ms();
        if (left <= 0)
            fail("the daemon does not answer");
        if (poll(&ready, 1, (int)left) > 0)
            fill(&client->daemon);
    }
}

static int ask(struct client *client, const char *what, const char *field, const char *value, struct message *message)
{
    struct frame frame;
    request(client, &frame, what);
    if (field != NULL)
        add(&frame, field, value);
    transmit(&client->daemon, &frame);
    return reply(client, what, message);
}

static void sign_on(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        fail("%s: the path is too long", path);
    strcpy(address.sun_path, path);
    client->daemon.socket = socket(AF_UNIX, SOCK_STREAM, 0);
    if (client->daemon.socket < 0 || connect(client->daemon.socket, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("%s: %s: heartbeat does not run, does not hear the others yet, or this user may not ask it", path,
             strerror(errno));
    struct utsname machine;
    uname(&machine);
    snprintf(client->host, sizeof client->host, "%s", machine.nodename);

    struct frame frame;
    struct message message;
    char uid[16], gid[16];
    snprintf(uid, sizeof uid, "%u", (unsigned)geteuid());
    snprintf(gid, sizeof gid, "%u", (unsigned)getegid());
    request(client, &frame, "signon");
    add(&frame, "uid", uid);
    add(&frame, "gid", gid);
    transmit(&client->daemon, &frame);
    if (!reply(client, "signon", &message))
        fail("the daemon refuses: %s (is there a line `apiauth %s uid=...`?)", get(&message, "info"), client->id);
    snprintf(client->host, sizeof client->host, "%s", get(&message, "node"));
    printf("this node is %s, keepalive %lu ms, deadtime %lu ms, heartbeat %s\n", client->host,
           strtoul(get(&message, "keepalive"), NULL, 16), strtoul(get(&message, "deadtime"), NULL, 16),
           get(&message, "hbversion"));
}

static void sign_off(struct client *client)
{
    struct frame frame;
    request(client, &frame, "signoff"); /* it has no reply */
    transmit(&client->daemon, &frame);
    close(client->daemon.socket);
}

/* Asks for the next entry of a list: `result` is `ok/more` where one follows. */
static int next(struct client *client, const char *what, struct message *message)
{
    return is(message, "result", "ok/more") && reply(client, what, message);
}

/* Nodes with their links, and what runs here. A list is one request, and a reply for each entry. */
static void show_all(struct client *client)
{
    static char names[NODES_MAX][100];
    struct message message;
    size_t count = 0;
    for (int ok = ask(client, "nodelist", NULL, NULL, &message); ok; ok = next(client, "nodelist", &message)) {
        printf("node %s (%s) is %s\n", get(&message, "node"), get(&message, "nodetype"), get(&message, "st"));
        if (count < NODES_MAX)
            snprintf(names[count++], sizeof names[0], "%s", get(&message, "node"));
    }
    for (size_t i = 0; i < count; i++)
        for (int ok = ask(client, "iflist", "node", names[i], &message); ok; ok = next(client, "iflist", &message))
            printf("link %s of %s is %s\n", get(&message, "ifname"), names[i], get(&message, "st"));
    if (ask(client, "getrsc", NULL, NULL, &message))
        printf("resources here: %s\n", get(&message, "rsc_hold"));
    else
        printf("resources are not managed by heartbeat\n");
}

/* ---- Messages between the nodes (4) ---- */

/* Sends a text to our counterparts. A value may hold any byte but NUL and a line break. The daemon adds `src`, and sets
 * `from_id` and `to_id` to our name. */
static void say(struct client *client, const char *node, const char *text)
{
    struct frame frame;
    begin(&frame, NOTE);
    if (node != NULL)
        add(&frame, "dest", node);
    add(&frame, "text", text);
    transmit(&client->daemon, &frame);
}

/* Sends the lines that are complete; a longer one goes in pieces. */
static size_t say_lines(struct client *client, const char *node, char *line, size_t length, int is_last)
{
    for (char *end; length > 0; length -= (size_t)(end - line), memmove(line, end, length)) {
        end = memchr(line, '\n', length);
        if (end != NULL)
            *end++ = '\0';
        else if (length == LINE_BYTES || is_last)
            line[length] = '\0', end = line + length;
        else
            break;
        say(client, node, line);
    }
    return length;
}

/* A daemon disconnects a client for which 64 messages wait. A burst of the others may be longer. */
static void expect_bursts(struct client *client)
{
    struct frame frame;
    request(client, &frame, "set_sendqlen"); /* it has no reply */
    add(&frame, "sendqlen", "1024");
    transmit(&client->daemon, &frame);
}

static void stay(struct client *client, const char *node, long seconds)
{
    char line[LINE_BYTES + 1];
    size_t length = 0;
    int input = STDIN_FILENO;
    int64_t last = INT64_MAX;
    struct message message;
    while (!ends && now_ms() < last) {
        while (take(&client->daemon, &message))
            show(client, &message);
        fflush(stdout);
        struct pollfd ready[2] = {{.fd = client->daemon.socket, .events = POLLIN}, {.fd = input, .events = POLLIN}};
        /* A signal between the test of `ends` and poll costs half a second, not more. */
        if (poll(ready, 2, 500) <= 0)
            continue;
        if (ready[0].revents != 0)
            fill(&client->daemon);
        if (ready[1].revents != 0) {
            ssize_t count = read(input, line + length, LINE_BYTES - length);
            if (count < 0 && errno == EINTR)
                continue;
            length = say_lines(client, node, line, length + (count > 0 ? (size_t)count : 0), count <= 0);
            if (count <= 0) {
                input = -1; /* poll leaves it out */
                last = seconds < 0 ? INT64_MAX : now_ms() + seconds * 1000;
            }
        }
    }
}

int main(int argc, char **argv)
{
    static struct client client;
    const char *path = "/run/heartbeat/register", *name = NULL, *node = NULL;
    long seconds = -1;
    for (int option; (option = getopt(argc, argv, "n:w:d:s:")) != -1;) {
        switch (option) {
        case 'n': name = optarg; break;
        case 'w': seconds = strtol(optarg, NULL, 10); break;
        case 'd': node = optarg; break;
        case 's': path = optarg; break;
        default: optind = argc + 1;
        }
    }
    if (optind != argc || (name != NULL && (strlen(name) >= sizeof client.id || strpbrk(name, "\n") != NULL))) {
        fprintf(stderr, "usage: client [-s PATH] [-n NAME [-d NODE] [-w SECONDS]] [< LINES]\n");
        return 2;
    }
    snprintf(client.pid, sizeof client.pid, "%ld", (long)getpid());
    snprintf(client.id, sizeof client.id, "%s", name != NULL ? name : client.pid);
    sign_on(&client, path);
    show_all(&client);
    fflush(stdout);
    if (name != NULL) {
        struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: poll returns */
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        expect_bursts(&client);
        stay(&client, node, seconds);
    }
    sign_off(&client);
    return 0;
}
