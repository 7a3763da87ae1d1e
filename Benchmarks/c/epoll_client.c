// The floor: what new-connection HTTP probes cost on this machine when nothing but system calls is paid for.
// Every probe is socket, connect, send, receive to the end, close, over one epoll per thread. No timetable, no judging.
//
//   epoll-client THREADS CONCURRENCY PROBES PORT ADDRESSES
//
// Probes go round the loopback addresses 127.1.0.0, 127.1.0.1 ... so that each is another host. Prints one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd, sent;
    size_t length;
    char answer[1024];
} Probe;

typedef struct {
    int concurrency, port;
    long first, probes, addresses, good;
} Lane;

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: epoll-client\r\nConnection: close\r\n\r\n";

static int begin(int epoll, Probe *probe, Lane *lane, long number) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(lane->port)};
    address.sin_addr.s_addr = htonl(0x7F010000u + (uint32_t)(number % lane->addresses));
    probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0) return -1;
    probe->sent = 0;
    probe->length = 0;
    if (connect(probe->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        close(probe->fd);
        return -1;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = probe};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, probe->fd, &event);
}

static void *run(void *argument) {
    Lane *lane = argument;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    Probe *probes = calloc((size_t)lane->concurrency, sizeof *probes);
    struct epoll_event events[256];
    long next = 0, active = 0;
    if (epoll < 0 || !probes) exit(3);
    for (; active < lane->concurrency && next < lane->probes; active++)
        if (begin(epoll, &probes[active], lane, lane->first + next++) < 0) exit(3);
    while (active > 0) {
        int count = epoll_wait(epoll, events, 256, 10000);
        if (count == 0) exit(4);
        for (int i = 0; i < count; i++) {
            Probe *probe = events[i].data.ptr;
            int done = 0;
            if (!probe->sent && (events[i].events & EPOLLOUT)) {
                probe->sent = 1;
                if (send(probe->fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) done = 1;
            }
            while (!done && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
                ssize_t n = recv(probe->fd, probe->answer + probe->length, sizeof probe->answer - probe->length, 0);
                if (n > 0) probe->length += (size_t)n;
                if (n < 0 && errno == EAGAIN) break;
                if (n <= 0 || probe->length == sizeof probe->answer) done = 1;
            }
            if (!done) continue;
            if (probe->length > 12 && memcmp(probe->answer, "HTTP/1.1 200", 12) == 0) lane->good++;
            close(probe->fd);
            active--;
            if (next < lane->probes) {
                if (begin(epoll, probe, lane, lane->first + next++) < 0) exit(3);
                active++;
            }
        }
    }
    free(probes);
    close(epoll);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: epoll-client THREADS CONCURRENCY PROBES PORT ADDRESSES\n");
        return 2;
    }
    int threads = atoi(argv[1]);
    long probes = atol(argv[3]);
    Lane *lanes = calloc((size_t)threads, sizeof *lanes);
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    struct timespec from, to;
    struct rusage usage;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < threads; i++) {
        long share = probes / threads;
        lanes[i] = (Lane){.concurrency = atoi(argv[2]) / threads, .port = atoi(argv[4]), .first = share * i,
                          .probes = i == threads - 1 ? probes - share * i : share, .addresses = atol(argv[5])};
        if (pthread_create(&ids[i], NULL, run, &lanes[i])) return 3;
    }
    long good = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        good += lanes[i].good;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"probes\": %ld, \"good\": %ld, \"wall_seconds\": %.6f, \"cpu_seconds\": %.6f}\n", probes, good,
           (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    return 0;
}
