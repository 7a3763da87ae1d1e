// A name server that is as slow as real ones.
//
//   dns-server ADDRESS PORT DELAY_MS
//
// t<N>.<anything>   A record 127.1.0.0 + N after the delay; AAAA: no data
// dead<...>         never answers
// everything else   NXDOMAIN after the delay
//
// Prints "ready". One UDP socket; answers wait in a ring, so the delay costs no thread.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define MOST 32768
typedef struct {
    uint64_t at;
    struct sockaddr_in to;
    uint16_t length;
    unsigned char bytes[300];
} Waiting;
static Waiting ring[MOST];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

// Turns the question in place into its answer; 0 when there shall be none.
static size_t answer(unsigned char *packet, size_t length) {
    if (length < 17 || packet[2] & 0x80) return 0;
    size_t end = 12;
    while (end < length && packet[end]) end += packet[end] + 1u;
    if (end + 5 > length || end + 5 + 16 > 300) return 0;
    unsigned first = packet[12];
    if (first >= 4 && !strncasecmp((char *)packet + 13, "dead", 4)) return 0;
    int type = packet[end + 1] << 8 | packet[end + 2];
    int known = first >= 2 && tolower(packet[13]) == 't';
    uint32_t number = 0;
    for (unsigned i = 2; known && i <= first; i++) {
        known = isdigit(packet[12 + i]);
        number = number * 10 + (uint32_t)(packet[12 + i] - '0');
    }
    packet[2] = 0x84 | (packet[2] & 0x01);
    packet[3] = known ? 0x80 : 0x83;
    memset(packet + 6, 0, 6);
    size_t size = end + 5;
    if (!known || type != 1) return size;
    packet[7] = 1;
    uint32_t address = htonl(0x7F010000u + number);
    static const unsigned char head[12] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4};
    memcpy(packet + size, head, 12);
    memcpy(packet + size + 12, &address, 4);
    return size + 16;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    uint64_t delay = (uint64_t)atoi(argv[3]) * 1000u;
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), space = 4 << 20;
    setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &here.sin_addr);
    if (bind(udp, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("dns-server");
        return 3;
    }
    puts("ready");
    fflush(stdout);
    size_t head = 0, queued = 0;
    for (;;) {
        struct pollfd waits = {.fd = udp, .events = POLLIN};
        struct timespec patience = {60, 0};
        if (queued > 0) {
            uint64_t t = now(), due = ring[head].at, rest = due > t ? due - t : 0;
            patience = (struct timespec){(time_t)(rest / 1000000u), (long)(rest % 1000000u) * 1000};
        }
        ppoll(&waits, 1, &patience, NULL);
        while (queued < MOST) {
            Waiting *slot = &ring[(head + queued) % MOST];
            socklen_t size = sizeof slot->to;
            ssize_t n = recvfrom(udp, slot->bytes, sizeof slot->bytes, 0, (struct sockaddr *)&slot->to, &size);
            if (n < 0) break;
            size_t length = answer(slot->bytes, (size_t)n);
            if (length == 0) continue;
            slot->length = (uint16_t)length;
            slot->at = now() + delay;
            queued++;
        }
        for (uint64_t t = now(); queued > 0 && ring[head].at <= t; queued--, head = (head + 1) % MOST)
            sendto(udp, ring[head].bytes, ring[head].length, 0, (struct sockaddr *)&ring[head].to, sizeof ring[head].to);
    }
}
