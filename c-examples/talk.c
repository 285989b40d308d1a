#define _GNU_SOURCE
#include "talk.h"

#include "node.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As many fields of a message are looked at: the type, the text, and those that a daemon and the library add. */
enum { FIELDS = 24 };
/* The type of the messages, which client.c has too. */
static const char NOTE[] = "example_note";

void talk_start(struct talk *talk, hb_cluster_t *cluster, const char *client)
{
    *talk = (struct talk){.cluster = cluster, .client = client, .input = client != NULL ? STDIN_FILENO : -1};
}

struct pollfd talk_poll(const struct talk *talk)
{
    return (struct pollfd){.fd = talk->input, .events = POLLIN};
}

static hb_field_t text_field(const char *name, const char *value)
{
    return (hb_field_t){.name = {name, strlen(name)}, .value = {value, strlen(value)}, .kind = HB_FIELD_KIND_STRING};
}

/* Sends a text to the clients of that name on all other nodes. A daemon hands a message with `to_id` to the client of
 * that name only. */
static hb_result_t say(struct talk *talk, const char *text)
{
    const hb_field_t fields[] = {text_field("t", NOTE), text_field("text", text), text_field("from_id", talk->client),
                                 text_field("to_id", talk->client)};
    return hb_cluster_send(talk->cluster, node_now(), fields, sizeof fields / sizeof *fields);
}

/* Sends the lines that are complete. A line that cannot be sent yet stays, and is tried again in the next turn. */
static void say_lines(struct talk *talk)
{
    char *end;
    while ((end = memchr(talk->line, '\n', talk->held)) != NULL) {
        *end = '\0';
        hb_result_t result = say(talk, talk->line);
        if (result == HB_RESULT_WRITE_CONGESTED) {
            *end = '\n';
            return;
        }
        if (result != HB_RESULT_OK)
            fprintf(stderr, "a line is not sent: %s\n", hb_result_text(result));
        talk->held -= (size_t)(end + 1 - talk->line);
        memmove(talk->line, end + 1, talk->held);
    }
}

void talk_input(struct talk *talk, const struct pollfd *ready)
{
    const size_t room = sizeof talk->line - 1 - talk->held;
    if (talk->input >= 0 && ready->revents != 0 && room > 0) {
        ssize_t count = read(talk->input, talk->line + talk->held, room);
        if (count > 0)
            talk->held += (size_t)count;
        else if (count == 0 || errno != EINTR)
            talk->input = -1;
    }
    /* A line that is longer, or the last one, has no end of its own. */
    const bool is_full = talk->held == sizeof talk->line - 1, is_last = talk->input < 0 && talk->held > 0;
    if ((is_full || is_last) && memchr(talk->line, '\n', talk->held) == NULL)
        talk->line[talk->held++] = '\n';
    say_lines(talk);
}

static hb_text_t value_of(const hb_field_t *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].name.len == strlen(name) && memcmp(fields[i].name.data, name, fields[i].name.len) == 0)
            return fields[i].value;
    return (hb_text_t){.data = "", .len = 0};
}

void talk_hear(const struct talk *talk, const void *data, size_t len)
{
    hb_field_t fields[FIELDS];
    size_t count;
    hb_result_t result = hb_cluster_fields(talk->cluster, data, len, fields, FIELDS, &count);
    if (talk->client == NULL || (result != HB_RESULT_OK && result != HB_RESULT_TRUNCATED))
        return;
    if (count > FIELDS)
        count = FIELDS;
    const hb_text_t type = value_of(fields, count, "t"), to = value_of(fields, count, "to_id");
    const hb_text_t src = value_of(fields, count, "src"), text = value_of(fields, count, "text");
    const bool is_ours = to.len == strlen(talk->client) && memcmp(to.data, talk->client, to.len) == 0;
    if (is_ours && type.len == strlen(NOTE) && memcmp(type.data, NOTE, type.len) == 0)
        printf("%.*s says: %.*s\n", (int)src.len, src.data, (int)text.len, text.data);
}
