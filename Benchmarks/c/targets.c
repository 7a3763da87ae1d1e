// A whole fleet in one process: answers on every loopback address and writes down when each was asked.
//
//   targets PORT [hang=N] [delay=MS] [log=FILE]
//
// hang=N    addresses whose number divides by N take the request and never answer
// delay=MS  answers come that late
// log=FILE  one record per request: u64 CLOCK_MONOTONIC nanoseconds, u32 number of the address, u32 1 if it hangs
//
// The number of an address is its distance from 127.1.0.0, unless the path says another one (GET /123): then a million
// names may share 127.0.0.1. Prints "ready" once it listens; SIGTERM flushes the log.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 47\r\nConnection: close\r\n\r\n"
    "{\"status\":\"ok\",\"database\":\"connected\",\"n\":1234}";

typedef struct {
    uint64_t at;
    uint32_t number, hangs;
} Record;
typedef struct {
    uint64_t at;
    int fd;
} Waiting;

// Last bytes seen of each connection, enough to find the blank line across packets.
static uint32_t tail[MOST];
static char answered[MOST];
static int32_t named[MOST];
static Waiting waiting[MOST];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void reply(int fd) {
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    close(fd);
}

int main(int argc, char **argv) {
    uint32_t hang = 0;
    uint64_t delay = 0;
    FILE *log = NULL;
    if (argc < 2) return 2;
    for (int i = 2; i < argc; i++) {
        if (!strncmp(argv[i], "hang=", 5)) hang = (uint32_t)atoi(argv[i] + 5);
        if (!strncmp(argv[i], "delay=", 6)) delay = (uint64_t)atoi(argv[i] + 6) * 1000000u;
        if (!strncmp(argv[i], "log=", 4) && !(log = fopen(argv[i] + 4, "wb"))) return 3;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    // The wildcard, because no other address listens on all of 127.0.0.0/8; others than loopback are turned away.
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 4096) < 0) {
        perror("targets");
        return 3;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int stop = signalfd(-1, &signals, SFD_CLOEXEC), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = stop;
    epoll_ctl(epoll, EPOLL_CTL_ADD, stop, &event);
    puts("ready");
    fflush(stdout);

    struct epoll_event events[512];
    size_t head = 0, queued = 0;
    for (;;) {
        int patience = -1;
        if (queued > 0) {
            uint64_t t = now(), due = waiting[head].at;
            patience = due > t ? (int)((due - t) / 1000000u) + 1 : 0;
        }
        int count = epoll_wait(epoll, events, 512, patience);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == stop) {
                if (log) fclose(log);
                return 0;
            }
            if (fd == listener) {
                struct sockaddr_in peer;
                socklen_t size = sizeof peer;
                int client;
                while ((client = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                    if (client >= MOST || ntohl(peer.sin_addr.s_addr) >> 24 != 127) {
                        close(client);
                        continue;
                    }
                    tail[client] = 0;
                    answered[client] = 0;
                    named[client] = -1;
                    event = (struct epoll_event){.events = EPOLLIN | EPOLLRDHUP, .data.fd = client};
                    epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
                }
                continue;
            }
            char bytes[4096];
            ssize_t n = recv(fd, bytes, sizeof bytes - 1, 0);
            if (n < 0 && errno == EAGAIN) continue;
            if (n <= 0) {
                // One that waits for its late answer is closed by the queue, or its number could be somebody else's then.
                if (answered[fd] == 2) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
                else close(fd);
                continue;
            }
            if (answered[fd]) continue;
            bytes[n] = 0;
            if (tail[fd] == 0 && n > 5 && bytes[0] == 'G' && bytes[5] >= '0' && bytes[5] <= '9') named[fd] = atoi(bytes + 5);
            for (ssize_t k = 0; k < n && !answered[fd]; k++) {
                tail[fd] = tail[fd] << 8 | (unsigned char)bytes[k];
                if (tail[fd] == 0x0D0A0D0Au) answered[fd] = 1;
            }
            if (!answered[fd]) continue;
            struct sockaddr_in mine;
            socklen_t size = sizeof mine;
            getsockname(fd, (struct sockaddr *)&mine, &size);
            uint32_t number = named[fd] >= 0 ? (uint32_t)named[fd] : ntohl(mine.sin_addr.s_addr) - 0x7F010000u;
            int hangs = hang && number % hang == 0;
            Record record = {now(), number, (uint32_t)hangs};
            if (log) fwrite(&record, sizeof record, 1, log);
            if (hangs) continue;
            if (!delay) {
                reply(fd);
            } else if (queued < MOST) {
                answered[fd] = 2;
                waiting[(head + queued++) % MOST] = (Waiting){record.at + delay, fd};
            } else {
                close(fd);
            }
        }
        for (uint64_t t = now(); queued > 0 && waiting[head].at <= t; queued--, head = (head + 1) % MOST)
            reply(waiting[head].fd);
    }
}
