/*
 * Shows the packets of a cluster, one line each, and the fault of each packet that is not authentic:
 *
 *     watch AUTHKEYS CAPTURE.pcap     packets of a file that `tcpdump -w` wrote
 *     watch AUTHKEYS -u PORT          datagrams that reach a UDP port of this machine
 *     watch -v ...                    all fields of each packet, too
 *
 * It needs no cluster: a key table and hb_packet_open() are enough.
 */
#define _GNU_SOURCE
#include <hbcore.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static hb_keys_storage_t storage;
static const hb_keys_t *keys;
static bool verbose;
static unsigned long good, bad;

static void print_text(const char *name, hb_text_t text)
{
    if (text.data != NULL)
        printf(" %s=%.*s", name, (int)text.len, text.data);
}

static void print_fields(const void *data, size_t len)
{
    hb_field_t field;
    for (size_t i = 0; hb_packet_field(keys, data, len, i, &field) == HB_RESULT_OK; i++) {
        printf("    %.*s = ", (int)field.name.len, field.name.data);
        for (size_t j = 0; j < field.value.len; j++) {
            unsigned char byte = (unsigned char)field.value.data[j];
            printf(byte >= 32 && byte < 127 ? "%c" : "\\x%02x", byte);
        }
        putchar('\n');
    }
}

static void show(double at, const void *data, size_t len)
{
    hb_packet_t packet;
    hb_result_t result = hb_packet_open(keys, data, len, &packet, sizeof packet);
    printf("%.6f %4zu bytes", at, len);
    if (result != HB_RESULT_OK) {
        bad++;
        printf(" DROPPED: %s\n", hb_result_text(result));
        return;
    }
    good++;
    printf(" %.*s: %.*s", (int)packet.src.len, packet.src.data, (int)packet.kind.len, packet.kind.data);
    print_text("to", packet.dest);
    print_text("st", packet.status);
    print_text("info", packet.info);
    if (packet.seq != 0)
        printf(" seq=%llu", (unsigned long long)packet.seq);
    printf(" generation=%llu key=%u %s\n", (unsigned long long)packet.generation, packet.key_index,
           packet.form == HB_FORM_CLASSIC ? "classic" : "netstring");
    if (verbose)
        print_fields(data, len);
}

/* The payload of a UDP packet: link header (by the type of the capture), IP, UDP. NULL for another packet. */
static const unsigned char *payload(const unsigned char *frame, size_t len, uint32_t link_type, size_t *payload_len)
{
    size_t ip = link_type == 1 ? 14 : link_type == 113 ? 16 : link_type == 276 ? 20 : 0, udp;
    if (len < ip + 20)
        return NULL;
    if (frame[ip] >> 4 == 4 && frame[ip + 9] == 17)
        udp = ip + (size_t)(frame[ip] & 15) * 4;
    else if (frame[ip] >> 4 == 6 && frame[ip + 6] == 17)
        udp = ip + 40;
    else
        return NULL;
    if (len < udp + 8)
        return NULL;
    size_t claimed = (size_t)(frame[udp + 4] << 8 | frame[udp + 5]);
    if (claimed < 8 || claimed > len - udp)
        return NULL;
    *payload_len = claimed - 8;
    return frame + udp + 8;
}

static uint32_t number(const unsigned char *bytes, bool swapped)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

static int read_capture(const char *path)
{
    static unsigned char frame[262144];
    unsigned char head[24] = {0}, packet[16];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    bool whole = fread(head, 1, sizeof head, file) == sizeof head;
    uint32_t magic = number(head, false);
    bool swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
    magic = number(head, swapped);
    if (!whole || (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)) {
        fprintf(stderr, "%s: not a capture of the format pcap\n", path);
        return 1;
    }
    double fraction = magic == 0xa1b2c3d4 ? 1e-6 : 1e-9;
    uint32_t link_type = number(head + 20, swapped);
    size_t got;
    while ((got = fread(packet, 1, sizeof packet, file)) == sizeof packet) {
        size_t len = number(packet + 8, swapped), data_len;
        if (len > sizeof frame || fread(frame, 1, len, file) != len)
            break;
        const unsigned char *data = payload(frame, len, link_type, &data_len);
        if (data != NULL)
            show(number(packet, swapped) + number(packet + 4, swapped) * fraction, data, data_len);
    }
    fclose(file);
    printf("%lu authentic, %lu dropped\n", good, bad);
    if (got != 0) {
        fprintf(stderr, "%s: the last packet is cut off: the capture still runs, or was ended by force\n", path);
        return 1;
    }
    return 0;
}

static int listen_on(int port)
{
    static unsigned char datagram[65536];
    const int yes = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("bind");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (double count = 0;; count++) {
        ssize_t len = recv(fd, datagram, sizeof datagram, 0);
        if (len >= 0)
            show(count, datagram, (size_t)len);
    }
}

/* Prints the problems of the text of authkeys. The other files are missing, and their problems are skipped. */
static void print_problems(const char *path, hb_text_t authkeys)
{
    const hb_files_t files = {.size = sizeof files, .local_name = "watch", .authkeys = authkeys, .generation = 1};
    hb_problem_t problem;
    for (size_t i = 0; hb_files_problem(&files, i, &problem, sizeof problem) == HB_RESULT_OK; i++) {
        if (problem.file == HB_FILE_AUTHKEYS)
            fprintf(stderr, "%s:%u:%u: %s\n  help: %s\n", path, problem.line, problem.column, problem.message, problem.help);
    }
}

static int load_keys(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    hb_result_t result = hb_keys_init(&storage, sizeof storage, text, len, &keys);
    if (result == HB_RESULT_BAD_FILES)
        print_problems(path, (hb_text_t){.data = text, .len = len});
    else if (result != HB_RESULT_OK)
        fprintf(stderr, "%s: %s\n", path, hb_result_text(result));
    return result != HB_RESULT_OK;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-v") == 0) {
        verbose = true;
        argv++;
        argc--;
    }
    bool live = argc == 4 && strcmp(argv[2], "-u") == 0;
    if (!live && argc != 3) {
        fprintf(stderr, "usage: watch [-v] AUTHKEYS CAPTURE.pcap | watch [-v] AUTHKEYS -u PORT\n");
        return 2;
    }
    if (load_keys(argv[1]) != 0)
        return 1;
    return live ? listen_on(atoi(argv[3])) : read_capture(argv[2]);
}
